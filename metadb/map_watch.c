/*
 * One look is four small reads in one round trip; the map's 160 KB come only when the epoch is
 * newer than ours. A view is built whole and then put in the old one's place.
 */
#include "metadb/map_watch.h"

#include <stdlib.h>
#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/poller.h"
#include "proto/base/log.h"

#define PAUSE_MS  2000
#define NODES_MAX 65534

struct map_watch {
	struct metadb *db;
	struct poller *poller;
	void (*on_change)(void *arg, const struct cluster_view *view);
	void *arg;
	struct cluster_view *view;
	unsigned seed; /* of the jitter */
};

static void view_free(struct cluster_view *v)
{
	if (v == NULL)
		return;
	map_fini(&v->map);
	free(v->node);
	free(v);
}

static void bind(void *arg, struct arena *a, struct pg_stmt *stmt)
{
	struct map_watch *w = arg;

	pg_stmt_init(&stmt[0], a, "SELECT uuid::text FROM cluster");
	pg_stmt_init(&stmt[1], a,
		     "SELECT epoch, CASE WHEN epoch <> $1 THEN parts END "
		     "FROM cluster_map ORDER BY epoch DESC LIMIT 1");
	pg_bind_int8(&stmt[1], w->view == NULL ? 0 : w->view->map.epoch);
	pg_stmt_init(&stmt[2], a,
		     "SELECT id, uuid::text, name, zone, control, bulk, "
		     "seen_at > now() - interval '15 seconds' "
		     "FROM node WHERE retired_at IS NULL ORDER BY id");
	pg_stmt_init(&stmt[3], a, "SELECT " MODE_COLUMN);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void take_nodes(struct cluster_view *v, struct pg_rows *r)
{
	int count = pg_rows_count(r);

	v->node = xcalloc((size_t)count + 1, sizeof(*v->node));
	v->node_count = (size_t)count;
	for (int i = 0; i < count; i++) {
		struct cluster_node *n = &v->node[i];

		n->id = (uint16_t)pg_int(r, i, 0);
		copy_text(n->uuid, sizeof(n->uuid), pg_text(r, i, 1));
		copy_text(n->name, sizeof(n->name), pg_text(r, i, 2));
		copy_text(n->zone, sizeof(n->zone), pg_text(r, i, 3));
		copy_text(n->control, sizeof(n->control), pg_text(r, i, 4));
		copy_text(n->bulk, sizeof(n->bulk), pg_text(r, i, 5));
		n->alive = pg_bool(r, i, 6);
	}
}

/* The table of the row, or the one we have. */
static int take_map(struct map_watch *w, struct cluster_view *v, struct pg_rows *r)
{
	int64_t epoch = pg_int(r, 0, 0);
	struct slice parts = pg_bytes(r, 0, 1);
	int rc;

	if (parts.data != NULL) {
		rc = map_decode(parts.data, parts.len, epoch, &v->map);
		if (rc < 0)
			log_error("the cluster map cannot be read", "epoch=%lld",
				  (long long)epoch);
		return rc;
	}
	assert(w->view != NULL);
	v->map = w->view->map;
	w->view->map.table = NULL;
	return 0;
}

static bool same(const struct cluster_view *a, const struct cluster_view *b)
{
	return a != NULL && a->map.epoch == b->map.epoch && a->node_count == b->node_count &&
	       memcmp(a->node, b->node, a->node_count * sizeof(*a->node)) == 0;
}

static int take(void *arg, struct pg_rows *rows)
{
	struct map_watch *w = arg;
	struct cluster_view *old = w->view;
	struct cluster_view *v;
	int rc;

	(void)mode_take(w->db, &rows[3], 0, 0);
	if (pg_rows_count(&rows[1]) == 0)
		return 0; /* no epoch yet */
	v = xcalloc(1, sizeof(*v));
	copy_text(v->cluster_uuid, sizeof(v->cluster_uuid), pg_text(&rows[0], 0, 0));
	take_nodes(v, &rows[2]);
	rc = rows[0].error < 0 ? rows[0].error : rows[2].error;
	if (rc == 0)
		rc = take_map(w, v, &rows[1]);
	if (rc < 0) {
		view_free(v);
		return rc;
	}
	w->view = v;
	if (!same(old, v)) {
		if (old == NULL || old->map.epoch != v->map.epoch)
			log_info("cluster map", "epoch=%lld replicas=%u nodes=%zu",
				 (long long)v->map.epoch, v->map.replicas, v->node_count);
		w->on_change(w->arg, v);
	}
	view_free(old);
	return 0;
}

/* Until there is a map, twice a second; then every two seconds, a quarter more or less. */
static int64_t pause_ms(void *arg)
{
	struct map_watch *w = arg;
	int64_t base = w->view == NULL ? PAUSE_MS / 4 : PAUSE_MS;

	w->seed = w->seed * 1103515245 + 12345;
	return base - base / 4 + (int64_t)(w->seed >> 16) % (base / 2);
}

static const struct poller_kind kind = {
	.what = "the cluster map",
	.count = 4,
	.bind = bind,
	.take = take,
	.pause = pause_ms,
};

struct map_watch *map_watch_new(struct metadb *db,
				void (*on_change)(void *arg, const struct cluster_view *view),
				void *arg)
{
	struct map_watch *w = xcalloc(1, sizeof(*w));

	w->db = db;
	w->on_change = on_change;
	w->arg = arg;
	w->seed = (unsigned)clock_now_us();
	w->poller = poller_new(db->loop, db->pool, &kind, w);
	return w;
}

void map_watch_free(struct map_watch *w)
{
	if (w == NULL)
		return;
	poller_free(w->poller);
	view_free(w->view);
	free(w);
}

const struct cluster_view *map_watch_view(const struct map_watch *w)
{
	return w->view;
}

void map_watch_poke(struct map_watch *w)
{
	poller_now(w->poller);
}
