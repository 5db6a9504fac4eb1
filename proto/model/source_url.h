/*
 * Addresses of source repositories in one form, so that two ways to write the same one are
 * equal.
 *
 *   https://user@Host.example:443/Owner/Repo.git#main  ─┐
 *   git@host.example:owner/repo                         ├▶  host.example/owner/repo
 *   ssh://git@host.example/owner/repo/                 ─┘
 *
 * Taken are http, https, git and ssh URLs, also behind "git+", and git's short form
 * USER@HOST:PATH. Lower case: the hosts that people use tell no repositories apart by case. A
 * port that is neither its scheme's usual one nor 443 stays: another server may listen there.
 * Scheme, user, query, fragment, empty segments and `.git` at the end go. What a path can say
 * without percent-encoding is said so, all else is encoded: the result is printable ASCII.
 * Normalising "https://" and a result gives the result again. Pure; any thread.
 */
#pragma once

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

/* Of what comes in and of what goes out. */
#define SOURCE_URL_MAX 2048

/*
 * HOST[:PORT]/PATH into *out. ERR_SYNTAX: no such address, or one with control characters, "."
 * or ".." segments, wrong percent-encoding, or without a path. ERR_LIMIT: too long.
 */
int source_url_normalise(struct arena *a, const char *text, size_t len,
			 const char **out) MUST_CHECK;
