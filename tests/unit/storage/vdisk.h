/*
 * A disk inside the process that breaks its promises as real ones do.
 *
 * Each file has two contents: what the page cache shows, and what the medium holds. A write
 * goes to the cache and stands in a list until a sync; a power cut takes any part of that list.
 * The platter (struct vdisk) outlives the store that uses it through a handle (struct disk).
 */
#pragma once

#include "storage/daemon/disk.h"
#include "tests/unit/storage/rng.h"

struct vdisk;

struct vdisk *vdisk_new(uint64_t seed, uint64_t capacity);
void vdisk_free(struct vdisk *v);
/* What is on the medium now, and what is not synced, as a second disk. */
struct vdisk *vdisk_clone(const struct vdisk *v);
void vdisk_seed(struct vdisk *v, uint64_t seed);

/* A handle for a store. The one before it is dead from now on. */
struct disk *vdisk_attach(struct vdisk *v);
/* The process dies: whatever its store does from now on fails and has no effect. */
void vdisk_detach(struct vdisk *v);
/* The process dies before the n-th call from now that changes something. 0: it does not. */
void vdisk_die_before(struct vdisk *v, uint64_t n);
bool vdisk_dead(const struct vdisk *v);
/* Calls so far that change something. */
uint64_t vdisk_steps(const struct vdisk *v);

/* What survives of that which was not synced, in each file. */
enum power_cut {
	CUT_NONE,    /* nothing */
	CUT_ALL,     /* everything */
	CUT_SECTORS, /* any set of 512-byte sectors */
	CUT_PAGES,   /* any set of 4 KiB pages */
	CUT_TORN,    /* whole writes in order up to one, of which a first part */
	CUT_KINDS
};
/* Names and sizes that were not synced survive or not, each by itself. Detaches. */
void vdisk_power_cut(struct vdisk *v, enum power_cut kind);

enum vdisk_fault {
	FAULT_WRITE, /* -EIO; nothing, a part or all was written */
	FAULT_SYNC,  /* -EIO; a part reached the medium, the cache looks clean */
	FAULT_SYNC_NAMES,
	FAULT_READ,
	FAULT_CREATE,
	FAULT_UNLINK,
	FAULT_KINDS
};
/* The n-th call of the kind from now fails. 0: none will. */
void vdisk_fail(struct vdisk *v, enum vdisk_fault kind, unsigned n);
void vdisk_fail_none(struct vdisk *v);
/* Calls of the kind that failed so far. */
uint64_t vdisk_failed(const struct vdisk *v, enum vdisk_fault kind);

/* Call once before the next read. */
void vdisk_before_read(struct vdisk *v, void (*call)(void *arg), void *arg);

/* Bytes of all files, as the disk counts them. */
uint64_t vdisk_used(const struct vdisk *v);
/* Bytes of the disk that something else occupies. */
void vdisk_occupy(struct vdisk *v, uint64_t bytes);
uint64_t vdisk_capacity(const struct vdisk *v);

/* Rot, on the medium and in the cache. */
size_t vdisk_segments(const struct vdisk *v, uint64_t *ids, size_t max);
uint64_t vdisk_size(const struct vdisk *v, uint64_t id);
const unsigned char *vdisk_bytes(const struct vdisk *v, uint64_t id);
void vdisk_overwrite(struct vdisk *v, uint64_t id, uint64_t offset, const void *bytes,
		     size_t len);
void vdisk_cut_short(struct vdisk *v, uint64_t id, uint64_t size);
/* The page at offset cannot be read any more. */
void vdisk_bad_page(struct vdisk *v, uint64_t id, uint64_t offset);
