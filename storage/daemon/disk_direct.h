/*
 * Large writes past the page cache.
 *
 * A chunk is written once, synced at once, and read by whoever pulls it next, maybe never. Its
 * way through the page cache costs a copy into pages that were just made, which is more CPU
 * time than all else a daemon does with it; so a large batch goes to the medium by O_DIRECT out
 * of one aligned buffer. Small ones stay in the cache: there the copy is cheap, and recent
 * small blobs are what is read again first.
 *
 * A direct write is no promise: the file must be synced all the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "proto/base/err.h"

/* Batches from here on are written directly. */
#define DIRECT_MIN ((size_t)128 * 1024)

struct direct;

struct direct *direct_new(void);
void direct_free(struct direct *d);

/*
 * Write all parts to fd, which was opened with O_DIRECT. Offset and the sum of the parts are
 * multiples of DISK_PAGE. Any thread; writers take turns. 0, -errno as pwrite(2); -EINVAL
 * means that this file system wants it otherwise: write through the cache.
 */
int direct_write(struct direct *d, int fd, const struct iovec *parts, size_t count,
		 uint64_t offset) MUST_CHECK;
