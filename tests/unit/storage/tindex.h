/*
 * The base of the index in memory, which remembers its earlier checkpoints: after a crash the
 * test chooses which of them the disk still has, or none.
 */
#pragma once

#include "storage/daemon/index.h"

struct tindex;

struct tindex *tindex_new(void);
void tindex_free(struct tindex *t);
struct tindex *tindex_clone(const struct tindex *t);

/* A base for a store; the one before it is dead from now on. */
struct index_base *tindex_attach(struct tindex *t);
void tindex_detach(struct tindex *t);
/* Go back by so many checkpoints; more than there are: the index is absent. */
void tindex_rewind(struct tindex *t, size_t checkpoints);
/* Checkpoints fail with -EIO, or do not. */
void tindex_fail(struct tindex *t, bool fail);
/* Call once after the next lookup, before its answer is used. */
void tindex_after_get(struct tindex *t, void (*call)(void *arg), void *arg);
