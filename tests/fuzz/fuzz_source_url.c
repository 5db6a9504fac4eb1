/*
 * Addresses of source repositories: what comes out is short, lower-case, printable ASCII
 * without what was to be dropped, and comes out of itself again.
 */
#include <string.h>

#include "proto/model/source_url.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_form(const char *out)
{
	const char *slash = strchr(out, '/');
	size_t len = strlen(out);

	assert(len <= SOURCE_URL_MAX && slash != NULL && slash > out && slash[1] != '\0');
	assert(out[len - 1] != '/' && strstr(out, "//") == NULL && strstr(out, "/../") == NULL);
	assert(len < 4 || strcmp(out + len - 4, ".git") != 0);
	for (const char *c = out; *c != '\0'; c++)
		assert(*c > ' ' && *c < 0x7f && !(*c >= 'A' && *c <= 'Z') && *c != '?' &&
		       *c != '#' && *c != '\\');
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct arena *a = arena_new();
	const char *out, *again, *url;

	if (source_url_normalise(a, (const char *)data, size, &out) == 0) {
		check_form(out);
		url = arena_printf(a, "https://%s", out);
		if (strlen(url) <= SOURCE_URL_MAX) {
			assert(source_url_normalise(a, url, strlen(url), &again) == 0);
			assert(strcmp(out, again) == 0);
		}
	}
	arena_free(a);
	return 0;
}
