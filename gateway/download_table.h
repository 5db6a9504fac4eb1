/*
 * What a worker has counted of pulls and not told yet: a bounded table, one entry for what is
 * the same (version, tag or none, day), however often it was pulled. Pure; one thread.
 *
 * At most DOWNLOAD_ENTRIES, 300 KiB, and their tags of at most 128 bytes each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metadb/downloads.h"

#define DOWNLOAD_ENTRIES 4096

struct download_table;

struct download_table *download_table_new(void);
void download_table_free(struct download_table *t);

/*
 * One pull of the manifest at `now` (Unix seconds). tag: by which it was asked for, copied, or
 * NULL. got: it was sent; otherwise it was only asked for. false: not counted, there is no
 * place for another entry.
 */
bool download_table_add(struct download_table *t, int64_t package_id, int64_t manifest_id,
			const char *tag, bool got, int64_t now);

/* The entries, valid until something is added or the table is emptied. */
size_t download_table_entries(const struct download_table *t,
			      const struct download_count **out);
/* Of all entries together. */
int64_t download_table_pulls(const struct download_table *t);
void download_table_empty(struct download_table *t);
