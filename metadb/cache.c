/*
 * A hash table of chains beside a list in order of use. The table has a fixed size: entries are
 * kilobytes, so a cache of megabytes holds few of them.
 */
#include "metadb/cache.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 4096

struct entry {
	TAILQ_ENTRY(entry) used;
	LIST_ENTRY(entry) chain;
	unsigned refs; /* the cache's own and one a pin */
	size_t len;
	size_t key_len;
	unsigned char key[CACHE_KEY_MAX];
	alignas(max_align_t) unsigned char value[];
};

TAILQ_HEAD(entry_queue, entry);
LIST_HEAD(entry_chain, entry);

struct cache {
	size_t limit;
	size_t bytes;
	struct entry_queue used; /* newest first */
	struct entry_chain bucket[BUCKETS];
};

static size_t cost(const struct entry *e)
{
	return sizeof(*e) + e->len;
}

/* FNV-1a; keys are digests and sequence numbers, nobody gains from collisions but by work. */
static unsigned bucket_of(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211ULL;
	return (h ^ h >> 32) % BUCKETS;
}

static void unref(void *arg)
{
	struct entry *e = arg;

	assert(e->refs > 0);
	if (--e->refs == 0)
		free(e);
}

static void drop(struct cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->used, e, used);
	LIST_REMOVE(e, chain);
	c->bytes -= cost(e);
	unref(e);
}

struct cache *cache_new(size_t bytes)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->limit = bytes;
	TAILQ_INIT(&c->used);
	return c;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->used))
		drop(c, TAILQ_FIRST(&c->used));
	free(c);
}

size_t cache_used(const struct cache *c)
{
	return c->bytes;
}

static struct entry *find(struct cache *c, const void *key, size_t key_len)
{
	struct entry *e;

	LIST_FOREACH(e, &c->bucket[bucket_of(key, key_len)], chain) {
		if (e->key_len == key_len && memcmp(e->key, key, key_len) == 0)
			return e;
	}
	return NULL;
}

void cache_drop(struct cache *c, const void *key, size_t key_len)
{
	struct entry *e = find(c, key, key_len);

	if (e != NULL)
		drop(c, e);
}

const void *cache_find(struct cache *c, struct arena *a, const void *key, size_t key_len,
		       size_t *len)
{
	struct entry *e = find(c, key, key_len);

	if (e == NULL)
		return NULL;
	TAILQ_REMOVE(&c->used, e, used);
	TAILQ_INSERT_HEAD(&c->used, e, used);
	e->refs++;
	arena_defer(a, unref, e);
	if (len != NULL)
		*len = e->len;
	return e->value;
}

void *cache_add(struct cache *c, struct arena *a, const void *key, size_t key_len, size_t len)
{
	struct entry *e;

	assert(key_len <= CACHE_KEY_MAX);
	if (sizeof(*e) + len > c->limit / 8)
		return arena_alloc(a, len);
	e = find(c, key, key_len);
	if (e != NULL)
		drop(c, e);
	e = xcalloc(1, sizeof(*e) + len);
	e->refs = 2;
	e->len = len;
	e->key_len = key_len;
	memcpy(e->key, key, key_len);
	arena_defer(a, unref, e);
	while (c->bytes + cost(e) > c->limit)
		drop(c, TAILQ_LAST(&c->used, entry_queue));
	TAILQ_INSERT_HEAD(&c->used, e, used);
	LIST_INSERT_HEAD(&c->bucket[bucket_of(key, key_len)], e, chain);
	c->bytes += cost(e);
	return e->value;
}

size_t cache_digest_key(const struct digest *d, unsigned char key[CACHE_KEY_MAX])
{
	key[0] = d->algorithm;
	memcpy(key + 1, d->bytes, digest_size(d->algorithm));
	return 1 + digest_size(d->algorithm);
}
