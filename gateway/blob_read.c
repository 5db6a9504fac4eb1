/* Storage knows chunks by digest, gen and length. */
#include "gateway/blob_read.h"

#include <string.h>

#include "gateway/worker.h"

static struct wire_pair *pairs_of(struct arena *a, const struct chunk_list *list)
{
	struct wire_pair *pairs = arena_alloc(a, (list->count + 1) * sizeof(*pairs));

	for (uint32_t i = 0; i < list->count; i++) {
		memcpy(pairs[i].digest, list->chunk[i].digest, sizeof(pairs[i].digest));
		pairs[i].gen = (uint64_t)list->gen;
		pairs[i].len = list->chunk[i].len;
	}
	return pairs;
}

struct store_reader *blob_read_start_within(struct request *rq, const struct chunk_list *list,
					    uint64_t first, uint64_t length, int64_t timeout_ms)
{
	return store_reader_start(rq->worker->store, pairs_of(rq->arena, list), list->count,
				  first, length, timeout_ms);
}

struct store_reader *blob_read_start(struct request *rq, const struct chunk_list *list,
				     uint64_t first, uint64_t length)
{
	return blob_read_start_within(rq, list, first, length,
				      rq->worker->set->gateway_storage_timeout);
}
