/*
 * Hashing every upload twice would cost all clients what a few need; so the few pay, with one
 * more reading of their bytes.
 */
#include "gateway/rehash.h"

#include "gateway/blob_read.h"
#include "gateway/worker.h"

/* Other requests get their turn after so many bytes, also when storage is faster. */
#define TURN_BYTES ((size_t)1024 * 1024)

static int await_hash(struct request *rq, const struct chunk_list *list, struct hasher *h)
{
	struct store_reader *r = blob_read_start(rq, list, 0, list->size);
	struct store_bytes piece;
	size_t since_turn = 0;
	int rc;

	while ((rc = await_store_read(r, &piece)) == 0 && piece.len > 0) {
		hasher_add(h, piece.buf->data + piece.offset, piece.len);
		since_turn += piece.len;
		buf_unref(piece.buf);
		if (since_turn >= TURN_BYTES) {
			rc = await_turn();
			since_turn = 0;
		}
		if (rc < 0)
			break;
	}
	store_reader_end(r);
	return rc == 0 || rc == -ECANCELED ? rc : ERR_UNAVAILABLE;
}

int await_rehash(struct request *rq, struct upload *u, enum digest_algorithm a)
{
	const struct chunk_list *list;
	unsigned char state[HASHER_SAVED_MAX];
	struct hasher h;
	int rc = 0;

	hasher_init(&h, a);
	if (u->size > 0)
		rc = await_upload_chunks(rq->worker->metadb, rq->arena, u, &list);
	if (rc == 0 && u->size > 0)
		rc = await_hash(rq, list, &h);
	if (rc < 0)
		return rc;
	return await_upload_switch(rq->worker->metadb, u, a, state, hasher_save(&h, state));
}
