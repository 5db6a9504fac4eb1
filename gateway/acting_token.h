/*
 * Tokens that act for a repository: what making them has in common, whoever vouches for them.
 */
#pragma once

#include "gateway/request.h"
#include "metadb/tokens.h"

#define ACTING_LIFE_S	  3600 /* unless it is said */
#define ACTING_LIFE_MIN_S 60
#define ACTING_LIFE_MAX_S 86400

/*
 * Scopes of `packages: read` and `write`: write covers pushing, deleting and restoring, as far
 * as the repository's role on a package goes.
 */
unsigned acting_token_scopes(bool write);
