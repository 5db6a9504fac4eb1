/*
 *   header ──▶ struct presented ──▶ one batched lookup ──▶ access_decide() ──▶ answer
 *
 * A personal token is looked up by its hash, a bearer token of ours by the ids in it, after
 * its signature was checked. A bearer token can only take away: it must name the package,
 * of the namespace with the same id, with the action; and scopes that it does not name are
 * taken from the standing, so that what a handler asks later (auth_may()) is narrowed as well.
 */
#include "gateway/auth.h"

#include <string.h>
#include <time.h>

#include "gateway/auth_header.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/accounts.h"
#include "metadb/key_watch.h"
#include "proto/base/log.h"

/* The action of Docker's token scopes that an action of ours needs. */
static const struct {
	unsigned bit;
	const char *scope; /* what a challenge asks for */
} token_actions[] = {
	[ACTION_PULL] = {BEARER_PULL, "pull"},
	[ACTION_PUSH] = {BEARER_PUSH, "pull,push"},
	[ACTION_DELETE] = {BEARER_DELETE, "delete"},
	[ACTION_RESTORE] = {BEARER_PUSH, "pull,push"},
	[ACTION_SETTINGS] = {BEARER_PUSH, "pull,push"},
};

/* The published half of the key that a token names; loaded when it is a new one. */
static int await_key(struct request *rq, int64_t id, int64_t now, struct bearer_key **out)
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
	*out = bearer_key_verifying(id, k->public);
	return *out == NULL ? ERR_CORRUPT : 0;
}

static int await_compact(struct request *rq, const char *token, struct presented *out)
{
	int64_t now = (int64_t)time(NULL);
	struct bearer_key *key;
	int64_t id;
	int rc;

	if (bearer_key_wanted(rq->arena, token, &id) < 0)
		return ERR_DENIED;
	rc = await_key(rq, id, now, &key);
	if (rc < 0)
		return rc;
	rc = bearer_verify(rq->arena, key, token, AUTH_AUDIENCE, now, &out->claims);
	bearer_key_free(key);
	if (rc < 0)
		return ERR_DENIED;
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
	if (h.kind == AUTH_KIND_NONE)
		return 0;
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
	};
}

bool auth_may(const struct request *rq, enum action action)
{
	return access_decide(&rq->standing, action, true) == VERDICT_ALLOWED;
}

int auth_refuse(struct request *rq, const char *scope, const char *error)
{
	if (rq->surface != SURFACE_REGISTRY) {
		reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
		return refuse_api(rq, 401, "%s",
				  request_header(rq, "Authorization") == NULL
					  ? "Requires authentication"
					  : "Bad credentials");
	}
	reply_header(rq, "WWW-Authenticate",
		     "Bearer realm=\"%s/token\",service=\"%s\"%s%s%s%s%s%s",
		     request_base_url(rq), AUTH_AUDIENCE, scope == NULL ? "" : ",scope=\"",
		     scope == NULL ? "" : scope, scope == NULL ? "" : "\"",
		     error == NULL ? "" : ",error=\"", error == NULL ? "" : error,
		     error == NULL ? "" : "\"");
	return refuse(rq, UNAUTHORIZED, NULL);
}

/* Who it is goes into the request; the token's last use is kept up to date. */
static int await_known(struct request *rq, const struct caller *c)
{
	int rc;

	if (c->state != CALLER_ACTIVE)
		return 0;
	rq->caller = arena_alloc(rq->arena, sizeof(*rq->caller));
	*rq->caller = *c;
	rq->caller_name = rq->caller->login;
	rc = await_token_used(rq->worker->metadb, c->token_id);
	if (rc == -ECANCELED)
		return rc;
	if (rc < 0)
		log_debug("use of a token not recorded", "token=%lld why=\"%s\"",
			  (long long)c->token_id, err_text(rc));
	return 0;
}

/* Scopes that a bearer token does not name are not there. */
static void narrow(struct standing *s, unsigned actions)
{
	s->scopes = scope_closure(s->scopes);
	if (!(actions & BEARER_PUSH))
		s->scopes &= ~(unsigned)SCOPE_WRITE_PACKAGES;
	if (!(actions & BEARER_DELETE))
		s->scopes &= ~(unsigned)SCOPE_DELETE_PACKAGES;
}

/* What a client should ask /token for; NULL where no package is meant. */
static const char *challenge_scope(struct request *rq, const struct right *right)
{
	if (right->need != NEED_PACKAGE)
		return NULL;
	return arena_printf(rq->arena, "repository:%s:%s", rq->repo.full,
			    token_actions[right->action].scope);
}

static int refuse_package(struct request *rq, enum verdict verdict, enum action action,
			  const char *scope)
{
	char needed[128];

	switch (verdict) {
	case VERDICT_UNAUTHENTICATED:
		return auth_refuse(rq, scope, NULL);
	case VERDICT_ABSENT:
		return refuse(rq, NAME_UNKNOWN, NULL);
	case VERDICT_SCOPE:
		return refuse(rq, DENIED, "the token provided does not have the scope %s",
			      scope_names(action_scopes(action), needed, sizeof(needed)));
	default:
		return refuse(rq, DENIED, NULL);
	}
}

static int await_package(struct request *rq, const struct right *right, struct presented *p)
{
	const struct bearer_grant *grant = bearer_grant_for(&p->claims, rq->repo.full);
	unsigned actions = grant == NULL ? 0 : grant->actions;
	unsigned wanted = token_actions[right->action].bit;
	const char *scope = challenge_scope(rq, right);
	struct authorization found;
	enum verdict verdict;
	int rc;

	rc = await_authorize(rq->worker->metadb, &p->credential, rq->repo.namespace,
			     rq->repo.name, &found);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller's rights");
	if (!auth_caller_fine(&found.caller))
		return auth_refuse(rq, scope, p->narrowed ? "invalid_token" : NULL);
	rc = await_known(rq, &found.caller);
	if (rc < 0)
		return give_up(rq, rc, "recording the token's use");
	if (actions & BEARER_PUSH)
		actions |= BEARER_PULL;
	if (p->narrowed && (!(actions & wanted) || grant->namespace_id != found.namespace_id))
		return auth_refuse(rq, scope, "insufficient_scope");
	rq->standing = found.standing;
	if (p->narrowed)
		narrow(&rq->standing, actions);
	rq->namespace_id = found.namespace_id;
	rq->package_id = found.package_id;
	verdict = access_decide(&rq->standing, right->action, right->creates);
	return verdict == VERDICT_ALLOWED ? 0
					  : refuse_package(rq, verdict, right->action, scope);
}

static bool has_scope(const struct request *rq, unsigned scope)
{
	return (scope_closure(rq->caller->scopes) & scope) == scope;
}

static bool is_site_admin(const struct request *rq)
{
	return rq->caller->site_admin && has_scope(rq, SCOPE_SITE_ADMIN);
}

/* Site admins pass; others need a membership of the organization in {org}, and the scope. */
static int await_organization(struct request *rq, enum membership needed, unsigned scope)
{
	const char *login = request_param(rq, "org");
	enum membership role;
	struct account org;
	int rc;

	rc = await_account_by_login(rq->worker->metadb, rq->arena,
				    login_fold(rq->arena, login, strlen(login)), &org);
	if (rc == ERR_NOT_FOUND || (rc == 0 && org.kind != ACCOUNT_ORGANIZATION))
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up the organization");
	if (is_site_admin(rq))
		return 0;
	rc = await_membership_get(rq->worker->metadb, org.id, rq->caller->account_id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_NONE)
		return refuse_api(rq, 404, "Not Found");
	if (role < needed)
		return refuse_api(rq, 403, "You must be an owner of the organization %s",
				  org.login);
	if (!has_scope(rq, scope))
		return refuse_api(rq, 403, "The token provided does not have the scope %s",
				  scope == SCOPE_ADMIN_ORG ? "admin:org" : "read:org");
	return 0;
}

/* Everything but a package's rights: who it is, then what he is. */
static int await_person(struct request *rq, enum need need, const struct presented *p)
{
	struct caller c;
	int rc;

	rc = await_caller(rq->worker->metadb, &p->credential, &c);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller");
	if (!auth_caller_fine(&c))
		return auth_refuse(rq, NULL, p->narrowed ? "invalid_token" : NULL);
	rc = await_known(rq, &c);
	if (rc < 0)
		return give_up(rq, rc, "recording the token's use");
	if (need == NEED_VALID)
		return 0;
	if (rq->caller == NULL)
		return auth_refuse(rq, NULL, NULL);
	if (need == NEED_SITE_ADMIN && !is_site_admin(rq))
		return refuse_api(
			rq, 403,
			"Must be a site admin, with a token that has the scope site_admin");
	if (need == NEED_ORG_ADMIN)
		return await_organization(rq, MEMBERSHIP_OWNER, SCOPE_ADMIN_ORG);
	if (need == NEED_ORG_MEMBER)
		return await_organization(rq, MEMBERSHIP_MEMBER, SCOPE_READ_ORG);
	return 0;
}

int await_request_authorize(struct request *rq, const struct right *right)
{
	struct presented p;
	int rc;

	if (right->need == NEED_NOTHING)
		return 0;
	rc = await_auth_presented(rq, &p);
	if (rc == ERR_DENIED)
		return auth_refuse(rq, challenge_scope(rq, right), NULL);
	if (rc < 0)
		return give_up(rq, rc, "checking the credential");
	if (right->need == NEED_PACKAGE)
		return await_package(rq, right, &p);
	/* Bearer tokens of ours are for packages: elsewhere they only open /v2/ itself. */
	if (p.narrowed && rq->surface != SURFACE_REGISTRY)
		return auth_refuse(rq, NULL, NULL);
	return await_person(rq, right->need, &p);
}
