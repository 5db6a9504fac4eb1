/*
 * Copies on the daemons' disks: damaged behind their backs, and listed by asking them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/net/net.h"

bool net_flip_bit(const char *daemon_dir, uint32_t seed)
{
	unsigned char needle[64];
	char path[512];
	struct dirent *entry;
	bool found = false;
	DIR *d;

	for (uint32_t i = 0; i < sizeof(needle); i++)
		needle[i] = net_byte(seed, 100000 + i);
	snprintf(path, sizeof(path), "%s/segments", daemon_dir);
	d = opendir(path);
	CHECK(d != NULL);
	while ((entry = readdir(d)) != NULL) {
		unsigned char *bytes, *at;
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%s/segments/%s", daemon_dir, entry->d_name);
		fd = open(path, O_RDWR);
		if (entry->d_name[0] == '.' || fd < 0)
			continue;
		CHECK(fstat(fd, &st) == 0);
		bytes = malloc((size_t)st.st_size + 1);
		CHECK(bytes != NULL && read(fd, bytes, (size_t)st.st_size) == st.st_size);
		at = memmem(bytes, (size_t)st.st_size, needle, sizeof(needle));
		if (at != NULL) {
			unsigned char flipped = *at ^ 0x10;

			CHECK(pwrite(fd, &flipped, 1, at - bytes) == 1);
			found = true;
		}
		free(bytes);
		close(fd);
	}
	closedir(d);
	return found;
}

bool await_net_has(struct net *net, uint16_t node, const struct wire_pair *pair)
{
	struct store_listing listing;
	struct arena *a = arena_new();
	bool found = false;

	CHECK(await_store_list(net->client, node, partition_of(pair->digest), 1, NULL, 100,
			       5000, a, &listing) == 0);
	CHECK(!listing.more && listing.partitions == 1);
	for (size_t i = 0; i < listing.count; i++)
		if (memcmp(listing.chunks[i].digest, pair->digest, 32) == 0 &&
		    listing.chunks[i].gen == pair->gen && listing.chunks[i].len == pair->len)
			found = true;
	arena_free(a);
	return found;
}

size_t await_net_count(struct net *net, uint16_t node, const struct wire_pair *pairs, size_t n)
{
	struct arena *a = arena_new();
	struct store_listing page = {.more = true};
	struct wire_pair last = {.gen = 0};
	size_t found = 0;

	while (page.more) {
		CHECK(await_store_list(net->client, node, 0, PARTITIONS,
				       last.gen == 0 ? NULL : &last, 100, 5000, a, &page) == 0);
		CHECK(page.partitions == PARTITIONS && page.count <= 100);
		for (size_t i = 0; i < page.count; i++) {
			CHECK(memcmp(page.chunks[i].digest, last.digest, 32) >= 0);
			last = page.chunks[i];
			for (size_t k = 0; k < n; k++)
				found += pairs[k].gen == last.gen &&
					 memcmp(pairs[k].digest, last.digest, 32) == 0;
		}
	}
	arena_free(a);
	return found;
}
