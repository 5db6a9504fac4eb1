/*
 * Base64 (RFC 4648 §4) and base64url without padding (§5). Pure functions; any thread.
 *
 * Decoding is strict: foreign characters, padding in the wrong place and bits that no byte
 * uses are refused, so that no two texts mean the same bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum base64_alphabet { BASE64_STANDARD, BASE64_URL };

/* Bytes with a NUL after them; ERR_SYNTAX. STANDARD: padding may be left out, not be wrong. */
int base64_decode(struct arena *a, enum base64_alphabet alphabet, const char *text, size_t len,
		  struct slice *out) MUST_CHECK;
/* STANDARD pads, URL does not. */
const char *base64_encode(struct arena *a, enum base64_alphabet alphabet, const void *data,
			  size_t len);
