/*
 * Deleting by users. Gone for everybody at once; the rows stay until the keeper collects them,
 * a manifest with all it refers to, so that it can be restored until then (schema/0020).
 *
 * Each call is one transaction with its audit row and its event. ERR_NOT_FOUND: it is not there
 * (any more). ERR_CONFLICT: something live of the same package needs it, *needed_by. Nothing is
 * broken silently: what needs it has to go first. ERR_UNAVAILABLE also from a server that was
 * not adopted after a restore.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/digest.h"

/* A manifest and all its tags. Children of an index stay; an index that is live keeps its. */
int await_manifest_delete(struct metadb *db, const struct actor *who, int64_t package_id,
			  const struct digest *d, struct digest *needed_by) MUST_CHECK;

/* The tag alone. */
int await_tag_delete(struct metadb *db, const struct actor *who, int64_t package_id,
		     const char *tag) MUST_CHECK;

/*
 * A blob's link to the package; other packages keep theirs. What was promised to writers
 * (metadb/blobs.h) ends: who deletes a blob while an image with it is being pushed breaks that
 * push, which is then told MANIFEST_BLOB_UNKNOWN.
 */
int await_link_delete(struct metadb *db, const struct actor *who, int64_t package_id,
		      const struct digest *d, struct digest *needed_by) MUST_CHECK;
