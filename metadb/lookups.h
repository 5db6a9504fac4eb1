/*
 * The hot reads: who calls, what may he do here, which manifest, which blob.
 *
 * Each kind of lookup is batched (metadb/batch.h): what PostgreSQL decides is asked at every
 * request and never cached over time, so that a revoked token, a moved tag or a deleted package
 * is seen at once (metadb/rights_kept.h: what a statement proves along is asked as well). Only
 * immutable bytes are cached: manifests by digest, chunk lists by gen; the link between a
 * package and a digest is always asked for.
 */
#pragma once

#include "metadb/accounts.h"
#include "metadb/metadb.h"
#include "metadb/modes.h"
#include "metadb/tokens.h"
#include "metadb/uploads.h"
#include "proto/model/access.h"
#include "proto/model/digest.h"
#include "proto/model/media.h"
#include "proto/model/name.h"

/* How the caller says who he is. */
enum credential_form {
	CREDENTIAL_NONE, /* anonymous, also an anonymous bearer token */
	CREDENTIAL_HASH, /* a token itself, by its SHA-256 */
	CREDENTIAL_ID,	 /* ids out of a bearer token whose signature was checked */
};
struct credential {
	enum credential_form form;
	unsigned char hash[TOKEN_HASH_BYTES]; /* CREDENTIAL_HASH */
	int64_t token_id;		      /* CREDENTIAL_ID: both */
	int64_t account_id;
};

/* Everything but anonymous and active is answered 401, on every route. */
#define CALLER_LOGIN_MAX 79 /* a robot's is ORGANIZATION+NAME */
enum caller_state {
	CALLER_ANONYMOUS = 0,
	CALLER_ACTIVE = 1,  /* from here on as caller_state() of schema/0032 answers */
	CALLER_UNKNOWN = 2, /* no such token, or the account is gone */
	CALLER_EXPIRED = 3,
	CALLER_REVOKED = 4,
	CALLER_SUSPENDED = 5,
};
struct caller {
	enum caller_state state;
	int64_t account_id; /* this and what follows: CALLER_ACTIVE only, else 0 */
	int64_t token_id;
	char login[CALLER_LOGIN_MAX + 1];
	enum account_kind account_kind;
	enum token_kind kind;
	int64_t repository_id; /* that a workflow or a codespace acts for, else 0 */
	bool limited;	       /* counts only where its limits say */
	unsigned scopes;
	bool site_admin;
	int64_t expires_at; /* of the token, 0: never */
	/* Whoever it is: of the registry when it was looked up; when nothing was, as last seen.
	 */
	enum registry_mode mode;
};

/* Who is this? For routes without a package. */
int await_caller(struct metadb *db, const struct credential *c, struct caller *out) MUST_CHECK;

/* When an answer was read, for whoever wants to prove later that it still holds. */
#define RIGHTS_SNAPSHOT_MAX 1024 /* some 50 to 100 transactions that are under way */
struct rights_seen {
	char snapshot[RIGHTS_SNAPSHOT_MAX]; /* pg_snapshot as text; "": proves nothing, or
					       longer */
	int64_t at;			    /* Unix seconds, on the server's clock */
	uint64_t losses;		    /* pg_pool_losses() before it was asked for */
};

/* What the caller is to NAMESPACE/NAME: feed `standing` to access_decide(). */
struct authorization {
	struct caller caller;
	/* All zero but for `scopes` and `signed_in` when the caller is not ACTIVE. Anonymous
	 * and invalid callers stand the same; whether they get further is the caller state's
	 * matter. */
	struct standing standing;
	int64_t namespace_id; /* 0: no such account */
	enum account_kind namespace_kind;
	/* The package's full name now, when it was asked for by one that it had before, else
	 * "". Reads may go on, changes may not. */
	char moved_to[REPOSITORY_MAX + 1];
	int64_t package_id;   /* 0: no such package; unpublished ones have an id */
	struct upload upload; /* gen 0: not asked for, or not what await_upload_load() finds */
	struct rights_seen seen;
};
/*
 * namespace is folded; one round trip for credential, namespace, package, role and upload
 * together. `upload` is the id of the session that the request goes on with, NULL: none.
 */
int await_authorize(struct metadb *db, const struct credential *c, const char *namespace,
		    const char *name, const char *upload, struct authorization *out) MUST_CHECK;

/* The manifest behind a tag or digest of a package; ERR_NOT_FOUND. */
struct manifest_info {
	int64_t id;
	int64_t package_id;
	struct digest digest;
	enum manifest_kind kind;
	const char *media_type; /* in the arena */
	size_t size;
};
int await_manifest_find(struct metadb *db, struct arena *a, int64_t package_id,
			const struct reference *ref, struct manifest_info *out) MUST_CHECK;
/*
 * Its bytes, from the cache or from PostgreSQL; valid as long as the arena. ERR_NOT_FOUND: it
 * went away in between.
 */
int await_manifest_bytes(struct metadb *db, struct arena *a, const struct manifest_info *m,
			 struct slice *out) MUST_CHECK;

/* Where the bytes of a blob are: chunks in order, each known to storage as (digest, gen). */
struct chunk_ref {
	unsigned char digest[SHA256_BYTES];
	uint32_t len;
	uint64_t offset; /* of its first byte in the blob */
};
struct chunk_list {
	int64_t gen;
	uint64_t size;
	uint32_t count; /* an empty blob has none */
	struct chunk_ref chunk[];
};
struct blob_info {
	struct digest digest;
	int64_t gen;
	uint64_t size;
	bool lost; /* proved to have no good copy: GET 503, HEAD of a writer 404 */
	const struct chunk_list *chunks; /* NULL unless asked for; valid as long as the arena */
};
/* The blob with that digest in this package; ERR_NOT_FOUND when the package has no link to it.
 */
int await_blob_find(struct metadb *db, struct arena *a, int64_t package_id,
		    const struct digest *d, bool with_chunks, struct blob_info *out) MUST_CHECK;
