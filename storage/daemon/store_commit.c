/*
 * Group commit. The operations of a group become records of one batch at the end of the open
 * segment: one write, one fdatasync, then the index, then the answers.
 *
 *   open segment: | superblocks | batch | batch |  this batch  |   zeros   |
 *                                               end            page-aligned
 *
 * A batch that reaches the end of the segment is flushed, and the group goes on in a new one.
 *
 * A write fails: the segment is given up at its last good batch, the *cut*. Records of the
 * failed batch may be on the disk nevertheless, so before anything else is answered with 0 a
 * new segment must exist whose superblock names the cut; recovery does not look behind it. Only
 * then it is certain that what was refused has not happened.
 *
 * Compaction's copies come through here as well, so that they are ordered among everything
 * else: a copy is written only while the index still says that the old place counts, a DEL is
 * written again only while there is still nothing that it could hide.
 *
 * An fdatasync fails: the kernel may have thrown the pages away and will call the next
 * fdatasync a success. Nothing that this process writes can be trusted: the disk is poisoned.
 */
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/store_inside.h"

static const unsigned char zeros[LOG_PAGE];

static void add_part(struct batch *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	assert(b->part_count < sizeof(b->parts) / sizeof(b->parts[0]));
	b->parts[b->part_count++] = (struct iovec){(void *)bytes, len};
	b->bytes += len;
}

static bool has_payload(const struct store_op *op)
{
	return op->kind == STORE_PUT || op->kind == STORE_MOVE;
}

/* Append a record to the batch; there is room for it. */
static void add_record(struct store *s, struct store_op *op)
{
	struct batch *b = s->batch;
	struct segment *open = s->open;
	struct pending *p = &b->pending[b->count];
	struct record r = {.type = has_payload(op) ? RECORD_PUT : RECORD_DEL,
			   .key = op->key,
			   .len = has_payload(op) ? op->len : 0,
			   .seq = s->next_seq++,
			   .place = {open->super.segment, open->end + b->bytes}};
	size_t head = record_encode(&r, open->super.salt, op->crcs, b->heads[b->count]);
	uint64_t end = b->bytes + record_size(r.len);

	if (b->count == 0)
		b->first_seq = r.seq;
	*p = (struct pending){op, r.place, true};
	add_part(b, b->heads[b->count++], head);
	if (has_payload(op)) {
		assert(op->part_count <= STORE_PARTS_MAX);
		for (int i = 0; i < op->part_count; i++)
			add_part(b, op->parts[i].iov_base, op->parts[i].iov_len);
		assert(b->bytes + RECORD_ALIGN > end && b->bytes <= end);
	}
	add_part(b, zeros, end - b->bytes);
}

static int write_batch(struct store *s)
{
	struct batch *b = s->batch;
	struct segment *open = s->open;
	int rc;

	add_part(b, zeros, -b->bytes % LOG_PAGE);
	rc = failpoint(FP_BATCH_BEFORE);
	if (rc == 0)
		rc = s->disk->ops->write(open->file, b->parts, b->part_count, open->end);
	if (rc < 0) {
		s->cut = (struct store_place){open->super.segment, open->end};
		s->next_seq = b->first_seq;
		log_error("write failed, segment given up",
			  "segment=%llu offset=%llu reason=\"%s\"",
			  (unsigned long long)s->cut.segment, (unsigned long long)s->cut.offset,
			  err_text(rc));
		return rc;
	}
	rc = failpoint(FP_BATCH_WRITTEN);
	if (rc == 0)
		rc = s->disk->ops->sync(open->file);
	if (rc < 0) {
		store_poison(s, "fdatasync of a batch", rc);
		return ERR_POISONED;
	}
	return 0;
}

/* The batch is durable: make it visible. */
static void apply_batch(struct store *s)
{
	struct batch *b = s->batch;
	struct segment *open = s->open;
	struct watermark mark = {{open->super.segment, open->end + b->bytes}, s->next_seq - 1};

	index_begin(s->index);
	open->end += b->bytes;
	for (size_t i = 0; i < b->count; i++) {
		const struct pending *p = &b->pending[i];
		bool put = has_payload(p->op);
		struct index_entry e = {p->op->key, p->place, put ? p->op->len : 0,
					put ? INDEX_GOOD : INDEX_GONE};

		if (!p->written)
			continue;
		store_apply(s, &e);
		if (!put)
			open->deletes += record_size(0);
	}
	index_end(s->index, &mark);
	s->unsaved += b->bytes;
}

static void flush(struct store *s)
{
	struct batch *b = s->batch;
	int rc;

	if (b->count == 0)
		return;
	rc = write_batch(s);
	failpoint(FP_BATCH_SYNCED);
	if (rc == 0)
		apply_batch(s);
	for (size_t i = 0; i < b->count; i++)
		b->pending[i].op->result = rc;
	b->count = b->part_count = 0;
	b->bytes = 0;
}

int store_seal(struct segment *segment)
{
	int rc = 0;

	if (segment->end < segment->size) {
		rc = segment->file->disk->ops->truncate(segment->file, segment->end);
		if (rc == 0)
			segment->size = segment->end;
		else
			log_warn("rest of a segment not freed", "segment=%llu reason=\"%s\"",
				 (unsigned long long)segment->super.segment, err_text(rc));
	}
	return rc;
}

/*
 * Begin a new segment that holds a record of `need` bytes and records the cut, if there is one.
 * Only what frees room, now or later, may use the reserve. 0 or the result of an operation.
 */
static int roll(struct store *s, uint64_t need, bool use_reserve)
{
	struct segment *before = s->open, *segment;
	uint64_t size = store_segment_size(s, need);
	struct superblock super = {.segment = s->next_segment, .cut = s->cut};
	uint64_t free_bytes;
	bool unsynced;
	int rc;

	if (!use_reserve) {
		rc = s->disk->ops->free_space(s->disk, &free_bytes);
		if (rc < 0)
			return rc;
		if (!store_may_begin(s, size, free_bytes))
			return ERR_FULL;
	}
	memcpy(super.node, s->identity.node, sizeof(super.node));
	s->disk->ops->random(s->disk, &super.salt, sizeof(super.salt));
	s->next_segment++;
	failpoint(FP_ROLL_BEFORE);
	rc = segment_create(s->disk, &super, size, &segment, &unsynced);
	failpoint(FP_ROLL_SYNCED);
	if (rc < 0 && unsynced) {
		store_poison(s, "sync of a new segment", rc);
		return ERR_POISONED;
	}
	if (rc < 0)
		return rc == -ENOSPC || rc == -EDQUOT ? ERR_FULL : rc;
	segment_table_add(&s->segments, segment);
	if (before)
		(void)store_seal(before); /* when it stays long, it is just long */
	/* From here on compaction may take the one before. */
	s->open = segment;
	s->cut = (struct store_place){0};
	return 0;
}

/* The last operation of this batch on the key, or NULL. */
static const struct pending *pending_find(const struct batch *b, const struct chunk_key *key)
{
	for (size_t i = b->count; i-- > 0;) {
		if (chunk_key_equal(&b->pending[i].op->key, key))
			return &b->pending[i];
	}
	return NULL;
}

/* What of compaction's may be written, given the index. As is_needed(). */
static int is_still_needed(const struct store_op *op, int found, const struct index_entry *e)
{
	bool good = found == 0 && e->state == INDEX_GOOD;

	if (found < 0 && found != ERR_NOT_FOUND)
		return found;
	/* A bad copy hides nothing: the DEL under it may still be the one that counts. */
	if (op->kind == STORE_KEEP ? !good : good && store_place_equal(&e->place, &op->from))
		return 1;
	return ERR_CONFLICT;
}

/*
 * Must this be written, given what came before in the batch and in the index? 1: yes; 0: it is
 * done already; ERR_CONFLICT: overtaken; other errors.
 */
static int is_needed(struct store *s, const struct store_op *op, const struct pending *before)
{
	bool put = op->kind == STORE_PUT, del = op->kind == STORE_DEL;
	struct index_entry e;
	int rc;

	if (before && !put && !del)
		return ERR_CONFLICT;
	if (before)
		return has_payload(before->op) == del;
	rc = index_get(s->index, &op->key, &e);
	if (put)
		return rc < 0 || e.state != INDEX_GOOD;
	if (del)
		return rc != ERR_NOT_FOUND;
	return is_still_needed(op, rc, &e);
}

static int make_room(struct store *s, const struct store_op *op)
{
	uint32_t need = record_size(has_payload(op) ? op->len : 0);
	struct segment *open = s->open;

	if (open && open->end + s->batch->bytes + need <= open->size)
		return 0;
	flush(s);
	if (s->poisoned)
		return ERR_POISONED;
	return roll(s, need, op->kind != STORE_PUT);
}

/* Begin a new segment when the newest one holds nothing any more. */
static int seal_dead(struct store *s)
{
	flush(s);
	if (s->poisoned)
		return ERR_POISONED;
	/* A write has failed just now: the next group begins a new one anyway. */
	if (s->cut.segment != 0)
		return ERR_CONFLICT;
	return store_newest_is_dead(s) ? roll(s, 0, true) : ERR_CONFLICT;
}

/* Put an operation into the batch (0), or say why not. */
static int add_op(struct store *s, struct store_op *op)
{
	struct batch *b = s->batch;
	const struct pending *before;
	int rc;

	if (s->poisoned)
		return ERR_POISONED;
	if (s->cut.segment != 0 && s->stuck == 0)
		s->stuck = roll(s, 0, true);
	if (s->stuck < 0)
		return s->stuck;
	if (op->kind == STORE_SEAL)
		return op->result = seal_dead(s);
	before = pending_find(b, &op->key);
	rc = is_needed(s, op, before);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		op->result = 0;
		if (before)
			b->pending[b->count++] = (struct pending){.op = op};
		return 0;
	}
	rc = make_room(s, op);
	if (rc == 0)
		add_record(s, op);
	return rc;
}

void store_commit(struct store *s, struct store_op *const ops[], size_t count)
{
	assert(count >= 1 && count <= STORE_GROUP_MAX);
	s->stuck = 0;
	for (size_t i = 0; i < count; i++) {
		int rc;

		assert(!has_payload(ops[i]) || ops[i]->len <= CHUNK_MAX);
		rc = add_op(s, ops[i]);
		if (rc < 0)
			ops[i]->result = rc;
	}
	flush(s);
	s->groups++;
}
