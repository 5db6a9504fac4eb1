/* The platter: files with what the cache shows and what the medium holds; power cuts; rot. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/storage/vdisk_inside.h"

struct vfile *vfile_find(const struct vdisk *v, uint64_t id)
{
	struct vfile *f = v->files;

	while (f && (f->id != id || !f->named))
		f = f->next;
	return f;
}

void vfile_drop_writes(struct vfile *f)
{
	for (struct write *w = f->writes, *next; w; w = next) {
		next = w->next;
		free(w);
	}
	f->writes = NULL;
	f->writes_end = &f->writes;
}

void vfile_free(struct vfile *f)
{
	vfile_drop_writes(f);
	free(f->cache);
	free(f->medium);
	free(f);
}

struct vfile *vfile_new(struct vdisk *v, uint64_t id, uint64_t size)
{
	struct vfile *f = xcalloc(1, sizeof(*f));

	f->id = id;
	f->room = f->size = size;
	f->cache = xcalloc(1, size + 1);
	f->medium = xcalloc(1, size + 1);
	f->writes_end = &f->writes;
	f->next = v->files;
	v->files = f;
	return f;
}

void vdisk_sweep(struct vdisk *v)
{
	for (struct vfile **at = &v->files; *at;) {
		struct vfile *f = *at;

		if (f->named || f->named_durably) {
			at = &f->next;
		} else {
			*at = f->next;
			vfile_free(f);
		}
	}
}

void vfile_add_write(struct vfile *f, uint64_t offset, const unsigned char *bytes, uint64_t len)
{
	struct write *w = xmalloc(sizeof(*w) + len);

	w->next = NULL;
	w->offset = offset;
	w->len = len;
	memcpy(w->bytes, bytes, len);
	*f->writes_end = w;
	f->writes_end = &w->next;
	memcpy(f->cache + offset, bytes, len);
	if (f->used < offset + len)
		f->used = offset + len;
}

void vfile_reach(struct vfile *f, const struct write *w, uint64_t from, uint64_t to)
{
	if (to > w->len)
		to = w->len;
	if (from < to)
		memcpy(f->medium + w->offset + from, w->bytes + from, to - from);
}

/* Each unit of the write reaches the medium with a chance of percent. */
void vfile_reach_in_units(struct vdisk *v, struct vfile *f, const struct write *w,
			  uint64_t unit, unsigned percent)
{
	for (uint64_t at = 0; at < w->len; at += unit) {
		if (rng_percent(&v->rng, percent))
			vfile_reach(f, w, at, at + unit);
	}
}

void vfile_reach_size(struct vfile *f)
{
	if (f->size < f->used) {
		memset(f->medium + f->size, 0, f->used - f->size);
		memset(f->cache + f->size, 0, f->used - f->size);
	}
	f->size_durable = f->size;
}

struct vdisk *vdisk_new(uint64_t seed, uint64_t capacity)
{
	struct vdisk *v = xcalloc(1, sizeof(*v));

	v->rng.state = seed;
	v->capacity = capacity;
	return v;
}

void vdisk_free(struct vdisk *v)
{
	if (!v)
		return;
	vdisk_detach(v);
	for (struct vfile *f = v->files, *next; f; f = next) {
		next = f->next;
		vfile_free(f);
	}
	free(v);
}

struct vdisk *vdisk_clone(const struct vdisk *v)
{
	struct vdisk *c = xmalloc(sizeof(*c));

	*c = *v;
	c->files = NULL;
	c->handle = NULL;
	for (const struct vfile *f = v->files; f; f = f->next) {
		struct vfile *g = vfile_new(c, f->id, f->room), kept = *g;

		*g = *f;
		g->next = kept.next;
		g->cache = kept.cache;
		g->medium = kept.medium;
		g->writes = NULL;
		g->writes_end = &g->writes;
		for (const struct write *w = f->writes; w; w = w->next)
			vfile_add_write(g, w->offset, w->bytes, w->len);
		memcpy(g->cache, f->cache, f->used);
		memcpy(g->medium, f->medium, f->used);
	}
	return c;
}

void vdisk_seed(struct vdisk *v, uint64_t seed)
{
	v->rng.state = seed;
}

void vdisk_detach(struct vdisk *v)
{
	if (v->handle)
		v->handle->v = NULL;
	v->handle = NULL;
	v->die_before = 0;
}

void vdisk_die_before(struct vdisk *v, uint64_t n)
{
	v->die_before = n;
}

bool vdisk_dead(const struct vdisk *v)
{
	return !v->handle;
}

uint64_t vdisk_steps(const struct vdisk *v)
{
	return v->steps;
}

/* What the cut leaves of one file's writes. */
static void cut_writes(struct vdisk *v, struct vfile *f, enum power_cut kind)
{
	static const unsigned chances[] = {12, 50, 88};
	unsigned percent = chances[rng_below(&v->rng, 3)];
	uint64_t count = 0, torn;

	for (struct write *w = f->writes; w; w = w->next)
		count++;
	torn = count ? rng_below(&v->rng, count) : 0;
	for (struct write *w = f->writes; w && kind != CUT_NONE; w = w->next) {
		if (kind == CUT_ALL || (kind == CUT_TORN && torn > 0)) {
			vfile_reach(f, w, 0, w->len);
		} else if (kind == CUT_TORN) {
			vfile_reach(f, w, 0, rng_below(&v->rng, w->len / SECTOR + 1) * SECTOR);
			break;
		} else {
			vfile_reach_in_units(v, f, w, kind == CUT_PAGES ? 4096 : SECTOR,
					     percent);
		}
		torn--;
	}
	vfile_drop_writes(f);
}

/* Does a change of name or size that was not synced survive? */
static bool cut_keeps(struct vdisk *v, enum power_cut kind)
{
	return kind == CUT_ALL || (kind != CUT_NONE && rng_percent(&v->rng, 50));
}

void vdisk_power_cut(struct vdisk *v, enum power_cut kind)
{
	vdisk_detach(v);
	for (struct vfile *f = v->files; f; f = f->next) {
		bool name = cut_keeps(v, kind), size = cut_keeps(v, kind);

		cut_writes(v, f, kind);
		if (!name)
			f->named = f->named_durably;
		f->named_durably = f->named;
		if (!size)
			f->size = f->size_durable;
		vfile_reach_size(f);
		memcpy(f->cache, f->medium, f->used);
	}
	vdisk_sweep(v);
}

void vdisk_fail(struct vdisk *v, enum vdisk_fault kind, unsigned n)
{
	v->fail[kind] = n;
}

void vdisk_fail_none(struct vdisk *v)
{
	memset(v->fail, 0, sizeof(v->fail));
}

void vdisk_occupy(struct vdisk *v, uint64_t bytes)
{
	v->occupied = bytes;
}

uint64_t vdisk_capacity(const struct vdisk *v)
{
	return v->capacity;
}

size_t vdisk_segments(const struct vdisk *v, uint64_t *ids, size_t max)
{
	size_t n = 0;

	for (struct vfile *f = v->files; f; f = f->next) {
		if (!f->named)
			continue;
		if (n < max)
			ids[n] = f->id;
		n++;
	}
	return n;
}

uint64_t vdisk_size(const struct vdisk *v, uint64_t id)
{
	struct vfile *f = vfile_find(v, id);

	return f ? f->size : 0;
}

const unsigned char *vdisk_bytes(const struct vdisk *v, uint64_t id)
{
	struct vfile *f = vfile_find(v, id);

	return f ? f->cache : NULL;
}

void vdisk_overwrite(struct vdisk *v, uint64_t id, uint64_t offset, const void *bytes,
		     size_t len)
{
	struct vfile *f = vfile_find(v, id);

	assert(f && offset + len <= f->room);
	memcpy(f->cache + offset, bytes, len);
	memcpy(f->medium + offset, bytes, len);
	if (f->used < offset + len)
		f->used = offset + len;
}

void vdisk_cut_short(struct vdisk *v, uint64_t id, uint64_t size)
{
	struct vfile *f = vfile_find(v, id);

	assert(f && size <= f->size);
	f->size = size;
	vfile_reach_size(f);
}

void vdisk_bad_page(struct vdisk *v, uint64_t id, uint64_t offset)
{
	struct vfile *f = vfile_find(v, id);

	assert(f && f->bad_count < BAD_MAX);
	f->bad[f->bad_count++] = offset & ~(uint64_t)4095;
}

uint64_t vdisk_failed(const struct vdisk *v, enum vdisk_fault kind)
{
	return v->failed[kind];
}
