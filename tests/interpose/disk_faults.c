/*
 * A disk that fails on command. Preloaded into one program (LD_PRELOAD), it stands before the
 * calls that read, write and sync files. DISK_FAULTS names a file; while that holds a line
 *
 *	CALL FAULT FOLDER
 *
 * CALL (read, write, sync) fails for all files below FOLDER, an absolute path without links:
 *
 *	EIO, ENOSPC	nothing is done
 *	torn		half of the bytes are written, EIO is said
 *	short		half of the bytes are moved, and just so many are said: no error
 *
 * The file is looked at in each call, so that a test changes it while the program runs; it
 * must be replaced whole, by a rename. Thread-safe.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* No real file system moves so many parts at once for our programs. */
#define PARTS_MAX 1024

typedef ssize_t vector_call(int fd, const struct iovec *parts, int count, off_t at);
typedef int sync_call(int fd);

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

static size_t load_rules(char *out, size_t size)
{
	const char *path = getenv("DISK_FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return 0;
	len = read(fd, out, size - 1);
	close(fd);
	if (len < 0)
		len = 0;
	out[len] = '\0';
	return (size_t)len;
}

static int path_of(int fd, char *out, size_t size)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out, size - 1);
	if (len < 0)
		return -1;
	out[len] = '\0';
	return 0;
}

static int is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The name of the fault that this call meets, in `out`; 0: none. Keeps errno. */
static int meets(const char *call, int fd, char out[16])
{
	char rules[4096], path[4096], *save = NULL;
	int kept = errno, found = 0;

	if (load_rules(rules, sizeof(rules)) > 0 && path_of(fd, path, sizeof(path)) == 0) {
		for (char *line = strtok_r(rules, "\n", &save); line != NULL && !found;
		     line = strtok_r(NULL, "\n", &save)) {
			char name[16], folder[4096];

			found = sscanf(line, "%15s %15s %4095s", name, out, folder) == 3 &&
				strcmp(name, call) == 0 && is_below(path, folder);
		}
	}
	errno = kept;
	return found;
}

/* The first half of the parts, whole sectors where there are some; how many parts that are. */
static int halve(const struct iovec *parts, int count, struct iovec out[PARTS_MAX])
{
	size_t total = 0, half;
	int n = 0;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	half = total >= 1024 ? total / 2 / 512 * 512 : (total + 1) / 2;
	for (; n < count && half > 0; n++) {
		out[n] = parts[n];
		if (out[n].iov_len > half)
			out[n].iov_len = half;
		half -= out[n].iov_len;
	}
	return n;
}

static ssize_t move(const char *call, vector_call *real, int fd, const struct iovec *parts,
		    int count, off_t at)
{
	struct iovec first[PARTS_MAX];
	char fault[16];
	ssize_t done;

	if (count < 0 || count > PARTS_MAX || !meets(call, fd, fault))
		return real(fd, parts, count, at);
	if (strcmp(fault, "short") == 0)
		return real(fd, first, halve(parts, count, first), at);
	if (strcmp(fault, "torn") == 0) {
		done = real(fd, first, halve(parts, count, first), at);
		(void)done;
	}
	errno = strcmp(fault, "ENOSPC") == 0 ? ENOSPC : EIO;
	return -1;
}

static int sync_file(const char *name, int fd)
{
	char fault[16];

	if (!meets("sync", fd, fault))
		return ((sync_call *)next(name))(fd);
	errno = strcmp(fault, "ENOSPC") == 0 ? ENOSPC : EIO;
	return -1;
}

int fdatasync(int fd)
{
	return sync_file("fdatasync", fd);
}

int fsync(int fd)
{
	return sync_file("fsync", fd);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t at)
{
	return move("read", (vector_call *)next("preadv"), fd, parts, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return move("write", (vector_call *)next("pwritev"), fd, parts, count, at);
}

ssize_t pread(int fd, void *buf, size_t len, off_t at)
{
	struct iovec part = {buf, len};

	return preadv(fd, &part, 1, at);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at)
{
	struct iovec part = {(void *)buf, len};

	return pwritev(fd, &part, 1, at);
}

/* Where off_t has 64 bits anyway, programs may use either name. */
ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t at)
	__attribute__((alias("preadv")));
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
	__attribute__((alias("pwritev")));
ssize_t pread64(int fd, void *buf, size_t len, off64_t at) __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t at)
	__attribute__((alias("pwrite")));
