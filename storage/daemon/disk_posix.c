/*
 * The disk as a folder:
 *
 *	LOCK                       held by flock for the life of the disk
 *	identity                   and other small files
 *	segments/0000000000000011.seg
 *	index/                     not ours: see index_lmdb.c
 *
 * One descriptor a segment, open as long as the segment is in use, does all its syncs and all
 * writes that go through the page cache: Linux reports a failed writeback once per open file,
 * and to those open at the time. Large writes go past the cache (disk_direct.h) and report
 * their failure themselves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/daemon/disk.h"
#include "storage/daemon/disk_direct.h"

#define NAME_FORMAT "%016llx.seg"
#define NAME_SIZE   sizeof("0123456789abcdef.seg")

struct posix_disk {
	struct disk disk;
	int root; /* descriptors of folders */
	int segments;
	int lock;
	struct direct *direct;
};

struct posix_file {
	struct disk_file file;
	uint64_t id;
	int fd;
	int direct; /* the same with O_DIRECT: NOT_OPEN, NOT_POSSIBLE */
};

enum { NOT_OPEN = -1, NOT_POSSIBLE = -2 };

static struct posix_disk *disk_of(struct disk *d)
{
	return (struct posix_disk *)d;
}

static struct posix_file *file_of(struct disk_file *f)
{
	return (struct posix_file *)f;
}

static void name_of(uint64_t id, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, NAME_FORMAT, (unsigned long long)id);
}

static int disk_list(struct disk *d, uint64_t **ids, size_t *count)
{
	int fd = openat(disk_of(d)->segments, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t room = 0;
	int rc;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	*ids = NULL;
	*count = 0;
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		unsigned long long id;
		char again[NAME_SIZE];

		if (sscanf(entry->d_name, "%16llx.seg", &id) != 1)
			continue;
		name_of(id, again);
		if (strcmp(again, entry->d_name) != 0)
			continue;
		if (*count == room) {
			room = room ? 2 * room : 64;
			*ids = xrealloc(*ids, room * sizeof(**ids));
		}
		(*ids)[(*count)++] = id;
	}
	rc = -errno;
	if (rc < 0)
		free(*ids);
	closedir(dir);
	return rc;
}

static struct disk_file *file_new(struct disk *d, uint64_t id, int fd)
{
	struct posix_file *f = xcalloc(1, sizeof(*f));

	f->file.disk = d;
	f->id = id;
	f->fd = fd;
	f->direct = NOT_OPEN;
	return &f->file;
}

static int disk_create(struct disk *d, uint64_t id, uint64_t size, struct disk_file **out)
{
	int segments = disk_of(d)->segments, fd, rc;
	char name[NAME_SIZE];

	name_of(id, name);
	fd = openat(segments, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	do {
		rc = posix_fallocate(fd, 0, (off_t)size);
	} while (rc == EINTR);
	if (rc != 0) {
		close(fd);
		unlinkat(segments, name, 0);
		return -rc;
	}
	*out = file_new(d, id, fd);
	return 0;
}

static int disk_open(struct disk *d, uint64_t id, struct disk_file **out, uint64_t *size)
{
	char name[NAME_SIZE];
	struct stat st;
	int fd;

	name_of(id, name);
	fd = openat(disk_of(d)->segments, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	*size = (uint64_t)st.st_size;
	*out = file_new(d, id, fd);
	return 0;
}

static void file_close(struct disk_file *f)
{
	close(file_of(f)->fd);
	if (file_of(f)->direct >= 0)
		close(file_of(f)->direct);
	free(f);
}

static int disk_unlink(struct disk *d, uint64_t id)
{
	char name[NAME_SIZE];

	name_of(id, name);
	return unlinkat(disk_of(d)->segments, name, 0) < 0 ? -errno : 0;
}

static int disk_sync_names(struct disk *d)
{
	return fsync(disk_of(d)->segments) < 0 ? -errno : 0;
}

/* Step over `done` bytes at the front of parts; returns the number of parts that are through.
 */
static size_t parts_advance(struct iovec *parts, size_t count, size_t done)
{
	size_t i = 0;

	while (i < count && done >= parts[i].iov_len)
		done -= parts[i++].iov_len;
	if (done > 0) {
		parts[i].iov_base = (char *)parts[i].iov_base + done;
		parts[i].iov_len -= done;
	}
	return i;
}

typedef ssize_t transfer(int fd, const struct iovec *parts, int count, off_t offset);

/* preadv or pwritev until all is through. */
static int transfer_all(struct disk_file *f, transfer *move, const struct iovec *parts,
			size_t count, uint64_t offset)
{
	struct iovec window[64];

	while (count > 0) {
		size_t n = count < 64 ? count : 64, first = 0;

		memcpy(window, parts, n * sizeof(*parts));
		parts += n;
		count -= n;
		/* Parts may be empty; a transfer of nothing must not look like the end. */
		while (first += parts_advance(window + first, n - first, 0), first < n) {
			ssize_t done = move(file_of(f)->fd, window + first, (int)(n - first),
					    (off_t)offset);

			if (done < 0 && errno == EINTR)
				continue;
			if (done <= 0)
				return done < 0 ? -errno : -EIO;
			offset += (uint64_t)done;
			first += parts_advance(window + first, n - first, (size_t)done);
		}
	}
	return 0;
}

static int open_direct(struct disk_file *f, int flags)
{
	char name[NAME_SIZE];

	name_of(file_of(f)->id, name);
	return openat(disk_of(f->disk)->segments, name, flags | O_DIRECT | O_CLOEXEC);
}

/* Large and aligned, on a file system that can: past the cache. -EINVAL: write through it. */
static int write_past_cache(struct disk_file *f, const struct iovec *parts, size_t count,
			    uint64_t offset)
{
	struct posix_file *p = file_of(f);
	size_t bytes = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		bytes += parts[i].iov_len;
	if (bytes < DIRECT_MIN || bytes % DISK_PAGE != 0 || offset % DISK_PAGE != 0 ||
	    p->direct == NOT_POSSIBLE)
		return -EINVAL;
	if (p->direct == NOT_OPEN)
		p->direct = open_direct(f, O_WRONLY);
	rc = p->direct < 0
		     ? -EINVAL
		     : direct_write(disk_of(f->disk)->direct, p->direct, parts, count, offset);
	if (rc == -EINVAL) {
		if (p->direct >= 0)
			close(p->direct);
		p->direct = NOT_POSSIBLE;
	}
	return rc;
}

static int file_write(struct disk_file *f, const struct iovec *parts, size_t count,
		      uint64_t offset)
{
	int rc = write_past_cache(f, parts, count, offset);

	return rc == -EINVAL ? transfer_all(f, pwritev, parts, count, offset) : rc;
}

static int file_read(struct disk_file *f, const struct iovec *parts, size_t count,
		     uint64_t offset)
{
	return transfer_all(f, preadv, parts, count, offset);
}

static int file_sync(struct disk_file *f)
{
	return fdatasync(file_of(f)->fd) < 0 ? -errno : 0;
}

static int file_truncate(struct disk_file *f, uint64_t size)
{
	return ftruncate(file_of(f)->fd, (off_t)size) < 0 ? -errno : 0;
}

static int file_read_medium(struct disk_file *f, void *buf, size_t len, uint64_t offset)
{
	struct posix_file direct = *file_of(f);
	struct iovec part = {buf, len};
	int rc = -EINVAL;

	direct.fd = open_direct(f, O_RDONLY);
	if (direct.fd >= 0) {
		rc = file_read(&direct.file, &part, 1, offset);
		close(direct.fd);
	}
	if (rc != -EINVAL)
		return rc;
	/* No O_DIRECT here (tmpfs, some network disks): ask the cache to forget what is clean.
	 */
	posix_fadvise(file_of(f)->fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
	return file_read(f, &part, 1, offset);
}

static int disk_free_space(struct disk *d, uint64_t *bytes)
{
	struct statvfs st;

	if (fstatvfs(disk_of(d)->root, &st) < 0)
		return -errno;
	*bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

static int disk_load(struct disk *d, const char *name, void *buf, size_t size, size_t *len)
{
	int fd = openat(disk_of(d)->root, name, O_RDONLY | O_CLOEXEC), rc = 0;
	char more;

	if (fd < 0)
		return -errno;
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, (char *)buf + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (rc == 0 && *len == size && read(fd, &more, 1) > 0)
		rc = -EFBIG;
	close(fd);
	return rc;
}

static int disk_save(struct disk *d, const char *name, const void *data, size_t len)
{
	int root = disk_of(d)->root, fd, rc = 0;
	char *temporary = xasprintf("%s.new", name);

	fd = openat(root, temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	for (size_t done = 0; done < len && rc == 0;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			rc = -errno;
	}
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	if (rc == 0 && renameat(root, temporary, root, name) < 0)
		rc = -errno;
	if (rc == 0 && fsync(root) < 0)
		rc = -errno;
out:
	free(temporary);
	return rc;
}

static void disk_random(struct disk *d, void *buf, size_t len)
{
	(void)d;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		fatal("getrandom: %s", strerror(errno));
}

static void disk_free(struct disk *d)
{
	struct posix_disk *p = disk_of(d);

	if (p->segments >= 0)
		close(p->segments);
	if (p->root >= 0)
		close(p->root);
	if (p->lock >= 0)
		close(p->lock);
	direct_free(p->direct);
	free(p);
}

static const struct disk_ops posix_ops = {
	.list = disk_list,
	.create = disk_create,
	.open = disk_open,
	.close = file_close,
	.unlink = disk_unlink,
	.sync_names = disk_sync_names,
	.write = file_write,
	.sync = file_sync,
	.truncate = file_truncate,
	.read = file_read,
	.read_medium = file_read_medium,
	.free_space = disk_free_space,
	.load = disk_load,
	.save = disk_save,
	.random = disk_random,
	.free = disk_free,
};

/* Open a folder; make it, durably, if it is not there. */
static int open_folder(int parent, const char *path, int *out)
{
	int made = mkdirat(parent, path, 0750), above, rc = 0;

	if (made < 0 && errno != EEXIST)
		return -errno;
	*out = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*out < 0)
		return -errno;
	if (made < 0)
		return 0;
	above = openat(*out, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return -errno;
	if (fsync(above) < 0)
		rc = -errno;
	close(above);
	return rc;
}

static int open_all(struct posix_disk *p, const char *dir)
{
	int rc = open_folder(AT_FDCWD, dir, &p->root);

	if (rc < 0)
		return rc;
	p->lock = openat(p->root, "LOCK", O_CREAT | O_RDWR | O_CLOEXEC, 0640);
	if (p->lock < 0)
		return -errno;
	if (flock(p->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return open_folder(p->root, "segments", &p->segments);
}

int disk_posix_open(const char *dir, struct disk **out)
{
	struct posix_disk *p = xcalloc(1, sizeof(*p));
	int rc;

	p->disk.ops = &posix_ops;
	p->direct = direct_new();
	p->root = p->segments = p->lock = -1;
	rc = open_all(p, dir);
	if (rc < 0)
		disk_free(&p->disk);
	else
		*out = &p->disk;
	return rc;
}
