/*
 * One link and one call for each keeper. An unanswered announcement is not repeated before its
 * timeout. Adopting a cluster writes to the disk, so the committer does it; until that is
 * durable the daemon counts as belonging to none.
 */
#include "storage/daemon/announce.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/settings.h"
#include "proto/wire/link.h"
#include "storage/daemon/upkeep.h"
#include "storage/daemon/uuid.h"

#define KEEPERS_MAX 16

struct keeper {
	struct announcer *announcer;
	struct link *link;
	struct call call;
};

struct announcer {
	struct server *server;
	struct timer timer;
	struct keeper keepers[KEEPERS_MAX];
	unsigned count;
	/* A cluster being adopted. */
	struct commit commit;
	bool adopting;
	unsigned char cluster[UUID_BYTES];
	int adopted;
};

static void run_adopt(struct commit *c, struct store *store)
{
	struct announcer *a =
		(struct announcer *)((char *)c - offsetof(struct announcer, commit));

	failpoint(FP_ADOPT_BEFORE);
	a->adopted = store_adopt_cluster(store, a->cluster);
}

static void on_adopted(struct commit *c)
{
	struct announcer *a =
		(struct announcer *)((char *)c - offsetof(struct announcer, commit));

	a->adopting = false;
	if (a->adopted < 0) {
		log_error("cannot note the cluster on the disk", "err=\"%s\"",
			  err_text(a->adopted));
		return;
	}
	uuid_text(a->cluster, a->server->cluster_uuid);
	log_info("belongs to a cluster now", "cluster=%s", a->server->cluster_uuid);
}

static void take_cluster(struct announcer *a, const char *uuid)
{
	struct server *s = a->server;
	bool other = s->cluster_uuid[0] != '\0' && strcmp(s->cluster_uuid, uuid) != 0;

	if (other != s->refused)
		log_error(other ? "the keeper is of another cluster: serving nobody"
				: "the keeper is of this disk's cluster again",
			  "mine=%s keeper=%s", s->cluster_uuid, uuid);
	s->refused = other;
	if (s->cluster_uuid[0] != '\0' || a->adopting || uuid_parse(uuid, a->cluster) < 0)
		return;
	a->adopting = true;
	a->commit = (struct commit){.run = run_adopt, .done = on_adopted};
	committer_submit(s->committer, &a->commit);
}

/* Only of the cluster that this disk belongs to for certain. */
static void take_mark(struct server *s, const struct wire_announced *m)
{
	if (strcmp(s->cluster_uuid, m->cluster_uuid) != 0 ||
	    !wire_mark_raise(&s->mark, &m->mark))
		return;
	upkeep_mark(s->upkeep,
		    &(struct store_mark){s->mark.adoption, s->mark.place, s->mark.gen});
}

static void on_answer(struct call *c, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct keeper *k = (struct keeper *)((char *)c - offsetof(struct keeper, call));
	struct server *s = k->announcer->server;

	(void)msg;
	if (rc == 0)
		rc = reply->status;
	if (rc < 0) {
		log_debug("keeper did not take the announcement", "keeper=%s err=\"%s\"",
			  link_address(k->link), err_text(rc));
		return;
	}
	if (!s->announced)
		log_info("known to a keeper", "keeper=%s epoch=%lld node=%u",
			 link_address(k->link), (long long)reply->epoch,
			 reply->announced.node_id);
	s->announced = true;
	take_cluster(k->announcer, reply->announced.cluster_uuid);
	if (!s->refused)
		server_hear_epoch(s, reply->epoch);
	take_mark(s, &reply->announced);
}

static void fill(const struct server *s, struct wire_announce *out)
{
	const char *zone = settings()->storage_zone;

	memset(out, 0, sizeof(*out));
	memcpy(out->uuid, s->uuid, sizeof(out->uuid));
	memcpy(out->cluster_uuid, s->cluster_uuid, sizeof(out->cluster_uuid));
	snprintf(out->name, sizeof(out->name), "%s", settings()->storage_name);
	snprintf(out->zone, sizeof(out->zone), "%s", zone[0] ? zone : out->name);
	memcpy(out->control, s->control_address, sizeof(out->control));
	memcpy(out->bulk, s->bulk_address, sizeof(out->bulk));
	out->incarnation = s->incarnation;
	out->state = server_state(s);
	out->total = s->stats.segment_bytes + s->stats.free_bytes;
	out->used = s->stats.segment_bytes;
	out->free = s->stats.room_bytes;
	out->bad = s->stats.bad_chunks;
	out->mark = s->mark;
}

static void announce(struct keeper *k)
{
	struct wire_request req = {.op = WIRE_ANNOUNCE, .epoch = k->announcer->server->epoch};

	if (k->call.waiting || !link_up(k->link))
		return;
	failpoint(FP_ANNOUNCE);
	fill(k->announcer->server, &req.announce);
	if (link_call(k->link, &k->call, &req, NULL, 0, ANNOUNCE_TIMEOUT_MS, on_answer) < 0)
		log_debug("announcement not sent", "keeper=%s", link_address(k->link));
}

static void on_change(void *arg, bool up)
{
	struct keeper *k = arg;

	log_info(up ? "connected to a keeper" : "lost a keeper", "keeper=%s",
		 link_address(k->link));
	if (up)
		announce(k);
}

static void on_timer(void *arg)
{
	struct announcer *a = arg;

	for (unsigned i = 0; i < a->count; i++)
		announce(&a->keepers[i]);
	timer_start(&a->timer, ANNOUNCE_MS);
}

static int add_keeper(struct announcer *a, const char *address)
{
	struct keeper *k = &a->keepers[a->count];
	struct link_options options = {
		.max_frame = WIRE_PIECE_MAX, .hwm = 8, .on_change = on_change, .arg = k};
	int rc;

	if (a->count == KEEPERS_MAX)
		return ERR_LIMIT;
	k->announcer = a;
	rc = link_open(a->server->loop, a->server->pool, address, &options, &k->link);
	if (rc == 0)
		a->count++;
	return rc;
}

int announcer_open(struct server *s, struct announcer **out)
{
	struct announcer *a = xcalloc(1, sizeof(*a));
	char *list = xstrdup(settings()->keeper_announce);
	char *save = NULL;
	int rc = 0;

	a->server = s;
	timer_init(&a->timer, s->loop, on_timer, a);
	for (char *word = strtok_r(list, ", ", &save); word != NULL && rc == 0;
	     word = strtok_r(NULL, ", ", &save)) {
		rc = add_keeper(a, word);
		if (rc < 0)
			log_error("keeper.announce is not usable", "address=%s err=\"%s\"",
				  word, err_text(rc));
	}
	free(list);
	if (rc < 0) {
		announcer_close(a);
		return rc;
	}
	timer_start(&a->timer, ANNOUNCE_MS);
	*out = a;
	return 0;
}

void announcer_close(struct announcer *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < a->count; i++)
		link_close(a->keepers[i].link);
	timer_fini(&a->timer);
	free(a);
}
