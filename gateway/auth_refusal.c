/*
 * How the auth step says no: challenges, codes and words, for the registry and for REST.
 *
 * What a caller may not know decides the words: whoever may neither read a package nor create
 * one of that name gets the same answer whether it is there or not. Who may know is told what
 * is missing and who can give it.
 */
#include <string.h>

#include "gateway/auth_private.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"

/*
 * The action of Docker's token scopes that an action of ours needs, and what a challenge asks
 * for: this one first, for clients that read no further than the comma.
 */
static const struct {
	unsigned bit;
	const char *scope;
	const char *last; /* the one that matters, for the error's detail */
} token_actions[] = {
	[ACTION_PULL] = {BEARER_PULL, "pull", "pull"},
	[ACTION_PUSH] = {BEARER_PUSH, "push,pull", "push"},
	[ACTION_DELETE] = {BEARER_DELETE, "delete", "delete"},
	[ACTION_RESTORE] = {BEARER_PUSH, "push,pull", "push"},
	[ACTION_SETTINGS] = {BEARER_PUSH, "push,pull", "push"},
};

unsigned auth_action_bit(enum action action)
{
	return token_actions[action].bit;
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

bool auth_names_source(struct request *rq, const struct right *right,
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
	if (auth_names_source(rq, right, &source))
		more = arena_printf(rq->arena, " repository:%s:pull", source.full);
	if (right->need == NEED_PACKAGE)
		scope = arena_printf(rq->arena, ",scope=\"repository:%s:%s%s\"", rq->repo.full,
				     token_actions[right->action].scope, more);
	if (error != NULL)
		why = arena_printf(rq->arena, ",error=\"%s\"", error);
	reply_header(rq, "WWW-Authenticate", "Bearer realm=\"%s/token\",service=\"%s\"%s%s",
		     request_base_url(rq), AUTH_AUDIENCE, scope, why);
}

int auth_refuse_401(struct request *rq, const struct right *right, const char *error)
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

/*
 * What is missing, for a caller who may know that the package is there: he reads it, or he may
 * create in its namespace and would learn it by trying.
 */
static const char *missing_role(struct request *rq, const struct package_check *c)
{
	const char *role = role_name(action_role(c->right->action));
	const char *who = "an admin of the package can give it to you";

	if (c->found.caller.repository_id != 0)
		who = "an admin of the package can give it to the repository of this token, "
		      "under the package's Actions access";
	return arena_printf(rq->arena, "this needs the role %s on the package %s: %s", role,
			    rq->repo.full, who);
}

/* NULL: nothing may be said. */
static const char *denial(struct request *rq, enum verdict verdict,
			  const struct package_check *c)
{
	const struct standing *s = &c->found.standing;

	if (s->outside == OUTSIDE_LIMITS)
		return "the token provided is limited to other packages";
	if (s->outside == OUTSIDE_SSO)
		return arena_printf(
			rq->arena,
			"the token provided is not authorized for the single sign-on "
			"of %s: its owner can authorize it",
			rq->repo.namespace);
	if (verdict == VERDICT_FORBIDDEN || (s->package_exists && s->may_create))
		return missing_role(rq, c);
	return NULL;
}

static int refuse_registry(struct request *rq, enum verdict verdict,
			   const struct package_check *c)
{
	const char *detail = access_detail(rq, c->right), *words;
	char needed[128];

	switch (verdict) {
	case VERDICT_UNAUTHENTICATED:
		return auth_refuse_401(rq, c->right, NULL);
	case VERDICT_ABSENT:
		return refuse_with(rq, 404, NAME_UNKNOWN, detail, NULL);
	case VERDICT_SCOPE:
		return refuse_with(
			rq, 403, DENIED, detail,
			"the token provided does not have the scope %s",
			scope_names(action_scopes(c->right->action), needed, sizeof(needed)));
	default:
		words = denial(rq, verdict, c);
		if (words == NULL)
			return refuse_with(rq, 403, DENIED, detail, NULL);
		return refuse_with(rq, 403, DENIED, detail, "%s", words);
	}
}

int auth_refuse_scopes(struct request *rq, unsigned scopes)
{
	char names[128];

	return refuse_api(rq, 403, "The token provided does not have the scope %s",
			  scope_names(scopes, names, sizeof(names)));
}

int auth_refuse_outside(struct request *rq, enum outside outside, const char *organization)
{
	if (outside == OUTSIDE_LIMITS)
		return refuse_api(rq, 403, "The token provided is limited to certain packages");
	reply_header(rq, "X-GitHub-SSO", "required; url=%s/orgs/%s/sso", request_base_url(rq),
		     organization);
	return refuse_api(rq, 403,
			  "Resource protected by organization SAML enforcement. You must grant "
			  "your Personal Access token access to this organization.");
}

/* What an action is to GitHub, whose clients look for these words. */
static const char *const deeds[] = {
	[ACTION_PULL] = "get a package",	[ACTION_PUSH] = "publish a package",
	[ACTION_DELETE] = "delete a package",	[ACTION_RESTORE] = "restore a package",
	[ACTION_SETTINGS] = "change a package",
};

static int refuse_rest(struct request *rq, enum verdict verdict, const struct package_check *c)
{
	enum outside outside = c->found.standing.outside;
	char needed[128];

	if (verdict == VERDICT_UNAUTHENTICATED)
		return auth_refuse_401(rq, c->right, NULL);
	if (verdict == VERDICT_SCOPE)
		return refuse_api(
			rq, 403, "You need at least %s scope to %s.",
			scope_names(action_scopes(c->right->action), needed, sizeof(needed)),
			deeds[c->right->action]);
	if (outside == OUTSIDE_SSO)
		return auth_refuse_outside(rq, outside, rq->repo.namespace);
	if (verdict == VERDICT_FORBIDDEN)
		return refuse_api(rq, 403, "%s", missing_role(rq, c));
	return refuse_api(rq, 404, "Package not found.");
}

int auth_refuse_package(struct request *rq, enum verdict verdict, const struct package_check *c)
{
	if (rq->surface == SURFACE_REGISTRY)
		return refuse_registry(rq, verdict, c);
	return refuse_rest(rq, verdict, c);
}

int auth_refuse_moved(struct request *rq, const struct package_check *c)
{
	const char *now = c->found.moved_to;

	if (rq->surface == SURFACE_REGISTRY)
		return refuse_with(rq, 403, DENIED, access_detail(rq, c->right),
				   "the package %s is called %s now: use that name",
				   rq->repo.full, now);
	return refuse_api(rq, 404, "Package not found. It is called %s now.", now);
}
