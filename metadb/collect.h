/*
 * Letting go: uploads that nobody goes on with, and what no manifest needs any more.
 *
 * Each function does one batch in one transaction and answers how many rows it saw or changed;
 * a full batch means that there may be more. All but expiring do nothing on a server that was
 * not adopted. Several keepers may do the same at once. Windows in milliseconds, 0 is allowed.
 * Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/cluster.h"

#define COLLECT_BATCH 200

struct collected {
	int64_t seen;
	int64_t gone;
};

int await_uploads_expire(struct metadb *db, struct collected *out) MUST_CHECK;
/* One deleted account: `gone` of the packages and repositories that it left; seen 0: there is
 * none. */
int await_accounts_collect(struct metadb *db, struct collected *out) MUST_CHECK;
/* One package that was deleted as a whole: `gone` of its manifests; seen 0: there is none. */
int await_packages_collect(struct metadb *db, int64_t window_ms,
			   struct collected *out) MUST_CHECK;
int await_manifests_collect(struct metadb *db, int64_t window_ms,
			    struct collected *out) MUST_CHECK;
int await_links_collect(struct metadb *db, struct collected *out) MUST_CHECK;
int await_blobs_collect(struct metadb *db, struct collected *out) MUST_CHECK;

/* Instances that have been dead for longer than the window, with all their pairs. */
struct purge {
	int64_t *gen;
	size_t gens;
	struct purge_pair {
		unsigned char digest[32];
		uint64_t gen;
		uint16_t part;
	} * pair;
	size_t pairs;
};
int await_purge_list(struct metadb *db, struct arena *a, int64_t window_ms, int64_t most,
		     struct purge *out) MUST_CHECK;
/*
 * Every node was asked to delete the pairs: their rows go. down: nodes that have not said yes
 * owe it. How many instances went.
 */
int await_purge_finish(struct metadb *db, const struct purge *p, const uint16_t *down,
		       size_t down_count) MUST_CHECK;

/* 1: this server is the adopted one; 0: it is another one. */
int await_adopted(struct metadb *db) MUST_CHECK;
/* 1: this server is the truth from now on; 0: it was already. */
int await_cluster_adopt(struct metadb *db) MUST_CHECK;
