/*
 * Labels of a manifest that is being pushed, where they come from its config: read out of
 * storage.
 */
#pragma once

#include "gateway/labels.h"
#include "gateway/manifest.h"
#include "gateway/request.h"

/*
 * Adds what the image's config says; *platform: what it is for, or NULL. Only configs of images
 * are read, and of a size that they have; when the package has no such blob, or it cannot be
 * read soon, there are no labels: a push never fails because of them.
 */
void await_config_labels(struct request *rq, const struct manifest *m, struct labels *out,
			 const char **platform);
