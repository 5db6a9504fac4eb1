/* The disk as the store sees it: each call, with the faults that were arranged. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/storage/vdisk_inside.h"

static struct vdisk *vdisk_of(struct disk *d)
{
	return ((struct vhandle *)d)->v;
}

/* The file behind an open one; NULL when the process is dead. */
static struct vfile *vfile_of(struct disk_file *file)
{
	struct vdisk *v = vdisk_of(file->disk);

	return v ? vfile_find(v, ((struct vopen *)file)->id) : NULL;
}

/* A call that changes something: false when the process is dead by now. */
static bool step(struct disk *d)
{
	struct vdisk *v = vdisk_of(d);

	if (!v)
		return false;
	v->steps++;
	if (v->die_before && --v->die_before == 0) {
		vdisk_detach(v);
		return false;
	}
	return true;
}

static bool fails(struct vdisk *v, enum vdisk_fault kind)
{
	if (!v->fail[kind] || --v->fail[kind] > 0)
		return false;
	v->failed[kind]++;
	return true;
}

static int v_list(struct disk *d, uint64_t **ids, size_t *count)
{
	struct vdisk *v = vdisk_of(d);

	if (!v)
		return -EIO;
	*count = vdisk_segments(v, NULL, 0);
	*ids = xcalloc(*count + 1, sizeof(**ids));
	vdisk_segments(v, *ids, *count);
	return 0;
}

uint64_t vdisk_used(const struct vdisk *v)
{
	uint64_t bytes = 0;

	for (struct vfile *f = v->files; f; f = f->next)
		bytes += f->named ? f->size : 0;
	return bytes;
}

static uint64_t used_space(const struct vdisk *v)
{
	return v->occupied + vdisk_used(v);
}

static struct disk_file *open_new(struct disk *d, uint64_t id)
{
	struct vopen *o = xcalloc(1, sizeof(*o));

	o->file.disk = d;
	o->id = id;
	return &o->file;
}

static int v_create(struct disk *d, uint64_t id, uint64_t size, struct disk_file **out)
{
	struct vdisk *v = vdisk_of(d);

	if (!step(d) || fails(v, FAULT_CREATE))
		return -EIO;
	if (vfile_find(v, id))
		return -EEXIST;
	if (used_space(v) + size > v->capacity)
		return -ENOSPC;
	vfile_new(v, id, size)->named = true;
	*out = open_new(d, id);
	return 0;
}

static int v_open(struct disk *d, uint64_t id, struct disk_file **out, uint64_t *size)
{
	struct vdisk *v = vdisk_of(d);
	struct vfile *f = v ? vfile_find(v, id) : NULL;

	if (!f)
		return v ? -ENOENT : -EIO;
	*size = f->size;
	*out = open_new(d, id);
	return 0;
}

static void v_close(struct disk_file *file)
{
	free(file);
}

static int v_unlink(struct disk *d, uint64_t id)
{
	struct vdisk *v = vdisk_of(d);
	struct vfile *f;

	if (!step(d) || fails(v, FAULT_UNLINK))
		return -EIO;
	f = vfile_find(v, id);
	if (!f)
		return -ENOENT;
	f->named = false;
	vdisk_sweep(v);
	return 0;
}

static int v_sync_names(struct disk *d)
{
	struct vdisk *v = vdisk_of(d);

	if (!step(d) || fails(v, FAULT_SYNC_NAMES))
		return -EIO;
	for (struct vfile *f = v->files; f; f = f->next)
		f->named_durably = f->named;
	vdisk_sweep(v);
	return 0;
}

static int v_write(struct disk_file *file, const struct iovec *parts, size_t count,
		   uint64_t offset)
{
	struct vdisk *v = vdisk_of(file->disk);
	struct vfile *f;
	uint64_t len = 0, keep, at = 0;
	unsigned char *all;
	int rc = 0;

	if (!step(file->disk))
		return -EIO;
	f = vfile_of(file);
	for (size_t i = 0; i < count; i++)
		len += parts[i].iov_len;
	if (!f || offset + len > f->size)
		return -ENOSPC; /* the store must never write beyond what it reserved */
	keep = len;
	if (fails(v, FAULT_WRITE)) {
		uint64_t choice = rng_below(&v->rng, 3);

		keep = choice == 0 ? 0 : choice == 1 ? rng_below(&v->rng, len) : len;
		rc = -EIO;
	}
	all = xmalloc(len + 1);
	for (size_t i = 0; i < count; i++) {
		memcpy(all + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	vfile_add_write(f, offset, all, keep);
	free(all);
	return rc;
}

static int v_sync(struct disk_file *file)
{
	struct vdisk *v = vdisk_of(file->disk);
	struct vfile *f;
	bool broken;

	if (!step(file->disk))
		return -EIO;
	f = vfile_of(file);
	broken = fails(v, FAULT_SYNC);
	for (struct write *w = f->writes; w; w = w->next) {
		if (broken)
			vfile_reach_in_units(v, f, w, 4096, 50);
		else
			vfile_reach(f, w, 0, w->len);
	}
	vfile_drop_writes(f);
	if (broken)
		return -EIO;
	vfile_reach_size(f);
	return 0;
}

static int v_truncate(struct disk_file *file, uint64_t size)
{
	struct vfile *f;

	if (!step(file->disk))
		return -EIO;
	f = vfile_of(file);
	if (size > f->size)
		return -EINVAL;
	f->size = size;
	return 0;
}

static bool is_bad(const struct vfile *f, uint64_t offset, uint64_t len)
{
	for (size_t i = 0; i < f->bad_count; i++) {
		if (f->bad[i] < offset + len && offset < f->bad[i] + 4096)
			return true;
	}
	return false;
}

static int v_read(struct disk_file *file, const struct iovec *parts, size_t count,
		  uint64_t offset)
{
	struct vdisk *v = vdisk_of(file->disk);
	struct vfile *f;

	if (v && v->before_read) {
		void (*call)(void *arg) = v->before_read;

		v->before_read = NULL;
		call(v->before_read_arg);
	}
	f = vfile_of(file);
	if (!f || fails(v, FAULT_READ))
		return -EIO;
	for (size_t i = 0; i < count; i++) {
		if (offset + parts[i].iov_len > f->size || is_bad(f, offset, parts[i].iov_len))
			return -EIO;
		memcpy(parts[i].iov_base, f->cache + offset, parts[i].iov_len);
		offset += parts[i].iov_len;
	}
	return 0;
}

/* As O_DIRECT does: what is dirty goes out first (it can still be lost), then the medium. */
static int v_read_medium(struct disk_file *file, void *buf, size_t len, uint64_t offset)
{
	struct vfile *f = vfile_of(file);

	if (!f || offset + len > f->size || is_bad(f, offset, len))
		return -EIO;
	memcpy(buf, f->medium + offset, len);
	for (const struct write *w = f->writes; w; w = w->next) {
		uint64_t from = w->offset > offset ? w->offset : offset;
		uint64_t to =
			w->offset + w->len < offset + len ? w->offset + w->len : offset + len;

		if (from < to)
			memcpy((char *)buf + (from - offset), w->bytes + (from - w->offset),
			       to - from);
	}
	return 0;
}

static int v_free_space(struct disk *d, uint64_t *bytes)
{
	struct vdisk *v = vdisk_of(d);
	uint64_t used;

	if (!v)
		return -EIO;
	used = used_space(v);
	*bytes = used < v->capacity ? v->capacity - used : 0;
	return 0;
}

static struct vsmall *find_small(struct vdisk *v, const char *name)
{
	for (int i = 0; i < SMALL_FILES; i++) {
		if (strcmp(v->small[i].name, name) == 0)
			return &v->small[i];
	}
	return NULL;
}

static int v_load(struct disk *d, const char *name, void *buf, size_t size, size_t *len)
{
	struct vdisk *v = vdisk_of(d);
	struct vsmall *small;

	if (!v)
		return -EIO;
	small = find_small(v, name);
	if (!small)
		return -ENOENT;
	if (small->len > size)
		return -EFBIG;
	*len = small->len;
	memcpy(buf, small->bytes, small->len);
	return 0;
}

static int v_save(struct disk *d, const char *name, const void *data, size_t len)
{
	struct vdisk *v = vdisk_of(d);
	struct vsmall *small;

	if (!step(d) || len > SMALL_MAX)
		return -EIO;
	small = find_small(v, name);
	if (!small)
		small = find_small(v, "");
	assert(small && strlen(name) < sizeof(small->name));
	memcpy(small->name, name, strlen(name) + 1);
	memcpy(small->bytes, data, len);
	small->len = len;
	return 0;
}

static void v_random(struct disk *d, void *buf, size_t len)
{
	struct vdisk *v = vdisk_of(d);

	for (size_t i = 0; i < len; i++)
		((unsigned char *)buf)[i] = v ? (unsigned char)rng_next(&v->rng) : 0;
}

static void v_free(struct disk *d)
{
	struct vdisk *v = vdisk_of(d);

	if (v)
		v->handle = NULL;
	free(d);
}

static const struct disk_ops vdisk_ops = {
	.list = v_list,
	.create = v_create,
	.open = v_open,
	.close = v_close,
	.unlink = v_unlink,
	.sync_names = v_sync_names,
	.write = v_write,
	.sync = v_sync,
	.truncate = v_truncate,
	.read = v_read,
	.read_medium = v_read_medium,
	.free_space = v_free_space,
	.load = v_load,
	.save = v_save,
	.random = v_random,
	.free = v_free,
};

struct disk *vdisk_attach(struct vdisk *v)
{
	if (v->handle)
		vdisk_detach(v);
	v->handle = xcalloc(1, sizeof(*v->handle));
	v->handle->disk.ops = &vdisk_ops;
	v->handle->v = v;
	return &v->handle->disk;
}

void vdisk_before_read(struct vdisk *v, void (*call)(void *arg), void *arg)
{
	v->before_read = call;
	v->before_read_arg = arg;
}
