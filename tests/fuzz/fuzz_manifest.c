/* Manifests from outside: parsed under each content type, and none. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {NULL, MEDIA_OCI_MANIFEST, MEDIA_OCI_INDEX,
					    MEDIA_DOCKER_LIST, "application/json"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct arena *a = arena_new();
		struct manifest m;

		if (manifest_parse(a, types[i], (const char *)data, size, &m) == 0) {
			assert(m.kind == MANIFEST_IMAGE || m.kind == MANIFEST_INDEX);
			assert(m.ref_count <= MANIFEST_REFS_MAX);
			assert(m.media_type ==
			       media_manifest_type(m.media_type, strlen(m.media_type)));
		} else {
			assert(m.complaint != NULL);
		}
		arena_free(a);
	}
	return 0;
}
