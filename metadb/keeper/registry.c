/*
 * Announcements in, rows out.
 *
 *   ANNOUNCE ──▶ known and unchanged, seen < 5 s ago ──▶ answer
 *           └──▶ otherwise a task registers it (one a daemon), then answers
 *
 * A daemon that was registered once in this process is answered at once, also while PostgreSQL
 * is away: it needs the epoch more than we need the row. Daemons are kept in an array: there
 * are few.
 */
#include <stdlib.h>
#include <string.h>

#include "metadb/keeper/keeper.h"
#include "metadb/partitions.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"
#include "proto/base/zsock.h"
#include "proto/wire/frame.h"

#define REFRESH_MS 5000
#define SWEEP_MS   10000
#define FRAME_MAX  ((size_t)16 * 1024)

struct daemon_entry {
	struct registry *registry;
	struct node_notice notice; /* as last registered, or tried */
	struct node_notice heard;  /* newest */
	uint16_t id;		   /* 0: not registered */
	int refused;		   /* the code it was refused with, 0: not */
	int64_t registered_ms;
	bool busy;	      /* a task works on it */
	uint64_t bad;	      /* copies it dropped as bad, as heard last */
	uint64_t bad_swept;   /* when its partitions were made due for that last */
	int64_t bad_since_ms; /* more of them than then; 0: not */
	bool blank;	      /* its disk belongs to no cluster yet */
	/* Who waits for the first answer. */
	bool asked;
	struct zpeer peer;
	uint64_t call_id;
};

struct registry {
	struct keeper *keeper;
	struct zsock *sock;
	size_t count;
	struct daemon_entry *entry[DAEMONS_MAX];
};

static void answer(struct registry *r, const struct zpeer *peer, uint64_t id, int status,
		   uint16_t node)
{
	struct wire_reply reply = {.op = WIRE_ANNOUNCE, .id = id, .status = status};
	struct arena *a = arena_new();
	struct zmsg msg = {.peer = *peer};
	int rc;

	reply.epoch = r->keeper->figures.epoch;
	if (status == 0) {
		reply.announced.mark = r->keeper->mark;
		memcpy(reply.announced.cluster_uuid, r->keeper->cluster_uuid,
		       sizeof(reply.announced.cluster_uuid));
		reply.announced.node_id = node;
	}
	msg.head = frame_encode_reply(a, &reply, &msg.head_len);
	rc = zsock_send(r->sock, &msg);
	if (rc < 0) /* it asks again in a second */
		log_debug("answer to a daemon not sent", "err=\"%s\"", err_text(rc));
	arena_free(a);
}

static void note_refusal(struct daemon_entry *e, int rc)
{
	metric_inc(M_KEEPER_REFUSED);
	if (e->refused != rc)
		log_error("storage daemon refused", "name=%s uuid=%s why=\"%s\"",
			  e->notice.name, e->notice.uuid,
			  rc == ERR_CONFLICT ? "another live disk has this name"
					     : "this disk was retired");
	e->refused = rc;
}

/* A new disk whose name's owner was not heard for so long, by a keeper that listened meanwhile.
 */
static bool may_replace(const struct daemon_entry *e)
{
	return e->blank && clock_now_ms() - e->registry->keeper->started_ms >
				   settings()->keeper_replace_after;
}

/*
 * Bad copies that it dropped (reading, scrubbing, recovering) and that nobody replaced: what a
 * reader met is mended by the gateway's report long before.
 */
static bool must_sweep(const struct daemon_entry *e)
{
	return e->id != 0 && e->bad_since_ms != 0 &&
	       clock_now_ms() - e->bad_since_ms > SWEEP_MS;
}

static void hear_bad(struct daemon_entry *e, uint64_t bad)
{
	e->bad = bad;
	if (bad <= e->bad_swept) {
		e->bad_swept = bad;
		e->bad_since_ms = 0;
	} else if (e->bad_since_ms == 0) {
		e->bad_since_ms = clock_now_ms();
	}
}

static void await_sweep(struct daemon_entry *e)
{
	struct keeper *k = e->registry->keeper;
	struct arena *a = arena_new();
	uint64_t bad = e->bad;
	uint16_t *part;
	size_t parts = cluster_parts(&k->cluster, a, e->id, &part);

	if (parts > 0 && await_partitions_due(k->db, part, parts, 0, false) == 0) {
		log_warn("a daemon dropped bad copies: its partitions are compared",
			 "node=%u name=%s copies=%llu", e->id, e->notice.name,
			 (unsigned long long)bad);
		e->bad_swept = bad;
		e->bad_since_ms = 0;
	}
	arena_free(a);
}

static void await_register(struct daemon_entry *e)
{
	bool changed = false;
	uint16_t id = 0;
	int rc;

	e->notice = e->heard;
	await_failpoint(FP_REGISTER_BEFORE);
	rc = await_node_register(e->registry->keeper->db, &e->notice, &id, &changed);
	if (rc == ERR_CONFLICT && may_replace(e)) {
		rc = await_node_replace(e->registry->keeper->db, &e->notice,
					settings()->keeper_replace_after);
		if (rc >= 0)
			rc = await_node_register(e->registry->keeper->db, &e->notice, &id,
						 &changed);
	}
	await_failpoint(FP_REGISTER_DONE);
	if (rc == 0) {
		e->id = id;
		e->refused = 0;
		e->registered_ms = clock_now_ms();
		if (changed)
			log_info("storage daemon registered",
				 "node=%u name=%s zone=%s uuid=%s control=%s bulk=%s", id,
				 e->notice.name, e->notice.zone, e->notice.uuid,
				 e->notice.control, e->notice.bulk);
	} else if (rc == ERR_CONFLICT || rc == ERR_DENIED) {
		e->id = 0;
		note_refusal(e, rc);
	}
	if (e->asked && rc != -ECANCELED)
		answer(e->registry, &e->peer, e->call_id, rc, e->id);
	e->asked = false;
}

static void TASK_ENTRY register_main(void *arg)
{
	struct daemon_entry *e = arg;

	await_register(e);
	if (must_sweep(e))
		await_sweep(e);
	e->busy = false;
}

bool registry_heard(const struct registry *r, const char *uuid)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->entry[i]->heard.uuid, uuid) == 0)
			return true;
	return false;
}

static struct daemon_entry *entry_of(struct registry *r, const char *uuid)
{
	struct daemon_entry *e;

	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->entry[i]->heard.uuid, uuid) == 0)
			return r->entry[i];
	if (r->count == DAEMONS_MAX) {
		log_error("more storage daemons than there may be", "limit=%d", DAEMONS_MAX);
		return NULL;
	}
	e = xcalloc(1, sizeof(*e));
	e->registry = r;
	r->entry[r->count++] = e;
	return e;
}

static void hear(struct daemon_entry *e, const struct wire_announce *m)
{
	memset(&e->heard, 0, sizeof(e->heard));
	snprintf(e->heard.uuid, sizeof(e->heard.uuid), "%s", m->uuid);
	snprintf(e->heard.name, sizeof(e->heard.name), "%s", m->name);
	snprintf(e->heard.zone, sizeof(e->heard.zone), "%s", m->zone);
	snprintf(e->heard.control, sizeof(e->heard.control), "%s", m->control);
	snprintf(e->heard.bulk, sizeof(e->heard.bulk), "%s", m->bulk);
	e->blank = m->cluster_uuid[0] == '\0';
	hear_bad(e, m->bad);
	if (!e->blank)
		keeper_saw(e->registry->keeper, &m->mark);
	e->heard.incarnation = m->incarnation;
	e->heard.total = (int64_t)m->total;
	e->heard.used = (int64_t)m->used;
}

static bool says_the_same(const struct node_notice *a, const struct node_notice *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       strcmp(a->control, b->control) == 0 && strcmp(a->bulk, b->bulk) == 0 &&
	       a->incarnation == b->incarnation;
}

static void take(struct registry *r, const struct zpeer *peer, const struct wire_request *req)
{
	struct keeper *k = r->keeper;
	const struct wire_announce *m = &req->announce;
	struct daemon_entry *e;
	bool fresh;

	metric_inc(M_KEEPER_ANNOUNCED);
	if (k->cluster_uuid[0] == '\0' || k->stopping) {
		answer(r, peer, req->id, ERR_UNAVAILABLE, 0);
		return;
	}
	if (m->cluster_uuid[0] != '\0' && strcmp(m->cluster_uuid, k->cluster_uuid) != 0) {
		/* Our uuid tells the daemon that it is wrong here; it gets no row. */
		metric_inc(M_KEEPER_REFUSED);
		log_debug("disk of another cluster", "name=%s uuid=%s", m->name, m->uuid);
		answer(r, peer, req->id, 0, 0);
		return;
	}
	e = entry_of(r, m->uuid);
	if (e == NULL)
		return;
	hear(e, m);
	fresh = e->id != 0 && says_the_same(&e->notice, &e->heard);
	if (fresh) {
		answer(r, peer, req->id, 0, e->id);
	} else {
		e->asked = true;
		e->peer = *peer;
		e->call_id = req->id;
	}
	if (e->busy ||
	    (fresh && clock_now_ms() - e->registered_ms < REFRESH_MS && !must_sweep(e)))
		return;
	e->busy = task_spawn(k->loop, "register", NULL, register_main, e) != NULL;
}

static void on_message(void *arg, struct zmsg *msg)
{
	struct registry *r = arg;
	struct arena *a = arena_new();
	struct wire_request req;

	if (frame_decode_request(a, msg->head, msg->head_len, &req) == 0 &&
	    req.op == WIRE_ANNOUNCE)
		take(r, &msg->peer, &req);
	for (unsigned i = 0; i < msg->parts; i++)
		buf_unref(msg->part[i]);
	arena_free(a);
}

int registry_open(struct keeper *k, struct registry **out)
{
	static const struct zsock_handler handler = {.on_message = on_message};
	static const struct zsock_options options = {
		.send_hwm = 64, .recv_hwm = 64, .max_frame = FRAME_MAX};
	struct registry *r = xcalloc(1, sizeof(*r));
	int rc;

	r->keeper = k;
	rc = zsock_router(k->loop, k->pool, settings()->keeper_bind, &options, &handler, r,
			  &r->sock);
	if (rc < 0) {
		log_error("cannot listen for storage daemons", "address=%s err=\"%s\"",
			  settings()->keeper_bind, err_text(rc));
		free(r);
		return rc;
	}
	log_info("listening for storage daemons", "address=%s", zsock_endpoint(r->sock));
	*out = r;
	return 0;
}

const char *registry_address(const struct registry *r)
{
	return zsock_endpoint(r->sock);
}

void registry_close(struct registry *r)
{
	if (r == NULL)
		return;
	zsock_close(r->sock);
	for (size_t i = 0; i < r->count; i++)
		free(r->entry[i]);
	free(r);
}
