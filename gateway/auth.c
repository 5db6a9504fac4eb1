/*
 *   header ──▶ struct presented ──▶ one batched lookup ──▶ access_decide() ──▶ answer
 *
 * A personal token is looked up by its hash, a bearer token of ours by the ids in it, after
 * its signature was checked. Rights on packages are looked up in auth_package.c.
 */
#include "gateway/auth_private.h"

#include <string.h>
#include <time.h>

#include "gateway/api_org.h"
#include "gateway/auth_header.h"
#include "gateway/bearer_seen.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "metadb/accounts.h"
#include "metadb/key_watch.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

/* The key that a token names; loaded when it is a new one. */
static int await_key(struct request *rq, int64_t id, int64_t now, struct signing_key *out)
{
	const struct signing_key *k = key_watch_find(rq->worker->keys, id, now);

	if (k == NULL) {
		int rc = await_key_watch_refresh(rq->worker->keys);

		if (rc < 0)
			return rc;
		k = key_watch_find(rq->worker->keys, id, now);
	}
	if (k == NULL)
		return ERR_DENIED;
	*out = *k;
	return 0;
}

static int await_compact(struct request *rq, const char *token, struct presented *out)
{
	int64_t now = (int64_t)time(NULL);
	struct signing_key key;
	int64_t id;
	int rc;

	if (bearer_key_wanted(rq->arena, token, &id) < 0)
		return ERR_DENIED;
	rc = await_key(rq, id, now, &key);
	if (rc < 0)
		return rc;
	rc = bearer_seen_verify(rq->worker->seen, rq->arena, id, key.public, token,
				AUTH_AUDIENCE, now, &out->claims);
	if (rc < 0)
		return rc == ERR_CORRUPT ? rc : ERR_DENIED;
	out->narrowed = true;
	if (out->claims.credential_id != 0) {
		out->credential.form = CREDENTIAL_ID;
		out->credential.token_id = out->claims.credential_id;
		out->credential.account_id = out->claims.account_id;
	}
	return 0;
}

int await_auth_presented(struct request *rq, struct presented *out)
{
	const char *text = request_header(rq, "Authorization");
	struct auth_header h;
	size_t len;

	memset(out, 0, sizeof(*out));
	if (auth_header_parse(rq->arena, text, text == NULL ? 0 : strlen(text), &h) < 0)
		return ERR_DENIED;
	if (h.kind == AUTH_KIND_COMPACT)
		return await_compact(rq, h.secret, out);
	if (h.kind == AUTH_KIND_NONE) {
		session_presented(rq, &out->credential);
		return 0;
	}
	len = strlen(h.secret);
	if (!token_shaped(h.secret, len))
		return ERR_DENIED;
	out->credential.form = CREDENTIAL_HASH;
	token_hash(h.secret, len, out->credential.hash);
	return 0;
}

bool auth_caller_fine(const struct caller *c)
{
	return c->state == CALLER_ANONYMOUS || c->state == CALLER_ACTIVE;
}

struct actor auth_actor(const struct request *rq)
{
	return (struct actor){
		.account_id = rq->caller == NULL ? 0 : rq->caller->account_id,
		.token_id = rq->caller == NULL ? 0 : rq->caller->token_id,
		.remote = rq->stream->remote,
	};
}

struct package_target auth_target(const struct request *rq)
{
	return (struct package_target){
		.namespace_id = rq->namespace_id,
		.name = rq->repo.name,
		.package_id = rq->package_id,
		.published = rq->standing.published,
		.proof = rq->proof,
	};
}

void auth_proved(struct request *rq)
{
	if (rq->proof != NULL)
		metric_inc(M_HTTP_RECALLED);
	rq->proof = NULL;
}

bool auth_may(const struct request *rq, enum action action)
{
	return access_decide(&rq->standing, action, true) == VERDICT_ALLOWED;
}

int auth_refuse_basic(struct request *rq)
{
	int status = rate_limit(rq, 0);

	if (status != 0)
		return status;
	reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
	return refuse_with(rq, 401, UNAUTHORIZED, "[]", NULL);
}

int auth_note_caller(struct request *rq, const struct caller *c)
{
	if (c->state != CALLER_ACTIVE)
		return rate_limit(rq, 0);
	rq->caller = arena_alloc(rq->arena, sizeof(*rq->caller));
	*rq->caller = *c;
	rq->caller_name = rq->caller->login;
	if (rq->match.route->right.tells_rates)
		rq->counted = true; /* for nothing */
	return rate_limit(rq, c->account_id);
}

bool auth_has_scopes(const struct request *rq, unsigned scopes)
{
	return (scope_closure(rq->caller->scopes) & scopes) == scopes;
}

bool auth_site_admin(const struct request *rq)
{
	return rq->caller->site_admin && auth_has_scopes(rq, SCOPE_SITE_ADMIN) &&
	       !rq->caller->limited;
}

int await_auth_inside(struct request *rq, int64_t account, const char *login)
{
	enum outside outside;
	int rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, account,
				     &outside);

	if (rc < 0)
		return give_up(rq, rc, "looking up the limits of the token");
	return outside == OUTSIDE_NOT ? 0 : auth_refuse_outside(rq, outside, login);
}

/* What one does with what is his own. */
static int await_own(struct request *rq, unsigned scopes)
{
	if (scopes == 0)
		return 0;
	if (!auth_has_scopes(rq, scopes))
		return auth_refuse_scopes(rq, scopes);
	return await_auth_inside(rq, rq->caller->account_id, rq->caller->login);
}

static void note_org(struct request *rq, const struct account *org, enum membership role)
{
	rq->org = arena_alloc(rq->arena, sizeof(*rq->org));
	*rq->org = (struct org_standing){*org, role, auth_site_admin(rq)};
}

/* A member, with the scopes, who may be less than an owner: 0, or it has refused. */
static int await_member(struct request *rq, const struct account *org, enum membership needed,
			unsigned scopes)
{
	enum membership role;
	int rc;

	rc = await_membership_get(rq->worker->metadb, org->id, rq->caller->account_id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_NONE)
		return refuse_api(rq, 404, "Not Found");
	if (role < needed)
		return refuse_api(rq, 403, "You must be an owner of the organization %s",
				  org->login);
	if (!auth_has_scopes(rq, scopes))
		return auth_refuse_scopes(rq, scopes);
	note_org(rq, org, role);
	return await_auth_inside(rq, org->id, org->login);
}

/* Site admins pass; others need a membership of the organization in {org}, and the scopes. */
static int await_organization(struct request *rq, enum membership needed, unsigned scopes)
{
	const char *login = request_param(rq, "org");
	struct account org;
	int rc;

	rc = await_account_by_login(rq->worker->metadb, rq->arena,
				    login_fold(rq->arena, login, strlen(login)), &org);
	if (rc == ERR_NOT_FOUND || (rc == 0 && org.kind != ACCOUNT_ORGANIZATION))
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up the organization");
	if (!auth_site_admin(rq))
		return await_member(rq, &org, needed, scopes);
	note_org(rq, &org, MEMBERSHIP_OWNER);
	return 0;
}

/* Tokens of workflows and codespaces are for packages: of REST they see little else. */
static bool acts_in_vain(const struct request *rq, const struct right *right)
{
	return rq->surface == SURFACE_REST && rq->caller->repository_id != 0 && !right->acting;
}

/* Everything but a package's rights: who it is, then what he is. */
static int await_person(struct request *rq, const struct right *right,
			const struct presented *p)
{
	enum need need = right->need;
	struct caller c;
	int rc;

	rc = await_caller(rq->worker->metadb, &p->credential, &c);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller");
	rc = await_request_mode(rq, c.mode);
	if (rc != 0)
		return rc;
	if (!auth_caller_fine(&c))
		return auth_refuse_401(rq, right, p->narrowed ? "invalid_token" : NULL);
	rc = auth_note_caller(rq, &c);
	if (rc != 0)
		return rc;
	if (p->narrowed && right->catalog &&
	    bearer_grant_for(&p->claims, BEARER_CATALOG) == NULL)
		return auth_refuse_401(rq, right, "insufficient_scope");
	if (need == NEED_VALID)
		return 0;
	if (rq->caller == NULL)
		return auth_refuse_401(rq, right, NULL);
	if (acts_in_vain(rq, right))
		return refuse_api(rq, 403, "Resource not accessible by integration");
	if (need == NEED_SITE_ADMIN && !auth_site_admin(rq))
		return refuse_api(
			rq, 403,
			"Must be a site admin, with a token that has the scope site_admin");
	if (need == NEED_ORG_ADMIN)
		return await_organization(rq, MEMBERSHIP_OWNER, route_scopes(right));
	if (need == NEED_ORG_MEMBER)
		rc = await_organization(rq, MEMBERSHIP_MEMBER, route_scopes(right));
	if (need == NEED_ORG_MEMBER && (rc != 0 || right->on == REPOSITORY_NONE))
		return rc;
	if (right->on != REPOSITORY_NONE)
		return await_auth_repository(rq, right);
	return await_own(rq, right->scopes);
}

/*
 * Who shows no credential is nobody, and is counted before anything is asked for him. A form
 * for /token holds one; its handler tells whose.
 */
static int count_nobody(struct request *rq)
{
	const struct route *r = rq->match.route;

	if (request_header(rq, "Authorization") != NULL)
		return 0;
	if (r != NULL && r->right.need == NEED_NOTHING && request_is(rq, METHOD_POST))
		return 0;
	if (r != NULL && r->right.greets)
		rq->counted = true; /* for nothing */
	return rate_limit(rq, 0);
}

int await_request_admit(struct request *rq)
{
	int status = count_nobody(rq);

	return status != 0 ? status : await_request_mode(rq, mode_seen(rq->worker->metadb));
}

int await_request_authorize(struct request *rq, const struct right *right)
{
	struct presented p;
	int rc;

	if (right->need == NEED_NOTHING)
		return 0;
	rc = await_auth_presented(rq, &p);
	if (rc == ERR_DENIED)
		return auth_refuse_401(rq, right, NULL);
	if (rc < 0)
		return give_up(rq, rc, "checking the credential");
	if (right->need == NEED_PACKAGE)
		return await_auth_package(rq, right, &p);
	/* Bearer tokens of ours are for packages: elsewhere they only open /v2/ itself. */
	if (p.narrowed && rq->surface != SURFACE_REGISTRY)
		return auth_refuse_401(rq, right, NULL);
	return await_person(rq, right, &p);
}

int await_auth_again(struct request *rq)
{
	if (rq->proof != NULL)
		metric_inc(M_HTTP_DOUBTED);
	request_doubt(rq);
	return await_request_authorize(rq, &rq->match.route->right);
}
