/*
 * Entity tags: If-None-Match and If-Range against the digest of what is served (RFC 9110
 * §8.8.3, §13.1). The tag of a manifest or a blob is its digest in quotes, and strong: bytes
 * never change under it. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>

/* If-None-Match: a list of tags, weak ones too, or `*`. False for NULL and for other text. */
bool etag_listed(const char *header, const char *digest);
/* If-Range: exactly this strong tag. A date never is: nothing here has a Last-Modified. */
bool etag_is(const char *header, const char *digest);
