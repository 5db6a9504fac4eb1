/*
 * Single items to and from a registry: one blob, one manifest.
 */
#pragma once

#include "tests/bench/load/items.h"
#include "tests/bench/load/session.h"

/* Larger manifests are not read. */
#define TRANSFER_MANIFEST_MAX (4u << 20)
#define TRANSFER_CONFIG_SIZE  1024

/* The kind, place and seed of an item are given; its size and digest are computed. */
void transfer_describe(struct session *s, struct item *item, uint64_t size);

/* Pushes a blob or configuration; with options->hash_late, the digest becomes known here. */
int transfer_push(struct session *s, struct item *item) MUST_CHECK;
/* 1 there (with the right length), 0 not there, or a failure. */
int transfer_head(struct session *s, const struct item *item) MUST_CHECK;
/* Reads and checks it. */
int transfer_pull(struct session *s, const struct item *item) MUST_CHECK;

/* text has item->size bytes; pushed under the tag, or without one under the digest. */
int transfer_push_manifest(struct session *s, const struct item *item,
			   const char *text) MUST_CHECK;
/* Reads it by tag or digest and checks the digest. *text: the manifest, to be freed, when text
 * is not NULL.
 */
int transfer_pull_manifest(struct session *s, const struct item *item, bool by_digest,
			   char **text) MUST_CHECK;
