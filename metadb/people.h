/*
 * Lists of accounts, page by page: users, organizations, members.
 *
 * Everything lives in the arena. Lists in the order of ids; a page costs what it holds and what
 * stands before it, and `total` a walk over the list's index entries.
 * Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/accounts.h"

struct listed_account {
	struct account account;
	int role;	/* what the list says of it: enum membership, enum team_role; or 0 */
	bool inherited; /* of a team: through a child team only */
};
struct account_list {
	struct listed_account *at;
	size_t count;
	int64_t total; /* of all pages; 0 in lists that are read on by id */
	bool more;     /* of lists read on by id: there are others behind */
};

/* Accounts with ids greater than `after`. kind: 0 users and organizations, or one of them. */
int await_account_list(struct metadb *db, struct arena *a, enum account_kind kind,
		       int64_t after, int64_t limit, struct account_list *out) MUST_CHECK;
/* Members of an organization; role: MEMBERSHIP_NONE for all. */
int await_member_list(struct metadb *db, struct arena *a, int64_t organization,
		      enum membership role, int64_t offset, int64_t limit,
		      struct account_list *out) MUST_CHECK;
/*
 * Organizations of a user. viewer: only those that he is a member of, too; 0: all. token: only
 * those where it does not count as nobody's (limits, single sign-on); 0: all.
 */
int await_organizations_of(struct metadb *db, struct arena *a, int64_t user, int64_t viewer,
			   int64_t token, int64_t offset, int64_t limit,
			   struct account_list *out) MUST_CHECK;
/* Who is no member of the organization, and has something on one of its repositories. */
int await_outsider_list(struct metadb *db, struct arena *a, int64_t organization,
			int64_t offset, int64_t limit, struct account_list *out) MUST_CHECK;
/* Members of a team and of those below it; role: 0 for all, of their own role in the team. */
int await_team_member_list(struct metadb *db, struct arena *a, int64_t team, int role,
			   int64_t offset, int64_t limit, struct account_list *out) MUST_CHECK;
