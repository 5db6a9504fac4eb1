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
#include "gateway/bearer_seen.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/accounts.h"
#include "metadb/key_watch.h"
#include "proto/base/log.h"

/* The action of Docker's token scopes that an action of ours needs, and what a challenge asks
 * for. */
static const struct {
	unsigned bit;
	const char *scope;
	const char *last; /* the one that matters, for the error's detail */
} token_actions[] = {
	[ACTION_PULL] = {BEARER_PULL, "pull", "pull"},
	[ACTION_PUSH] = {BEARER_PUSH, "pull,push", "push"},
	[ACTION_DELETE] = {BEARER_DELETE, "delete", "delete"},
	[ACTION_RESTORE] = {BEARER_PUSH, "pull,push", "push"},
	[ACTION_SETTINGS] = {BEARER_PUSH, "pull,push", "push"},
};

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

/*
 * What was asked for, and nothing about what is there: Docker shows an error's message, and
 * stops retrying, only when it comes with a detail.
 */
static const char *access_detail(struct request *rq, const struct right *right)
{
	if (right->need != NEED_PACKAGE)
		return "[]";
	return arena_printf(rq->arena,
			    "[{\"Type\":\"repository\",\"Class\":\"\",\"Name\":\"%s\","
			    "\"Action\":\"%s\"}]",
			    rq->repo.full, token_actions[right->action].last);
}

/* The package that a mount reads from, when the request names one. */
static bool names_source(struct request *rq, const struct right *right,
			 struct repository_name *out)
{
	const char *from = right->mounts ? request_query(rq, "from") : NULL;

	return from != NULL && request_query(rq, "mount") != NULL &&
	       repository_parse(rq->arena, from, strlen(from), out) == 0;
}

/* The Bearer challenge: what to ask /token for, and why the token at hand does not do. */
static void challenge(struct request *rq, const struct right *right, const char *error)
{
	const char *scope = "", *why = "", *more = "";
	struct repository_name source;

	if (right->catalog)
		scope = ",scope=\"" BEARER_CATALOG ":*\"";
	if (names_source(rq, right, &source))
		more = arena_printf(rq->arena, " repository:%s:pull", source.full);
	if (right->need == NEED_PACKAGE)
		scope = arena_printf(rq->arena, ",scope=\"repository:%s:%s%s\"", rq->repo.full,
				     token_actions[right->action].scope, more);
	if (error != NULL)
		why = arena_printf(rq->arena, ",error=\"%s\"", error);
	reply_header(rq, "WWW-Authenticate", "Bearer realm=\"%s/token\",service=\"%s\"%s%s",
		     request_base_url(rq), AUTH_AUDIENCE, scope, why);
}

/*
 * 401 in the surface's words. error: why the bearer token does not do ("insufficient_scope",
 * "invalid_token"), NULL when there was none.
 */
static int refuse_401(struct request *rq, const struct right *right, const char *error)
{
	bool sent = request_header(rq, "Authorization") != NULL;
	int status = rate_limit(rq, 0);

	if (status != 0)
		return status;
	if (rq->surface == SURFACE_REGISTRY) {
		challenge(rq, right, error);
		return refuse_with(rq, 401, UNAUTHORIZED, access_detail(rq, right), NULL);
	}
	reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
	return refuse_api(rq, 401, "%s", sent ? "Bad credentials" : "Requires authentication");
}

int auth_refuse_basic(struct request *rq)
{
	int status = rate_limit(rq, 0);

	if (status != 0)
		return status;
	reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
	return refuse_with(rq, 401, UNAUTHORIZED, "[]", NULL);
}

/* Who it is goes into the request: 0, or there were too many of his, and it has refused. */
static int note_caller(struct request *rq, const struct caller *c)
{
	if (c->state != CALLER_ACTIVE)
		return rate_limit(rq, 0);
	rq->caller = arena_alloc(rq->arena, sizeof(*rq->caller));
	*rq->caller = *c;
	rq->caller_name = rq->caller->login;
	return rate_limit(rq, c->account_id);
}

static struct upload *note_upload(struct request *rq, const struct upload *found)
{
	struct upload *u = arena_alloc(rq->arena, sizeof(*u));

	*u = *found;
	return u;
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

static int refuse_package(struct request *rq, enum verdict verdict, const struct right *right)
{
	const char *detail = access_detail(rq, right);
	char needed[128];

	switch (verdict) {
	case VERDICT_UNAUTHENTICATED:
		return refuse_401(rq, right, NULL);
	case VERDICT_ABSENT:
		return refuse_with(rq, 404, NAME_UNKNOWN, detail, NULL);
	case VERDICT_SCOPE:
		return refuse_with(
			rq, 403, DENIED, detail,
			"the token provided does not have the scope %s",
			scope_names(action_scopes(right->action), needed, sizeof(needed)));
	default:
		return refuse_with(rq, 403, DENIED, detail, NULL);
	}
}

/* What a bearer token names for a package, of the namespace with this id. */
static unsigned granted(const struct presented *p, const char *repository, int64_t namespace_id)
{
	const struct bearer_grant *grant = bearer_grant_for(&p->claims, repository);
	unsigned actions = 0;

	if (grant != NULL && grant->namespace_id == namespace_id)
		actions = grant->actions;
	return (actions & BEARER_PUSH) != 0 ? actions | BEARER_PULL : actions;
}

/* A token that does not name the source of a mount can be had anew: the challenge says how. */
static bool lacks_source(struct request *rq, const struct right *right,
			 const struct presented *p)
{
	struct repository_name source;

	return p->narrowed && names_source(rq, right, &source) &&
	       bearer_grant_for(&p->claims, source.full) == NULL;
}

int await_auth_readable(struct request *rq, const struct repository_name *repo,
			int64_t *package_id)
{
	struct authorization found;
	struct presented p;
	int rc;

	rc = await_auth_presented(rq, &p);
	if (rc == 0)
		rc = await_authorize(rq->worker->metadb, &p.credential, repo->namespace,
				     repo->name, NULL, &found);
	if (rc < 0)
		return rc;
	if (p.narrowed && !(granted(&p, repo->full, found.namespace_id) & BEARER_PULL))
		return ERR_NOT_FOUND;
	if (!auth_caller_fine(&found.caller) || found.package_id == 0 ||
	    access_decide(&found.standing, ACTION_PULL, false) != VERDICT_ALLOWED)
		return ERR_NOT_FOUND;
	*package_id = found.package_id;
	return 0;
}

static int await_package(struct request *rq, const struct right *right, struct presented *p)
{
	unsigned wanted = token_actions[right->action].bit;
	struct authorization found;
	enum verdict verdict;
	unsigned actions;
	int rc;

	rc = await_authorize(rq->worker->metadb, &p->credential, rq->repo.namespace,
			     rq->repo.name,
			     right->session ? request_param(rq, "session") : NULL, &found);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller's rights");
	rc = await_request_mode(rq, found.caller.mode);
	if (rc != 0)
		return rc;
	if (!auth_caller_fine(&found.caller))
		return refuse_401(rq, right, p->narrowed ? "invalid_token" : NULL);
	rc = note_caller(rq, &found.caller);
	if (rc != 0)
		return rc;
	actions = granted(p, rq->repo.full, found.namespace_id);
	if (p->narrowed && (!(actions & wanted) || lacks_source(rq, right, p)))
		return refuse_401(rq, right, "insufficient_scope");
	rq->standing = found.standing;
	if (p->narrowed)
		narrow(&rq->standing, actions);
	rq->namespace_id = found.namespace_id;
	rq->package_id = found.package_id;
	if (found.upload.gen != 0)
		rq->upload = note_upload(rq, &found.upload);
	verdict = access_decide(&rq->standing, right->action, right->creates);
	if (verdict == VERDICT_ALLOWED || (verdict == VERDICT_ABSENT && right->absent_fine))
		return 0;
	return refuse_package(rq, verdict, right);
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
		return refuse_401(rq, right, p->narrowed ? "invalid_token" : NULL);
	rc = note_caller(rq, &c);
	if (rc != 0)
		return rc;
	if (p->narrowed && right->catalog &&
	    bearer_grant_for(&p->claims, BEARER_CATALOG) == NULL)
		return refuse_401(rq, right, "insufficient_scope");
	if (need == NEED_VALID)
		return 0;
	if (rq->caller == NULL)
		return refuse_401(rq, right, NULL);
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
		return refuse_401(rq, right, NULL);
	if (rc < 0)
		return give_up(rq, rc, "checking the credential");
	if (right->need == NEED_PACKAGE)
		return await_package(rq, right, &p);
	/* Bearer tokens of ours are for packages: elsewhere they only open /v2/ itself. */
	if (p.narrowed && rq->surface != SURFACE_REGISTRY)
		return refuse_401(rq, right, NULL);
	return await_person(rq, right, &p);
}

int await_auth_again(struct request *rq)
{
	return await_request_authorize(rq, &rq->match.route->right);
}
