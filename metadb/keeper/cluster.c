/*
 * The view of the map watch feeds the storage client; what the tasks keep over a wait are ids.
 */
#include "metadb/keeper/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "storage/client/admin.h"

#define LIST_MS 10000
#define DROP_MS 15000

static void on_map(void *arg, const struct cluster_view *view)
{
	struct cluster *c = arg;

	store_client_set_map(c->store, view->cluster_uuid, &view->map, view->node,
			     view->node_count);
}

static void on_stale(void *arg, int64_t epoch)
{
	struct cluster *c = arg;

	(void)epoch;
	map_watch_poke(c->map);
}

void cluster_open(struct cluster *c, struct loop *l, struct buf_pool *pool, struct metadb *db,
		  const char *name)
{
	struct store_hooks hooks = {.on_stale = on_stale, .arg = c};

	c->store = store_client_new(l, pool, name, &hooks);
	c->map = map_watch_new(db, on_map, c);
}

void cluster_close(struct cluster *c)
{
	if (c->store == NULL)
		return;
	map_watch_free(c->map);
	store_client_free(c->store);
	c->store = NULL;
}

size_t cluster_nodes(const struct cluster *c, struct arena *a, uint16_t **out)
{
	const struct cluster_view *view = map_watch_view(c->map);

	*out = arena_alloc(a, (view == NULL ? 0 : view->node_count) * sizeof(**out) + 1);
	for (size_t i = 0; view != NULL && i < view->node_count; i++)
		(*out)[i] = view->node[i].id;
	return view == NULL ? 0 : view->node_count;
}

size_t cluster_nodes_up(const struct cluster *c, struct arena *a, uint16_t **out)
{
	size_t count = cluster_nodes(c, a, out);
	size_t up = 0;

	for (size_t i = 0; i < count; i++)
		if (store_node_up(c->store, (*out)[i]))
			(*out)[up++] = (*out)[i];
	return up;
}

size_t cluster_parts(const struct cluster *c, struct arena *a, uint16_t node, uint16_t **out)
{
	const struct cluster_view *view = map_watch_view(c->map);
	size_t count = 0;

	*out = arena_alloc(a, PARTITIONS * sizeof(**out));
	for (unsigned p = 0; view != NULL && p < PARTITIONS; p++) {
		const uint16_t *row = map_row(&view->map, p);

		for (unsigned i = 0; i < view->map.replicas + MAP_SPARES; i++)
			if (row[i] == node) {
				(*out)[count++] = (uint16_t)p;
				break;
			}
	}
	return count;
}

static void append(struct arena *a, struct node_list *list, size_t *room,
		   const struct store_listing *page)
{
	if (list->count + page->count > *room) {
		struct wire_pair *old = list->pair;

		*room = 2 * (list->count + page->count);
		list->pair = arena_alloc(a, *room * sizeof(list->pair[0]));
		if (list->count > 0)
			memcpy(list->pair, old, list->count * sizeof(list->pair[0]));
	}
	if (page->count > 0)
		memcpy(list->pair + list->count, page->chunks,
		       page->count * sizeof(list->pair[0]));
	list->count += page->count;
}

/* What a node holds of partitions that follow one another, in one list. */
static int await_run(struct cluster *c, struct arena *a, unsigned first, unsigned count,
		     struct node_list *all)
{
	const struct wire_pair *after = NULL;
	struct store_listing page;
	uint64_t incarnation = 0;
	unsigned end = first + count;
	size_t room = 0;
	int rc = 0;

	while (rc == 0 && first < end) {
		rc = await_store_list(c->store, all->node, first, end - first, after,
				      WIRE_PAIRS_MAX, LIST_MS, a, &page);
		if (rc == 0 && incarnation != 0 && page.incarnation != incarnation)
			rc = ERR_UNAVAILABLE; /* pages of two lives make no list */
		if (rc < 0)
			break;
		append(a, all, &room, &page);
		incarnation = page.incarnation;
		after = page.more ? &all->pair[all->count - 1] : NULL;
		first += page.more ? 0 : page.partitions;
	}
	all->known = rc == 0;
	return rc == -ECANCELED ? rc : 0;
}

/* The part of the list that is about one partition; *at goes on behind it. */
static struct node_list cut(const struct node_list *all, unsigned part, size_t *at)
{
	struct node_list one = {.node = all->node, .known = all->known};

	one.pair = all->pair + *at;
	while (*at < all->count && partition_of(all->pair[*at].digest) == part) {
		one.count++;
		(*at)++;
	}
	return one;
}

int await_cluster_list(struct cluster *c, struct arena *a, const uint16_t *part, size_t parts,
		       const uint16_t *node, size_t nodes, struct node_list **out)
{
	size_t run = 0;

	for (size_t i = 0; i < parts; i++)
		out[i] = arena_alloc(a, nodes * sizeof(*out[i]) + 1);
	for (size_t from = 0; from < parts; from += run) {
		run = 1;
		while (from + run < parts && part[from + run] == part[from] + run)
			run++;
		for (size_t k = 0; k < nodes; k++) {
			struct node_list all = {.node = node[k]};
			size_t at = 0;
			int rc = await_run(c, a, part[from], (unsigned)run, &all);

			if (rc < 0)
				return rc;
			for (size_t i = from; i < from + run; i++)
				out[i][k] = cut(&all, part[i], &at);
		}
	}
	return 0;
}

int await_cluster_drop(struct cluster *c, uint16_t node, const struct wire_pair *pair,
		       size_t count)
{
	int rc = 0;

	for (size_t at = 0; at < count && rc == 0; at += WIRE_PAIRS_MAX) {
		size_t n = count - at < WIRE_PAIRS_MAX ? count - at : WIRE_PAIRS_MAX;

		rc = await_store_del(c->store, node, pair + at, n, DROP_MS);
	}
	return rc;
}
