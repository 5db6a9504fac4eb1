/*
 * Promises about blobs. Finding them for readers: metadb/lookups.h.
 *
 * The link (package, digest) is what manifests refer to, what is collected and what carries the
 * protection: for the whole of gateway.blob_protection after a writer was told 201 or 200 a
 * manifest may name the blob and is never answered BLOB_UNKNOWN, unless somebody deletes it.
 */
#pragma once

#include "metadb/lookups.h"

/*
 * HEAD by somebody who may write: finds the blob as await_blob_find() does and renews its
 * protection when not enough is left, which is about once in gateway.blob_protection however
 * often it is asked. Lost blobs are ERR_NOT_FOUND, so that the next push heals them. No chunks
 * are returned.
 */
int await_blob_promise(struct metadb *db, int64_t package_id, const struct digest *d,
		       struct blob_info *out) MUST_CHECK;
