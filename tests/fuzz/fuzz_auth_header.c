/* Authorization headers: a credential that is accepted is printable. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/auth_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct auth_header h;

	if (auth_header_parse(a, (const char *)data, size, &h) == 0) {
		for (const char *c = h.secret; *c != '\0'; c++)
			assert(*c > ' ' && *c <= '~');
		assert(h.kind == AUTH_KIND_NONE || *h.secret != '\0');
	}
	arena_free(a);
	return 0;
}
