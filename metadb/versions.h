/*
 * Versions of a package: its manifests, as REST shows them. The id of one stays the same when
 * it is deleted and restored. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/downloads.h"
#include "metadb/metadb.h"
#include "metadb/repositories.h"
#include "proto/model/digest.h"
#include "proto/model/media.h"

struct version {
	int64_t id;
	struct digest digest;
	enum manifest_kind kind;
	const char *media_type;	   /* texts live in the arena */
	const char *artifact_type; /* "" for none, as below */
	int64_t size;		   /* bytes of the manifest itself */
	bool has_subject;
	struct digest subject;
	int64_t created_at;
	int64_t updated_at; /* when a tag came to it, or it was deleted */
	int64_t deleted_at; /* 0: it is live. With parents: it is deferred
			       (metadb/version_deletes.h) */
	const char *description;
	const char *license;
	/* JSON arrays of texts, at most VERSION_WORDS: the newest tags, those that a deleted
	 * version had; digests of live indexes that need it. */
	const char *tags;
	const char *parents;
	struct downloads downloads;
};
#define VERSION_WORDS 1000

struct version_list {
	struct version *version; /* in the arena */
	size_t count;
};

/* A page, newest first: live ones, or those that were deleted and can be restored. */
int await_version_list(struct metadb *db, struct arena *a, int64_t package_id, bool deleted,
		       const struct list_part *part, struct version_list *out) MUST_CHECK;
/* How many of them there are: for `last`. The cost of one index scan of the package. */
int await_version_count(struct metadb *db, int64_t package_id, bool deleted,
			int64_t *out) MUST_CHECK;
/* A live one; ERR_NOT_FOUND, also for one of another package. */
int await_version_find(struct metadb *db, struct arena *a, int64_t package_id, int64_t id,
		       struct version *out) MUST_CHECK;
