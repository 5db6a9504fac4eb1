/*
 * Live versions of a package by conditions, page by page from the newest on (schema/0083, kinds
 * in 0099): what a deletion of many means. For a dry run as they would be after the deletion of
 * the pages before (schema/0105). Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "metadb/version_deletes.h"
#include "proto/model/digest.h"

enum version_kinds {
	VERSIONS_IMAGE = 1,
	VERSIONS_INDEX = 2,
	VERSIONS_CHILD = 4, /* an image, an index, … that a live index needs */
	VERSIONS_ATTESTATION = 8,
	VERSIONS_SIGNATURE = 16,
	VERSIONS_ARTIFACT = 32, /* as enum version_variety means it */
};

struct version_query {
	int64_t package_id;
	int64_t before;	  /* ids below this one */
	int32_t limit;	  /* look at so many */
	int64_t older;	  /* pushed, and each tag set, before this moment; 0: whenever */
	int64_t unpulled; /* neither pulled nor pushed since then; 0: whenever */
	bool untagged;
	const char *const *patterns; /* for LIKE: each of its tags fits one; it has some */
	size_t patterns_count;	     /* 0: whatever its tags are */
	unsigned kinds;		     /* enum version_kinds, 0: any */

	bool dry; /* the rest is for that */
	enum version_mode mode;
	int64_t kept;	/* the lowest id of those that were meant and kept, 0: none was */
	int64_t stayed; /* the last one with a tag, if something was refused for it, or 0 */
	bool spares;	/* what is popular stays */
};

struct version_match {
	int64_t id;
	struct digest digest;
	const char *tags; /* JSON array of texts, at most 1000; in the arena */
};

struct version_matches {
	struct version_match *match; /* in the arena */
	size_t count;
	int64_t looked_at;
	int64_t last; /* the lowest id of these */

	/* Of a dry run: what version_removal.without begins with. */
	int64_t *gone;
	size_t gone_count;
};

int await_version_query(struct metadb *db, struct arena *a, const struct version_query *q,
			struct version_matches *out) MUST_CHECK;

/*
 * Of a dry run: when those of `going` go, and those of `lost`, on the same page, have lost
 * their tags, is there a version with a tag left? *left: one; 0: those that go have no tags;
 * negative: none is left, and this is the newest that goes. Tags of signatures and referrers do
 * not count. In a package with more than 500 tags *left may be a number of no version: so many
 * were looked at, and there is supposed to be one.
 */
struct version_ids {
	int64_t *id;
	size_t count;
	size_t room; /* the caller's */
};
int await_version_left(struct metadb *db, const struct version_query *q,
		       const struct version_ids *lost, const struct version_ids *going,
		       int64_t *left) MUST_CHECK;
