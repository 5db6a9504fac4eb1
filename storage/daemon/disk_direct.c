/*
 * The parts are gathered in a buffer that is reused, so its pages are warm: that copy runs at
 * the speed of memory. The buffer is made by the first large write.
 */
#include "storage/daemon/disk_direct.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/daemon/disk.h"

#define DIRECT_BUFFER ((size_t)4 * 1024 * 1024)

struct direct {
	pthread_mutex_t lock;
	unsigned char *buffer;
};

struct direct *direct_new(void)
{
	struct direct *d = xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void direct_free(struct direct *d)
{
	pthread_mutex_destroy(&d->lock);
	free(d->buffer);
	free(d);
}

static int write_all(int fd, const unsigned char *from, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* What is left must still be aligned. */
		if (n == 0 || n % DISK_PAGE != 0)
			return -EIO;
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Fill the buffer from where `at` stands in the parts, and step on. Returns how much it holds.
 */
static size_t gather(unsigned char *buffer, const struct iovec **part, size_t *count,
		     size_t *at)
{
	size_t len = 0;

	while (*count > 0 && len < DIRECT_BUFFER) {
		size_t n = (*part)->iov_len - *at;

		if (n > DIRECT_BUFFER - len)
			n = DIRECT_BUFFER - len;
		memcpy(buffer + len, (const char *)(*part)->iov_base + *at, n);
		len += n;
		*at += n;
		if (*at == (*part)->iov_len) {
			(*part)++;
			(*count)--;
			*at = 0;
		}
	}
	return len;
}

int direct_write(struct direct *d, int fd, const struct iovec *parts, size_t count,
		 uint64_t offset)
{
	size_t at = 0;
	int rc = 0;

	pthread_mutex_lock(&d->lock);
	if (d->buffer == NULL &&
	    posix_memalign((void **)&d->buffer, DISK_PAGE, DIRECT_BUFFER) != 0)
		fatal("out of memory");
	while (rc == 0 && count > 0) {
		size_t len = gather(d->buffer, &parts, &count, &at);

		rc = write_all(fd, d->buffer, len, offset);
		offset += len;
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}
