/*
 * Who is asking, and may he: the step between route and handler.
 *
 * await_request_authorize() (gateway/request.h) is defined here. Rights are looked up at
 * every request; where the route says that its handler's statement can prove them (`proves`),
 * they may be remembered ones until it has (rq->proof, metadb/rights_kept.h). No answer goes
 * out, and nothing but that statement changes anything, before they are proved.
 */
#pragma once

#include <stdbool.h>

#include "gateway/bearer.h"
#include "gateway/request.h"
#include "metadb/lookups.h"
#include "metadb/packages.h"

/* Who bearer tokens are for: this registry, whatever name it is reached by. */
#define AUTH_AUDIENCE "packhouse"

/* What the Authorization header presents. */
struct presented {
	struct credential credential;
	bool narrowed; /* by a bearer token of ours, to the grants in claims */
	struct bearer_claims claims;
};

/* ERR_DENIED when the header carries something invalid; codes of metadb.h. */
int await_auth_presented(struct request *rq, struct presented *out) MUST_CHECK;

/* Anonymous or active; everything else is 401. */
bool auth_caller_fine(const struct caller *c);

/* REST: a token that counts as nobody's for that organization. */
int auth_refuse_outside(struct request *rq, enum outside outside, const char *organization);

/* 401 of /token itself, where the credential is given by Basic. */
int auth_refuse_basic(struct request *rq);

/*
 * In gateway/modes.c: 0, or a registry in this mode does not do what the request wants, and it
 * has refused.
 */
int await_request_mode(struct request *rq, enum registry_mode mode) MUST_CHECK;

/* May the caller do this to the request's package, as its credential allows? For NEED_PACKAGE.
 */
bool auth_may(const struct request *rq, enum action action);

/*
 * May the caller read that package as well? 0 and its id; ERR_NOT_FOUND: no, or it is not
 * there; codes of await_auth_presented().
 */
int await_auth_readable(struct request *rq, const struct repository_name *repo,
			int64_t *package_id) MUST_CHECK;

/* Where a push to the request's package goes; for NEED_PACKAGE. */
struct package_target auth_target(const struct request *rq);

/*
 * A push found that somebody else had published the package since the caller's rights were
 * checked (ERR_CONFLICT), or that remembered rights do not hold any more (ERR_STALE_RIGHTS):
 * they are looked up again. 0: he still may, auth_target() is the package as it is now.
 * Otherwise it has refused, and returns what that returned.
 */
int await_auth_again(struct request *rq) MUST_CHECK;
/* A statement has proved them. */
void auth_proved(struct request *rq);

/* Of the caller's credential, with all that its scopes imply. For a known caller. */
bool auth_has_scopes(const struct request *rq, unsigned scopes);

/* REST: 0, or the caller's token counts as nobody's in that namespace, and it has refused. */
int await_auth_inside(struct request *rq, int64_t account, const char *login) MUST_CHECK;
/* He acts as a site admin: is one, with a token that says so and has no limits. For a known
 * caller. */
bool auth_site_admin(const struct request *rq);

/* For audit rows. */
struct actor auth_actor(const struct request *rq);
