/* Configs of images from outside: whatever they hold, what is kept is bounded, and is JSON. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/labels.h"
#include "gateway/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text, *source, *platform;
	struct labels l;
	json_t *again;

	labels_init(&l, a);
	labels_add(&l, labels_of_config(a, (const char *)data, size, &platform));
	if (platform != NULL)
		json_decref(platform_json(a, platform));
	assert(json_object_size(l.map) <= LABELS_MAX + 3 && l.bytes <= LABELS_BYTES);
	text = labels_json(&l);
	if (text != NULL) {
		again = json_loads(text, 0, NULL);
		assert(json_equal(again, l.map));
		json_decref(again);
	}
	source = labels_source(&l);
	assert(source == NULL || strlen(source) > 0);
	arena_free(a);
	return 0;
}
