/* See oidc_client.h. The access token that comes along is not looked at. */
#include "gateway/oidc_client.h"

#include <string.h>
#include <time.h>

#include "gateway/fetch.h"
#include "gateway/http_uri.h"
#include "gateway/issuer_keys.h"
#include "gateway/strict_json.h"
#include "proto/base/log.h"

#define ANSWER_MAX    (64 * 1024)
#define ANSWER_VALUES 1000
#define ERROR_MAX     64 /* of an error code that is told */

static const char *escaped(struct arena *a, const char *text)
{
	return uri_escape(a, text, "");
}

const char *oidc_client_url(struct arena *a, const struct issuer_endpoints *e,
			    const struct issuer_sign_in *s, const struct sign_in_flow *flow,
			    const char *redirect_uri)
{
	return arena_printf(a,
			    "%s%sresponse_type=code&client_id=%s&redirect_uri=%s&scope=%s"
			    "&state=%s&nonce=%s&code_challenge=%s&code_challenge_method=S256",
			    e->authorization, strchr(e->authorization, '?') == NULL ? "?" : "&",
			    escaped(a, s->client_id), escaped(a, redirect_uri),
			    escaped(a, s->scopes), flow->state, flow->nonce, flow->challenge);
}

/* What the token endpoint is asked with. */
static struct fetch_form make_form(struct arena *a, const struct issuer_endpoints *e,
				   const struct issuer_sign_in *s,
				   const struct oidc_answer *answer)
{
	const char *secret = s->client_secret, *client = escaped(a, s->client_id);
	bool post = *secret == '\0' || e->post;
	const char *body = arena_printf(
		a, "grant_type=authorization_code&code=%s&redirect_uri=%s&code_verifier=%s",
		escaped(a, answer->code), escaped(a, answer->redirect_uri),
		answer->flow->verifier);

	if (!post)
		return (struct fetch_form){body, client, escaped(a, secret)};
	body = arena_printf(a, "%s&client_id=%s", body, client);
	if (*secret != '\0')
		body = arena_printf(a, "%s&client_secret=%s", body, escaped(a, secret));
	return (struct fetch_form){body, NULL, NULL};
}

/* An issuer's error code (RFC 6749, 5.2), if it looks like one. */
static const char *error_of(struct arena *a, const json_t *json)
{
	const char *text = strict_json_text(json, "error");
	size_t len = text == NULL ? 0 : strspn(text, "abcdefghijklmnopqrstuvwxyz_");

	if (len == 0 || len > ERROR_MAX || text[len] != '\0')
		return "";
	return arena_printf(a, ": %s", text);
}

static int await_id_token(struct worker *w, struct arena *a, const struct issuer *i,
			  const struct issuer_sign_in *s, const struct oidc_answer *answer,
			  const char **text, const char **why)
{
	struct issuer_endpoints e;
	struct fetch_form form;
	struct slice body;
	json_t *json;
	int rc = await_issuer_endpoints(w, a, i, s, &e);
	bool fine;

	if (rc < 0)
		return rc;
	form = make_form(a, &e, s, answer);
	rc = await_fetch_form(w, a, e.token, &form, ANSWER_MAX, &body);
	if (rc < 0)
		return rc;
	fine = strict_json_object(a, body.data, body.len, ANSWER_VALUES, &json, why) == 0;
	if (rc >= 400) {
		*why = arena_printf(a, "it takes the code for none of its%s",
				    fine ? error_of(a, json) : "");
		log_warn("an issuer refuses a code", "issuer=\"%s\" status=%d error=\"%s\"",
			 i->url, rc, fine ? error_of(a, json) : "");
		return ERR_DENIED;
	}
	*text = rc == 200 && fine ? strict_json_text(json, "id_token") : NULL;
	if (*text != NULL)
		return 0;
	log_warn("an issuer gives no ID token", "issuer=\"%s\" status=%d", i->url, rc);
	return ERR_UNAVAILABLE;
}

int await_oidc_client_token(struct worker *w, struct arena *a, const struct issuer *i,
			    const struct issuer_sign_in *s, const struct oidc_answer *answer,
			    struct jwt *out, const char **why)
{
	struct jwt_expected expected = {i->url, s->client_id, (int64_t)time(NULL)};
	const char *text;
	int rc = await_id_token(w, a, i, s, answer, &text, why);

	if (rc < 0)
		return rc;
	if (jwt_parse(a, text, strlen(text), out, why) < 0)
		return ERR_DENIED;
	*why = "its issuer is not to sign like that";
	if ((i->algorithms & out->algorithm) == 0)
		return ERR_DENIED;
	rc = await_issuer_signed(w, i, out, why);
	if (rc < 0)
		return rc;
	expected.now = (int64_t)time(NULL);
	rc = jwt_judge(out, &expected, why);
	return rc < 0 ? rc : jwt_judge_id(out, s->client_id, answer->flow->nonce, why);
}
