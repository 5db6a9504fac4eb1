/*
 * How changes of a package's settings end: done, or refused in words that say what is missing
 * and who can give it.
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "proto/model/access.h"

/* What was to be changed, for the words of a refusal. */
struct settings_change {
	const char *doing;   /* "granting access", for the log */
	const char *field;   /* of the body or the path that is to blame */
	const char *subject; /* whom or what it is about: a login, a repository */
	const char *there;   /* the account whose rules decide: the package's, or the new one */
	enum visibility visibility; /* that it would have had */
};

/*
 * rc is what a function of metadb/package_settings.h answered. 0: it is done. Otherwise it has
 * refused, or given up, and returns the status. When the caller's rights are others than a
 * moment ago they are looked up again, for the refusal.
 */
int await_settings_end(struct request *rq, int rc, const struct settings_change *c) MUST_CHECK;

/* The required `role` of a body: 0, or it has refused (422). */
int settings_role(struct request *rq, const json_t *body, enum role *out) MUST_CHECK;
/* A required true or false of a body: 0, or it has refused (422). */
int settings_flag(struct request *rq, const json_t *body, const char *field,
		  bool *out) MUST_CHECK;
