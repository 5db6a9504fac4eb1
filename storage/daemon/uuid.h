/*
 * UUIDs as 16 bytes and as text, 8-4-4-4-12 lower-case hex digits. Pure.
 */
#pragma once

#include <stdbool.h>

#include "proto/base/err.h"

#define UUID_BYTES 16
#define UUID_TEXT  37 /* with the NUL */

/* Into text (UUID_TEXT bytes); "" for all zeros. Returns text. */
char *uuid_text(const unsigned char uuid[UUID_BYTES], char *text);
/* ERR_SYNTAX unless it is exactly that form. */
int uuid_parse(const char *text, unsigned char uuid[UUID_BYTES]) MUST_CHECK;
