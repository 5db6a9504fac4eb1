/*
 * Bytes of a blob out of storage: from what the database knows about its chunks to a reader
 * (storage/client/reader.h) with the gateway's time-out.
 */
#pragma once

#include "gateway/request.h"
#include "metadb/lookups.h"
#include "storage/client/reader.h"

/* Of `length` bytes from `first` on, inside the blob; the list must live as long as the arena.
 * End it with store_reader_end(). */
struct store_reader *blob_read_start(struct request *rq, const struct chunk_list *list,
				     uint64_t first, uint64_t length);
/* With a time-out of its own for each piece. */
struct store_reader *blob_read_start_within(struct request *rq, const struct chunk_list *list,
					    uint64_t first, uint64_t length,
					    int64_t timeout_ms);
