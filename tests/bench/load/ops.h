/*
 * The operations a workload is made of. Each has two halves: `plan` chooses what to do and
 * computes what a client knows beforehand (digests), outside the measured time; `run` does it.
 */
#pragma once

#include "tests/bench/load/items.h"
#include "tests/bench/load/session.h"

struct plan {
	uint64_t seed;
	struct item item;			/* what is pushed, or what is to be there */
	struct item layers[OPTIONS_LAYERS + 1]; /* push-image: configuration, then layers */
	unsigned layer_count;
	uint64_t bytes; /* payload that was moved; set by run */
};

/* What an operation can only be done with. */
enum needs { NEEDS_NOTHING, NEEDS_BLOBS, NEEDS_BASE, NEEDS_MANIFESTS, NEEDS_IMAGES };

struct operation {
	const char *name;
	enum needs needs;
	/* false: there is nothing to do it with */
	bool (*plan)(struct session *s, struct items *items, struct plan *p);
	int (*run)(struct session *s, struct items *items, struct plan *p);
};

/* NULL when there is no operation of that name. */
const struct operation *ops_find(const char *name);
/* All names, for the usage text. */
const char *ops_names(void);

/* Pushes what manifests of this repository name: NEEDS_BASE. */
int ops_push_base(struct session *s, struct items *items, struct repository *r) MUST_CHECK;

/* Whether an item of a journal is there with its right bytes; a manifest also under its tag. */
int ops_verify(struct session *s, const struct item *item) MUST_CHECK;
