/*
 * The keeper's second task: lets go of what nobody needs. Each step is a batch that stands
 * alone; a full batch is followed by the next one at once, otherwise the task sleeps. While the
 * registry is read-only or in maintenance nothing goes: what is there stays as it is.
 *
 * Purging asks every live node to delete the pairs of dead instances and then removes the rows,
 * whatever the nodes said: who has not acknowledged owes it, and reconcile finds the copy to be
 * garbage once that node is back.
 */
#include <string.h>

#include "metadb/collect.h"
#include "metadb/keeper/keeper.h"
#include "metadb/modes.h"
#include "metadb/partitions.h"
#include "metadb/rights_kept.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"

#define PAUSE_MS  1000
#define PURGE_MAX 20000 /* pairs at once, about */
#define AGE_MS	  60000 /* how often the oldest comparisons are looked for */
#define AGE_BATCH 256
#define FORGET_MS (6 * RIGHTS_KEPT_MS)

/* How many instances went. */
static int await_purge(struct keeper *k)
{
	struct arena *a = arena_new();
	struct wire_pair *pair;
	struct purge p = {0};
	uint16_t *node;
	uint16_t *down;
	size_t nodes;
	size_t downs = 0;
	int rc;

	rc = await_purge_list(k->db, a, settings()->keeper_trash_window, PURGE_MAX, &p);
	if (rc < 0 || p.gens == 0)
		goto out;
	await_failpoint(FP_PURGE_LISTED);
	pair = arena_alloc(a, p.pairs * sizeof(pair[0]) + 1);
	for (size_t i = 0; i < p.pairs; i++) {
		memcpy(pair[i].digest, p.pair[i].digest, sizeof(pair[i].digest));
		pair[i].gen = p.pair[i].gen;
	}
	nodes = cluster_nodes(&k->cluster, a, &node);
	down = arena_alloc(a, nodes * sizeof(down[0]) + 1);
	for (size_t i = 0; i < nodes && rc != -ECANCELED; i++) {
		rc = p.pairs == 0 ? 0 : await_cluster_drop(&k->cluster, node[i], pair, p.pairs);
		if (rc < 0)
			down[downs++] = node[i];
		await_failpoint(FP_PURGE_SENT);
	}
	await_failpoint(FP_PURGE_ROWS);
	if (rc != -ECANCELED)
		rc = await_purge_finish(k->db, &p, down, downs);
	await_failpoint(FP_PURGE_DONE);
	if (rc > 0) {
		metric_add(M_KEEPER_PURGED, rc);
		log_info("dead instances purged", "instances=%d copies=%zu nodes=%zu owing=%zu",
			 rc, p.pairs, nodes, downs);
	}
out:
	arena_free(a);
	return rc;
}

/* One batch of each kind. 1: at least one was full */
static int await_collect(struct keeper *k)
{
	struct collected links = {0};
	struct collected blobs = {0};
	struct collected manifests = {0};
	struct collected accounts = {0};
	struct collected packages = {0};
	struct collected uploads = {0};
	struct collected described = {0};
	int rc;

	await_failpoint(FP_EXPIRE_BEFORE);
	rc = await_uploads_expire(k->db, &uploads);
	metric_add(M_KEEPER_EXPIRED, uploads.gone);
	await_failpoint(FP_COLLECT_MANIFESTS);
	if (rc == 0)
		rc = await_accounts_collect(k->db, &accounts);
	if (rc == 0)
		rc = await_packages_collect(k->db, settings()->keeper_restore_window,
					    &packages);
	if (rc == 0)
		rc = await_manifests_collect(k->db, settings()->keeper_restore_window,
					     &manifests);
	metric_add(M_KEEPER_COLLECTED_MANIFESTS, manifests.gone);
	await_failpoint(FP_COLLECT_LINKS);
	if (rc == 0)
		rc = await_links_collect(k->db, &links);
	metric_add(M_KEEPER_COLLECTED_LINKS, links.gone);
	await_failpoint(FP_COLLECT_BLOBS);
	if (rc == 0)
		rc = await_blobs_collect(k->db, &blobs);
	metric_add(M_KEEPER_COLLECTED_BLOBS, blobs.gone);
	if (rc == 0)
		rc = await_versions_describe(k->db, &described);
	if (rc == 0)
		rc = await_versions_count(k->db);
	await_failpoint(FP_COLLECT_DONE);
	if (uploads.gone + manifests.gone + links.gone + blobs.gone > 0)
		log_info("collected", "uploads=%lld manifests=%lld links=%lld blobs=%lld",
			 (long long)uploads.gone, (long long)manifests.gone,
			 (long long)links.gone, (long long)blobs.gone);
	if (rc < 0)
		return rc;
	return rc == 1 || accounts.seen > 0 || packages.seen > 0 ||
	       uploads.seen == COLLECT_BATCH || manifests.seen == COLLECT_BATCH ||
	       links.seen == COLLECT_BATCH || blobs.seen == COLLECT_BATCH ||
	       described.seen == COLLECT_BATCH;
}

/* All that is due. *more: a batch was full, there may be others behind it */
static int await_round(struct keeper *k, int64_t *next_age, bool *more)
{
	int rc = 0;

	/* The watch that brought the map has seen the mode, too. */
	if (mode_seen(k->db) == MODE_NORMAL) {
		rc = await_collect(k);
		*more = rc == 1;
		if (rc >= 0)
			rc = await_purge(k);
		*more = *more || rc > 0;
	}
	if (rc >= 0 && clock_now_ms() >= *next_age) {
		rc = await_partitions_due_by_age(k->db, settings()->keeper_compare_interval,
						 AGE_BATCH);
		*next_age = clock_now_ms() + AGE_MS;
	}
	return rc;
}

/* What gateways remember of rights has seen these changes by now. */
static int await_forget(struct keeper *k, int64_t *next, int64_t *horizon)
{
	if (clock_now_ms() < *next)
		return 0;
	*next = clock_now_ms() + FORGET_MS;
	return await_rights_changes_forget(k->db, horizon);
}

void TASK_ENTRY keeper_clean(void *keeper)
{
	struct keeper *k = keeper;
	int64_t next_age = 0, next_forget = 0, horizon = 0;
	int rc = 0;

	while (rc != -ECANCELED && !k->stopping) {
		bool more = false;

		rc = await_forget(k, &next_forget, &horizon);
		if (rc < 0 && rc != -ECANCELED)
			log_warn("changes of rights not forgotten", "err=\"%s\"", err_text(rc));
		if (rc != -ECANCELED && k->reachable && k->adopted &&
		    map_watch_view(k->cluster.map) != NULL) {
			rc = await_round(k, &next_age, &more);
			if (rc < 0 && rc != -ECANCELED)
				log_warn("collecting stopped", "err=\"%s\"", err_text(rc));
		}
		if (rc != -ECANCELED)
			rc = await_sleep(rc >= 0 && more ? 0 : PAUSE_MS);
	}
	k->clean = NULL;
}
