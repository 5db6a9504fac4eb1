/*
 * Records of source repositories that live elsewhere: an owner, a name, and where the source
 * is.
 *
 * Packages are linked to them, and may inherit the roles that people and teams have on them.
 * Names keep their case and are found without it. Texts returned live in the arena; texts given
 * must be valid UTF-8 and keep the bounds below: the caller checks. Lists: the page's rows, and
 * whether there are others behind. Result codes common to all functions: metadb/metadb.h; a
 * repository that is not there, or not any more, is ERR_NOT_FOUND.
 */
#pragma once

#include "metadb/accounts.h"
#include "metadb/metadb.h"
#include "proto/model/access.h"

#define REPOSITORY_DESCRIPTION_MAX 1024 /* bytes, as all of these */
#define REPOSITORY_HOMEPAGE_MAX	   1024
#define REPOSITORY_README_MAX	   (512 * 1024)

/* What a change was refused for, as the functions of schema/0047 answer it. */
enum repository_refusal {
	REPOSITORY_DONE,
	REPOSITORY_NAME_TAKEN,
	REPOSITORY_SOURCE_TAKEN,    /* another one is known by that address */
	REPOSITORY_USER_INTERNAL,   /* internal: those of organizations only */
	REPOSITORY_OWNER_FOREIGN,   /* the actor may have none there */
	REPOSITORY_ACCOUNT_MISSING, /* no such user, organization or team */
	REPOSITORY_OWNED,	    /* it is its owner who would be given a role */
	REPOSITORY_TEAM_FOREIGN,    /* the team is another organization's */
};

struct repository {
	int64_t id;
	struct account owner; /* id, kind, login and site_admin; all else is empty */
	const char *name;
	enum visibility visibility;
	const char *description; /* "" when there is none, as for the next two */
	const char *homepage;	 /* of the project */
	const char *url;	 /* where the source is */
	int64_t created_at;
	int64_t updated_at;
	enum repository_role role; /* of whoever was asked for */
};

struct repository_list {
	struct repository *repository; /* in the arena */
	size_t count;
	bool more;
};

/* One page of a list. */
struct list_part {
	int64_t offset;
	int64_t limit;
};

/* The owner's login is folded, the name in any case. person: whose role; 0: nobody's. */
int await_repository_find(struct metadb *db, struct arena *a, int64_t person, const char *owner,
			  const char *name, struct repository *out) MUST_CHECK;
/* "" when there is none. */
int await_repository_readme(struct metadb *db, struct arena *a, int64_t id,
			    const char **out) MUST_CHECK;

/* How somebody comes to his role. */
enum { AFFILIATION_OWNER = 1, AFFILIATION_COLLABORATOR = 2, AFFILIATION_MEMBER = 4 };
enum repository_order { ORDER_CREATED = 1, ORDER_UPDATED = 2, ORDER_NAME = 3 };

struct repository_filter {
	int64_t person;	       /* who asks */
	int64_t token;	       /* with this one; 0: none that could be limited */
	bool scoped;	       /* may his credential see more than what is public? */
	int64_t owner;	       /* 0: those on which he has a role */
	unsigned affiliations; /* with owner 0: bits of the enum */
	unsigned visibilities; /* bits 1 << enum visibility */
	enum repository_order order;
	bool descending;
};
int await_repository_list(struct metadb *db, struct arena *a, const struct repository_filter *f,
			  const struct list_part *part, struct repository_list *out) MUST_CHECK;

/*
 * What is to be written; NULL stays as it is (a new repository has nothing to stay as: there it
 * is ""). `source` goes with `url`: its normal form (proto/model/source_url.h), "" for none.
 */
struct repository_change {
	const char *name;
	const enum visibility *visibility;
	const char *description;
	const char *homepage;
	const char *url, *source;
	const char *readme;
};
/* These five answer enum repository_refusal, or a code < 0. id: of the new one. */
int await_repository_create(struct metadb *db, const struct actor *who, int64_t owner,
			    const struct repository_change *wanted, int64_t *id) MUST_CHECK;
int await_repository_update(struct metadb *db, const struct actor *who, int64_t id,
			    const struct repository_change *wanted) MUST_CHECK;
/*
 * To another owner, where the actor may have repositories; `name` may be NULL. Packages of the
 * old one are linked no longer; where they inherited, the actor is the sole direct admin. What
 * workflows and codespaces might do ends, their tokens too, and what teams and robots were
 * given.
 */
int await_repository_transfer(struct metadb *db, const struct actor *who, int64_t id,
			      const char *login, const char *name) MUST_CHECK;
/* The same end for packages, workflows and codespaces. */
int await_repository_delete(struct metadb *db, const struct actor *who, int64_t id) MUST_CHECK;
