/*
 * What the store needs of a disk: one file a segment, named by its id, and a few small files.
 *
 * disk_posix.c is the real one; the tests have one inside the process that loses, reorders and
 * tears what was not synced. All calls block. Different files may be used by several threads at
 * once, and one file by one writer and many readers.
 *
 * Errors are -errno. A write, truncation, create or unlink that returned 0 is visible at once,
 * but survives a power cut only after sync (of the file: bytes and size) or sync_names (of the
 * folder: create, unlink) returned 0. Of what was not synced any part may survive, in units of
 * 512 bytes, in any order.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "proto/base/err.h"

/* Alignment and unit of read_medium(). */
#define DISK_PAGE 4096

struct disk;

struct disk_file {
	struct disk *disk;
};

struct disk_ops {
	/* Segment ids, in no order; the array is the caller's to free(). */
	int (*list)(struct disk *d, uint64_t **ids, size_t *count);
	/* A new file of `size` bytes that read as zeros and have their room: later writes into
	 * them do not fail for lack of it. -EEXIST, -ENOSPC. */
	int (*create)(struct disk *d, uint64_t id, uint64_t size, struct disk_file **out);
	int (*open)(struct disk *d, uint64_t id, struct disk_file **out, uint64_t *size);
	void (*close)(struct disk_file *f);
	int (*unlink)(struct disk *d, uint64_t id);
	int (*sync_names)(struct disk *d);

	/* All of it or an error; after an error any part may have been written. */
	int (*write)(struct disk_file *f, const struct iovec *parts, size_t count,
		     uint64_t offset);
	int (*sync)(struct disk_file *f);
	int (*truncate)(struct disk_file *f, uint64_t size);
	/* All of it or an error; beyond the end of the file is -EIO. */
	int (*read)(struct disk_file *f, const struct iovec *parts, size_t count,
		    uint64_t offset);
	/* Read past the page cache, which after a failed sync may show bytes that the medium
	 * never got. buf, len and offset are multiples of DISK_PAGE. */
	int (*read_medium)(struct disk_file *f, void *buf, size_t len, uint64_t offset);

	int (*free_space)(struct disk *d, uint64_t *bytes);
	/* Small files: replaced as a whole, durable on return. -ENOENT; -EFBIG beyond size. */
	int (*load)(struct disk *d, const char *name, void *buf, size_t size, size_t *len);
	int (*save)(struct disk *d, const char *name, const void *data, size_t len);

	void (*random)(struct disk *d, void *buf, size_t len);
	void (*free)(struct disk *d);
};

struct disk {
	const struct disk_ops *ops;
};

/*
 * The disk in folder `dir`, which is made if absent and locked for the life of the disk.
 * -EBUSY: another process has it.
 */
int disk_posix_open(const char *dir, struct disk **out) MUST_CHECK;
