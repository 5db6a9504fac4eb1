/*
 * How often versions are pulled and tags asked for (metadb/schema/0075): appended by gateways,
 * added up by keepers, read by REST. Days are those of UTC. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"

/* What one worker has counted of one version, by one tag or by digest, on one day. */
struct download_count {
	int64_t package_id;
	int64_t manifest_id;
	const char *tag; /* NULL: asked for by its digest */
	int32_t day;	 /* since 1970-01-01 */
	int64_t downloads;
	int64_t checks;	 /* asked for by the tag, without getting it */
	int64_t last_at; /* Unix seconds, of the newest download */
};

/*
 * Batch `number` of the worker that calls itself `source`; numbers rise. A batch that may have
 * arrived (ERR_UNKNOWN_OUTCOME) is sent again under its number and counts once. 1: appended;
 * 0: it was there.
 */
int await_downloads_append(struct metadb *db, int64_t source, int64_t number,
			   const struct download_count *count, size_t counts) MUST_CHECK;

/*
 * The keeper's: a batch of what was appended is added up, in one transaction; rows of days
 * before the last `days` go. Several may do so at once. Positive: how many rows, at most
 * DOWNLOADS_BATCH; that many: there may be more.
 */
#define DOWNLOADS_BATCH 1000
int await_downloads_fold(struct metadb *db) MUST_CHECK;
int await_downloads_expire(struct metadb *db, int days) MUST_CHECK;

/* Of a version or a package, as far as it was added up. */
struct downloads {
	int64_t total;
	int64_t last_at; /* 0: never */
};

struct download_day {
	const char *day; /* YYYY-MM-DD, in the arena */
	int64_t downloads;
	int64_t checks; /* of tags only */
};
struct download_days {
	struct downloads whole;	  /* not of a tag: its name may have meant many versions */
	struct download_day *day; /* oldest first, today last; in the arena */
	size_t count;
};

/*
 * The last `days` days of a live version, of a tag that is there, or of the package (version 0
 * and tag NULL). ERR_NOT_FOUND.
 */
int await_downloads_by_day(struct metadb *db, struct arena *a, int64_t package_id,
			   int64_t version, const char *tag, int days,
			   struct download_days *out) MUST_CHECK;

/*
 * May they be deleted as far as their downloads go? Live versions, or (none) all of the
 * package. 0: yes; 1: it is public, and one of the versions, or of its live ones, has more than
 * DOWNLOADS_POPULAR; 2: so it is, and the account owns the namespace.
 */
#define DOWNLOADS_POPULAR 5000
int await_downloads_popular(struct metadb *db, int64_t package_id, const int64_t *version,
			    size_t versions, int64_t account_id) MUST_CHECK;
