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

/* Versions that nobody has looked at: what they are is written down. */
int await_versions_describe(struct metadb *db, struct collected *out) MUST_CHECK;
/* How many versions large packages have is kept. 1: there is more to be counted. */
int await_versions_count(struct metadb *db) MUST_CHECK;

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

/*
 * Forgets changes of rights that nobody can ask for any more (schema/0106_rights_changes.sql):
 * those that were over when the call before it, with the same *horizon, was made. 0: none was.
 * Call it less often than rights are remembered (metadb/rights_kept.h).
 */
int await_rights_changes_forget(struct metadb *db, int64_t *horizon) MUST_CHECK;

/* How far the server has come; see schema/0091_put_back.sql. */
struct server_mark {
	int64_t adoption;
	int64_t place;
	int64_t gen;
};
struct server_stand {
	struct server_mark mark;
	bool adopted;
	bool behind; /* older than it was seen: it was put back */
};
/*
 * Is this server the adopted one? `seen`: the highest mark that anybody has seen, zeros:
 * none. A server that lies before it is not adopted from now on.
 */
int await_server_stand(struct metadb *db, const struct server_mark *seen,
		       struct server_stand *out) MUST_CHECK;
/* 1: this server is the truth from now on; 0: it was already. */
int await_cluster_adopt(struct metadb *db) MUST_CHECK;
