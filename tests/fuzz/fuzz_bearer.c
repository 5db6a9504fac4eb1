/* Bearer tokens: the header of any text, and claims as if their signature were right. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/bearer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char seed[BEARER_KEY_BYTES] = {42};
	struct bearer_key *key = bearer_key_signing(1, seed);
	struct arena *a = arena_new();
	struct bearer_claims claims;
	const char *text = arena_memdup(a, data, size);

	assert(bearer_verify(a, key, text, "packhouse", 1000, &claims) < 0);
	if (bearer_claims_parse(a, text, size, &claims) == 0) {
		const char *token = bearer_sign(a, key, &claims);
		struct bearer_claims again;
		int rc = bearer_verify(a, key, token, claims.audience, claims.not_before,
				       &again);

		assert(rc == 0 || claims.not_before >= claims.expires_at);
	}
	arena_free(a);
	bearer_key_free(key);
	return 0;
}
