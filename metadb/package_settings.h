/*
 * Changes of a package's settings: who may what on it, who sees it, which repository it is
 * linked to, what it is called. For callers who are its admins, which has been checked.
 *
 * Each is one call of a function of schema/0053 to 0055, which locks the package's row and
 * writes audit and event. It answers 0 when it is done or was so before; an enum
 * settings_refusal (> 0) when it is refused; ERR_NOT_FOUND when the package is gone; otherwise
 * the codes of metadb/metadb.h. Logins, slugs and names are folded by the caller
 * (login_fold()); names of repositories are matched whatever their case.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/access.h"

enum settings_refusal {
	SETTINGS_INHERITS = 1, /* own grants cannot be changed */
	SETTINGS_UNKNOWN,   /* no such account, team, repository or grant that he may know of */
	SETTINGS_OUTSIDER,  /* not of the organization, and its package is not public */
	SETTINGS_NO_TEAMS,  /* a user's package */
	SETTINGS_UNLINKED,  /* there is no repository to inherit from, or to unlink */
	SETTINGS_ELSEWHERE, /* the repository is of another namespace */
	SETTINGS_POLICY,    /* the organization does not allow that visibility */
	SETTINGS_NO_INTERNAL, /* a user's package */
	SETTINGS_OWNERS_ONLY, /* what is public becomes private by an owner's hand only */
	SETTINGS_NO_WRITER,   /* he may not write to the repository */
	SETTINGS_TAKEN,	      /* there is a package of that name */
	SETTINGS_ALIAS,	      /* the name leads to another package */
	SETTINGS_NO_CREATOR,  /* he may not make packages there */
	SETTINGS_REFUSALS
};

/* Direct grants; ROLE_NONE takes one back. Teams are the organization's. */
int await_package_grant_set(struct metadb *db, const struct actor *who, int64_t package_id,
			    const char *login, enum role role) MUST_CHECK;
int await_package_team_set(struct metadb *db, const struct actor *who, int64_t package_id,
			   const char *slug, enum role role) MUST_CHECK;
/*
 * On: people and teams have what the linked repository gives them, and their grants are gone.
 * Off: the actor is the only direct admin.
 */
int await_package_inherit_set(struct metadb *db, const struct actor *who, int64_t package_id,
			      bool on) MUST_CHECK;

/* What workflows of a repository may do (ROLE_NONE: nothing), and whose codespaces may read. */
int await_package_actions_set(struct metadb *db, const struct actor *who, int64_t package_id,
			      const char *owner, const char *repository,
			      enum role role) MUST_CHECK;
int await_package_codespace_set(struct metadb *db, const struct actor *who, int64_t package_id,
				const char *owner, const char *repository, bool on) MUST_CHECK;

int await_package_visibility_set(struct metadb *db, const struct actor *who, int64_t package_id,
				 enum visibility visibility) MUST_CHECK;
/*
 * The repository gets the role admin for its workflows; a link to another one ends. Access is
 * inherited no more when a link ends, and not yet when one begins.
 */
int await_package_link(struct metadb *db, const struct actor *who, int64_t package_id,
		       const char *owner, const char *repository) MUST_CHECK;
int await_package_unlink(struct metadb *db, const struct actor *who,
			 int64_t package_id) MUST_CHECK;

/* The part behind the namespace; it must be a valid one. The old name leads to the package. */
int await_package_rename(struct metadb *db, const struct actor *who, int64_t package_id,
			 const char *name) MUST_CHECK;
/* Into the namespace of that account. Its link ends, and grants that do not fit there. */
int await_package_transfer(struct metadb *db, const struct actor *who, int64_t package_id,
			   const char *login) MUST_CHECK;
/*
 * A former name leads there no more, and is free: 0 or ERR_NOT_FOUND. For an admin of the
 * package, then it must be that one's; for an owner of the namespace, then package_id is 0.
 */
int await_package_alias_end(struct metadb *db, const struct actor *who, int64_t namespace_id,
			    const char *name, int64_t package_id) MUST_CHECK;
