/* What vdisk.c (the disk as the store sees it) and vdisk_platter.c (what happens to it) share.
 */
#pragma once

#include "tests/unit/storage/vdisk.h"

#define SECTOR	    512
#define SMALL_MAX   512
#define SMALL_FILES 2
#define BAD_MAX	    16

/* What the cache has and the medium has not. */
struct write {
	struct write *next;
	uint64_t offset, len;
	unsigned char bytes[];
};

/* `cache` and `medium` hold `room` bytes; only the first `used` were ever touched. */
struct vfile {
	struct vfile *next;
	uint64_t id;
	bool named, named_durably;
	uint64_t size, size_durable;
	uint64_t room, used;
	unsigned char *cache, *medium;
	struct write *writes, **writes_end;
	uint64_t bad[BAD_MAX];
	size_t bad_count;
};

/* A small file: replaced as a whole. */
struct vsmall {
	char name[16]; /* "": none */
	unsigned char bytes[SMALL_MAX];
	size_t len;
};

struct vdisk {
	struct vfile *files;
	uint64_t capacity, occupied, steps, die_before;
	struct rng rng;
	unsigned fail[FAULT_KINDS];
	uint64_t failed[FAULT_KINDS];
	struct vhandle *handle;
	struct vsmall small[SMALL_FILES];
	void (*before_read)(void *arg);
	void *before_read_arg;
};

struct vhandle {
	struct disk disk;
	struct vdisk *v; /* NULL: the process is dead */
};

struct vopen {
	struct disk_file file;
	uint64_t id;
};

struct vfile *vfile_find(const struct vdisk *v, uint64_t id);
void vfile_drop_writes(struct vfile *f);
void vfile_free(struct vfile *f);
struct vfile *vfile_new(struct vdisk *v, uint64_t id, uint64_t size);
void vdisk_sweep(struct vdisk *v);
void vfile_add_write(struct vfile *f, uint64_t offset, const unsigned char *bytes,
		     uint64_t len);
void vfile_reach(struct vfile *f, const struct write *w, uint64_t from, uint64_t to);
void vfile_reach_in_units(struct vdisk *v, struct vfile *f, const struct write *w,
			  uint64_t unit, unsigned percent);
void vfile_reach_size(struct vfile *f);
