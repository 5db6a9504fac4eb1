/*
 * Promises about blobs. Finding them for readers: metadb/lookups.h.
 *
 * The link (package, digest) is what manifests refer to, what is collected and what carries the
 * protection: a writer who was told 201 or 200 within gateway.blob_protection may push a
 * manifest that names the blob and never sees BLOB_UNKNOWN.
 */
#pragma once

#include "metadb/lookups.h"

/*
 * HEAD by somebody who may write: finds the blob as await_blob_find() does and renews its
 * protection when less than half is left, in a statement of its own. Lost blobs are
 * ERR_NOT_FOUND, so that the next push heals them. No chunks are returned.
 */
int await_blob_promise(struct metadb *db, int64_t package_id, const struct digest *d,
		       struct blob_info *out) MUST_CHECK;
