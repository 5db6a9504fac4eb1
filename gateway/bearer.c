/*
 *   base64url(header) . base64url(claims) . base64url(Ed25519 over the first two and their dot)
 *
 * The header is not interpreted: its kid is read, the header that we would write for this kid
 * is made anew, and both must be the same bytes. So there is no algorithm to confuse and no key
 * in a token to trust.
 */
#include "gateway/bearer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base64.h"
#include "gateway/strict_json.h"

#define SIGNATURE_BYTES	   64
#define CLOCK_DIFFERENCE_S 30
#define CLAIM_VALUES_MAX   256

struct bearer_key {
	int64_t id;
	EVP_PKEY *pkey;
};

static const struct {
	const char *name;
	unsigned bit;
} action_names[] = {{"pull", BEARER_PULL}, {"push", BEARER_PUSH}, {"delete", BEARER_DELETE}};

#define ACTION_NAMES (sizeof(action_names) / sizeof(action_names[0]))

static struct bearer_key *key_new(int64_t id, EVP_PKEY *pkey)
{
	struct bearer_key *k;

	if (pkey == NULL)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->id = id;
	k->pkey = pkey;
	return k;
}

struct bearer_key *bearer_key_signing(int64_t id, const unsigned char seed[BEARER_KEY_BYTES])
{
	return key_new(id, EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
							BEARER_KEY_BYTES));
}

struct bearer_key *bearer_key_verifying(int64_t id, const unsigned char pub[BEARER_KEY_BYTES])
{
	return key_new(
		id, EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, BEARER_KEY_BYTES));
}

void bearer_key_free(struct bearer_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static const char *header_for(struct arena *a, int64_t id)
{
	const char *json = arena_printf(
		a, "{\"alg\":\"EdDSA\",\"kid\":\"%lld\",\"typ\":\"JWT\"}", (long long)id);

	return base64_encode(a, BASE64_URL, json, strlen(json));
}

static json_t *grants_to_json(const struct bearer_claims *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->grant_count; i++) {
		const struct bearer_grant *g = &c->grants[i];
		json_t *actions = json_array();

		for (size_t j = 0; j < ACTION_NAMES; j++) {
			if (g->actions & action_names[j].bit)
				json_array_append_new(actions,
						      json_string(action_names[j].name));
		}
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "type",
						      "repository", "name", g->repository, "ns",
						      (json_int_t)g->namespace_id, "actions",
						      actions));
	}
	return list;
}

static void free_text(void *text)
{
	free(text);
}

static const char *claims_to_text(struct arena *a, const struct bearer_claims *c)
{
	json_t *json =
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "aud", c->audience, "iat",
			  (json_int_t)c->issued_at, "nbf", (json_int_t)c->not_before, "exp",
			  (json_int_t)c->expires_at, "cid", (json_int_t)c->credential_id, "uid",
			  (json_int_t)c->account_id, "access", grants_to_json(c));
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (text == NULL)
		fatal("the claims of a bearer token cannot be written");
	arena_defer(a, free_text, text);
	return text;
}

const char *bearer_sign(struct arena *a, const struct bearer_key *k,
			const struct bearer_claims *claims)
{
	const char *json = claims_to_text(a, claims);
	const char *body = arena_printf(a, "%s.%s", header_for(a, k->id),
					base64_encode(a, BASE64_URL, json, strlen(json)));
	unsigned char signature[SIGNATURE_BYTES];
	size_t len = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
	       EVP_DigestSign(ctx, signature, &len, (const unsigned char *)body,
			      strlen(body)) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good)
		return NULL;
	return arena_printf(a, "%s.%s", body, base64_encode(a, BASE64_URL, signature, len));
}

/* The three parts; false when there are not three. */
static bool split(const char *token, struct slice part[3])
{
	const char *dot = strchr(token, '.');
	const char *last = strrchr(token, '.');

	if (dot == NULL || dot == last)
		return false;
	part[0] = (struct slice){token, (size_t)(dot - token)};
	part[1] = (struct slice){dot + 1, (size_t)(last - dot - 1)};
	part[2] = (struct slice){last + 1, strlen(last + 1)};
	return true;
}

int bearer_key_wanted(struct arena *a, const char *token, int64_t *id)
{
	struct slice part[3], json;
	const char *expected;
	long long kid;

	if (!split(token, part) || part[0].len > 128 ||
	    base64_decode(a, BASE64_URL, part[0].data, part[0].len, &json) < 0)
		return ERR_SYNTAX;
	if (sscanf(json.data, "{\"alg\":\"EdDSA\",\"kid\":\"%18lld\"", &kid) != 1)
		return ERR_SYNTAX;
	expected = header_for(a, kid);
	if (strlen(expected) != part[0].len || memcmp(expected, part[0].data, part[0].len) != 0)
		return ERR_SYNTAX;
	*id = kid;
	return 0;
}

static bool signature_right(const struct bearer_key *k, struct slice body,
			    struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx != NULL && signature.len == SIGNATURE_BYTES &&
	       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)signature.data, signature.len,
				(const unsigned char *)body.data, body.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

int bearer_verify(struct arena *a, const struct bearer_key *k, const char *token,
		  const char *audience, int64_t now, struct bearer_claims *out)
{
	struct slice part[3], signature, json, body;
	int64_t id;
	int rc;

	rc = bearer_key_wanted(a, token, &id);
	if (rc < 0)
		return rc;
	if (!split(token, part) ||
	    base64_decode(a, BASE64_URL, part[2].data, part[2].len, &signature) < 0 ||
	    base64_decode(a, BASE64_URL, part[1].data, part[1].len, &json) < 0)
		return ERR_SYNTAX;
	body = (struct slice){token, (size_t)(part[2].data - token) - 1};
	if (id != k->id || !signature_right(k, body, signature))
		return ERR_DENIED;
	rc = bearer_claims_parse(a, json.data, json.len, out);
	if (rc < 0)
		return rc;
	if (strcmp(out->audience, audience) != 0 || now >= out->expires_at ||
	    now + CLOCK_DIFFERENCE_S < out->not_before)
		return ERR_DENIED;
	return 0;
}

unsigned bearer_actions_parse(const char *text, size_t len)
{
	unsigned bits = 0;
	size_t at = 0;

	while (at < len) {
		const char *word = text + at;
		const char *comma = memchr(word, ',', len - at);
		size_t n = comma != NULL ? (size_t)(comma - word) : len - at;

		for (size_t i = 0; i < ACTION_NAMES; i++) {
			if (strlen(action_names[i].name) == n &&
			    memcmp(action_names[i].name, word, n) == 0)
				bits |= action_names[i].bit;
		}
		if (n == 1 && *word == '*')
			bits |= BEARER_PULL | BEARER_PUSH | BEARER_DELETE;
		at += n + 1;
	}
	return bits;
}

static int read_grant(struct arena *a, const json_t *json, struct bearer_grant *out)
{
	const json_t *actions = json_object_get(json, "actions");
	const char *name = strict_json_text(json, "name");
	size_t i;
	json_t *word;

	if (name == NULL || !json_is_integer(json_object_get(json, "ns")) ||
	    !json_is_array(actions))
		return ERR_SYNTAX;
	out->repository = arena_strdup(a, name);
	out->namespace_id = json_integer_value(json_object_get(json, "ns"));
	json_array_foreach(actions, i, word) {
		if (!json_is_string(word))
			return ERR_SYNTAX;
		out->actions |=
			bearer_actions_parse(json_string_value(word), json_string_length(word));
	}
	return 0;
}

int bearer_claims_parse(struct arena *a, const char *text, size_t len,
			struct bearer_claims *out)
{
	json_t *json, *access, *grant;
	const char *why, *audience;
	json_int_t iat, nbf, exp, cid, uid;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (strict_json_object(a, text, len, CLAIM_VALUES_MAX, &json, &why) < 0)
		return ERR_SYNTAX;
	if (json_unpack(json, "{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "aud", &audience, "iat",
			&iat, "nbf", &nbf, "exp", &exp, "cid", &cid, "uid", &uid, "access",
			&access) < 0)
		return ERR_SYNTAX;
	if (!json_is_array(access) || json_array_size(access) > BEARER_GRANTS_MAX || nbf < 0 ||
	    exp < nbf || nbf > INT64_MAX - CLOCK_DIFFERENCE_S)
		return ERR_SYNTAX;
	out->audience = arena_strdup(a, audience);
	out->issued_at = iat;
	out->not_before = nbf;
	out->expires_at = exp;
	out->credential_id = cid;
	out->account_id = uid;
	json_array_foreach(access, i, grant) {
		if (read_grant(a, grant, &out->grants[i]) < 0)
			return ERR_SYNTAX;
		out->grant_count++;
	}
	return 0;
}

const struct bearer_grant *bearer_grant_for(const struct bearer_claims *c,
					    const char *repository)
{
	for (size_t i = 0; i < c->grant_count; i++) {
		if (strcmp(c->grants[i].repository, repository) == 0)
			return &c->grants[i];
	}
	return NULL;
}
