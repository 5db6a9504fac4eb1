/* If-None-Match and If-Range: only a header in which the digest stands, or a star, matches. */
#include <string.h>

#include "gateway/etag.h"
#include "proto/base/arena.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char digest[] = "sha256:a1";
	struct arena *a = arena_new();
	const char *text = arena_memdup(a, data, size);

	if (etag_listed(text, digest))
		assert(strstr(text, "\"sha256:a1\"") != NULL || strchr(text, '*') != NULL);
	if (etag_is(text, digest))
		assert(strstr(text, "\"sha256:a1\"") != NULL);
	arena_free(a);
	return 0;
}
