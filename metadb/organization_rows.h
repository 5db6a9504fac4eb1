/*
 * Members, teams and repositories of an organization, all at once: for programs that compare
 * them with another list. Nothing here is a page; the memory is that of the rows. Everything
 * lives in the arena. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/accounts.h"
#include "metadb/repositories.h"
#include "metadb/teams.h"

struct team_row {
	int64_t id;
	const char *slug, *name, *description;
	bool secret;
	int64_t parent_id; /* 0: none */
};
/* Of a person (or a robot) in the organization or in a team, or of him or a team on a
 * repository. */
struct role_row {
	int64_t on;	  /* organization, team or repository */
	int64_t id;	  /* of him, or of the team */
	const char *name; /* login or slug */
	int role;	  /* enum membership, enum team_role, or enum repository_role */
};
/* In the order of `on`. */
struct role_rows {
	struct role_row *at;
	size_t count;
};
struct organization_rows {
	struct role_rows memberships; /* in the order of logins */
	struct team_row *team;
	size_t teams;
	struct role_rows members;
	struct repository *repository; /* in the order of names, without case; `role` is none */
	size_t repositories;
	struct role_rows people, repository_teams;
};

int await_organization_rows(struct metadb *db, struct arena *a, int64_t organization,
			    struct organization_rows *out) MUST_CHECK;
/* Those on one team or repository. Pure. */
struct role_rows role_rows_on(const struct role_rows *rows, int64_t on);
/* NULL: there is none of that name, in any case. Pure. */
struct repository *organization_repository(const struct organization_rows *rows,
					   const char *name);
/* Logins of all organizations. */
int await_organization_logins(struct metadb *db, struct arena *a, const char ***out,
			      size_t *count) MUST_CHECK;
