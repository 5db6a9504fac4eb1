/*
 * What is known to be in the registry: repositories, the blobs and manifests that were pushed
 * (a bounded sample of them), and the journal of all that was acknowledged.
 *
 * All functions may be called from any thread.
 */
#pragma once

#include <pthread.h>

#include "tests/bench/load/data.h"

#define ITEMS_REPOSITORIES 4096
#define ITEMS_NAME	   256
#define ITEMS_TAG	   24
#define ITEMS_BASE	   65

enum item_kind { ITEM_BLOB, ITEM_CONFIG, ITEM_MANIFEST, ITEM_KINDS };

struct repository;

struct item {
	enum item_kind kind;
	struct repository *repository;
	char digest[DATA_DIGEST_TEXT];
	char tag[ITEMS_TAG]; /* manifests; "" without */
	uint64_t size, seed;
};

/* A token of one repository and one right; see auth.c. */
struct token {
	char *text;
	uint64_t refresh_us;
};

struct repository {
	char name[ITEMS_NAME];
	pthread_mutex_t lock; /* of the tokens */
	struct token pull, push;
	/* A configuration and layers for manifests to name; made in the preparation. */
	struct item base[ITEMS_BASE];
	unsigned base_count;
};

struct items;

/* Remembers at most `keep` items of each kind. `journal` may be NULL; else a file to append to.
 * Exits with a message when it cannot be opened.
 */
struct items *items_new(uint64_t keep, const char *journal);
void items_free(struct items *items);

/* The repository of this name, made known if it is new; NULL when there are too many. */
struct repository *items_repository(struct items *items, const char *name);

/* An acknowledged write: into the journal, and into the sample. */
void items_acknowledge(struct items *items, const struct item *item);
/* Into the sample only. */
void items_remember(struct items *items, const struct item *item);
/* One of the sample; false when there is none of that kind. */
bool items_pick(struct items *items, enum item_kind kind, uint64_t draw, struct item *out);

/* One line of a journal: 0, or ERR_SYNTAX. */
int items_parse(struct items *items, const char *line, struct item *out) MUST_CHECK;
/* Remembers all of a journal; exits with a message when it is none. */
void items_load(struct items *items, const char *path);
