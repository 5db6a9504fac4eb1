/*
 * Packages: NAMESPACE/NAME, private from birth, visible once they have a manifest.
 *
 * A package row is made by the first upload or manifest of somebody who may create it
 * (metadb/uploads.h, metadb/manifests.h); whoever pushes the first manifest is its publisher
 * and gets the role admin. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/access.h"

/*
 * The package that a push goes to, as await_authorize() found it. When somebody else published
 * a package of that name since, the push is refused with ERR_CONFLICT; when the proof fails,
 * with ERR_STALE_RIGHTS: authorize again.
 */
struct rights_proof;
struct package_target {
	int64_t namespace_id;
	const char *name;   /* the part behind the namespace */
	int64_t package_id; /* 0: make it, the caller has checked that he may */
	bool published; /* as standing.published said when the caller's rights were checked */
	/* That the caller's rights still hold, which the statement asks along; NULL: they were
	 * looked up for this request (metadb/rights_kept.h). */
	const struct rights_proof *proof;
};

struct package {
	int64_t id;
	int64_t namespace_id;
	const char *namespace;
	const char *name;
	enum visibility visibility;
	int64_t publisher_id; /* until it is published: who made the row */
	int64_t created_at;
	int64_t published_at; /* 0: not yet */
};

/* A page of a list of names. */
struct name_list {
	const char **name; /* in the arena */
	size_t count;
	bool more; /* there are others behind */
};
/*
 * The packages, NAMESPACE/NAME in byte order, that an account may read with a token (0:
 * without one), at most `limit` (≥ 0) of those after `last` ("": from the start). 0 for the
 * account: those that are public. Cost follows limit, the number of namespaces in which the
 * account may read, and that of its teams and repositories, not the number of packages.
 */
int await_catalog_list(struct metadb *db, struct arena *a, int64_t account_id, int64_t token_id,
		       const char *last, size_t limit, struct name_list *out) MUST_CHECK;

/* One package, published or not; ERR_NOT_FOUND. Texts live in the arena. */
int await_package_get(struct metadb *db, struct arena *a, int64_t package_id,
		      struct package *out) MUST_CHECK;

/*
 * The whole package: gone for everybody with the transaction, as it was until the keeper's
 * restore window is over (schema/0045). ERR_NOT_FOUND: there is none, or it is deleted;
 * ERR_UNAVAILABLE also from a server that was not adopted after a restore.
 */
int await_package_delete(struct metadb *db, const struct actor *who,
			 int64_t package_id) MUST_CHECK;
/* With all its tags and manifests; a push of its name that has made no package yet is given up.
 * ERR_NOT_FOUND: nothing to restore (any more), or the account is gone; ERR_CONFLICT: another
 * package has its name now. */
int await_package_restore(struct metadb *db, const struct actor *who,
			  int64_t package_id) MUST_CHECK;

/*
 * Nobody restores it any more, and the collector takes it at once (schema/0081); for owners of
 * the namespace. ERR_NOT_FOUND: nothing that could be restored; ERR_DENIED: he is none.
 */
int await_package_purge(struct metadb *db, const struct actor *who,
			int64_t package_id) MUST_CHECK;

/*
 * The package of that name that was deleted last and can be restored, and what the account,
 * by that token, is to it. ERR_NOT_FOUND.
 */
int await_package_deleted(struct metadb *db, int64_t account_id, int64_t token_id,
			  int64_t namespace_id, const char *name, int64_t *package_id,
			  enum role *role) MUST_CHECK;
