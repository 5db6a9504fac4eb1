/*
 * What an audit log is searched for: the qualifiers of GitHub's `phrase` that make sense here.
 *
 *   actor:ada action:package created:>=2026-01-01 repo:acme/app package:"acme/team/app"
 *
 * Terms are separated by blanks and all of them must hold; values may be in double quotes. Each
 * qualifier may come once, `created` twice. Words without a qualifier, and others than these,
 * are refused. Pure; any thread.
 */
#pragma once

#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define AUDIT_PHRASE_MAX 1024 /* bytes */

struct audit_phrase {
	const char *actor;  /* all of these: NULL when not said */
	const char *action; /* a whole name; a category (no dot in it) ends in a dot here */
	const char *org;    /* org: or user: */
	const char *package;
	const char *repository;
	int64_t since, until; /* Unix seconds, the second not among them; 0: no such bound */
};

/*
 * ERR_SYNTAX with *why, a sentence for the client.
 *
 * created: a day or an RFC 3339 time, alone (that day, that second), behind >, >=, <, <=, or
 * two with ".." between (both among them; `*` for no bound). Days are UTC.
 */
int audit_phrase_parse(struct arena *a, const char *text, struct audit_phrase *out,
		       const char **why) MUST_CHECK;
