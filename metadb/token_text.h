/*
 * Making the text of a token. Recognising and hashing one: metadb/tokens.h. Any thread.
 */
#pragma once

#include "metadb/tokens.h"

/* A new one from the system's random bytes; without them the program stops. */
void token_make(char text[TOKEN_TEXT_LEN + 1]);
