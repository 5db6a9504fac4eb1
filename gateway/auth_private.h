/*
 * What the files of the auth step share: auth.c (who is it, which kind of right),
 * auth_package.c (rights on a package), auth_repository.c (on a source repository),
 * auth_refusal.c (the words of refusals). Not for others.
 */
#pragma once

#include "gateway/auth.h"

/* What a package's rights are looked up for, and what came of it. */
struct package_check {
	const struct right *right;
	const struct presented *presented;
	struct authorization found;
};

/* The right on the request's package: 0, or it has refused. */
int await_auth_package(struct request *rq, const struct right *right,
		       const struct presented *p) MUST_CHECK;

/* The right on the request's source repository: 0, or it has refused. For a known caller. */
int await_auth_repository(struct request *rq, const struct right *right) MUST_CHECK;

/* Who it is goes into the request: 0, or there were too many of his, and it has refused. */
int auth_note_caller(struct request *rq, const struct caller *c) MUST_CHECK;

/* The package that a mount reads from, when the request names one. */
bool auth_names_source(struct request *rq, const struct right *right,
		       struct repository_name *out);
/* The bit of a bearer token that an action needs. */
unsigned auth_action_bit(enum action action);

/*
 * 401 in the surface's words. error: why the bearer token does not do ("insufficient_scope",
 * "invalid_token"), NULL when there was none.
 */
int auth_refuse_401(struct request *rq, const struct right *right, const char *error);
/* In the surface's words, with what is missing and who can give it, as far as the caller may
 * know. */
int auth_refuse_package(struct request *rq, enum verdict verdict,
			const struct package_check *check);
/* The package has another name now: reads find it, changes do not. */
int auth_refuse_moved(struct request *rq, const struct package_check *check);
/* REST: 403, the credential lacks these scopes. */
int auth_refuse_scopes(struct request *rq, unsigned scopes);
