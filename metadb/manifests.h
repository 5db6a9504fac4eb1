/*
 * Manifests and tags: the commit point of a push. Reading them: metadb/lookups.h.
 *
 * A manifest belongs to one package. Its blobs must be linked to the same package, its children
 * (of an index) must be manifests of the same package; foreign layers are left out by the
 * caller.
 */
#pragma once

#include "metadb/metadb.h"
#include "metadb/packages.h"
#include "proto/model/digest.h"
#include "proto/model/media.h"

#define MANIFEST_REFERENCES_MAX 10000
/* Images of an index whose labels are compared. */
#define MANIFEST_IMAGES_MAX 100

/* What an index says of one of its manifests. */
struct manifest_told {
	struct digest digest;
	const char *platform; /* os/architecture[/variant]; NULL: it is an attestation */
};

struct manifest_new {
	struct package_target target;
	struct digest digest; /* of `bytes`, checked by the caller */
	struct slice bytes;
	const char *media_type;
	enum manifest_kind kind;      /* MANIFEST_IMAGE or MANIFEST_INDEX */
	const char *artifact_type;    /* or NULL */
	const struct digest *config;  /* or NULL; must stand in `blobs` as well */
	const struct digest *subject; /* or NULL; need not exist */
	const char *annotations;      /* JSON object as text, or NULL */
	const struct digest *blobs;   /* config and layers; any order, may repeat */
	size_t blobs_count;
	const struct digest *children;
	size_t children_count;
	const char *const *tags; /* none, one or more */
	size_t tags_count;
	const char *labels;	/* JSON object as text, bounded (gateway/labels.h), or NULL */
	const char *source;	/* where it comes from, normalised, or NULL */
	const char *own_source; /* this registry and namespace, normalised, or NULL */
	const struct digest
		*images;       /* those children of an index that have a say in its labels */
	size_t images_count;   /* at most MANIFEST_IMAGES_MAX */
	enum role pusher_role; /* on the package, before this push */
	bool sparse;	       /* children may be absent: they are noted, and not missing */
	/* Of the first layer, "" for none; NULL: nobody has looked, and the keeper will. */
	const char *layer_type;
	const char *platform; /* by its config; or NULL */
	const struct manifest_told *told;
	size_t told_count;
};

struct manifest_put {
	int64_t manifest_id;
	int64_t package_id;
	bool created;	/* false: the same manifest was there already */
	bool published; /* it was the package's first */
	/* What is not there, in the arena; both empty on success. */
	const struct digest *missing_blobs;
	size_t missing_blobs_count;
	const struct digest *missing_children;
	size_t missing_children_count;
};

/*
 * Locks the links of its blobs, checks them and its children, stores the manifest, moves the
 * tags, publishes the package, links it to its repository (schema/0058); all or nothing, one
 * round trip, idempotent. ERR_NOT_FOUND: blobs or children are missing (the lists), or, with
 * both lists empty, the package or namespace is gone. ERR_LIMIT: more than
 * MANIFEST_REFERENCES_MAX references; ERR_CONFLICT: struct package_target.
 */
int await_manifest_put(struct metadb *db, struct arena *a, const struct actor *who,
		       const struct manifest_new *m, struct manifest_put *out) MUST_CHECK;

/*
 * Tags of a package in byte order, at most `limit` (≥ 0) of those after `last` (NULL or "":
 * from the start). *more: there are others behind. Cost follows limit, not the number of tags.
 */
int await_tags_list(struct metadb *db, struct arena *a, int64_t package_id, const char *last,
		    size_t limit, struct name_list *out) MUST_CHECK;
