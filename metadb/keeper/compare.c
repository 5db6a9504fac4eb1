/*
 * Lists and rows are sorted by (digest, gen), so that each question is a binary search.
 */
#include "metadb/keeper/compare.h"

#include <string.h>

static int order(const unsigned char *digest, uint64_t gen, const unsigned char *other,
		 uint64_t other_gen)
{
	int by_digest = memcmp(digest, other, 32);

	return by_digest != 0 ? by_digest : (gen > other_gen) - (gen < other_gen);
}

/* Index of the first pair that is not before (digest, gen). */
static size_t lower_bound(const struct node_list *list, const unsigned char *digest,
			  uint64_t gen)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct wire_pair *p = &list->pair[middle];

		if (order(p->digest, p->gen, digest, gen) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool node_list_has(const struct node_list *list, const unsigned char digest[32], uint64_t gen,
		   bool any_gen)
{
	size_t at = lower_bound(list, digest, any_gen ? 0 : gen);

	return at < list->count && memcmp(list->pair[at].digest, digest, 32) == 0 &&
	       (any_gen || list->pair[at].gen == gen);
}

static const struct partition_pair *find_row(const struct compare_input *in,
					     const struct wire_pair *p)
{
	size_t low = 0;
	size_t high = in->pairs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct partition_pair *row = &in->pair[middle];
		int by = order(row->digest, row->gen, p->digest, p->gen);

		if (by == 0)
			return row;
		if (by < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_open(const struct compare_input *in, uint64_t gen)
{
	size_t low = 0;
	size_t high = in->open_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uint64_t)in->open[middle] == gen)
			return true;
		if ((uint64_t)in->open[middle] < gen)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool is_member(const struct compare_input *in, uint16_t node)
{
	for (unsigned i = 0; i < in->replicas; i++)
		if (in->member[i] == node)
			return true;
	return false;
}

static const struct node_list *list_of(const struct compare_input *in, uint16_t node)
{
	for (size_t i = 0; i < in->lists; i++)
		if (in->list[i].node == node)
			return &in->list[i];
	return NULL;
}

/* All members listed the pair. */
static bool members_have(const struct compare_input *in, const struct wire_pair *p)
{
	for (unsigned i = 0; i < in->replicas; i++) {
		const struct node_list *list = list_of(in, in->member[i]);

		if (in->member[i] != MAP_NODE_NONE &&
		    (list == NULL || !list->known ||
		     !node_list_has(list, p->digest, p->gen, false)))
			return false;
	}
	return true;
}

/* Somebody else who listed the pair, or at least the same bytes. */
static const struct node_list *find_source(const struct compare_input *in,
					   const struct partition_pair *row, uint16_t other,
					   bool any_gen)
{
	for (size_t i = 0; i < in->lists; i++)
		if (in->list[i].known && in->list[i].node != other &&
		    node_list_has(&in->list[i], row->digest, row->gen, any_gen))
			return &in->list[i];
	return NULL;
}

static void compare_row(const struct compare_input *in, const struct partition_pair *row,
			struct comparison *out)
{
	for (unsigned i = 0; i < in->replicas; i++) {
		const struct node_list *list = list_of(in, in->member[i]);
		const struct node_list *source;
		struct compare_pull *pull = &out->pull[out->pulls];

		if (list == NULL || !list->known ||
		    node_list_has(list, row->digest, row->gen, false))
			continue;
		out->missing++;
		source = find_source(in, row, list->node, false);
		if (source == NULL) {
			source = find_source(in, row, list->node, true);
			out->foreign += source != NULL;
		}
		if (source == NULL)
			continue;
		pull->node = list->node;
		pull->source = source->node;
		memcpy(pull->pair.digest, row->digest, sizeof(pull->pair.digest));
		pull->pair.gen = row->gen;
		pull->pair.len = row->len;
		out->pulls++;
	}
	/* 0xffff is no node's id: nobody is left out. */
	if (find_source(in, row, MAP_NODE_NONE, true) == NULL)
		out->suspect[out->suspects++] = *row;
}

static void compare_copy(const struct compare_input *in, uint16_t node,
			 const struct wire_pair *p, struct comparison *out)
{
	const struct partition_pair *row = find_row(in, p);
	bool extra = row != NULL;

	if (row == NULL ? is_open(in, p->gen)
			: row->dead || row->lost || is_member(in, node) || !members_have(in, p))
		return;
	out->drop[out->drops++] = (struct compare_drop){node, extra, *p};
}

void compare(struct arena *a, const struct compare_input *in, struct comparison *out)
{
	memset(out, 0, sizeof(*out));
	out->members_known = true;
	for (unsigned i = 0; i < in->replicas; i++) {
		const struct node_list *list = list_of(in, in->member[i]);

		if (in->member[i] != MAP_NODE_NONE && (list == NULL || !list->known))
			out->members_known = false;
	}
	out->all_known = out->members_known;
	for (size_t i = 0; i < in->lists; i++) {
		out->all_known = out->all_known && in->list[i].known;
		out->copies += in->list[i].count;
	}
	out->pull = arena_alloc(a, (in->pairs * in->replicas + 1) * sizeof(out->pull[0]));
	out->suspect = arena_alloc(a, in->pairs * sizeof(out->suspect[0]) + 1);
	out->drop = arena_alloc(a, out->copies * sizeof(out->drop[0]) + 1);
	for (size_t i = 0; i < in->pairs; i++)
		if (!in->pair[i].dead && !in->pair[i].lost)
			compare_row(in, &in->pair[i], out);
	for (size_t i = 0; i < in->lists; i++)
		for (size_t k = 0; in->list[i].known && k < in->list[i].count; k++)
			compare_copy(in, in->list[i].node, &in->list[i].pair[k], out);
}

bool comparison_whole(const struct comparison *c)
{
	return c->members_known && c->missing == 0 && c->drops == 0 && c->suspects == 0;
}

int64_t unknown_gen(const struct node_list *list, size_t lists,
		    const struct partition_rows *rows)
{
	int64_t highest = 0;

	for (size_t k = 0; k < lists; k++)
		for (size_t i = 0; i < list[k].count; i++) {
			int64_t gen = (int64_t)list[k].pair[i].gen;
			bool skipped = gen >= rows->skipped_from && gen <= rows->skipped_to;

			if (gen > highest && (gen > rows->last_gen || skipped))
				highest = gen;
		}
	return highest;
}
