/*
 * Platforms of images, as configs and descriptors of indexes say them. Pure; any thread.
 * Sources: OCI image-spec config.md, image-index.md ("platform").
 */
#pragma once

#include <jansson.h>

#include "proto/base/arena.h"

#define PLATFORM_WORD_MAX 64 /* bytes of each of its words */

/*
 * "os/architecture" or "os/architecture/variant" out of an object with these members; NULL when
 * it has none, they are no plain words, or both are "unknown". A variant that is no plain word
 * is left out.
 */
const char *platform_text(struct arena *a, const json_t *object);
/* {"os", "architecture", "variant"} of such a text, null where there is none; a new one. */
json_t *platform_json(struct arena *a, const char *text);
