/*
 * Teams of organizations (schema/0044): a tree, whose members have what their team and all
 * teams above it were given.
 *
 * Each change is one transaction with its audit row and its event, and looks itself, with the
 * organization locked, whether the actor may. Everything lives in the arena.
 * Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/accounts.h"
#include "proto/model/access.h"

#define TEAM_NAME_MAX	     100 /* characters */
#define TEAM_DEPTH_MAX	     32
#define TEAMS_MAX	     5000 /* of an organization */
#define TEAM_MAINTAINERS_MAX 100  /* named when a team is made */

enum team_role { TEAM_NONE = 0, TEAM_MEMBER = 1, TEAM_MAINTAINER = 2 };

/* What somebody may do to a team, as team_power() of schema/0044 says. */
enum team_power { TEAM_UNSEEN = 0, TEAM_SEES = 1, TEAM_MAINTAINS = 2, TEAM_OWNS = 3 };

/* Who looks, or changes: `site` when he acts as a site admin, with a token that says so. */
struct team_actor {
	struct actor actor;
	bool site;
};

struct team_brief {
	int64_t id;
	const char *slug, *name, *description;
	bool secret;
};
struct team {
	struct team_brief self;
	struct team_brief parent; /* id 0: none */
	int64_t organization_id;
	const char *organization; /* login */
	int64_t created_at, updated_at;
	int64_t members, repositories; /* with all below, above it; only where it says so */
	enum repository_role on;       /* that it was given; only where it says so */
};
struct team_list {
	struct team *at;
	size_t count;
	int64_t total;
};

/* With counts. ERR_NOT_FOUND: no such team, or the actor does not see it. */
int await_team_get(struct metadb *db, struct arena *a, const struct team_actor *who,
		   int64_t organization, const char *slug, struct team *out,
		   enum team_power *power) MUST_CHECK;
/* By its id, of the organization; as above. */
int await_team_by_id(struct metadb *db, struct arena *a, const struct team_actor *who,
		     int64_t organization, int64_t id, struct team *out) MUST_CHECK;

/* Those that the actor sees, in the order of slugs; parent: its children only, 0: all. */
int await_team_list(struct metadb *db, struct arena *a, const struct team_actor *who,
		    int64_t organization, int64_t parent, int64_t offset, int64_t limit,
		    struct team_list *out) MUST_CHECK;
/* Those that a repository was given to and the actor sees, with `on`, in the order of slugs. */
int await_repository_team_list(struct metadb *db, struct arena *a, const struct team_actor *who,
			       int64_t repository, int64_t offset, int64_t limit,
			       struct team_list *out) MUST_CHECK;
/* Those that somebody is in himself, of all organizations where the token does not count as
 * nobody's, with counts, in the order of ids. */
int await_teams_of(struct metadb *db, struct arena *a, int64_t account, int64_t token,
		   int64_t offset, int64_t limit, struct team_list *out) MUST_CHECK;

/* Why a team is not made or changed. The functions below answer one of these, or an error. */
enum team_answer {
	TEAM_DONE = 0,
	TEAM_ABSENT = 1, /* no such team or organization for the actor */
	TEAM_NAME_TAKEN = 2,
	TEAM_PARENT_ABSENT = 3,	 /* likewise */
	TEAM_PARENT_FOREIGN = 4, /* the actor does not maintain it */
	TEAM_PARENT_SECRET = 5,
	TEAM_PARENT_BELOW = 6, /* it stands below the team, or is the team */
	TEAM_TOO_DEEP = 7,
	TEAM_SECRET_NESTED = 8, /* secret teams have neither parents nor children */
	TEAM_NO_MEMBER = 9,	/* one of the maintainers is no member of the organization */
	TEAM_TOO_MANY = 10,
	TEAM_NAME_EMPTY = 11,	/* nothing of it can stand in a URL */
	TEAM_FOREIGN = 12,	/* the actor does not maintain the team */
	TEAM_HAS_CHILDREN = 13, /* and only an owner deletes them, too */
};

struct team_new {
	const char *name;
	const char *description; /* may be NULL */
	bool secret;
	int64_t parent_id;	  /* 0: none */
	const char **maintainers; /* logins, folded */
	size_t maintainer_count;
};
/* *id is that of the new team. */
int await_team_create(struct metadb *db, const struct team_actor *who, int64_t organization,
		      const struct team_new *wanted, int64_t *id) MUST_CHECK;

struct team_change {
	const char *name, *description; /* NULL: as they are */
	int secret;			/* −1: as it is */
	bool moves;			/* to parent_id, 0: to the top */
	int64_t parent_id;
};
int await_team_update(struct metadb *db, const struct team_actor *who, int64_t team,
		      const struct team_change *c) MUST_CHECK;
int await_team_delete(struct metadb *db, const struct team_actor *who, int64_t team) MUST_CHECK;

/*
 * What somebody is in the team itself; TEAM_NONE ends it. 0; ERR_NOT_FOUND: no such team for
 * the actor, or no such user or robot of the organization; ERR_CONFLICT: he is no member of the
 * organization, and only an owner makes him one; ERR_DENIED: the actor does not maintain it.
 */
int await_team_member_set(struct metadb *db, const struct team_actor *who, int64_t team,
			  int64_t account, enum team_role role) MUST_CHECK;
/*
 * His role, also through a child team (then TEAM_MEMBER); owners of the organization maintain
 * each team that they are in. TEAM_NONE is an answer.
 */
int await_team_member_get(struct metadb *db, int64_t team, int64_t account,
			  enum team_role *out) MUST_CHECK;
