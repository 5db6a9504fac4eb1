/*
 * Users and organizations: one flat, lower-case space of logins. Ids are never reused.
 *
 * Logins given here must be folded (login_fold) and, for new accounts, valid and not reserved
 * (login_valid, login_reserved): that is asserted by the database again. Texts returned live in
 * the arena. Result codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"

enum account_kind { ACCOUNT_USER = 1, ACCOUNT_ORGANIZATION = 2, ACCOUNT_ROBOT = 3 };
enum membership { MEMBERSHIP_NONE = 0, MEMBERSHIP_MEMBER = 1, MEMBERSHIP_OWNER = 2 };

struct account {
	int64_t id;
	enum account_kind kind;
	const char *login;
	const char *name;  /* profile name, "" when there is none */
	const char *email; /* "" when there is none */
	bool site_admin;
	bool suspended;
	int64_t created_at;
};

/* An account that is not deleted; ERR_NOT_FOUND. */
int await_account_by_login(struct metadb *db, struct arena *a, const char *login,
			   struct account *out) MUST_CHECK;
int await_account_by_id(struct metadb *db, struct arena *a, int64_t id,
			struct account *out) MUST_CHECK;

/* ERR_CONFLICT when the login is taken by whatever kind of account. email and name may be NULL.
 */
int await_user_create(struct metadb *db, struct arena *a, const struct actor *who,
		      const char *login, const char *email, const char *name,
		      struct account *out) MUST_CHECK;
/*
 * `admin_login` becomes its first owner: ERR_NOT_FOUND when there is no such active user.
 * ERR_CONFLICT when the login is taken. name may be NULL.
 */
int await_organization_create(struct metadb *db, struct arena *a, const struct actor *who,
			      const char *login, const char *name, const char *admin_login,
			      struct account *out) MUST_CHECK;
/* Makes the user if missing, and a site admin in any case; ERR_CONFLICT: it is an organization.
 */
int await_site_admin_ensure(struct metadb *db, struct arena *a, const char *login,
			    struct account *out) MUST_CHECK;

/*
 * Sets (or, with MEMBERSHIP_NONE, ends) what a user is in an organization. ERR_NOT_FOUND: no
 * such organization or user; ERR_CONFLICT: it would be left without an owner.
 */
int await_membership_set(struct metadb *db, const struct actor *who, int64_t organization,
			 int64_t user, enum membership role) MUST_CHECK;
/* MEMBERSHIP_NONE is an answer, not an error. */
int await_membership_get(struct metadb *db, int64_t organization, int64_t user,
			 enum membership *out) MUST_CHECK;
