/* Chained buckets, doubled when there are as many entries as buckets. */
#include "storage/daemon/delta.h"

#include <stdlib.h>

struct node {
	struct node *next;
	struct index_entry entry;
};

struct delta {
	struct node **buckets;
	unsigned bits; /* 2^bits buckets */
	size_t count;
};

#define BITS_START 6
#define BITS_MAX   24

static size_t bucket_of(const struct delta *d, const struct chunk_key *key)
{
	uint32_t top = (uint32_t)key->digest[0] << 24 | (uint32_t)key->digest[1] << 16 |
		       (uint32_t)key->digest[2] << 8 | key->digest[3];

	return top >> (32 - d->bits);
}

struct delta *delta_new(void)
{
	struct delta *d = xcalloc(1, sizeof(*d));

	d->bits = BITS_START;
	d->buckets = xcalloc((size_t)1 << d->bits, sizeof(struct node *));
	return d;
}

void delta_free(struct delta *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < (size_t)1 << d->bits; i++) {
		for (struct node *n = d->buckets[i], *next; n; n = next) {
			next = n->next;
			free(n);
		}
	}
	free(d->buckets);
	free(d);
}

static struct node *find(const struct delta *d, const struct chunk_key *key)
{
	struct node *n = d->buckets[bucket_of(d, key)];

	while (n && !chunk_key_equal(&n->entry.key, key))
		n = n->next;
	return n;
}

const struct index_entry *delta_find(const struct delta *d, const struct chunk_key *key)
{
	struct node *n = find(d, key);

	return n ? &n->entry : NULL;
}

static void grow(struct delta *d)
{
	struct node **old = d->buckets;
	size_t count = (size_t)1 << d->bits;

	d->bits++;
	d->buckets = xcalloc(2 * count, sizeof(struct node *));
	for (size_t i = 0; i < count; i++) {
		for (struct node *n = old[i], *next; n; n = next) {
			struct node **bucket = &d->buckets[bucket_of(d, &n->entry.key)];

			next = n->next;
			n->next = *bucket;
			*bucket = n;
		}
	}
	free(old);
}

void delta_set(struct delta *d, const struct index_entry *e)
{
	struct node *n = find(d, &e->key), **bucket;

	if (n) {
		n->entry = *e;
		return;
	}
	if (d->count >= (size_t)1 << d->bits && d->bits < BITS_MAX)
		grow(d);
	bucket = &d->buckets[bucket_of(d, &e->key)];
	n = xmalloc(sizeof(*n));
	*n = (struct node){.next = *bucket, .entry = *e};
	*bucket = n;
	d->count++;
}

static int by_key(const void *a, const void *b)
{
	const struct index_entry *left = a, *right = b;

	return chunk_key_compare(&left->key, &right->key);
}

struct index_entry *delta_range(const struct delta *d, const struct chunk_key *from,
				const struct chunk_key *to, size_t *count)
{
	struct index_entry *found = NULL;
	size_t n = 0, room = 0;

	for (size_t i = bucket_of(d, from); i <= bucket_of(d, to); i++) {
		for (struct node *at = d->buckets[i]; at; at = at->next) {
			if (chunk_key_compare(&at->entry.key, from) < 0 ||
			    chunk_key_compare(&at->entry.key, to) > 0)
				continue;
			if (n == room) {
				room = room ? 2 * room : 16;
				found = xrealloc(found, room * sizeof(*found));
			}
			found[n++] = at->entry;
		}
	}
	if (n > 0)
		qsort(found, n, sizeof(*found), by_key);
	*count = n;
	return found;
}
