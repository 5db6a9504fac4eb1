/*
 * POST /api/v3/oidc/token: the token of an issuer that we believe in, for a token of ours that
 * acts for a repository (OAuth 2.0 Token Exchange, RFC 8693).
 *
 * Whoever asks has no other credential. Errors have the members of RFC 6749, 5.2, and those of
 * REST: what is wrong with a token is told to whoever holds it.
 */
#include <string.h>
#include <time.h>

#include "gateway/acting_token.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/issuer_keys.h"
#include "gateway/oidc_rules.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/strict_json.h"
#include "gateway/worker.h"
#include "metadb/repositories.h"

#define FORM_MAX    (32 * 1024)
#define VALUES_MAX  64
#define GRANT	    "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_ACCESS "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_JWT    "urn:ietf:params:oauth:token-type:jwt"
#define TYPE_ID	    "urn:ietf:params:oauth:token-type:id_token"

/* What a request says; "" for what it does not. */
struct exchange {
	const char *grant_type;
	const char *subject_token;
	const char *subject_token_type;
	const char *requested_token_type;
	const char *scope;
	const char *expires_in;
};

static int refuse_oauth(struct request *rq, const char *error, const char *why)
{
	const char *text = arena_printf(rq->arena, "%s: %s", error, why);

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 400,
			      json_pack("{s:s, s:s, s:s, s:s, s:s}", "error", error,
					"error_description", why, "message", text,
					"documentation_url", "/api/v3", "status", "400"));
}

/* The body is a form, or the same as a JSON object of texts. */
static bool read_json(struct request *rq, struct slice body, struct uri_query *form)
{
	const char *name, *why;
	struct uri_query q = {0};
	json_t *json, *value;

	if (strict_json_object(rq->arena, body.data, body.len, VALUES_MAX, &json, &why) < 0)
		return false;
	q.pairs = arena_alloc(rq->arena, sizeof(*q.pairs) * (json_object_size(json) + 1));
	json_object_foreach(json, name, value) {
		if (json_is_integer(value))
			q.pairs[q.count].value = arena_printf(
				rq->arena, "%lld", (long long)json_integer_value(value));
		else if (json_is_string(value))
			q.pairs[q.count].value = json_string_value(value);
		else
			return false;
		q.pairs[q.count++].name = name;
	}
	*form = q;
	return true;
}

/* One parameter that is there at most once. */
static bool take(const struct uri_query *form, const char *name, const char **out)
{
	const char *value = uri_query_get(form, name, 0);

	*out = value == NULL ? "" : value;
	return uri_query_get(form, name, 1) == NULL;
}

/* 0, or the status of a refusal. */
static int await_read(struct request *rq, struct exchange *x)
{
	struct uri_query form;
	struct slice body;
	bool fine;
	int rc;

	rc = await_body_all(rq, FORM_MAX, &body);
	if (rc == ERR_LIMIT)
		return refuse_api(rq, 413, "The body has at most %d bytes", FORM_MAX);
	if (rc < 0)
		return give_up(rq, rc, "reading the form");
	if (body.len > 0 && body.data[0] == '{')
		fine = read_json(rq, body, &form);
	else
		fine = uri_query_parse(rq->arena, body, &form) == 0;
	if (!fine)
		return refuse_oauth(rq, "invalid_request", "the body is no form");
	if (!take(&form, "grant_type", &x->grant_type) ||
	    !take(&form, "subject_token", &x->subject_token) ||
	    !take(&form, "subject_token_type", &x->subject_token_type) ||
	    !take(&form, "requested_token_type", &x->requested_token_type) ||
	    !take(&form, "scope", &x->scope) || !take(&form, "expires_in", &x->expires_in))
		return refuse_oauth(rq, "invalid_request", "a parameter is there twice");
	return 0;
}

static int check_types(struct request *rq, const struct exchange *x)
{
	if (strcmp(x->grant_type, GRANT) != 0)
		return refuse_oauth(rq, "unsupported_grant_type", "grant_type must be " GRANT);
	if (*x->subject_token == '\0')
		return refuse_oauth(rq, "invalid_request", "subject_token is missing");
	if (strcmp(x->subject_token_type, TYPE_JWT) != 0 &&
	    strcmp(x->subject_token_type, TYPE_ID) != 0)
		return refuse_oauth(rq, "invalid_request",
				    "subject_token_type must be " TYPE_JWT " or " TYPE_ID);
	if (*x->requested_token_type != '\0' &&
	    strcmp(x->requested_token_type, TYPE_ACCESS) != 0)
		return refuse_oauth(rq, "invalid_request",
				    "requested_token_type can be " TYPE_ACCESS " only");
	return 0;
}

/* The token is one of an issuer that we know, signed by it, for us, and valid now. */
static int await_believe(struct request *rq, const char *text, struct jwt *t,
			 struct issuer *issuer)
{
	struct jwt_expected expected;
	const char *why, *url;
	int rc;

	if (jwt_parse(rq->arena, text, strlen(text), t, &why) < 0)
		return refuse_oauth(rq, "invalid_grant", why);
	url = strict_json_text(t->claims, "iss");
	rc = url == NULL ? ERR_NOT_FOUND
			 : await_issuer_find(rq->worker->metadb, rq->arena, 0, url, issuer);
	if (rc == ERR_NOT_FOUND || (rc == 0 && !issuer->enabled))
		return refuse_oauth(rq, "invalid_grant", "its issuer is not known here");
	if (rc < 0)
		return give_up(rq, rc, "looking up the issuer");
	if ((issuer->algorithms & t->algorithm) == 0)
		return refuse_oauth(rq, "invalid_grant", "its issuer is not to sign like that");
	rc = await_issuer_signed(rq->worker, issuer, t, &why);
	if (rc < 0 && rc != ERR_DENIED)
		return give_up(rq, rc, "getting the issuer's keys");
	expected = (struct jwt_expected){issuer->url, issuer->audience, (int64_t)time(NULL)};
	if (rc == ERR_DENIED || jwt_judge(t, &expected, &why) < 0)
		return refuse_oauth(rq, "invalid_grant", why);
	return 0;
}

/* The repository that the issuer's rules lead to. */
static int await_target(struct request *rq, const struct jwt *t, const struct issuer *issuer,
			struct oidc_grant *grant, struct repository *out)
{
	json_t *rules = json_loads(issuer->rules, 0, NULL);
	int rc;

	if (rules == NULL)
		return give_up(rq, ERR_CORRUPT, "reading the rules of an issuer");
	arena_defer(rq->arena, (void (*)(void *))json_decref, rules);
	rc = oidc_rules_apply(rq->arena, rules, t->claims, grant);
	if (rc == ERR_NOT_FOUND)
		return refuse_oauth(rq, "invalid_target",
				    "no rule of its issuer matches its claims");
	if (rc < 0)
		return refuse_oauth(rq, "invalid_target",
				    "the rule that matches leads to no OWNER/NAME");
	rc = await_repository_find(rq->worker->metadb, rq->arena, 0, grant->owner,
				   grant->repository, out);
	if (rc == ERR_NOT_FOUND)
		return refuse_oauth(rq, "invalid_target",
				    arena_printf(rq->arena,
						 "the rule that matches leads to %s/%s, and "
						 "there is no such repository here",
						 grant->owner, grant->repository));
	return rc < 0 ? give_up(rq, rc, "looking up the repository") : 0;
}

/* `scope` may ask for less than the rule gives. */
static int read_scope(struct request *rq, const char *scope, bool *write)
{
	if (*scope == '\0')
		return 0;
	if (strcmp(scope, "read:packages") == 0)
		*write = false;
	else if (strcmp(scope, "write:packages") != 0 || !*write)
		return refuse_oauth(
			rq, "invalid_scope",
			"scope can be read:packages, or write:packages where a rule "
			"gives it");
	return 0;
}

static int read_life(struct request *rq, const char *text, int64_t *seconds)
{
	size_t len = strspn(text, "0123456789");

	*seconds = ACTING_LIFE_S;
	if (*text == '\0')
		return 0;
	*seconds = 0;
	for (size_t i = 0; i < len && i < 6; i++)
		*seconds = *seconds * 10 + (text[i] - '0');
	if (text[len] != '\0' || len > 5 || *seconds < ACTING_LIFE_MIN_S ||
	    *seconds > ACTING_LIFE_MAX_S)
		return refuse_oauth(rq, "invalid_request", "expires_in is 60 to 86400");
	return 0;
}

static int reply_exchanged(struct request *rq, const char *text, int64_t seconds, bool write,
			   const struct repository *r)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:{s:I, s:s}}", "access_token",
				 text, "issued_token_type", TYPE_ACCESS, "token_type", "Bearer",
				 "expires_in", (json_int_t)seconds, "scope",
				 write ? "write:packages" : "read:packages", "repository", "id",
				 (json_int_t)r->id, "full_name",
				 arena_printf(rq->arena, "%s/%s", r->owner.login, r->name));

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 200, json);
}

/* At most max bytes, and no half of a character (UTF-8). */
static const char *cut(struct arena *a, const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len > max)
		for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
			len--;
	return arena_memdup(a, text, len);
}

/* For whoever reads the audit log. */
static const char *note_of(struct arena *a, const struct jwt *t, const struct issuer *issuer)
{
	return arena_printf(a, "%s: %s", cut(a, issuer->url, TOKEN_NOTE_MAX / 2),
			    cut(a, strict_json_text(t->claims, "sub"), TOKEN_NOTE_MAX / 2 - 2));
}

static int await_exchange(struct request *rq, const struct exchange *x)
{
	struct actor nobody = {.remote = rq->stream->remote};
	struct token_new wanted = {.kind = TOKEN_WORKFLOW};
	char text[TOKEN_TEXT_LEN + 1];
	struct repository repository;
	struct oidc_grant grant;
	struct issuer issuer;
	struct token made;
	int64_t seconds;
	struct jwt t;
	int rc, status;

	status = read_life(rq, x->expires_in, &seconds);
	if (status == 0)
		status = await_believe(rq, x->subject_token, &t, &issuer);
	if (status == 0)
		status = await_target(rq, &t, &issuer, &grant, &repository);
	if (status == 0)
		status = read_scope(rq, x->scope, &grant.write);
	if (status != 0)
		return status;
	wanted.account_id = repository.owner.id;
	wanted.repository_id = repository.id;
	wanted.issuer_id = issuer.id;
	wanted.scopes = acting_token_scopes(grant.write);
	wanted.expires_at = (int64_t)time(NULL) + seconds;
	wanted.note = note_of(rq->arena, &t, &issuer);
	rc = await_token_issue(rq->worker->metadb, rq->arena, &nobody, NULL, &wanted, text,
			       &made);
	if (rc < 0)
		return give_up(rq, rc, "making a token");
	if (rc == TOKEN_NO_ISSUER)
		return refuse_oauth(rq, "invalid_grant", "its issuer is not known here");
	if (rc != TOKEN_MADE)
		return refuse_oauth(rq, "invalid_target",
				    rc == TOKEN_TOO_MANY
					    ? "too many tokens act for the repository already"
					    : "the repository's owner is suspended");
	return reply_exchanged(rq, text, seconds, grant.write, &repository);
}

int api_oidc_token(struct request *rq)
{
	struct registry_modes now;
	struct exchange x = {"", "", "", "", "", ""};
	int rc, status = rate_limit(rq, 0);

	if (status != 0)
		return status;
	/* Nobody is looked up here who would bring the mode along. */
	rc = await_modes(rq->worker->metadb, rq->arena, &now);
	if (rc < 0)
		return give_up(rq, rc, "looking up the registry's mode");
	status = await_request_mode(rq, modes_in_force(&now));
	if (status == 0)
		status = await_read(rq, &x);
	if (status == 0)
		status = check_types(rq, &x);
	return status != 0 ? status : await_exchange(rq, &x);
}
