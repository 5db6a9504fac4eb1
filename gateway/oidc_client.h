/*
 * The registry as a client of an issuer (OpenID Connect Core, 3.1: the authorization code flow,
 * always with PKCE): where a browser is sent, and the ID token for the code that it brings
 * back.
 */
#pragma once

#include "gateway/issuer_description.h"
#include "gateway/jwt.h"
#include "gateway/sign_in_flow.h"

#define OIDC_CODE_MAX 4096

/* Where the browser goes. */
const char *oidc_client_url(struct arena *a, const struct issuer_endpoints *e,
			    const struct issuer_sign_in *s, const struct sign_in_flow *flow,
			    const char *redirect_uri);

/* What the browser came back with. */
struct oidc_answer {
	const char *code;
	const char *redirect_uri; /* the same as before */
	const struct sign_in_flow *flow;
};

/*
 * The ID token: signed by the issuer, for this client and this sign-in, valid now. ERR_DENIED,
 * with a sentence part in *why (in the arena): the issuer gives none, or one that is not
 * believed; ERR_UNAVAILABLE: the issuer cannot be asked, or says what is no answer; -ECANCELED.
 */
int await_oidc_client_token(struct worker *w, struct arena *a, const struct issuer *i,
			    const struct issuer_sign_in *s, const struct oidc_answer *answer,
			    struct jwt *out, const char **why) MUST_CHECK;
