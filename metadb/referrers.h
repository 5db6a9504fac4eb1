/*
 * Referrers: the manifests of a package that name a digest as their subject (schema/0024).
 *
 * They come in the order of pushing, page by page. The subject itself need not exist.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/digest.h"

struct referrer {
	int64_t id; /* of its manifest: where the next page goes on */
	struct digest digest;
	const char *media_type;
	int64_t size;
	const char *artifact_type; /* NULL: none */
	const char *annotations;   /* JSON object as text, NULL: none */
};

struct referrer_list {
	struct referrer *item; /* texts in the arena, like all of it */
	size_t count;
	bool more; /* there are others behind */
};

struct referrer_query {
	int64_t package_id;
	struct digest subject;
	const char *artifact_type; /* only these; "": those that have none; NULL: all */
	int64_t after;		   /* an id of a page before, 0: from the start */
	size_t count;		   /* at most so many; > 0 */
	/* None behind those whose manifests have so many bytes: the answer's annotations are
	 * no longer than that and one manifest more. */
	size_t bytes;
};

int await_referrers_list(struct metadb *db, struct arena *a, const struct referrer_query *q,
			 struct referrer_list *out) MUST_CHECK;
