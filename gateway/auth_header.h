/*
 * The Authorization header taken apart: scheme, user and the credential in it. Pure; any
 * thread.
 *
 * Basic: the password is the credential, the user name tells nothing. Bearer: one of our
 * compact tokens, or a credential itself, raw or as base64(credential) or
 * base64(user:credential), as scripts send them. `token X`: the credential (GitHub's REST).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum auth_kind {
	AUTH_KIND_NONE,	      /* no header, or Basic with neither user nor password */
	AUTH_KIND_CREDENTIAL, /* a personal access token or the like, in `secret` */
	AUTH_KIND_COMPACT,    /* a compact token made by this registry, in `secret` */
};

struct auth_header {
	enum auth_kind kind;
	const char *user;   /* Basic only; "" else */
	const char *secret; /* visible ASCII, at most AUTH_SECRET_MAX */
};

#define AUTH_SECRET_MAX 8192

/* Three base64url parts with dots between them. */
bool auth_looks_compact(const char *text, size_t len);

/* ERR_SYNTAX: a header that carries no credential this registry understands. */
int auth_header_parse(struct arena *a, const char *text, size_t len,
		      struct auth_header *out) MUST_CHECK;
