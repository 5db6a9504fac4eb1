/*
 * One partition: what rows say against what nodes listed, and what follows from it. Pure.
 *
 * The nodes were listed before the rows were read; so
 *   a listed pair without a row, of no open upload, is garbage and can never be needed again;
 *   a row whose pair is listed nowhere may be younger than the lists: it is a suspect only.
 * A copy under another gen does not count as one, but its bytes are good to copy from.
 */
#pragma once

#include "metadb/partitions.h"
#include "proto/base/arena.h"
#include "proto/model/cluster.h"
#include "proto/wire/pair.h"

struct node_list {
	uint16_t node;
	bool known; /* it answered; otherwise nothing is known of it */
	struct wire_pair *pair;
	size_t count;
};

struct compare_input {
	const uint16_t *member; /* of the map's row */
	unsigned replicas;
	const struct partition_pair *pair; /* rows, sorted */
	size_t pairs;
	const int64_t *open; /* gens, sorted */
	size_t open_count;
	const struct node_list *list; /* one a live node */
	size_t lists;
};

struct compare_pull {
	uint16_t node;
	uint16_t source;
	struct wire_pair pair;
};
struct compare_drop {
	uint16_t node;
	bool extra; /* a good copy at a node that is no member; otherwise garbage */
	struct wire_pair pair;
};
struct comparison {
	bool members_known; /* all of them answered */
	bool all_known;	    /* all live nodes did */
	struct compare_pull *pull;
	size_t pulls;
	struct compare_drop *drop;
	size_t drops;
	struct partition_pair *suspect; /* live pairs of which nobody listed any bytes */
	size_t suspects;
	size_t missing; /* copies that members lack, also those that nobody can give */
	size_t foreign; /* missing pairs whose bytes were listed under another gen only */
	size_t copies;	/* pairs listed in all */
};

void compare(struct arena *a, const struct compare_input *in, struct comparison *out);
/* Nothing to do, and nothing unknown that matters. */
bool comparison_whole(const struct comparison *c);

/* The pair (or, with any_gen, any copy of its digest) in a node's list. */
bool node_list_has(const struct node_list *list, const unsigned char digest[32], uint64_t gen,
		   bool any_gen);

/* The highest listed gen that the server, asked for its rows afterwards, has never given out:
 * it was put back. 0: none. */
int64_t unknown_gen(const struct node_list *list, size_t lists,
		    const struct partition_rows *rows);
