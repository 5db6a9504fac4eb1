/*
 * A checkpoint freezes the active delta under the lock, writes it to the base without the lock,
 * and drops it under the lock. When writing fails, it is laid under the new active delta again.
 */
#include "storage/daemon/index.h"

#include <pthread.h>
#include <stdlib.h>

#include "proto/base/failpoint.h"

struct index {
	pthread_rwlock_t lock; /* active, frozen, mark */
	pthread_mutex_t checkpointing;
	struct delta *active;
	struct delta *frozen; /* NULL but while a checkpoint runs */
	struct index_base *base;
	struct watermark mark;
	struct watermark saved; /* in the base; the checkpoint's own */
};

static const struct chunk_key key_first;
static const struct chunk_key key_last = {.digest = {[0 ... CHUNK_DIGEST_SIZE - 1] = 0xff},
					  .gen = UINT64_MAX};

struct index *index_new(struct index_base *base)
{
	struct index *ix = xcalloc(1, sizeof(*ix));
	pthread_rwlockattr_t attributes;

	/* Lookups without a pause must not keep the committer out. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ix->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	pthread_mutex_init(&ix->checkpointing, NULL);
	ix->active = delta_new();
	ix->base = base;
	return ix;
}

void index_free(struct index *ix)
{
	if (!ix)
		return;
	delta_free(ix->active);
	delta_free(ix->frozen);
	ix->base->ops->free(ix->base);
	pthread_rwlock_destroy(&ix->lock);
	pthread_mutex_destroy(&ix->checkpointing);
	free(ix);
}

/* What the deltas say of a key, or NULL. The lock is held. */
static const struct index_entry *find_locked(struct index *ix, const struct chunk_key *key)
{
	const struct index_entry *e = delta_find(ix->active, key);

	return e || !ix->frozen ? e : delta_find(ix->frozen, key);
}

static int lookup_locked(struct index *ix, const struct chunk_key *key, struct index_entry *out)
{
	const struct index_entry *e = find_locked(ix, key);

	if (!e)
		return ix->base->ops->get(ix->base, key, out);
	*out = *e;
	return e->state == INDEX_GONE ? ERR_NOT_FOUND : 0;
}

/*
 * The base is asked without the lock, which a page fault there must not hold: what the deltas
 * did not know a moment ago, the base knows, or it came later than this lookup.
 */
int index_get(struct index *ix, const struct chunk_key *key, struct index_entry *out)
{
	const struct index_entry *e;

	pthread_rwlock_rdlock(&ix->lock);
	e = find_locked(ix, key);
	if (e)
		*out = *e;
	pthread_rwlock_unlock(&ix->lock);
	if (!e)
		return ix->base->ops->get(ix->base, key, out);
	return out->state == INDEX_GONE ? ERR_NOT_FOUND : 0;
}

/* Lay the ordered list `top` over the ordered list `under` and free both. */
static struct index_entry *overlay(struct index_entry *under, size_t under_count,
				   struct index_entry *top, size_t top_count, size_t *count)
{
	struct index_entry *all = xmalloc((under_count + top_count + 1) * sizeof(*all));
	size_t u = 0, t = 0, n = 0;

	while (u < under_count || t < top_count) {
		int order = u == under_count ? 1
			    : t == top_count ? -1
					     : chunk_key_compare(&under[u].key, &top[t].key);

		if (order < 0) {
			all[n++] = under[u++];
		} else {
			all[n++] = top[t++];
			u += order == 0;
		}
	}
	free(under);
	free(top);
	*count = n;
	return all;
}

/* One page of the base, with both deltas laid over it; *end: where the page ends. */
static int list_page(struct index *ix, const struct chunk_key *from, const struct chunk_key *to,
		     size_t max, struct index_entry **out, size_t *count, struct chunk_key *end)
{
	struct index_entry *page = xmalloc(max * sizeof(*page)), *top;
	size_t n, top_count;
	int rc;

	pthread_rwlock_rdlock(&ix->lock);
	rc = ix->base->ops->list(ix->base, from, to, page, max, &n);
	if (rc < 0) {
		free(page);
		goto out;
	}
	*end = n == max ? page[n - 1].key : *to;
	if (ix->frozen) {
		top = delta_range(ix->frozen, from, end, &top_count);
		page = overlay(page, n, top, top_count, &n);
	}
	top = delta_range(ix->active, from, end, &top_count);
	*out = overlay(page, n, top, top_count, count);
out:
	pthread_rwlock_unlock(&ix->lock);
	return rc;
}

int index_list(struct index *ix, const struct chunk_key *from, const struct chunk_key *to,
	       struct index_entry *out, size_t max, size_t *count)
{
	struct chunk_key next = *from, end;

	*count = 0;
	while (*count < max && chunk_key_compare(&next, to) <= 0) {
		struct index_entry *page;
		size_t n;
		int rc = list_page(ix, &next, to, max, &page, &n, &end);

		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n && *count < max; i++) {
			if (page[i].state != INDEX_GONE)
				out[(*count)++] = page[i];
		}
		free(page);
		next = end;
		if (!chunk_key_next(&next))
			break;
	}
	return 0;
}

void index_begin(struct index *ix)
{
	pthread_rwlock_wrlock(&ix->lock);
}

bool index_set(struct index *ix, const struct index_entry *e, struct index_entry *old)
{
	bool had = lookup_locked(ix, &e->key, old) == 0;

	delta_set(ix->active, e);
	return had;
}

void index_end(struct index *ix, const struct watermark *mark)
{
	ix->mark = *mark;
	pthread_rwlock_unlock(&ix->lock);
}

bool index_mark_bad(struct index *ix, const struct chunk_key *key,
		    const struct store_place *place, struct index_entry *out)
{
	bool same;

	pthread_rwlock_wrlock(&ix->lock);
	same = lookup_locked(ix, key, out) == 0 && out->state == INDEX_GOOD &&
	       store_place_equal(&out->place, place);
	if (same) {
		out->state = INDEX_BAD;
		delta_set(ix->active, out);
	}
	pthread_rwlock_unlock(&ix->lock);
	return same;
}

/* A checkpoint failed: what was frozen is active again, under what came since. */
static void thaw(struct index *ix)
{
	size_t count;
	struct index_entry *all = delta_range(ix->frozen, &key_first, &key_last, &count);

	for (size_t i = 0; i < count; i++) {
		if (!delta_find(ix->active, &all[i].key))
			delta_set(ix->active, &all[i]);
	}
	free(all);
}

int index_checkpoint(struct index *ix, struct watermark *done)
{
	struct index_entry *all;
	size_t count;
	int rc;

	pthread_mutex_lock(&ix->checkpointing);
	pthread_rwlock_wrlock(&ix->lock);
	ix->frozen = ix->active;
	ix->active = delta_new();
	*done = ix->mark;
	pthread_rwlock_unlock(&ix->lock);

	failpoint(FP_CHECKPOINT_FROZEN);
	/* Nobody but this thread changes what is frozen. */
	all = delta_range(ix->frozen, &key_first, &key_last, &count);
	rc = 0;
	if (count > 0 || !store_place_equal(&done->place, &ix->saved.place))
		rc = ix->base->ops->apply(ix->base, all, count, done);
	if (rc == 0)
		ix->saved = *done;
	free(all);

	pthread_rwlock_wrlock(&ix->lock);
	if (rc < 0)
		thaw(ix);
	delta_free(ix->frozen);
	ix->frozen = NULL;
	pthread_rwlock_unlock(&ix->lock);
	pthread_mutex_unlock(&ix->checkpointing);
	return rc;
}
