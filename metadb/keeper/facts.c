/*
 * The order is the point: an upload's row is committed before its first byte is sent, so what
 * was listed and has no row by the time of the later statement never will have one.
 */
#include "metadb/keeper/facts.h"

#include <string.h>

#include "proto/base/failpoint.h"

void facts_add(struct facts *f, uint16_t part)
{
	size_t at = f->parts;

	while (at > 0 && f->part[at - 1] >= part)
		at--;
	if (at < f->parts && f->part[at] == part)
		return;
	memmove(&f->part[at + 1], &f->part[at], (f->parts - at) * sizeof(f->part[0]));
	f->part[at] = part;
	f->parts++;
}

static int64_t find_unknown(const struct facts *f)
{
	int64_t highest = 0;

	for (size_t i = 0; i < f->parts; i++) {
		int64_t gen = unknown_gen(f->list[i], f->nodes, &f->rows);

		highest = gen > highest ? gen : highest;
	}
	return highest;
}

int await_facts(struct facts *f, struct arena *a, struct cluster *c, struct metadb *db)
{
	const struct cluster_view *view;
	int rc;

	f->nodes = cluster_nodes(c, a, &f->node);
	rc = await_cluster_list(c, a, f->part, f->parts, f->node, f->nodes, f->list);
	await_failpoint(FP_FACTS_LISTED);
	if (rc == 0)
		rc = await_partition_rows(db, a, f->part, f->parts, &f->rows);
	await_failpoint(FP_FACTS_READ);
	if (rc < 0)
		return rc;
	view = map_watch_view(c->map);
	if (!f->rows.adopted || view == NULL || view->map.epoch != f->rows.epoch) {
		map_watch_poke(c->map);
		return ERR_UNAVAILABLE;
	}
	f->unknown_gen = find_unknown(f);
	return f->unknown_gen != 0 ? ERR_NOT_ADOPTED : 0;
}

void facts_compare(const struct facts *f, size_t i, const struct cluster *c, struct arena *a,
		   struct comparison *out)
{
	const struct cluster_map *map = &map_watch_view(c->map)->map;
	struct compare_input in = {
		.member = map_row(map, f->part[i]),
		.replicas = map->replicas,
		.open = f->rows.open,
		.open_count = f->rows.open_count,
		.list = f->list[i],
		.lists = f->nodes,
	};
	size_t from = 0;
	size_t end;

	while (from < f->rows.count && f->rows.pair[from].part != f->part[i])
		from++;
	for (end = from; end < f->rows.count && f->rows.pair[end].part == f->part[i];)
		end++;
	in.pair = f->rows.pair + from;
	in.pairs = end - from;
	compare(a, &in, out);
}
