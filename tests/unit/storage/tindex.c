/* A checkpoint is a sorted array; each apply() makes a new one, the last HISTORY are kept. */
#include "tests/unit/storage/tindex.h"

#include <stdlib.h>

#define HISTORY 6

struct checkpoint {
	struct watermark mark;
	struct index_entry *entries;
	size_t count;
};

struct tindex {
	struct checkpoint kept[HISTORY]; /* the newest is the last */
	size_t count;			 /* 0: absent */
	unsigned char node[STORE_UUID_SIZE];
	bool fail;
	void (*after_get)(void *arg);
	void *after_get_arg;
	struct tbase *handle;
};

struct tbase {
	struct index_base base;
	struct tindex *t; /* NULL: dead */
};

static struct tindex *tindex_of(struct index_base *b)
{
	return ((struct tbase *)b)->t;
}

static struct checkpoint *newest(struct tindex *t)
{
	return &t->kept[t->count - 1];
}

static void drop_all(struct tindex *t)
{
	while (t->count > 0)
		free(t->kept[--t->count].entries);
}

static void push(struct tindex *t, const struct checkpoint *c)
{
	if (t->count == HISTORY) {
		free(t->kept[0].entries);
		memmove(t->kept, t->kept + 1, (HISTORY - 1) * sizeof(*t->kept));
		t->count--;
	}
	t->kept[t->count++] = *c;
}

static int t_load(struct index_base *b, const unsigned char node[STORE_UUID_SIZE],
		  struct watermark *out)
{
	struct tindex *t = tindex_of(b);

	if (!t)
		return -EIO;
	if (t->count == 0 || memcmp(node, t->node, STORE_UUID_SIZE) != 0)
		return ERR_NOT_FOUND;
	*out = newest(t)->mark;
	return 0;
}

static int t_reset(struct index_base *b, const unsigned char node[STORE_UUID_SIZE])
{
	struct tindex *t = tindex_of(b);

	if (!t)
		return -EIO;
	drop_all(t);
	push(t, &(struct checkpoint){0});
	memcpy(t->node, node, STORE_UUID_SIZE);
	return 0;
}

/* First entry with key ≥ the given one. */
static size_t lower_bound(const struct checkpoint *c, const struct chunk_key *key)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (chunk_key_compare(&c->entries[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int t_get(struct index_base *b, const struct chunk_key *key, struct index_entry *out)
{
	struct tindex *t = tindex_of(b);
	struct checkpoint *c;
	size_t at;

	if (!t)
		return -EIO;
	c = newest(t);
	at = lower_bound(c, key);
	if (at == c->count || !chunk_key_equal(&c->entries[at].key, key))
		return ERR_NOT_FOUND;
	*out = c->entries[at];
	if (t->after_get) {
		void (*call)(void *arg) = t->after_get;

		t->after_get = NULL;
		call(t->after_get_arg);
	}
	return 0;
}

static int t_list(struct index_base *b, const struct chunk_key *from,
		  const struct chunk_key *to, struct index_entry *out, size_t max,
		  size_t *count)
{
	struct tindex *t = tindex_of(b);
	struct checkpoint *c;

	*count = 0;
	if (!t)
		return -EIO;
	c = newest(t);
	for (size_t at = lower_bound(c, from); at < c->count && *count < max; at++) {
		if (chunk_key_compare(&c->entries[at].key, to) > 0)
			break;
		out[(*count)++] = c->entries[at];
	}
	return 0;
}

static int t_apply(struct index_base *b, const struct index_entry *entries, size_t count,
		   const struct watermark *mark)
{
	struct tindex *t = tindex_of(b);
	struct checkpoint *old, made = {.mark = *mark};
	size_t o = 0, e = 0;

	if (!t || t->fail)
		return -EIO;
	old = newest(t);
	made.entries = xmalloc((old->count + count + 1) * sizeof(*made.entries));
	while (o < old->count || e < count) {
		int order = o == old->count ? 1
			    : e == count
				    ? -1
				    : chunk_key_compare(&old->entries[o].key, &entries[e].key);

		if (order < 0) {
			made.entries[made.count++] = old->entries[o++];
			continue;
		}
		if (entries[e].state != INDEX_GONE)
			made.entries[made.count++] = entries[e];
		e++;
		o += order == 0;
	}
	push(t, &made);
	return 0;
}

static void t_trust(struct index_base *b)
{
	(void)b;
}

static void t_free(struct index_base *b)
{
	struct tindex *t = tindex_of(b);

	if (t)
		t->handle = NULL;
	free(b);
}

static const struct index_base_ops tindex_ops = {
	.load = t_load,
	.reset = t_reset,
	.get = t_get,
	.list = t_list,
	.apply = t_apply,
	.trust = t_trust,
	.free = t_free,
};

struct tindex *tindex_new(void)
{
	return xcalloc(1, sizeof(struct tindex));
}

void tindex_free(struct tindex *t)
{
	if (!t)
		return;
	tindex_detach(t);
	drop_all(t);
	free(t);
}

struct tindex *tindex_clone(const struct tindex *t)
{
	struct tindex *c = xmalloc(sizeof(*c));

	*c = *t;
	c->handle = NULL;
	for (size_t i = 0; i < c->count; i++) {
		size_t bytes = (c->kept[i].count + 1) * sizeof(struct index_entry);

		c->kept[i].entries = xcalloc(1, bytes);
		if (c->kept[i].count > 0)
			memcpy(c->kept[i].entries, t->kept[i].entries,
			       bytes - sizeof(struct index_entry));
	}
	return c;
}

struct index_base *tindex_attach(struct tindex *t)
{
	tindex_detach(t);
	t->handle = xcalloc(1, sizeof(*t->handle));
	t->handle->base.ops = &tindex_ops;
	t->handle->t = t;
	return &t->handle->base;
}

void tindex_detach(struct tindex *t)
{
	if (t->handle)
		t->handle->t = NULL;
	t->handle = NULL;
}

void tindex_rewind(struct tindex *t, size_t checkpoints)
{
	while (checkpoints-- > 0 && t->count > 0)
		free(t->kept[--t->count].entries);
}

void tindex_fail(struct tindex *t, bool fail)
{
	t->fail = fail;
}

void tindex_after_get(struct tindex *t, void (*call)(void *arg), void *arg)
{
	t->after_get = call;
	t->after_get_arg = arg;
}
