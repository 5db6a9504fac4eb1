/*
 * What a version says of itself, as it is kept beside its manifest: labels of an image's
 * config, annotations of a manifest. Bounded, so that a package's page and an answer of REST
 * are: long values are cut, what is too much is left out. Pure; any thread.
 * Sources: OCI image-spec annotations.md, config.md ("Labels"); Docker image specification
 * v1.2.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"

#define LABELS_MAX	    128	  /* entries */
#define LABELS_BYTES	    16384 /* of keys and values, but for those with names below */
#define LABEL_KEY_MAX	    256	  /* bytes; one with a longer key is left out */
#define LABEL_CHARS	    1024  /* of a value; the rest is cut */
#define LABEL_DESCRIPTION   "org.opencontainers.image.description" /* cut at 512 characters */
#define LABEL_LICENSES	    "org.opencontainers.image.licenses"	   /* at 256 */
#define LABEL_SOURCE	    "org.opencontainers.image.source"
#define LABEL_CONFIG_MAX    ((size_t)1024 * 1024) /* bytes of a config that is read */
#define LABEL_CONFIG_VALUES 65536		  /* JSON values in it */

struct labels {
	struct arena *arena;
	json_t *map; /* alive as long as the arena */
	size_t bytes;
};

void labels_init(struct labels *l, struct arena *a);
/* Of an object, those members that are texts and have a name that is not there yet. NULL: none.
 */
void labels_add(struct labels *l, const json_t *from);
/*
 * The labels of an image's config; NULL when there are none, or this is no such JSON. And the
 * platform that it is for (gateway/platform.h), or NULL.
 */
const json_t *labels_of_config(struct arena *a, const char *text, size_t len,
			       const char **platform);

/* As JSON; NULL when there are none. */
const char *labels_json(const struct labels *l);
/* The label of that name, normalised (proto/model/source_url.h); NULL: none, or no address. */
const char *labels_source(const struct labels *l);
