/*
 * Entries in the order in which they came, and a hash table of their numbers, half full at
 * most, walked from a pull's place to the next empty one. Nothing is taken out but all at once.
 */
#include "gateway/download_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gateway/siphash.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/model/name.h"

#define PLACES	  (2 * DOWNLOAD_ENTRIES)
#define DAY_S	  86400
#define TAG_WORDS ((TAG_MAX + 7) / 8)

struct download_table {
	uint64_t key[2]; /* strangers choose tags */
	struct arena *tags;
	size_t count;
	int64_t pulls;
	uint16_t place[PLACES]; /* number of an entry, from 1; 0: empty */
	struct download_count entry[DOWNLOAD_ENTRIES];
};

struct download_table *download_table_new(void)
{
	struct download_table *t = xcalloc(1, sizeof(*t));

	if (getrandom(t->key, sizeof(t->key), 0) != sizeof(t->key))
		fatal("no random bytes: %s", err_text(-errno));
	t->tags = arena_new();
	return t;
}

void download_table_free(struct download_table *t)
{
	if (t == NULL)
		return;
	arena_free(t->tags);
	free(t);
}

static size_t first_place(const struct download_table *t, const struct download_count *c)
{
	uint64_t word[2 + TAG_WORDS] = {(uint64_t)c->manifest_id, (uint64_t)c->day};
	size_t len = c->tag != NULL ? strlen(c->tag) : 0;

	assert(len <= TAG_MAX);
	if (len > 0)
		memcpy(word + 2, c->tag, len);
	return siphash(t->key, word, 2 + (unsigned)(len + 7) / 8) % PLACES;
}

static bool same(const struct download_count *a, const struct download_count *b)
{
	if (a->manifest_id != b->manifest_id || a->day != b->day)
		return false;
	if (a->tag == NULL || b->tag == NULL)
		return a->tag == b->tag;
	return strcmp(a->tag, b->tag) == 0;
}

/* The entry that counts the same, or a new one; NULL: there is no place. */
static struct download_count *find(struct download_table *t, const struct download_count *c)
{
	size_t at = first_place(t, c);
	struct download_count *e;

	for (; t->place[at] != 0; at = (at + 1) % PLACES) {
		e = &t->entry[t->place[at] - 1];
		if (same(e, c))
			return e;
	}
	if (t->count == DOWNLOAD_ENTRIES)
		return NULL;
	e = &t->entry[t->count++];
	*e = *c;
	if (c->tag != NULL)
		e->tag = arena_strdup(t->tags, c->tag);
	t->place[at] = (uint16_t)t->count;
	return e;
}

bool download_table_add(struct download_table *t, int64_t package_id, int64_t manifest_id,
			const char *tag, bool got, int64_t now)
{
	struct download_count wanted = {
		.package_id = package_id,
		.manifest_id = manifest_id,
		.tag = tag,
		.day = (int32_t)(now / DAY_S),
	};
	struct download_count *e = find(t, &wanted);

	if (e == NULL)
		return false;
	t->pulls++;
	if (!got) {
		e->checks++;
		return true;
	}
	e->downloads++;
	if (e->last_at < now)
		e->last_at = now;
	return true;
}

size_t download_table_entries(const struct download_table *t, const struct download_count **out)
{
	*out = t->entry;
	return t->count;
}

int64_t download_table_pulls(const struct download_table *t)
{
	return t->pulls;
}

void download_table_empty(struct download_table *t)
{
	arena_free(t->tags);
	t->tags = arena_new();
	memset(t->place, 0, sizeof(t->place));
	t->count = 0;
	t->pulls = 0;
}
