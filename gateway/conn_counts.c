/*
 * Open addressing with linear probing. A place is one word, so that readers in other processes
 * see client and number together:
 *
 *   48 bits of the client's keyed hash │ 16 bits: its connections;   0: empty
 *
 * Places behind a removed one move up (no tombstones), the copy first: a reader that passes at
 * that moment may miss a client, which then gets one connection more.
 */
#include "gateway/conn_counts.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "gateway/siphash.h"

#define TAG_MASK   (~(uint64_t)0xffff)
#define COUNT_MASK ((uint64_t)0xffff)

struct conn_counts {
	uint64_t key[2];
	size_t size; /* of the mapping */
	unsigned workers;
	unsigned mask; /* places of a table − 1; at most half of them are used */
	_Atomic uint64_t place[];
};

struct conn_counts *conn_counts_new(unsigned workers, unsigned connections)
{
	unsigned places = 16;
	struct conn_counts *c;
	size_t size;

	while (places < 2 * connections)
		places *= 2;
	size = sizeof(*c) + (size_t)workers * places * sizeof(c->place[0]);
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		fatal("cannot map the counts of connections: %s", err_text(-errno));
	if (getrandom(c->key, sizeof(c->key), 0) != sizeof(c->key))
		fatal("no random bytes: %s", err_text(-errno));
	c->size = size;
	c->workers = workers;
	c->mask = places - 1;
	return c;
}

void conn_counts_free(struct conn_counts *c)
{
	if (c != NULL)
		munmap(c, c->size);
}

static _Atomic uint64_t *table_of(struct conn_counts *c, unsigned worker)
{
	assert(worker < c->workers);
	return c->place + (size_t)worker * (c->mask + 1);
}

static uint64_t load(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void store(_Atomic uint64_t *p, uint64_t value)
{
	atomic_store_explicit(p, value, memory_order_release);
}

void conn_counts_clear(struct conn_counts *c, unsigned worker)
{
	_Atomic uint64_t *t = table_of(c, worker);

	for (unsigned i = 0; i <= c->mask; i++)
		if (load(&t[i]) != 0)
			store(&t[i], 0);
}

uint64_t conn_counts_tag(const struct conn_counts *c, const struct client_net *n)
{
	uint64_t tag = siphash(c->key, n->word, 2) & TAG_MASK;

	return tag != 0 ? tag : TAG_MASK;
}

static unsigned home_of(const struct conn_counts *c, uint64_t tag)
{
	return (unsigned)(tag >> 16) & c->mask;
}

/* Its place, or the empty one where it would stand. */
static unsigned find(const struct conn_counts *c, const _Atomic uint64_t *t, uint64_t tag)
{
	unsigned i = home_of(c, tag);

	/* Bounded, as a table that another process changes might be seen without an end. */
	for (unsigned n = 0; n <= c->mask; n++, i = (i + 1) & c->mask) {
		uint64_t seen = load(&t[i]);

		if (seen == 0 || (seen & TAG_MASK) == tag)
			break;
	}
	return i;
}

unsigned conn_counts_of(const struct conn_counts *c, uint64_t tag)
{
	unsigned sum = 0;

	for (unsigned w = 0; w < c->workers; w++) {
		const _Atomic uint64_t *t = c->place + (size_t)w * (c->mask + 1);
		uint64_t seen = load(&t[find(c, t, tag)]);

		if ((seen & TAG_MASK) == tag)
			sum += (unsigned)(seen & COUNT_MASK);
	}
	return sum;
}

void conn_counts_add(struct conn_counts *c, unsigned worker, uint64_t tag)
{
	_Atomic uint64_t *t = table_of(c, worker);
	unsigned i = find(c, t, tag);
	uint64_t seen = load(&t[i]);

	assert(seen == 0 || (seen & TAG_MASK) == tag);
	assert((seen & COUNT_MASK) < CONN_COUNT_MAX);
	store(&t[i], seen == 0 ? tag | 1 : seen + 1);
}

/* The places behind an empty one move up, as far as they may. */
static void close_gap(const struct conn_counts *c, _Atomic uint64_t *t, unsigned gap)
{
	unsigned i = gap;

	for (;;) {
		uint64_t seen;

		i = (i + 1) & c->mask;
		seen = load(&t[i]);
		if (seen == 0)
			break;
		/* It stays where it is when its home lies behind the gap. */
		if (((i - home_of(c, seen & TAG_MASK)) & c->mask) < ((i - gap) & c->mask))
			continue;
		store(&t[gap], seen);
		gap = i;
	}
	store(&t[gap], 0);
}

void conn_counts_drop(struct conn_counts *c, unsigned worker, uint64_t tag)
{
	_Atomic uint64_t *t = table_of(c, worker);
	unsigned i = find(c, t, tag);
	uint64_t seen = load(&t[i]);

	assert((seen & TAG_MASK) == tag && (seen & COUNT_MASK) > 0);
	if ((seen & COUNT_MASK) > 1)
		store(&t[i], seen - 1);
	else
		close_gap(c, t, i);
}
