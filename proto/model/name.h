/*
 * Names: accounts, packages, tags and references (OCI distribution-spec, "Pulling manifests").
 *
 * A repository path is NAMESPACE/NAME where NAMESPACE is an account's login (lower case, one
 * segment) and NAME may hold further segments. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/model/digest.h"

#define LOGIN_MAX      39
#define REPOSITORY_MAX 255
#define TAG_MAX	       128

/* [a-z0-9]+ parts joined by . _ __ or dashes, segments joined by /; ≤ REPOSITORY_MAX. */
bool repository_valid(const char *text, size_t len);
bool tag_valid(const char *text, size_t len);

/*
 * A login: 1–39 of [a-z0-9-], no dash at the ends or twice in a row (GitHub's rule), which is a
 * subset of a repository segment. Case-fold the input with login_fold() first.
 */
bool login_valid(const char *text, size_t len);
/* Words that paths need for themselves, e.g. "v2", "api", "orgs": never an account's login. */
bool login_reserved(const char *login);
/* A lower-case copy (ASCII). */
char *login_fold(struct arena *a, const char *text, size_t len);

/*
 * The name of a source repository, whose record packages are linked to: 1–100 of
 * [A-Za-z0-9._-], not "." or "..". Case is kept and tells none apart.
 */
#define SOURCE_REPOSITORY_MAX 100
bool source_repository_valid(const char *text, size_t len);

struct repository_name {
	const char *full;      /* namespace/name */
	const char *namespace; /* first segment */
	const char *name;      /* the rest */
};
/* ERR_SYNTAX when it is not a valid path of at least two segments. */
int repository_parse(struct arena *a, const char *text, size_t len,
		     struct repository_name *out) MUST_CHECK;

struct reference {
	bool is_digest;
	struct digest digest;
	const char *tag;
};
/* A tag or a digest; digest-shaped text that is no valid digest is ERR_SYNTAX, never a tag. */
int reference_parse(struct arena *a, const char *text, size_t len,
		    struct reference *out) MUST_CHECK;
