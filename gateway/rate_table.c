/*
 * The bucket as one number (the generic cell rate algorithm): the time at which it will be
 * full.
 *
 *   now ─────────────── full ───────▶ time      empty when full = now + window
 *        (full − now) / cost tokens are missing
 *
 * Each request puts `full` off by what one token takes to come, cost = window / limit, unless
 * that would be beyond the window. A place whose time has passed is a full bucket, which is
 * what a client has that was never seen: so an empty place and a forgotten one are the same.
 */
#include "gateway/rate_table.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "gateway/siphash.h"
#include "proto/base/err.h"

#define SETS	  8192 /* of WAYS places, 1 MiB in all */
#define WAYS	  8
#define WINDOW_NS ((uint64_t)RATE_WINDOW_MS * 1000000)
#define NS_PER_MS 1000000
#define TRIES	  16

struct bucket {
	_Atomic uint64_t tag;  /* the client's keyed hash; 0: nobody's yet */
	_Atomic uint64_t full; /* when, in ns */
};

struct rate_table {
	uint64_t key[2];
	struct bucket set[SETS][WAYS];
};

struct rate_table *rate_table_new(void)
{
	struct rate_table *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		fatal("cannot map the rate limits: %s", err_text(-errno));
	if (getrandom(t->key, sizeof(t->key), 0) != sizeof(t->key))
		fatal("no random bytes: %s", err_text(-errno));
	return t;
}

void rate_table_free(struct rate_table *t)
{
	if (t != NULL)
		munmap(t, sizeof(*t));
}

static uint64_t load(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static bool swap(_Atomic uint64_t *p, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(p, &from, to, memory_order_relaxed,
						       memory_order_relaxed);
}

static uint64_t tag_of(const struct rate_table *t, const struct rate_client *c)
{
	uint64_t word[3] = {c->kind, c->word[0], c->word[1]};
	uint64_t tag = siphash(t->key, word, 3);

	return tag != 0 ? tag : 1;
}

/* The client's bucket; NULL: others were faster, time and again. */
static struct bucket *find(struct rate_table *t, uint64_t tag)
{
	struct bucket *set = t->set[tag % SETS], *fullest;

	for (unsigned attempt = 0; attempt < TRIES; attempt++) {
		uint64_t owner;

		fullest = &set[0];
		for (unsigned i = 0; i < WAYS; i++) {
			if (load(&set[i].tag) == tag)
				return &set[i];
			if (load(&set[i].full) < load(&fullest->full))
				fullest = &set[i];
		}
		owner = load(&fullest->tag);
		if (swap(&fullest->tag, owner, tag)) {
			/* Whoever charges the old or the new owner right now is off by one. */
			atomic_store_explicit(&fullest->full, 0, memory_order_relaxed);
			return fullest;
		}
	}
	return NULL;
}

static int64_t ms_up(uint64_t ns)
{
	return (int64_t)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void describe(struct rate_state *out, uint64_t missing_ns, uint64_t cost)
{
	out->remaining = out->limit - (unsigned)((missing_ns + cost - 1) / cost);
	out->full_after_ms = ms_up(missing_ns);
}

void rate_look(struct rate_table *t, const struct rate_client *c, unsigned limit,
	       int64_t now_us, struct rate_state *out)
{
	uint64_t tag = tag_of(t, c), now = (uint64_t)now_us * 1000, cost = WINDOW_NS / limit;
	struct bucket *set = t->set[tag % SETS];
	uint64_t full = now, window = cost * limit, missing;

	for (unsigned i = 0; i < WAYS; i++)
		if (load(&set[i].tag) == tag)
			full = load(&set[i].full);
	missing = full > now ? full - now : 0;
	*out = (struct rate_state){.limit = limit};
	describe(out, missing < window ? missing : window, cost);
	if (missing + cost > window)
		out->retry_after_ms = ms_up(missing + cost - window);
}

bool rate_charge(struct rate_table *t, const struct rate_client *c, unsigned limit,
		 int64_t now_us, struct rate_state *out)
{
	struct bucket *b = find(t, tag_of(t, c));
	uint64_t now = (uint64_t)now_us * 1000, cost = WINDOW_NS / limit;
	uint64_t window = cost * limit; /* so that just as many tokens fit */

	assert(limit >= 1 && limit <= RATE_LIMIT_MAX);
	*out = (struct rate_state){.limit = limit};
	for (unsigned attempt = 0; b != NULL && attempt < TRIES; attempt++) {
		uint64_t full = load(&b->full);
		uint64_t missing = full > now ? full - now : 0;

		if (missing + cost > window) {
			describe(out, missing < window ? missing : window, cost);
			out->retry_after_ms = ms_up(missing + cost - window);
			return false;
		}
		if (swap(&b->full, full, now + missing + cost)) {
			describe(out, missing + cost, cost);
			return true;
		}
	}
	describe(out, 0, cost);
	return true;
}
