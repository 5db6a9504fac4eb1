/*
 * Live versions of a package by conditions, page by page from the newest on (schema/0083, kinds
 * in 0099): what a deletion of many means. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
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
};

int await_version_query(struct metadb *db, struct arena *a, const struct version_query *q,
			struct version_matches *out) MUST_CHECK;
