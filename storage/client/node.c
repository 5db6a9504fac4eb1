/*
 * The heartbeat decides. A link that comes up is pinged at once, the pong makes the node up; a
 * link that breaks makes it down at once (its calls have failed already); silence makes it down
 * while the links still stand, as they do for a stopped process or a pulled cable.
 *
 * Hedging uses mean + 4 × mean deviation of the answers, about the 95th percentile of
 * well-behaved ones, within sane bounds.
 */
#include "storage/client/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/client/state.h"

#define HEDGE_MIN_MS	 20
#define HEDGE_MAX_MS	 1000
#define HEDGE_UNKNOWN_MS 100
#define LATENCY_OLD_MS	 5000

static void become(struct node *n, bool up, const char *why)
{
	if (n->up == up)
		return;
	n->up = up;
	log_info(up ? "storage node is up" : "storage node is down",
		 "node=%u address=%s why=\"%s\"", n->self.id, n->self.control, why);
	if (up)
		ask_pump(n);
	else
		ask_fail_all(n, ERR_PEER_GONE);
}

static bool known_daemon(const struct node *n, const struct wire_pong *pong)
{
	const char *cluster = n->client->cluster_uuid;

	return strcmp(pong->uuid, n->self.uuid) == 0 &&
	       (cluster[0] == '\0' || strcmp(pong->cluster_uuid, cluster) == 0);
}

static void judge(struct node *n, int64_t now_ms)
{
	if (!link_up(n->control) || !link_up(n->bulk))
		become(n, false, "no connection");
	else if (now_ms - n->pong_ms > NODE_SILENCE_MS)
		become(n, false, "no answer to pings");
	else if (n->stranger)
		become(n, false, "another daemon answers there");
	else if (!(n->state & WIRE_READY))
		become(n, false, "not ready");
	else
		become(n, true, "answers pings");
}

static void on_pong(struct call *call, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct node *n = (struct node *)((char *)call - offsetof(struct node, ping));
	bool stranger;

	(void)msg;
	if (rc < 0 || reply->status < 0)
		return;
	stranger = !known_daemon(n, &reply->pong);
	if (stranger && !n->stranger)
		log_warn("another daemon answers at a storage node's address",
			 "node=%u address=%s expected=%s found=%s cluster=%s", n->self.id,
			 n->self.control, n->self.uuid, reply->pong.uuid,
			 reply->pong.cluster_uuid);
	n->stranger = stranger;
	n->pong_ms = clock_now_ms();
	n->state = reply->pong.state;
	if (!stranger)
		client_hear_epoch(n->client, reply->epoch);
	judge(n, n->pong_ms);
}

static void ping(struct node *n, int64_t now_ms)
{
	struct wire_request req;

	if (n->ping.waiting || !link_up(n->control))
		return;
	client_request(n->client, WIRE_PING, &req);
	memcpy(req.ping.name, n->client->name, sizeof(req.ping.name));
	memcpy(req.ping.cluster_uuid, n->client->cluster_uuid, sizeof(req.ping.cluster_uuid));
	n->ping_ms = now_ms;
	if (link_call(n->control, &n->ping, &req, NULL, 0, NODE_SILENCE_MS, on_pong) < 0)
		return; /* the pipe is full: the next tick tries again */
}

static void on_change(void *arg, bool up)
{
	struct node *n = arg;
	int64_t now = clock_now_ms();

	if (up)
		ping(n, now);
	judge(n, now);
}

static void on_writable(void *arg)
{
	ask_pump(arg);
}

static void on_released(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	(void)rc;
	(void)reply;
	(void)msg;
	free(a);
}

/* Room was found for a PUT that was given up meanwhile: others may have it at once. */
static void on_late(void *arg, const struct wire_reply *reply)
{
	struct node *n = arg;
	struct ask *a;

	if (reply->op != WIRE_RESERVE || reply->status < 0)
		return;
	a = xcalloc(1, sizeof(*a));
	client_request(n->client, WIRE_RELEASE, &a->req);
	a->req.release.ticket = reply->reserved.ticket;
	if (ask_start(a, n, NULL, 0, clock_now_ms() + NODE_SILENCE_MS, on_released) < 0)
		free(a);
}

static int open_links(struct node *n)
{
	struct link_options options = {.max_frame = WIRE_PIECE_MAX,
				       .hwm = NODE_HWM,
				       .on_change = on_change,
				       .on_late = on_late,
				       .on_writable = on_writable,
				       .arg = n};
	struct store_client *c = n->client;
	int rc;

	rc = link_open(c->loop, c->pool, n->self.control, &options, &n->control);
	if (rc == 0)
		rc = link_open(c->loop, c->pool, n->self.bulk, &options, &n->bulk);
	return rc;
}

static void close_links(struct node *n)
{
	if (n->control != NULL)
		link_cancel(n->control, &n->ping);
	link_close(n->control);
	link_close(n->bulk);
	n->control = n->bulk = NULL;
}

int node_open(struct store_client *c, const struct cluster_node *self, struct node **out)
{
	struct node *n = xcalloc(1, sizeof(*n));
	int rc;

	n->client = c;
	n->self = *self;
	n->pong_ms = INT64_MIN / 2;
	n->lane[LANE_CONTROL].limit = SIZE_MAX;
	n->lane[LANE_SMALL].limit = LANE_SMALL_BYTES;
	n->lane[LANE_CHUNK].limit = LANE_CHUNK_BYTES;
	n->lane[LANE_PIECE].limit = LANE_PIECE_BYTES;
	for (unsigned i = 0; i < LANES; i++)
		TAILQ_INIT(&n->lane[i].queue);
	TAILQ_INIT(&n->asks);
	rc = open_links(n);
	if (rc < 0) {
		close_links(n);
		free(n);
		return rc;
	}
	*out = n;
	return 0;
}

void node_close(struct node *n)
{
	n->up = false;
	ask_fail_all(n, ERR_PEER_GONE);
	close_links(n);
	free(n);
}

/*
 * The connections stand, and nothing comes: new ones, so that ZeroMQ lets go of the bytes that
 * wait in the old ones. Not from a callback of a link.
 */
static void renew_links(struct node *n)
{
	int rc;

	close_links(n);
	rc = open_links(n);
	if (rc < 0)
		fatal("cannot connect again to %s: %s", n->self.control, err_text(rc));
}

void node_tick(struct node *n, int64_t now_ms, int64_t deaf_ms)
{
	bool was_up = n->up;

	n->pong_ms += deaf_ms;
	if (now_ms - n->ping_ms >= NODE_PING_MS)
		ping(n, now_ms);
	judge(n, now_ms);
	if (was_up && !n->up && link_up(n->bulk))
		renew_links(n);
	ask_pump(n);
}

bool node_writable(const struct node *n)
{
	return n->up && !(n->state & (WIRE_FULL | WIRE_POISONED));
}

bool node_stalled(const struct node *n, int64_t now_ms)
{
	return !TAILQ_EMPTY(&n->asks) && now_ms - n->heard_ms > NODE_STALL_MS;
}

void node_note_latency(struct node *n, int64_t us)
{
	int64_t error;

	n->latency_ms = clock_now_ms();
	if (n->latency_us == 0) {
		n->latency_us = us;
		n->deviation_us = us / 2;
		return;
	}
	error = us - n->latency_us;
	n->latency_us += error / 8;
	n->deviation_us += ((error < 0 ? -error : error) - n->deviation_us) / 4;
}

int64_t node_latency_us(const struct node *n, int64_t now_ms)
{
	return now_ms - n->latency_ms < LATENCY_OLD_MS ? n->latency_us : 0;
}

int64_t node_hedge_ms(const struct node *n)
{
	int64_t ms = (n->latency_us + 4 * n->deviation_us) / 1000;

	if (n->latency_us == 0)
		return HEDGE_UNKNOWN_MS;
	return ms < HEDGE_MIN_MS ? HEDGE_MIN_MS : ms > HEDGE_MAX_MS ? HEDGE_MAX_MS : ms;
}
