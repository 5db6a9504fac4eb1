/*
 * Which handler serves a path, and which right it needs.
 *
 * A pattern is split at slashes. `{word}` matches one segment, `{name}` (this word only, once a
 * pattern) one or more, so that repository names may hold slashes: what follows it is matched
 * from the right end of the path. A pattern that ends in a slash matches with and without it;
 * all others match exactly. The first row whose pattern fits decides; rows of the same pattern
 * stand together and differ in methods: none with this method is 405, no pattern at all is 404.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http_head.h"
#include "gateway/http_uri.h"
#include "proto/model/access.h"

struct request;

/* What must be true of the caller before the handler is called; await_request_authorize() sees
 * to it. */
enum need {
	NEED_NOTHING, /* the handler looks at credentials itself, if at all */
	NEED_VALID,   /* anonymous is fine, an invalid credential is not */
	NEED_CALLER,  /* a valid credential */
	NEED_SITE_ADMIN,
	NEED_ORG_ADMIN,	 /* of the organization in {org} */
	NEED_ORG_MEMBER, /* likewise */
	/* `action` on the package rq->repo: from {name}; under /api/v3 from {org} or {username}
	 * (without either: the caller's own) and {package_name}, whose {package_type}, if any,
	 * must be container or docker. */
	NEED_PACKAGE,
	NEED_REPOSITORY, /* `on` the source repository {owner}/{repo}: rq->repository */
};

struct right {
	enum need need;
	enum action action; /* with NEED_PACKAGE */
	/* With NEED_REPOSITORY, and with NEED_ORG_MEMBER besides that: the role on the source
	 * repository. READ: what is public, to anybody. */
	enum repository_role on;
	/* With NEED_CALLER, NEED_ORG_MEMBER and NEED_ORG_ADMIN: scopes that the credential must
	 * have, instead of what it needs otherwise. */
	unsigned scopes;
	bool creates; /* the action may bring the package into being */
	bool catalog; /* a bearer token must be for the catalog (scope registry:catalog:*) */
	bool session; /* the package's upload {session} is looked up as well: rq->upload */
	bool proves;  /* what the handler writes can prove rights that are remembered: rq->proof
		       */
	bool mounts;  /* `from` in the query may name a package to be read as well */
	/* A package that the caller could create and that is not there is no 404: the handler
	 * sees package_id 0. */
	bool absent_fine;
	bool deleted;	  /* a package that is no more: the handler looks at the role on it */
	bool acting;	  /* tokens that act for a repository may do it as well */
	bool site_admins; /* may do it as well, whatever their role on the package */
	bool changes_nothing; /* whatever the method says */
	bool changes;	      /* likewise */
	bool greets;	      /* without a credential it costs nothing: rates do not count it */
	bool tells_rates;     /* a valid credential costs nothing either */
	bool in_any_mode;     /* it is how a site admin leaves a mode (metadb/modes.h) */
};

struct route {
	unsigned methods; /* METHOD_… bits; METHOD_GET does not imply METHOD_HEAD */
	const char *pattern;
	struct right right;
	/*
	 * Runs in the request's task, may await. Answers with reply…(), refuse…() or give_up()
	 * and returns their value.
	 */
	int (*handler)(struct request *rq);
};

#define ROUTE_PARAMS_MAX 6

struct route_param {
	struct slice name; /* as in the pattern, without braces */
	const char *value; /* decoded */
};

struct route_match {
	const struct route *route; /* NULL: 404, or 405 when `allowed` is not 0 */
	unsigned allowed;	   /* methods that the path knows */
	unsigned count;
	struct route_param param[ROUTE_PARAMS_MAX];
};

/* The rows end with one whose pattern is NULL. */
void route_find(const struct route *rows, struct arena *a, enum method method,
		const struct uri_path *path, struct route_match *out);

/*
 * Does a request of this method change anything? All but GET and HEAD do, unless the row says
 * otherwise: read-only mode stops these.
 */
bool route_changes(const struct route *r, enum method method);

/*
 * Scopes that the right needs, all of them, but for the one of a source repository: READ of a
 * public one needs none.
 */
unsigned route_scopes(const struct right *right);

/* Every route of the gateway, in gateway/route_table.c. */
extern const struct route route_table[];
