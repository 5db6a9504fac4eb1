/*
 * Users and organizations: one flat, lower-case space of logins. Ids are never reused.
 *
 * Logins given here must be folded (login_fold) and, for new accounts, valid and not reserved
 * (login_valid, login_reserved): that is asserted by the database again. Texts returned live in
 * the arena. Result codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/access.h"

enum account_kind { ACCOUNT_USER = 1, ACCOUNT_ORGANIZATION = 2, ACCOUNT_ROBOT = 3 };
enum membership { MEMBERSHIP_NONE = 0, MEMBERSHIP_MEMBER = 1, MEMBERSHIP_OWNER = 2 };

/* What an organization wants of its members and packages; of users it says nothing. */
struct organization_rules {
	int base_role; /* of members on its repositories, as repository_grant.role: 0, 1, 3, 5
			*/
	bool members_create;   /* packages; otherwise owners only */
	unsigned visibilities; /* that packages may be given: bits 1 << enum visibility */
	enum visibility default_visibility;
	bool default_inherits; /* packages that are published linked inherit */
	bool sso_required;
};

struct account {
	int64_t id;
	enum account_kind kind;
	const char *login;
	const char *name;	 /* profile name, "" when there is none */
	const char *email;	 /* "" when there is none */
	const char *description; /* "" when there is none */
	bool site_admin;
	int64_t suspended_at; /* 0: not */
	int64_t created_at;
	int64_t updated_at;
	struct organization_rules rules;
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
 * Sets (or, with MEMBERSHIP_NONE, ends) what a user is in an organization. With the membership
 * all ends that the user has there: teams, and grants on repositories and packages.
 * ERR_NOT_FOUND: no such organization or user; ERR_CONFLICT: it would be left without an owner;
 * ERR_DENIED: the actor is neither an owner (any more) nor leaving.
 */
int await_membership_set(struct metadb *db, const struct actor *who, int64_t organization,
			 int64_t user, enum membership role) MUST_CHECK;
/*
 * A member becomes an outside collaborator: what he was given on the organization's
 * repositories, himself or by his teams, stays his. ERR_NOT_FOUND: he is no member;
 * ERR_CONFLICT and ERR_DENIED as above, but that nobody does it for himself.
 */
int await_outsider_make(struct metadb *db, const struct actor *who, int64_t organization,
			int64_t user) MUST_CHECK;
/* All that he has on its repositories ends. ERR_NOT_FOUND: nothing; ERR_CONFLICT: a member. */
int await_outsider_end(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t user) MUST_CHECK;
/* MEMBERSHIP_NONE is an answer, not an error. */
int await_membership_get(struct metadb *db, int64_t organization, int64_t user,
			 enum membership *out) MUST_CHECK;
