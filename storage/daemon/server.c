/*
 * From a message to its handler, and from a handler to an answer.
 *
 * Admission is here: shape, which socket, too many requests, a daemon that serves nobody, an
 * old epoch. Payload that comes without a reservation (small PUTs) is bounded by its senders;
 * when all of it together exceeds the budget by a quarter, the bulk socket is not read until
 * the house is emptier. It is looked at by a timer and not by a claim in the pool's queue,
 * because what stands in that queue may wait for messages of this very socket.
 */
#include "storage/daemon/server.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/wire/frame.h"

#define RELIEF_MS 5
/* More than any client has requests under way on a connection: a full pipe drops replies. */
#define SERVER_HWM 1024

enum socket_kind { CONTROL = 1, BULK = 2 };

static const struct operation {
	void (*handle)(struct job *);
	enum socket_kind socket;
	bool writes; /* makes or changes copies: fenced by epoch */
	enum metric requests;
	enum metric failures;
} operations[WIRE_OP_END] = {
	[WIRE_PING] = {on_ping, CONTROL, false, M_STORAGE_PING, M_STORAGE_PING_FAILED},
	[WIRE_RESERVE] = {on_reserve, CONTROL, true, M_STORAGE_RESERVE,
			  M_STORAGE_RESERVE_FAILED},
	[WIRE_RELEASE] = {on_release, CONTROL, false, M_STORAGE_RELEASE,
			  M_STORAGE_RELEASE_FAILED},
	[WIRE_PUT] = {on_put, BULK, true, M_STORAGE_PUT, M_STORAGE_PUT_FAILED},
	[WIRE_GET] = {on_get, BULK, false, M_STORAGE_GET, M_STORAGE_GET_FAILED},
	[WIRE_DEL] = {on_del, CONTROL, true, M_STORAGE_DEL, M_STORAGE_DEL_FAILED},
	[WIRE_LIST] = {on_list, CONTROL, false, M_STORAGE_LIST, M_STORAGE_LIST_FAILED},
	[WIRE_PULL] = {on_pull, CONTROL, true, M_STORAGE_PULL, M_STORAGE_PULL_FAILED},
	[WIRE_VERIFY] = {on_verify, CONTROL, false, M_STORAGE_VERIFY, M_STORAGE_VERIFY_FAILED},
};

void server_hear_epoch(struct server *s, int64_t epoch)
{
	if (epoch <= s->epoch)
		return;
	log_info("newer epoch", "epoch=%lld was=%lld", (long long)epoch, (long long)s->epoch);
	s->epoch = epoch;
}

bool server_serves(const struct server *s)
{
	return s->cluster_uuid[0] != '\0' && !s->refused && !s->draining;
}

unsigned server_state(const struct server *s)
{
	unsigned state = server_serves(s) ? WIRE_READY : 0;

	if (s->stats.full)
		state |= WIRE_FULL;
	if (store_poisoned(s->store))
		state |= WIRE_POISONED;
	return state;
}

struct chunk_key job_key(const struct wire_pair *pair)
{
	struct chunk_key key;

	memcpy(key.digest, pair->digest, sizeof(key.digest));
	key.gen = pair->gen;
	return key;
}

bool job_late(const struct job *j)
{
	return clock_now_ms() >= j->deadline_ms;
}

void job_release_parts(struct job *j)
{
	while (j->parts > 0)
		buf_unref(j->part[--j->parts]);
}

void job_drop(struct job *j)
{
	job_release_parts(j);
	j->server->jobs--;
	arena_free(j->arena);
	free(j);
}

static void note_end(const struct job *j, int status)
{
	int64_t us = clock_now_us() - j->arrived_us;
	char hex[2 * 8 + 1] = "";

	if (status < 0)
		metric_inc(operations[j->req.op].failures);
	if (j->req.op == WIRE_PUT)
		metric_observe_us(M_STORAGE_PUT_TIME, us);
	else if (j->req.op == WIRE_GET)
		metric_observe_us(M_STORAGE_GET_TIME, us);
	if (!log_enabled(LOG_DEBUG) || j->req.op == WIRE_PING)
		return;
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", j->req.put.pair.digest[i]);
	log_debug("request", "rq=%s op=%s digest=%s status=\"%s\" us=%lld", j->req.rq,
		  wire_op_name(j->req.op), hex, err_text(status), (long long)us);
}

void job_reply(struct job *j, struct wire_reply *reply, struct buf *part)
{
	struct zmsg msg = {.peer = j->peer, .parts = part != NULL};
	int rc;

	reply->op = j->req.op;
	reply->id = j->req.id;
	reply->epoch = j->server->epoch;
	note_end(j, reply->status);
	msg.head = frame_encode_reply(j->arena, reply, &msg.head_len);
	msg.part[0] = part;
	rc = zsock_send(j->sock, &msg);
	if (rc < 0) {
		metric_inc(M_STORAGE_DROPPED);
		log_debug("reply dropped", "rq=%s op=%s err=\"%s\"", j->req.rq,
			  wire_op_name(j->req.op), err_text(rc));
		buf_unref(part);
	}
	job_drop(j);
}

void job_status(struct job *j, int status, const char *text)
{
	struct wire_reply reply = {.status = status};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	job_reply(j, &reply, NULL);
}

static void on_relief(void *arg)
{
	struct server *s = arg;

	if (buf_used(s->pool) <= buf_budget(s->pool) + buf_budget(s->pool) / 8)
		zsock_resume(s->bulk);
	else
		timer_start(&s->relief, RELIEF_MS);
}

static void hold_back(struct server *s)
{
	if (timer_running(&s->relief) ||
	    buf_used(s->pool) <= buf_budget(s->pool) + buf_budget(s->pool) / 4)
		return;
	zsock_pause(s->bulk);
	timer_start(&s->relief, RELIEF_MS);
	metric_inc(M_STORAGE_HELD_BACK);
}

/* NULL, or why the request is not served; *status says which kind of refusal. */
static const char *refusal(struct server *s, const struct job *j, int *status)
{
	const struct operation *o = &operations[j->req.op];

	*status = ERR_UNAVAILABLE;
	if (j->req.op == WIRE_PING)
		return NULL;
	if (s->jobs > SERVER_JOBS_MAX)
		return "too busy";
	if (!server_serves(s))
		return "belongs to no cluster yet, to another one, or is stopping";
	if (o->writes && j->req.epoch < s->epoch) {
		*status = ERR_STALE_EPOCH;
		return "there is a newer map";
	}
	return NULL;
}

static void dispatch(struct job *j, enum socket_kind kind)
{
	struct server *s = j->server;
	const struct operation *o = &operations[j->req.op];
	const char *why;
	int status;

	if (o->handle == NULL || o->socket != kind) {
		log_warn("request on a wrong socket", "op=%s", wire_op_name(j->req.op));
		job_drop(j);
		return;
	}
	metric_inc(o->requests);
	why = refusal(s, j, &status);
	if (why != NULL) {
		/* A chunk that will not be kept gives its room back at once. */
		if (j->req.op == WIRE_PUT && j->req.put.ticket != 0)
			room_release(s->room, j->req.put.ticket);
		job_status(j, status, why);
		return;
	}
	if (o->writes)
		server_hear_epoch(s, j->req.epoch);
	o->handle(j);
}

static void receive(struct server *s, struct zsock *sock, enum socket_kind kind,
		    struct zmsg *msg)
{
	struct job *j = xcalloc(1, sizeof(*j));
	char rq[LOG_RQ_MAX]; /* the job may be gone before dispatch() returns */
	int rc;

	j->server = s;
	j->sock = sock;
	j->peer = msg->peer;
	j->arena = arena_new();
	j->arrived_us = clock_now_us();
	for (; j->parts < msg->parts; j->parts++)
		j->part[j->parts] = msg->part[j->parts];
	s->jobs++;
	rc = frame_decode_request(j->arena, msg->head, msg->head_len, &j->req);
	if (rc < 0) {
		log_warn("request dropped", "bytes=%zu err=\"%s\"", msg->head_len,
			 err_text(rc));
		metric_inc(M_STORAGE_BAD_MESSAGES);
		job_drop(j);
		return;
	}
	j->deadline_ms = clock_now_ms() + j->req.deadline_ms;
	memcpy(rq, j->req.rq, sizeof(rq));
	log_set_rq(rq);
	dispatch(j, kind);
	log_set_rq("");
}

static void on_control(void *arg, struct zmsg *msg)
{
	struct server *s = arg;

	receive(s, s->control, CONTROL, msg);
}

static void on_bulk(void *arg, struct zmsg *msg)
{
	struct server *s = arg;

	receive(s, s->bulk, BULK, msg);
	hold_back(s);
}

/* Port 0 means any: the address told to others has the port that was really bound. */
static int open_socket(struct server *s, int64_t port, void (*fn)(void *, struct zmsg *),
		       struct zsock **out, char address[WIRE_ADDRESS_MAX])
{
	struct zsock_options options = {
		.send_hwm = SERVER_HWM, .recv_hwm = SERVER_HWM, .max_frame = WIRE_INLINE_MAX};
	struct zsock_handler handler = {.on_message = fn};
	const char *host = settings()->storage_bind;
	const char *form = strchr(host, ':') != NULL && host[0] != '[' ? "[%s]:%d" : "%s:%d";
	int rc;

	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
		log_error("storage.bind is told to clients: it must be one address", NULL);
		return -EINVAL;
	}
	snprintf(address, WIRE_ADDRESS_MAX, form, host, (int)port);
	rc = zsock_router(s->loop, s->pool, address, &options, &handler, s, out);
	if (rc < 0) {
		log_error("cannot listen", "address=%s err=\"%s\"", address, err_text(rc));
		return rc;
	}
	port = strtol(strrchr(zsock_endpoint(*out), ':') + 1, NULL, 10);
	snprintf(address, WIRE_ADDRESS_MAX, form, host, (int)port);
	return 0;
}

int server_open(struct server *s)
{
	int rc;

	timer_init(&s->relief, s->loop, on_relief, s);
	rc = open_socket(s, settings()->storage_port, on_control, &s->control,
			 s->control_address);
	if (rc == 0)
		rc = open_socket(s, settings()->storage_bulk_port, on_bulk, &s->bulk,
				 s->bulk_address);
	return rc;
}

void server_drain(struct server *s)
{
	s->draining = true;
}

void server_close(struct server *s)
{
	timer_fini(&s->relief);
	zsock_close(s->control);
	zsock_close(s->bulk);
}
