/*
 * The snapshot of map and nodes, one timer, and what concerns all operations.
 *
 * Nodes outlive snapshots: one that is in the new snapshot with the same identity and addresses
 * keeps its connections, windows and what is under way.
 */
#include "storage/client/client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/metrics.h"
#include "storage/client/state.h"

#define TROUBLE_LOG_MS 1000
#define TICK_MS	       250
#define STALE_TELL_MS  1000

static void on_tick(void *arg)
{
	struct store_client *c = arg;
	int64_t now = clock_now_ms();
	int64_t late = now - c->tick_ms - TICK_MS;
	struct node *n;

	/* Who was asleep itself has not heard silence. */
	TAILQ_FOREACH(n, &c->nodes, link) {
		node_tick(n, now, late > TICK_MS ? late : 0);
	}
	c->tick_ms = now;
	put_on_tick(c, now);
	if (c->heard_epoch > c->map.epoch)
		deferred_queue(&c->stale);
	timer_start(&c->tick, TICK_MS);
}

static void on_stale(void *arg)
{
	struct store_client *c = arg;
	int64_t now = clock_now_ms();

	if (c->heard_epoch <= c->map.epoch || now - c->told_ms < STALE_TELL_MS)
		return;
	c->told_ms = now;
	c->hooks.on_stale(c->hooks.arg, c->heard_epoch);
}

struct store_client *store_client_new(struct loop *l, struct buf_pool *pool, const char *name,
				      const struct store_hooks *hooks)
{
	struct store_client *c = xcalloc(1, sizeof(*c));

	assert(hooks->on_stale != NULL);
	c->loop = l;
	c->pool = pool;
	c->hooks = *hooks;
	c->told_ms = INT64_MIN / 2;
	c->trouble_ms = INT64_MIN / 2;
	snprintf(c->name, sizeof(c->name), "%s", name);
	TAILQ_INIT(&c->nodes);
	TAILQ_INIT(&c->puts);
	deferred_init(&c->stale, l, on_stale, c);
	timer_init(&c->tick, l, on_tick, c);
	timer_start(&c->tick, TICK_MS);
	c->tick_ms = clock_now_ms();
	return c;
}

void store_client_free(struct store_client *c)
{
	struct node *n;

	if (c == NULL)
		return;
	put_drop_all(c);
	while ((n = TAILQ_FIRST(&c->nodes)) != NULL) {
		TAILQ_REMOVE(&c->nodes, n, link);
		node_close(n);
	}
	assert(c->operations == 0);
	deferred_cancel(&c->stale);
	timer_fini(&c->tick);
	free(c->map.table);
	free(c);
}

static void take_map(struct store_client *c, const struct cluster_map *map)
{
	size_t bytes = (size_t)PARTITIONS * (map->replicas + MAP_SPARES) * sizeof(uint16_t);

	free(c->map.table);
	c->map = *map;
	c->map.table = xmalloc(bytes);
	memcpy(c->map.table, map->table, bytes);
}

static bool same_node(const struct cluster_node *a, const struct cluster_node *b)
{
	return a->id == b->id && strcmp(a->uuid, b->uuid) == 0 &&
	       strcmp(a->control, b->control) == 0 && strcmp(a->bulk, b->bulk) == 0;
}

static void close_absent(struct store_client *c, const struct cluster_node *nodes, size_t count)
{
	struct node *n, *next;

	for (n = TAILQ_FIRST(&c->nodes); n != NULL; n = next) {
		size_t i = 0;

		next = TAILQ_NEXT(n, link);
		while (i < count && !same_node(&n->self, &nodes[i]))
			i++;
		if (i < count)
			continue;
		TAILQ_REMOVE(&c->nodes, n, link);
		c->node_count--;
		node_close(n);
	}
}

static void open_new(struct store_client *c, const struct cluster_node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct node *n;
		int rc;

		if (client_node(c, nodes[i].id) != NULL)
			continue;
		rc = node_open(c, &nodes[i], &n);
		if (rc < 0) {
			log_error("storage node has no usable address",
				  "node=%u control=%s bulk=%s err=\"%s\"", nodes[i].id,
				  nodes[i].control, nodes[i].bulk, err_text(rc));
			continue;
		}
		TAILQ_INSERT_TAIL(&c->nodes, n, link);
		c->node_count++;
	}
}

void store_client_set_map(struct store_client *c, const char *cluster_uuid,
			  const struct cluster_map *map, const struct cluster_node *nodes,
			  size_t count)
{
	bool newer = map != NULL && map->epoch > c->map.epoch;

	if (map != NULL && map->epoch < c->map.epoch)
		return;
	snprintf(c->cluster_uuid, sizeof(c->cluster_uuid), "%s", cluster_uuid);
	if (newer)
		take_map(c, map);
	close_absent(c, nodes, count);
	open_new(c, nodes, count);
	if (newer) {
		log_info("storage map", "epoch=%lld replicas=%u nodes=%zu",
			 (long long)map->epoch, map->replicas, count);
		put_on_map(c);
	}
}

bool store_node_up(const struct store_client *c, uint16_t node)
{
	const struct node *n = client_node(c, node);

	return n != NULL && n->up;
}

static bool is_quorum(const struct store_client *c, unsigned nodes)
{
	return c->map.table != NULL && nodes >= map_write_quorum(c->map.replicas);
}

bool store_client_writable(const struct store_client *c)
{
	unsigned writable = 0;
	struct node *n;

	TAILQ_FOREACH(n, &c->nodes, link)
		writable += node_writable(n);
	return is_quorum(c, writable);
}

bool store_client_quorum_up(const struct store_client *c)
{
	return is_quorum(c, store_client_nodes_up(c));
}

unsigned store_client_nodes_up(const struct store_client *c)
{
	unsigned up = 0;
	struct node *n;

	TAILQ_FOREACH(n, &c->nodes, link)
		up += n->up;
	return up;
}

struct node *client_node(const struct store_client *c, uint16_t id)
{
	struct node *n;

	TAILQ_FOREACH(n, &c->nodes, link)
		if (n->self.id == id)
			return n;
	return NULL;
}

const uint16_t *client_row(const struct store_client *c, const struct wire_pair *chunk)
{
	if (c->map.table == NULL)
		return NULL;
	return map_row(&c->map, partition_of(chunk->digest));
}

void client_hear_epoch(struct store_client *c, int64_t epoch)
{
	if (epoch <= c->heard_epoch)
		return;
	c->heard_epoch = epoch;
	if (epoch > c->map.epoch)
		deferred_queue(&c->stale);
}

void client_trouble(struct store_client *c, enum store_trouble what, const struct node *n,
		    const struct wire_pair *chunk)
{
	int64_t now = clock_now_ms();
	char hex[17];

	metric_inc(what == STORE_COPY_BAD ? M_STORE_BAD : M_STORE_MISSING);
	if (c->hooks.on_trouble != NULL)
		c->hooks.on_trouble(c->hooks.arg, what, n->self.id, chunk);
	/* A lost disk makes every read report it: one line a second tells as much. */
	c->troubles++;
	if (now - c->trouble_ms < TROUBLE_LOG_MS)
		return;
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", chunk->digest[i]);
	log_warn(what == STORE_COPY_BAD ? "a stored copy is bad" : "a stored copy is missing",
		 "node=%u digest=%s… gen=%llu reports=%u", n->self.id, hex,
		 (unsigned long long)chunk->gen, c->troubles);
	c->trouble_ms = now;
	c->troubles = 0;
}

void client_request(const struct store_client *c, enum wire_op op, struct wire_request *out)
{
	memset(out, 0, sizeof(*out));
	out->op = op;
	out->epoch = c->map.epoch;
	snprintf(out->rq, sizeof(out->rq), "%s", log_rq());
}
