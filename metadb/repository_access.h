/*
 * Who has which role on a repository: people, robots of its organization, teams.
 *
 * Somebody's role is the largest of what he is given here, himself or through his teams and
 * those above them, what the organization gives every member, and admin for owners
 * (schema/0046). Lists and result codes as in metadb/repositories.h.
 */
#pragma once

#include "metadb/repositories.h"

struct collaborator {
	struct account account; /* id, kind, login, name, email, site_admin */
	enum repository_role role;
};
struct collaborator_list {
	struct collaborator *collaborator; /* in the arena */
	size_t count;
	bool more;
};

/* Whom a list of collaborators shows; outside: given a role, and no member. */
enum collaborator_kind {
	COLLABORATORS_ALL = 1,
	COLLABORATORS_DIRECT = 2,
	COLLABORATORS_OUTSIDE = 3
};
/* In the order of logins; those with at least that role. */
int await_collaborator_list(struct metadb *db, struct arena *a, int64_t repository,
			    enum collaborator_kind among, enum repository_role least,
			    const struct list_part *part,
			    struct collaborator_list *out) MUST_CHECK;
/* REPOSITORY_NONE is an answer, not an error. */
int await_repository_role(struct metadb *db, int64_t person, int64_t repository,
			  enum repository_role *out) MUST_CHECK;

/*
 * Gives a role, or with REPOSITORY_NONE takes back what was given. Answers enum
 * repository_refusal, or a code < 0.
 */
int await_collaborator_set(struct metadb *db, const struct actor *who, int64_t repository,
			   const char *login, enum repository_role role) MUST_CHECK;
int await_repository_team_set(struct metadb *db, const struct actor *who, int64_t repository,
			      int64_t team, enum repository_role role) MUST_CHECK;
/* What a team has, also through those above it. */
int await_team_repository_role(struct metadb *db, int64_t team, int64_t repository,
			       enum repository_role *out) MUST_CHECK;
/* Repositories of a team that `person` may see, by name; `role` is the team's. */
int await_team_repository_list(struct metadb *db, struct arena *a, int64_t person, bool scoped,
			       int64_t team, const struct list_part *part,
			       struct repository_list *out) MUST_CHECK;
