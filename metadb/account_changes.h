/*
 * What happens to accounts: new names, rules, suspending, deleting (schema/0043).
 *
 * Each call is one transaction with its audit row and its event. All look again, with the rows
 * locked, whether the actor may: ERR_DENIED when he may not (any more). ERR_NOT_FOUND: there is
 * no such account of that kind. Result codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/accounts.h"

/* NULL leaves a value as it is. Lengths are the caller's matter. */
int await_profile_set(struct metadb *db, const struct actor *who, int64_t account,
		      const char *name, const char *email) MUST_CHECK;

/*
 * A user or organization gets another login, folded, valid and not reserved. The old one leads
 * to it from then on. ERR_CONFLICT: the new one belongs, or leads, to another account, or did
 * once and anybody could pull from it.
 */
int await_account_rename(struct metadb *db, const struct actor *who, int64_t account,
			 const char *login) MUST_CHECK;

/* By a site admin, and not of himself: ERR_DENIED. Of the next request on. `why` may be NULL.
 */
int await_user_suspend(struct metadb *db, const struct actor *who, int64_t user, bool suspended,
		       const char *why) MUST_CHECK;
/* Likewise; nobody takes it from himself. */
int await_site_admin_set(struct metadb *db, const struct actor *who, int64_t user,
			 bool wanted) MUST_CHECK;

/*
 * The account is gone for everybody, with its packages (as await_package_delete() deletes
 * them), tokens, memberships, teams and grants. Not of himself: ERR_DENIED. ERR_CONFLICT: an
 * organization would be left without an owner, *sole (in the arena) is its login.
 */
int await_user_delete(struct metadb *db, struct arena *a, const struct actor *who, int64_t user,
		      const char **sole) MUST_CHECK;
int await_organization_delete(struct metadb *db, const struct actor *who,
			      int64_t organization) MUST_CHECK;

/* What is to be changed: NULL, or −1, leaves a value as it is. */
struct organization_change {
	const char *name, *description, *email;
	int base_role;
	int members_create;
	int visibilities;
	int default_visibility;
	int default_inherits;
	int sso_required;
};
/* ERR_CONFLICT: the default visibility is not one of those that are allowed. */
int await_organization_set(struct metadb *db, const struct actor *who, int64_t organization,
			   const struct organization_change *c) MUST_CHECK;
