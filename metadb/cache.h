/*
 * A bounded cache of bytes that never change under their key: manifests and configs by digest,
 * chunk lists by gen. Least recently used goes first. Entries are refcounted, so that what is
 * in use outlives its place in the cache. Loop thread only.
 */
#pragma once

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/model/digest.h"

#define CACHE_KEY_MAX 72

struct cache;

struct cache *cache_new(size_t bytes);
void cache_free(struct cache *c); /* pinned entries live on until their arenas go */

/* The value, pinned until the arena is freed; NULL when it is not there. */
const void *cache_find(struct cache *c, struct arena *a, const void *key, size_t key_len,
		       size_t *len);
/*
 * Room of `len` bytes under a key, pinned until the arena is freed, for the caller to fill in
 * before anybody else runs. What is larger than an eighth of the cache lives in the arena only.
 */
void *cache_add(struct cache *c, struct arena *a, const void *key, size_t key_len, size_t len);

/* It is not looked for any more; no-op when it is not there. */
void cache_drop(struct cache *c, const void *key, size_t key_len);

/* A digest as a key; its length. */
size_t cache_digest_key(const struct digest *d, unsigned char key[CACHE_KEY_MAX]);

size_t cache_used(const struct cache *c);
