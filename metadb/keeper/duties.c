/*
 * The keeper's long task: look, do what is due, sleep. Each round stands alone, so whatever
 * fails (PostgreSQL away, another keeper faster) is tried again in the next one.
 */
#include <string.h>

#include "metadb/collect.h"
#include "metadb/keeper/keeper.h"
#include "metadb/partitions.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"

#define ROUND_MS     2000
#define EARLY_MS     500  /* until there is an epoch */
#define HEARD_MS     5000 /* by then a daemon that is up has announced itself */
#define KEY_CHECK_MS 600000
#define SILENCE_MS   10000 /* a few rounds; to be taken for dead costs work done twice */

static int await_schema(struct keeper *k)
{
	int version = 0;
	int rc = await_schema_version(k->db, &version);

	if (rc < 0)
		return rc;
	if (version != k->schema_version && version < schema_version_needed())
		log_warn("the database waits for `packhouse-metadb migrate`", "has=%d needs=%d",
			 version, schema_version_needed());
	k->schema_version = version;
	return version < schema_version_needed() ? ERR_UNAVAILABLE : 0;
}

/* What dead keepers had claimed is free at once. Without a beat everything else goes on. */
static int await_beat(struct keeper *k)
{
	int rc = await_keeper_beat(k->db, k->life.incarnation, k->life.place, SILENCE_MS);

	if (rc > 0)
		log_info("claims of dead keepers ended", "claims=%d", rc);
	return rc == -ECANCELED ? rc : 0;
}

static int await_epoch(struct keeper *k)
{
	int rc;

	if (k->figures.epoch > 0 || k->daemons == 0)
		return 0;
	rc = await_first_epoch(k->db, k->daemon, k->daemons,
			       (unsigned)settings()->cluster_replicas);
	if (rc == ERR_LIMIT)
		log_error("cluster.replicas is more than there are daemons",
			  "replicas=%lld daemons=%zu", (long long)settings()->cluster_replicas,
			  k->daemons);
	if (rc == 1)
		log_info("first epoch written", "daemons=%zu", k->daemons);
	return rc < 0 ? rc : 0;
}

void keeper_saw(struct keeper *k, const struct wire_mark *mark)
{
	(void)wire_mark_raise(&k->seen, mark);
}

/* Whoever has not told us its mark may know that this server is an old one. */
static bool heard_all(const struct keeper *k)
{
	const struct cluster_view *view = map_watch_view(k->cluster.map);

	if (clock_now_ms() - k->started_ms > HEARD_MS)
		return true; /* the others are down */
	for (size_t i = 0; view != NULL && i < view->node_count; i++)
		if (!registry_heard(k->registry, view->node[i].uuid))
			return false;
	return view != NULL || (k->reachable && k->figures.epoch == 0);
}

static void say_stand(const struct keeper *k, const struct server_stand *now)
{
	if (now->behind)
		log_error("PostgreSQL is older than storage daemons have seen it (a copy or a "
			  "snapshot was put back): uploads, repairs and deletions wait for "
			  "`packhouse-metadb adopt`",
			  "adoption=%lld seen_adoption=%lld place=%lld seen_place=%lld "
			  "gen=%lld seen_gen=%lld",
			  (long long)now->mark.adoption, (long long)k->seen.adoption,
			  (long long)now->mark.place, (long long)k->seen.place,
			  (long long)now->mark.gen, (long long)k->seen.gen);
	else
		log_error("not the adopted PostgreSQL: uploads, repairs and deletions wait "
			  "for `packhouse-metadb adopt`",
			  NULL);
}

/* After a restore or a failover an operator decides; until then nothing is deleted. */
static int await_adoption(struct keeper *k)
{
	struct server_mark seen = {k->seen.adoption, k->seen.place, k->seen.gen};
	struct server_stand now;
	int rc = await_server_stand(k->db, &seen, &now);

	if (rc < 0)
		return rc;
	if (!now.adopted && (k->adopted || k->figures.epoch == 0 || now.behind != k->behind))
		say_stand(k, &now);
	now.adopted = now.adopted && heard_all(k);
	if (now.adopted && !k->adopted)
		log_info("this PostgreSQL is the adopted one", NULL);
	k->adopted = now.adopted;
	k->behind = now.behind;
	k->mark = (struct wire_mark){0};
	if (now.adopted)
		k->mark = (struct wire_mark){now.mark.adoption, now.mark.place, now.mark.gen};
	return 0;
}

/* Whoever started anew may have a disk that went back in time. */
static int await_starts(struct keeper *k)
{
	struct arena *a = arena_new();
	struct node_start *start = NULL;
	int count = await_node_starts(k->db, a, &start);
	int rc = count < 0 ? count : 0;

	for (int i = 0; i < count && rc >= 0; i++) {
		uint16_t *part;
		size_t parts = cluster_parts(&k->cluster, a, start[i].id, &part);

		if (map_watch_view(k->cluster.map) == NULL)
			break;
		await_failpoint(FP_START_BEFORE);
		rc = await_node_started(k->db, &start[i], part, parts);
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

static int await_round(struct keeper *k, int64_t *next_key_check)
{
	int rc = await_schema(k);

	if (rc == 0)
		rc = await_beat(k);
	if (rc == 0 && k->cluster_uuid[0] == '\0')
		rc = await_cluster_uuid(k->db, k->cluster_uuid);
	if (rc == 0)
		rc = await_adoption(k);
	if (rc == 0)
		rc = await_epoch(k);
	if (rc == 0)
		rc = await_starts(k);
	if (rc == 0 && clock_now_ms() >= *next_key_check) {
		rc = await_signing_key_rotate(k->db);
		if (rc > 0)
			log_info("signing key made", NULL);
		if (rc >= 0) {
			*next_key_check = clock_now_ms() + KEY_CHECK_MS;
			rc = 0;
		}
	}
	if (rc == 0)
		rc = await_cluster_figures(k->db, &k->figures);
	k->reachable = rc == 0;
	return rc;
}

void TASK_ENTRY keeper_duties(void *keeper)
{
	struct keeper *k = keeper;
	int64_t next_key_check = 0;
	int rc = 0;

	if (k->daemons == 0)
		log_warn("cluster.daemons is empty: no first epoch will be written", NULL);
	while (rc != -ECANCELED && !k->stopping) {
		rc = await_round(k, &next_key_check);
		if (rc != -ECANCELED)
			rc = await_sleep(k->figures.epoch > 0 ? ROUND_MS : EARLY_MS);
	}
	k->duties = NULL;
}
