/*
 * Lists of packages, page by page: what somebody may read, of a namespace, of a repository, of
 * the whole registry; and what he may restore. A link is shown to whoever knows the repository.
 * Elements and texts live in the arena. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/package_detail.h"

/* Whose list it is. */
struct package_reader {
	int64_t person; /* never 0 */
	int64_t token;	/* by which he asks; 0: a session */
	bool whole;	/* a site admin, who lists everything */
};

struct package_page {
	struct package_detail *package;
	size_t count;
};

/* How far numbered pages know how many there are. */
#define PACKAGE_REACH 1000

/*
 * A numbered page of one namespace, newest first; visibilities: bits 1 << enum visibility.
 * *total: how many there are up to PACKAGE_REACH; -1: more than that, and another page follows.
 * Cost: what stands before the page's end, and at least PACKAGE_REACH ids, times the number of
 * his teams and repositories there.
 */
int await_package_page(struct metadb *db, struct arena *a, const struct package_reader *who,
		       int64_t namespace_id, unsigned visibilities,
		       const struct list_part *part, struct package_page *out,
		       int64_t *total) MUST_CHECK;

/* What is wanted; 0 and NULL: all. */
struct package_query {
	int64_t namespace_id;
	unsigned visibilities; /* as above; not 0 */
	int64_t repository_id; /* to which it is linked */
	int64_t creator_id;    /* who published it */
	int64_t since;	       /* changed then or later, Unix seconds */
	/* Each of its words begins a word of the name or the description. */
	const char *text;
};

/* Where a page begins or ends: behind this package. id 0: at the start; nowhere. */
struct package_place {
	int64_t id;
	const char *word; /* "" but with a text */
};

/*
 * At most `most` that fit behind *at, which becomes the place where it goes on. Newest first,
 * with a text in the order of words. At most PACKAGE_LOOK are looked at: a page may hold few,
 * even none, and go on.
 */
#define PACKAGE_LOOK 1000
int await_package_query(struct metadb *db, struct arena *a, const struct package_reader *who,
			const struct package_query *q, int64_t most, struct package_page *out,
			struct package_place *at) MUST_CHECK;

/* Deleted ones of a namespace that he may restore, newest first; as above. */
int await_deleted_packages(struct metadb *db, struct arena *a, const struct package_reader *who,
			   int64_t namespace_id, int64_t most, struct package_page *out,
			   struct package_place *at) MUST_CHECK;
/* His role on a deleted package of the namespace. ERR_NOT_FOUND: there is none. */
int await_deleted_package_role(struct metadb *db, const struct package_reader *who,
			       int64_t namespace_id, int64_t package_id,
			       enum role *out) MUST_CHECK;
