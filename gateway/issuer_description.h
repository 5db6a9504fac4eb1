/*
 * What an issuer says of itself under /.well-known/openid-configuration (OpenID Connect
 * Discovery), and the two places of it that signing in needs, kept for a while by each worker:
 * for gateway.issuer_keys_life, and that it could not be had for gateway.issuer_keys_pause.
 */
#pragma once

#include <jansson.h>

#include "gateway/worker.h"
#include "metadb/identities.h"

/* In the arena. ERR_UNAVAILABLE: it cannot be had, or is no description of this issuer; a log
 * line says why. -ECANCELED. */
int await_issuer_description(struct worker *w, struct arena *a, const struct issuer *i,
			     json_t **out) MUST_CHECK;

struct issuer_places; /* of a worker */

struct issuer_places *issuer_places_new(void);
void issuer_places_free(struct issuer_places *p);

/* URLs that fetch_url_fine() (gateway/fetch.h), in the arena. */
struct issuer_endpoints {
	const char *authorization;
	const char *token;
	bool post; /* the client's secret stands in the form; otherwise it is Basic */
};
/* Those that are set, or the description's. ERR_UNAVAILABLE, -ECANCELED. */
int await_issuer_endpoints(struct worker *w, struct arena *a, const struct issuer *i,
			   const struct issuer_sign_in *s,
			   struct issuer_endpoints *out) MUST_CHECK;
