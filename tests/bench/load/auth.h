/*
 * Proving who we are, as a registry asks for it: nothing, Basic, or Bearer tokens from the
 * realm that the first challenge named. Tokens are kept for each repository and right, and
 * fetched anew before they expire.
 *
 * One struct for all threads.
 */
#pragma once

#include "tests/bench/load/http.h"
#include "tests/bench/load/items.h"
#include "tests/bench/load/options.h"

#define AUTH_HEADER_MAX 8192

struct auth;
struct auth *auth_new(const struct options *options);
void auth_free(struct auth *a);

/*
 * Writes "Authorization: …\r\n", or "" when nothing is known to be needed. May fetch a token:
 * errors as http_exchange(), or ERR_DENIED with what the realm said in `why`.
 */
int auth_header(struct auth *a, struct repository *r, bool push, uint64_t deadline,
		char header[AUTH_HEADER_MAX], char why[HTTP_EXCERPT + 1]) MUST_CHECK;

/*
 * A request with this header was answered 401 with this challenge. Returns whether it is worth
 * a repetition: something new was learned, or the token was an old one (and is forgotten).
 */
bool auth_challenged(struct auth *a, struct repository *r, bool push, const char *header,
		     const char *challenge);

/* Latencies of the token requests so far. */
struct hist;
void auth_latencies(struct auth *a, struct hist *out);
