/* UTF-8 (RFC 3629): no overlong forms, no surrogates. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at `text`, which ends in a NUL; 0 when it is none. */
size_t utf8_length(const char *text);
bool utf8_valid(const char *text);
