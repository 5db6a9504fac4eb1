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

/* What a version is: decided when it is pushed, and by some tags (schema/0087 and 0099). */
enum version_variety {
	VERSION_IMAGE = 1,
	VERSION_INDEX,
	VERSION_ARTIFACT,    /* neither an image to run nor one of these: */
	VERSION_ATTESTATION, /* of in-toto, by BuildKit, cosign or in a bundle of Sigstore */
	VERSION_SIGNATURE,   /* of cosign or Notary */
};

struct version {
	int64_t id;
	struct digest digest;
	enum version_variety variety;
	const char *platform;	   /* os/architecture[/variant], "" when nobody says */
	const char *media_type;	   /* texts live in the arena */
	const char *artifact_type; /* "" for none, as below */
	int64_t size;		   /* bytes of the manifest itself */
	/* Bytes of its blobs, of an index: of those of its manifests; and of those among them
	 * that no other version of the package has. -1: there are more than
	 * 256 of them. */
	int64_t compressed;
	int64_t unique;
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

enum version_tagged { TAGGED_ANY, TAGGED_YES, TAGGED_NO };

/* Which versions, newest first: live ones, or those that were deleted and can be restored. */
struct version_filter {
	int64_t package_id;
	bool deleted;
	unsigned kinds; /* bits 1 << enum version_variety; 0: all */
	enum version_tagged tagged;
};

/* How far numbered pages count, and how many versions are looked at for one that is filtered.
 */
#define VERSION_REACH 10000
#define VERSION_LOOK  2000 /* the same, for a page of await_version_page() */

/*
 * A numbered page. *total: how many there are up to VERSION_REACH; -1: more than that, or that
 * many were looked at, and another page follows. Cost: what stands before the page's end; of
 * filtered pages VERSION_REACH.
 */
int await_version_list(struct metadb *db, struct arena *a, const struct version_filter *f,
		       const struct list_part *part, struct version_list *out,
		       int64_t *total) MUST_CHECK;
/*
 * At most `most` with an id less than `before` (0: from the newest). *next: where it goes on,
 * 0: nowhere. VERSION_LOOK are looked at: of a filter that fits few a page may hold few or
 * none, and go on.
 */
int await_version_page(struct metadb *db, struct arena *a, const struct version_filter *f,
		       int64_t before, int64_t most, struct version_list *out,
		       int64_t *next) MUST_CHECK;
/* The live one that a tag leads to, or (tag NULL) with that digest: one or none. */
int await_version_named(struct metadb *db, struct arena *a, int64_t package_id, const char *tag,
			const struct digest *digest, struct version_list *out) MUST_CHECK;
/* A live one; ERR_NOT_FOUND, also for one of another package. */
int await_version_find(struct metadb *db, struct arena *a, int64_t package_id, int64_t id,
		       struct version *out) MUST_CHECK;
