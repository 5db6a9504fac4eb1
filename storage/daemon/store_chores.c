/*
 * What compaction and scrub have in common: to check one copy to the last bit, to drop a bad
 * one, and to find the copies of a segment that its log does not show.
 */
#include "storage/daemon/store_chores.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/model/digest.h"

#define PAGE_ENTRIES 512

/* The record at this place must be this copy, its CRCs and its SHA-256 right. */
static const unsigned char *check_once(struct cursor *c, const struct index_entry *e)
{
	const unsigned char *head = cursor_bytes(c, e->place.offset, record_size(e->len));
	uint32_t written[CHUNK_BLOCKS_MAX], crcs[CHUNK_BLOCKS_MAX];
	unsigned char digest[SHA256_BYTES];
	struct iovec part;
	struct record r;

	if (!head || record_decode(head, c->segment->super.salt, &e->place, &r) < 0 ||
	    r.type != RECORD_PUT || r.len != e->len || !chunk_key_equal(&r.key, &e->key) ||
	    record_crcs(head, r.len, written) < 0)
		return NULL;
	part.iov_base = (void *)(head + record_head_size(e->len));
	part.iov_len = e->len;
	if (memcmp(crcs, written, 4 * store_block_crcs(&part, 1, crcs)) != 0)
		return NULL;
	sha256_of(part.iov_base, part.iov_len, digest);
	return memcmp(digest, e->key.digest, SHA256_BYTES) == 0 ? part.iov_base : NULL;
}

/* Does the disk answer at all? */
static int ask_disk(struct segment *segment)
{
	const struct disk_ops *ops = segment->file->disk->ops;
	unsigned char *page;
	int rc;

	if (posix_memalign((void **)&page, LOG_PAGE, LOG_PAGE) != 0)
		fatal("out of memory");
	rc = ops->read_medium(segment->file, page, LOG_PAGE, 0);
	if (rc < 0)
		rc = ops->read_medium(segment->file, page, LOG_PAGE, LOG_PAGE);
	free(page);
	return rc;
}

int store_copy_check(struct cursor *c, const struct index_entry *e, const unsigned char **bytes)
{
	int rc;

	*bytes = check_once(c, e);
	if (*bytes)
		return 0;
	cursor_forget(c); /* it may have been the way to here */
	*bytes = check_once(c, e);
	if (*bytes)
		return 0;
	/* A disk that has gone must not cost the copies that are on it. */
	rc = ask_disk(c->segment);
	return rc < 0 ? rc : ERR_CORRUPT;
}

void store_copy_is_bad(struct store *s, const struct chores *c, const struct index_entry *e,
		       struct chores_report *out)
{
	log_warn("a stored copy is bad and leaves the index",
		 "gen=%llu segment=%llu offset=%llu bytes=%u", (unsigned long long)e->key.gen,
		 (unsigned long long)e->place.segment, (unsigned long long)e->place.offset,
		 e->len);
	failpoint(FP_SCRUB_BAD);
	store_drop_bad(s, &e->key, &e->place);
	out->bad++;
	if (c->on_bad)
		c->on_bad(c->arg, &e->key);
}

bool store_counts(struct store *s, const struct record *r, struct index_entry *out, int *rc)
{
	*rc = index_get(s->index, &r->key, out);
	if (*rc == ERR_NOT_FOUND) {
		*rc = 0;
		return false;
	}
	return *rc == 0 && out->state == INDEX_GOOD &&
	       store_place_equal(&out->place, &r->place);
}

bool store_paced(const struct chores *c, struct cursor *cursor, uint64_t *paced)
{
	uint64_t bytes = cursor->read - *paced;

	*paced = cursor->read;
	return bytes == 0 || c->pace(c->arg, bytes);
}

int store_entries_of(struct store *s, const struct segment *segment, store_entry_visit *visit,
		     void *arg)
{
	struct chunk_key from = {0}, last;
	struct index_entry *page = xmalloc(PAGE_ENTRIES * sizeof(*page));
	size_t count;
	int rc;

	memset(&last, 0xff, sizeof(last));
	do {
		rc = index_list(s->index, &from, &last, page, PAGE_ENTRIES, &count);
		for (size_t i = 0; rc == 0 && i < count; i++) {
			if (page[i].state == INDEX_GOOD &&
			    page[i].place.segment == segment->super.segment)
				rc = visit(arg, &page[i]);
		}
		if (rc == 0 && count > 0)
			from = page[count - 1].key;
	} while (rc == 0 && count > 0 && chunk_key_next(&from));
	free(page);
	return rc;
}
