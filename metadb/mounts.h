/*
 * Mounting a blob of one package into another (schema/0025). Who may read the source and push
 * to the target is the caller's matter.
 */
#pragma once

#include "metadb/metadb.h"
#include "metadb/packages.h"
#include "proto/model/digest.h"
#include "proto/model/name.h"

/*
 * Links the blob to the target under the protection of a push (metadb/blobs.h); the target is
 * made (unpublished) when it has no id. ERR_NOT_FOUND: the source does not have it, no good
 * copy of it exists, or the target or its namespace is gone; ERR_CONFLICT: struct
 * package_target.
 */
int await_blob_mount(struct metadb *db, const struct actor *who,
		     const struct package_target *target, int64_t source_id,
		     const struct digest *d) MUST_CHECK;

/*
 * Packages that have the blob, whoever may read them: at most `max`, those of the namespace
 * first. The count; names live in the arena.
 */
int await_blob_sources(struct metadb *db, struct arena *a, const struct digest *d,
		       int64_t namespace_id, struct repository_name *out, int max) MUST_CHECK;
