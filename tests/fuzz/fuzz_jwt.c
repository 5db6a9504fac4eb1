/* Tokens of other issuers, their key sets, and the rules that judge their claims. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/jwks.h"
#include "gateway/oidc_rules.h"
#include "gateway/strict_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A token that nobody has signed with a key that everybody knows. */
static void try_token(struct arena *a, const char *text, size_t len)
{
	static const char keys[] = "{\"keys\":["
				   "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
				   "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
				   "{\"kty\":\"EC\",\"crv\":\"P-256\","
				   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	struct jwt_expected expected = {"joe", "packhouse", 1000};
	struct jwks *set;
	const char *why;
	struct jwt t;

	if (jwt_parse(a, text, len, &t, &why) < 0)
		return;
	if (jwks_parse(a, keys, strlen(keys), &set, &why) == 0) {
		(void)jwks_verify(set, &t);
		jwks_free(set);
	}
	(void)jwt_judge(&t, &expected, &why);
}

static void try_keys(struct arena *a, const char *text, size_t len)
{
	struct jwks *set;
	const char *why;

	if (jwks_parse(a, text, len, &set, &why) == 0) {
		assert(jwks_count(set) > 0 && jwks_count(set) <= JWKS_KEYS_MAX);
		jwks_free(set);
	}
}

/* {"rules": …, "claims": …} */
static void try_rules(struct arena *a, const char *text, size_t len)
{
	struct oidc_grant grant;
	const json_t *rules;
	const char *why;
	json_t *both;

	if (strict_json_object(a, text, len, 5000, &both, &why) < 0)
		return;
	rules = json_object_get(both, "rules");
	if (oidc_rules_check(a, rules, &why) < 0)
		return;
	if (oidc_rules_apply(a, rules, json_object_get(both, "claims"), &grant) == 0)
		assert(*grant.owner != '\0' && strchr(grant.repository, '/') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = arena_memdup(a, data, size);

	try_token(a, text, size);
	try_keys(a, text, size);
	try_rules(a, text, size);
	arena_free(a);
	return 0;
}
