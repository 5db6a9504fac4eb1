/*
 * JSON from outside: parsed strictly, with bounds that are checked before any memory is taken.
 *
 * Refused: duplicate keys, anything after the value, invalid UTF-8, NUL in strings, nesting
 * deeper than 32, and more values than the caller's bound (a value costs the parser some
 * 60 bytes, so that short text could otherwise fill the memory). Any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define STRICT_JSON_DEPTH 32

/*
 * An object at the top, alive as long as the arena. ERR_SYNTAX when it is no such JSON,
 * ERR_LIMIT when it is nested too deep or holds too many values; *why is a sentence part for
 * the client.
 */
int strict_json_object(struct arena *a, const char *text, size_t len, size_t max_values,
		       json_t **out, const char **why) MUST_CHECK;

/* A member that is a string, else NULL. */
const char *strict_json_text(const json_t *object, const char *key);
