/*
 * Deleting versions of a package by their id, and bringing them back (schema/0080). What is
 * deleted can be restored until the keeper's restore window is over. Result codes:
 * metadb/metadb.h.
 *
 * A version that a live index needs is deferred: it is gone from lists and its tags are gone,
 * whoever pulls the index still finds it, and it is deleted in the transaction in which the
 * last such index is. Signatures and what else is about a version stay when it goes, unless
 * VERSION_CASCADE takes them along.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/digest.h"

/* What becomes of the indexes that need the version. */
enum version_mode {
	VERSION_DEFER = 0,   /* it waits for them */
	VERSION_REFUSE = 1,  /* they keep it: ERR_CONFLICT */
	VERSION_CASCADE = 2, /* they are deleted as well, and what is about any of these */
};

struct version_removal {
	int64_t package_id;
	int64_t id;
	enum version_mode mode;
	bool anyway; /* also when no tagged version is left */
	bool dry;    /* only say what would be; then those of `without` count as deleted */
	const int64_t *without;
	size_t without_count;
};

struct version_effect {
	enum {
		EFFECT_DELETED = 1,
		EFFECT_DEFERRED = 2,
		EFFECT_NEEDS = 3, /* a live index that keeps it */
		EFFECT_ABOUT = 4, /* is about one that is deleted, and stays */
	} what;
	int64_t id;
	struct digest digest;
	const char *tags; /* JSON array of texts: those that it has or lost, at most 1000 */
};

struct version_effects {
	struct version_effect *effect; /* in the arena; of each kind the newest first */
	size_t count;
};

/*
 * 0; ERR_NOT_FOUND, also for one that is deferred and VERSION_DEFER; ERR_CONFLICT:
 * VERSION_REFUSE and live indexes need it, which are in *out; VERSION_LAST: no tagged version
 * would be left (tags of signatures and referrers do not count), unless `anyway`; VERSION_MANY:
 * a cascade of more than VERSION_EFFECTS_MAX.
 */
#define VERSION_LAST	    1
#define VERSION_MANY	    2
#define VERSION_EFFECTS_MAX 1000
int await_version_remove(struct metadb *db, struct arena *a, const struct actor *who,
			 const struct version_removal *removal,
			 struct version_effects *out) MUST_CHECK;

/*
 * A deleted or deferred one, with its children, and the tags that lead nowhere else now.
 * ERR_NOT_FOUND.
 */
int await_version_restore(struct metadb *db, const struct actor *who, int64_t package_id,
			  int64_t id) MUST_CHECK;

/*
 * A deleted one that nobody restores any more, and that the collector takes at once
 * (schema/0081); for owners of the namespace. ERR_NOT_FOUND; ERR_DENIED: he is none;
 * ERR_CONFLICT: an index that is there or can be restored needs it, *needed_by.
 */
int await_version_purge(struct metadb *db, const struct actor *who, int64_t package_id,
			int64_t id, struct digest *needed_by) MUST_CHECK;
