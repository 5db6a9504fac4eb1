/*
 * Signing in through an issuer, for browsers: /login/oidc/{id}, …/callback, /orgs/{org}/sso.
 *
 * The first sends the browser to the issuer, the second takes what it comes back with and opens
 * a session as a password does. Whom the issuer means is said by (issuer, subject) alone;
 * rules: gateway/IDENTITY.md. Each issuer has a callback of its own, so that the answer of one
 * is never taken for another's. What is wrong is told in text.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "gateway/handlers_identity.h"
#include "gateway/http_uri.h"
#include "gateway/oidc_accounts.h"
#include "gateway/oidc_client.h"
#include "gateway/oidc_rules.h"
#include "gateway/reply.h"
#include "gateway/session.h"
#include "gateway/strict_json.h"
#include "metadb/accounts.h"
#include "metadb/sso.h"

#define SALT_DIGITS 32
#define ID_DIGITS   18
#define ERROR_MAX   64

static int refuse_begun(struct request *rq, const char *why)
{
	return refuse_by_surface(rq, REQUEST_INVALID, "%s: begin to sign in again", why);
}

/* {id}, whose people sign in here: 0, or the status of a refusal. */
static int await_issuer(struct request *rq, struct issuer *issuer, struct issuer_sign_in *s)
{
	const char *text = request_param(rq, "id");
	size_t len = strspn(text, "0123456789");
	int64_t id = 0;
	int rc = ERR_NOT_FOUND;

	for (size_t i = 0; i < len && len <= ID_DIGITS; i++)
		id = id * 10 + (text[i] - '0');
	if (id > 0 && text[len] == '\0')
		rc = await_issuer_sign_in_find(rq->worker->metadb, rq->arena, id, issuer, s);
	if (rc == ERR_NOT_FOUND || (rc == 0 && !issuer->enabled))
		return refuse_by_surface(rq, NOT_FOUND, "nobody signs in through this issuer");
	return rc < 0 ? give_up(rq, rc, "looking up the issuer") : 0;
}

/* One that is there at most once; NULL: it is not. */
static const char *parameter(struct request *rq, const char *name, int *status)
{
	if (*status == 0 && uri_query_get(&rq->query, name, 1) != NULL)
		*status = refuse_by_surface(rq, REQUEST_INVALID, "%s is there twice", name);
	return request_query(rq, name);
}

static const char *cookie_name(struct request *rq)
{
	return session_over_https(rq) ? "__Host-packhouse-sign-in" : "packhouse-sign-in";
}

/* The browser's key; NULL: it has none. */
static const char *key_of(struct request *rq)
{
	size_t len;
	const char *text = session_find_cookie(rq, cookie_name(rq), &len);

	return text == NULL || !sign_in_key_fine(text, len)
		       ? NULL
		       : arena_memdup(rq->arena, text, len);
}

static void give_key(struct request *rq, const char *key)
{
	reply_header(rq, "Set-Cookie", "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
		     cookie_name(rq), key, SIGN_IN_LIFE_S,
		     session_over_https(rq) ? "; Secure" : "");
}

static const char *callback_url(struct request *rq, int64_t issuer_id)
{
	return arena_printf(rq->arena, "%s/login/oidc/%lld/callback", request_base_url(rq),
			    (long long)issuer_id);
}

static int refuse_issuer(struct request *rq, const struct issuer *i, int rc)
{
	if (rc != ERR_UNAVAILABLE)
		return give_up(rq, rc, "asking an issuer");
	return refuse_by_surface(rq, UNAVAILABLE,
				 "%s, through which you sign in, does not answer as it should; "
				 "try again",
				 i->url);
}

static int read_return(struct request *rq, const char **out)
{
	int status = 0;

	*out = parameter(rq, "return_to", &status);
	if (*out == NULL)
		*out = "/";
	if (status == 0 && !sign_in_return_fine(*out))
		return refuse_by_surface(rq, REQUEST_INVALID,
					 "return_to is a path of this registry, of %d bytes at "
					 "most",
					 SIGN_IN_RETURN_MAX);
	return status;
}

static int send_to(struct request *rq, const char *url)
{
	reply_header(rq, "Referrer-Policy", "no-referrer");
	reply_header(rq, "Location", "%s", url);
	return reply(rq, 303);
}

int login_oidc_begin(struct request *rq)
{
	char salt[SALT_DIGITS + 1], made[SIGN_IN_KEY_LEN + 1];
	struct issuer_endpoints e;
	struct issuer_sign_in s;
	struct sign_in_flow flow;
	const char *key, *return_to;
	struct issuer i;
	int rc, status = await_session_admit(rq);

	reply_header(rq, "Cache-Control", "no-store");
	if (status == 0)
		status = read_return(rq, &return_to);
	if (status == 0)
		status = await_issuer(rq, &i, &s);
	if (status != 0)
		return status;
	rc = await_issuer_endpoints(rq->worker, rq->arena, &i, &s, &e);
	if (rc < 0)
		return refuse_issuer(rq, &i, rc);
	key = key_of(rq);
	if (key == NULL) {
		session_random(made, SIGN_IN_KEY_LEN);
		key = made;
	}
	session_random(salt, SALT_DIGITS);
	sign_in_begin(rq->arena, key, i.id, return_to, salt, (int64_t)time(NULL), &flow);
	give_key(rq, key);
	return send_to(rq, oidc_client_url(rq->arena, &e, &s, &flow, callback_url(rq, i.id)));
}

int login_org_sso(struct request *rq)
{
	const char *login = request_param(rq, "org"), *return_to;
	struct sso_issuer issuer;
	struct account org;
	int rc, status = await_session_admit(rq);

	reply_header(rq, "Cache-Control", "no-store");
	if (status == 0)
		status = read_return(rq, &return_to);
	if (status != 0)
		return status;
	rc = await_account_by_login(rq->worker->metadb, rq->arena,
				    login_fold(rq->arena, login, strlen(login)), &org);
	if (rc == 0)
		rc = await_sso_issuer(rq->worker->metadb, rq->arena, org.id, &issuer);
	if (rc == ERR_NOT_FOUND)
		return refuse_by_surface(rq, NOT_FOUND,
					 "no such organization has single sign-on");
	if (rc < 0)
		return give_up(rq, rc, "looking up an organization's issuer");
	return send_to(rq, arena_printf(rq->arena, "%s/login/oidc/%lld?return_to=%s",
					request_origin(rq), (long long)issuer.id,
					uri_escape(rq->arena, return_to, "/")));
}

/* The state is of this browser and this issuer, and comes for the first time. */
static int await_resumed(struct request *rq, const struct issuer *i, const char *state,
			 struct sign_in_flow *flow)
{
	const char *key = key_of(rq);
	unsigned char hash[TOKEN_HASH_BYTES];
	int rc = ERR_DENIED;

	if (key != NULL && state != NULL)
		rc = sign_in_resume(rq->arena, key, i->id, state, (int64_t)time(NULL), flow);
	if (rc == -ETIMEDOUT)
		return refuse_begun(rq, "this sign-in took too long");
	if (rc < 0)
		return refuse_begun(rq, "this sign-in was not begun in this browser");
	token_hash(state, strlen(state), hash);
	rc = await_sign_in_state_take(rq->worker->metadb, hash,
				      (SIGN_IN_LIFE_S + 120) * 1000LL);
	if (rc == ERR_CONFLICT)
		return refuse_begun(rq, "this answer was used already");
	return rc < 0 ? give_up(rq, rc, "noting a sign-in") : 0;
}

/* What the browser brings: 0, or the status of a refusal. */
static int read_answer(struct request *rq, const struct issuer *i, struct oidc_answer *out)
{
	int status = 0;
	const char *error = parameter(rq, "error", &status);
	const char *iss = parameter(rq, "iss", &status);
	size_t len;

	out->code = parameter(rq, "code", &status);
	if (status != 0)
		return status;
	/* RFC 9207 */
	if (iss != NULL && strcmp(iss, i->url) != 0)
		return refuse_begun(rq, "this is the answer of another issuer");
	if (error != NULL) {
		len = strspn(error, "abcdefghijklmnopqrstuvwxyz_");
		if (error[len] != '\0' || len > ERROR_MAX)
			error = "for a reason of its own";
		return refuse_by_surface(rq, DENIED, "%s did not let you in: %s", i->url,
					 error);
	}
	if (out->code == NULL || *out->code == '\0' || strlen(out->code) > OIDC_CODE_MAX)
		return refuse_begun(rq, "the issuer's answer has no code");
	return 0;
}

/* The subject that the token names, and the account that is made for it, if any. */
static int read_claims(struct request *rq, const struct issuer *i,
		       const struct issuer_sign_in *s, const struct jwt *t,
		       struct identity_claims *out, const char **why)
{
	json_t *creates = json_loads(s->creates, JSON_DECODE_ANY, NULL);
	struct oidc_person person;

	if (creates == NULL)
		return give_up(rq, ERR_CORRUPT, "reading whom an issuer makes accounts for");
	arena_defer(rq->arena, (void (*)(void *))json_decref, creates);
	*out = (struct identity_claims){.issuer_id = i->id};
	out->subject = oidc_claim_text(rq->arena, t->claims, s->subject_claim);
	if (out->subject == NULL || *out->subject == '\0' ||
	    strlen(out->subject) > IDENTITY_SUBJECT_MAX)
		return refuse_by_surface(rq, DENIED,
					 "the claim %s, by which people are known here, is no "
					 "text of 1 to %d bytes in what %s says of you",
					 s->subject_claim, IDENTITY_SUBJECT_MAX, i->url);
	if (oidc_accounts_apply(rq->arena, creates, t->claims, &person, why) == 0) {
		out->login = person.login;
		out->name = person.name;
		out->email = person.email;
	}
	return 0;
}

static int refuse_unknown(struct request *rq, const struct issuer *i,
			  const struct identity_claims *c, const char *why)
{
	return refuse_by_surface(rq, DENIED,
				 "%s knows you, but %s. A site admin can link an account to "
				 "you there: issuer %s, subject %s",
				 i->url, why, i->url, c->subject);
}

static int await_open(struct request *rq, const struct issuer *i,
		      const struct identity_claims *c, const char *why, const char *return_to)
{
	struct actor who = {.remote = rq->stream->remote};
	struct session_new wanted = session_wanted(rq);
	unsigned char hash[TOKEN_HASH_BYTES];
	char text[SESSION_TEXT_LEN + 1];
	int rc;

	session_text_make(text);
	token_hash(text, SESSION_TEXT_LEN, hash);
	rc = await_identity_sign_in(rq->worker->metadb, &who, c, &wanted, hash);
	switch (rc) {
	case IDENTITY_SIGNED_IN:
		break;
	case IDENTITY_ISSUER_ENDED:
		return refuse_by_surface(rq, NOT_FOUND, "nobody signs in through this issuer");
	case IDENTITY_UNKNOWN:
		return refuse_unknown(rq, i, c, why);
	case IDENTITY_LOGIN_TAKEN:
		return refuse_unknown(
			rq, i, c,
			arena_printf(rq->arena, "the login %s is taken here", c->login));
	case IDENTITY_SUSPENDED:
		return refuse_by_surface(rq, DENIED, "your account is suspended");
	default:
		return give_up(rq, rc, "opening a session");
	}
	session_cookie(rq, text);
	return send_to(rq, arena_printf(rq->arena, "%s%s", request_origin(rq), return_to));
}

int login_oidc_callback(struct request *rq)
{
	struct identity_claims claims;
	struct oidc_answer answer = {0};
	struct issuer_sign_in s;
	struct sign_in_flow flow;
	const char *state, *why = "";
	struct issuer i;
	struct jwt t;
	int rc, status = await_session_admit(rq);

	reply_header(rq, "Cache-Control", "no-store");
	state = parameter(rq, "state", &status);
	if (status == 0)
		status = await_issuer(rq, &i, &s);
	if (status == 0)
		status = await_resumed(rq, &i, state, &flow);
	if (status == 0)
		status = read_answer(rq, &i, &answer);
	if (status != 0)
		return status;
	answer.redirect_uri = callback_url(rq, i.id);
	answer.flow = &flow;
	rc = await_oidc_client_token(rq->worker, rq->arena, &i, &s, &answer, &t, &why);
	if (rc == ERR_DENIED)
		return refuse_by_surface(rq, DENIED, "%s did not prove who you are: %s", i.url,
					 why);
	if (rc < 0)
		return refuse_issuer(rq, &i, rc);
	status = read_claims(rq, &i, &s, &t, &claims, &why);
	return status != 0 ? status : await_open(rq, &i, &claims, why, flow.return_to);
}
