/*
 * Reading: index → place → one read of the head and, for the first piece, of the bytes with it.
 * The record must name the key it is read for, and each block delivered must pass its CRC:
 * neither the index nor the disk is believed.
 */
#include <stdlib.h>

#include "proto/base/crc32c.h"
#include "proto/model/cluster.h"
#include "storage/daemon/store_inside.h"

/* Other gens of a digest that are looked at. */
#define GENS_MAX 16

/* Take the checked CRCs of the blocks that the piece covers. */
static int check_piece(const unsigned char *head, const struct index_entry *e, uint64_t salt,
		       uint32_t offset, const unsigned char *bytes, struct store_piece *out)
{
	uint32_t crcs[CHUNK_BLOCKS_MAX], first = offset / CHUNK_BLOCK;
	struct record r;

	if (record_decode(head, salt, &e->place, &r) < 0 || r.type != RECORD_PUT ||
	    r.len != e->len || !chunk_key_equal(&r.key, &e->key) ||
	    record_crcs(head, r.len, crcs) < 0)
		return ERR_CORRUPT;
	out->blocks = chunk_blocks(out->len);
	for (uint32_t i = 0; i < out->blocks; i++) {
		uint32_t at = i * CHUNK_BLOCK;
		uint32_t len = out->len - at < CHUNK_BLOCK ? out->len - at : CHUNK_BLOCK;

		out->crcs[i] = crc32c_add(0, bytes + at, len);
		if (out->crcs[i] != crcs[first + i])
			return ERR_CORRUPT;
	}
	return 0;
}

static int read_copy(struct segment *segment, const struct index_entry *e, uint32_t offset,
		     uint32_t len, void *buf, struct store_piece *out)
{
	const struct disk_ops *ops = segment->file->disk->ops;
	unsigned char head[RECORD_HEAD_MAX];
	uint32_t head_size = record_head_size(e->len);
	struct iovec parts[2] = {{head, head_size}, {buf, 0}};
	int rc;

	if (offset > e->len)
		return ERR_LIMIT;
	out->len = e->len - offset < len ? e->len - offset : len;
	parts[1].iov_len = out->len;
	if (offset == 0) {
		rc = ops->read(segment->file, parts, 2, e->place.offset);
	} else {
		rc = ops->read(segment->file, parts, 1, e->place.offset);
		if (rc == 0)
			rc = ops->read(segment->file, parts + 1, 1,
				       e->place.offset + head_size + offset);
	}
	if (rc == 0)
		rc = check_piece(head, e, segment->super.salt, offset, buf, out);
	return rc;
}

/* A good copy under any gen. */
static int find_other_gen(struct store *s, const struct chunk_key *key, struct index_entry *out)
{
	struct chunk_key from = *key, to = *key;
	struct index_entry all[GENS_MAX];
	size_t count;
	int rc;

	from.gen = 0;
	to.gen = UINT64_MAX;
	rc = index_list(s->index, &from, &to, all, GENS_MAX, &count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (all[i].state == INDEX_GOOD) {
			*out = all[i];
			return 0;
		}
	}
	return rc < 0 ? rc : ERR_NOT_FOUND;
}

/* The copy to be read. */
static int find_copy(struct store *s, const struct chunk_key *key, bool any_gen,
		     struct index_entry *out)
{
	int rc = index_get(s->index, key, out);

	if (rc == 0 && out->state != INDEX_GOOD)
		rc = ERR_NOT_FOUND;
	if (rc == ERR_NOT_FOUND && any_gen)
		rc = find_other_gen(s, key, out);
	return rc;
}

int store_read(struct store *s, const struct chunk_key *key, bool any_gen, uint32_t offset,
	       uint32_t len, void *buf, struct store_piece *out)
{
	struct store_place tried = {0};
	struct index_entry e;
	struct segment *segment;
	int rc;

	/* When the index fails there is no copy to blame: this place is none. */
	*out = (struct store_piece){.key = *key};
	if (offset % CHUNK_BLOCK != 0 || len % CHUNK_BLOCK != 0 || len > CHUNK_MAX)
		return ERR_LIMIT;
	for (;;) {
		rc = find_copy(s, key, any_gen, &e);
		if (rc < 0)
			return rc;
		out->chunk_len = e.len;
		out->key = e.key;
		out->place = e.place;
		segment = segment_table_hold(&s->segments, e.place.segment);
		if (segment)
			break;
		/* Compaction has moved it since the index was asked? Then ask again. */
		if (store_place_equal(&tried, &e.place))
			return ERR_CORRUPT;
		tried = e.place;
	}
	rc = read_copy(segment, &e, offset, len, buf, out);
	segment_release(segment);
	return rc;
}

bool store_has(struct store *s, const struct chunk_key *key, uint32_t *len)
{
	struct index_entry e;

	if (index_get(s->index, key, &e) < 0 || e.state != INDEX_GOOD)
		return false;
	if (len)
		*len = e.len;
	return true;
}

void store_drop_bad(struct store *s, const struct chunk_key *key,
		    const struct store_place *place)
{
	struct index_entry e;

	if (!index_mark_bad(s->index, key, place, &e))
		return;
	store_account(s, &e, +1);
	e.state = INDEX_GOOD;
	store_account(s, &e, -1);
}

/* The first or last key of a partition: the digest's top bits, then all zeros or all ones. */
static struct chunk_key partition_edge(uint32_t partition, unsigned char fill)
{
	struct chunk_key key;

	memset(&key, fill, sizeof(key));
	key.digest[0] = (unsigned char)(partition >> 6);
	key.digest[1] = (unsigned char)(partition << 2 | (fill & 3));
	return key;
}

int store_list(struct store *s, uint32_t first, uint32_t last, const struct chunk_key *after,
	       struct store_entry *out, size_t max, size_t *count)
{
	struct chunk_key from = partition_edge(first, 0), to = partition_edge(last, 0xff);
	struct index_entry *page = xmalloc(max * sizeof(*page));
	size_t n;
	int rc = 0;

	assert(first <= last && last < PARTITIONS && max > 0);
	*count = 0;
	if (after && chunk_key_compare(after, &from) >= 0) {
		from = *after;
		if (!chunk_key_next(&from))
			goto out;
	}
	do {
		rc = index_list(s->index, &from, &to, page, max - *count, &n);
		if (rc < 0)
			goto out;
		for (size_t i = 0; i < n; i++) {
			if (page[i].state != INDEX_GOOD)
				continue;
			out[*count].key = page[i].key;
			out[(*count)++].len = page[i].len;
		}
		if (n > 0)
			from = page[n - 1].key;
	} while (n > 0 && *count < max && chunk_key_next(&from));
out:
	free(page);
	return rc;
}
