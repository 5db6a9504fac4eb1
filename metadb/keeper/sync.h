/*
 * packhouse-metadb sync: organizations get the members, teams and repositories that a file or
 * an API names. What the parts share.
 */
#pragma once

#include "metadb/keeper/sync_wanted.h"
#include "metadb/metadb.h"
#include "metadb/organization_rows.h"

struct sync_options {
	const char *file;	  /* one of these two */
	const char *url;	  /* of the API */
	const char *token_file;	  /* NULL: PACKHOUSE_SYNC_TOKEN, if any */
	const char *organization; /* NULL: all */
	bool dry_run, prune, create_users;
};

struct sync {
	struct metadb *db;
	const struct sync_options *options;
	struct arena *arena;
	struct wanted wanted;
	size_t added, changed, removed, skipped;
	/* Of the organizations that an API is asked for. */
	const char **login;
	size_t logins;
	/* Logins that nobody has, each told once. */
	const char **unknown;
	size_t unknowns;
};

/* Exit status. */
int keeper_sync(const struct sync_options *o);

/* One line a change; then it is done, unless it is a dry run. */
enum sync_kind { SYNC_ADD, SYNC_CHANGE, SYNC_REMOVE, SYNC_SKIP };
bool sync_tell(struct sync *s, enum sync_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * The id of a user or robot of the organization; 0: he would be made, were it no dry run.
 * ERR_NOT_FOUND: nobody has that login, which was told.
 */
int await_sync_person(struct sync *s, const char *login, int64_t *id) MUST_CHECK;

/* By its slug, or by its name when its slug came out otherwise. NULL: not there. Pure. */
const struct team_row *sync_team_row(const struct organization_rows *rows,
				     const struct wanted_team *w);
/*
 * First of all, owners and members. `rows` is what there was before; with whoever goes, his
 * roles in it go.
 */
int await_sync_members(struct sync *s, int64_t organization,
		       const struct wanted_organization *w,
		       struct organization_rows *rows) MUST_CHECK;
/* Teams first: repositories name them. `rows` is what there was before. */
int await_sync_teams(struct sync *s, int64_t organization, const struct wanted_organization *w,
		     const struct organization_rows *rows) MUST_CHECK;
/* `rows` has the teams as they are now; with a dry run, as they were. */
int await_sync_repositories(struct sync *s, int64_t organization,
			    const struct wanted_organization *w,
			    const struct organization_rows *rows) MUST_CHECK;
