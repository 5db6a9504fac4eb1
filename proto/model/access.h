/*
 * Roles, visibility, scopes and actions: what each action needs, as pure functions.
 *
 * Effective right = what the caller's role (or the package's visibility) allows AND what the
 * credential's scopes allow; what anyone may do, no valid credential takes away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/err.h"

enum role { ROLE_NONE, ROLE_READ, ROLE_WRITE, ROLE_ADMIN };
/* On a repository, from which packages may inherit: none, read, triage, write, maintain, admin.
 */
enum repository_role {
	REPOSITORY_NONE,
	REPOSITORY_READ,
	REPOSITORY_TRIAGE,
	REPOSITORY_WRITE,
	REPOSITORY_MAINTAIN,
	REPOSITORY_ADMIN
};
enum visibility { VISIBILITY_PRIVATE, VISIBILITY_INTERNAL, VISIBILITY_PUBLIC };

/*
 * Bits of a credential's scopes, GitHub's and SITE_ADMIN. admin implies write, write implies
 * read. WORKFLOW and GIST give nothing here: clients of GitHub ask for them.
 */
enum scope {
	SCOPE_READ_PACKAGES = 1 << 0,
	SCOPE_WRITE_PACKAGES = 1 << 1,
	SCOPE_DELETE_PACKAGES = 1 << 2,
	SCOPE_SITE_ADMIN = 1 << 3,
	SCOPE_READ_ORG = 1 << 4,
	SCOPE_ADMIN_ORG = 1 << 5,
	SCOPE_READ_USER = 1 << 6,
	SCOPE_REPO = 1 << 7,
	SCOPE_USER = 1 << 8, /* the person's own profile and credentials */
	SCOPE_USER_EMAIL = 1 << 9,
	SCOPE_WRITE_ORG = 1 << 10,
	SCOPE_WORKFLOW = 1 << 11,
	SCOPE_GIST = 1 << 12,
	SCOPE_READ_AUDIT_LOG = 1 << 13,
};

enum action { ACTION_PULL, ACTION_PUSH, ACTION_DELETE, ACTION_RESTORE, ACTION_SETTINGS };

/* Where a valid credential counts as nobody's: it may do what anyone may, and no more. */
enum outside {
	OUTSIDE_NOT,
	OUTSIDE_LIMITS, /* it was made for other namespaces or packages */
	OUTSIDE_SSO,	/* not authorized for an organization that requires single sign-on */
};

/* What somebody is to a package, as PostgreSQL tells it. */
struct standing {
	bool package_exists; /* a row, published or not */
	bool published;	     /* has had a manifest: visible to readers */
	enum visibility visibility;
	enum role role;	      /* by grants, ownership; ROLE_NONE for anonymous */
	bool may_create;      /* in this namespace, a package of this name */
	bool signed_in;	      /* any active account of this instance */
	enum outside outside; /* then role and may_create are nothing */
	unsigned scopes;      /* of the credential; 0 for anonymous */
};

enum verdict {
	VERDICT_ALLOWED,
	VERDICT_UNAUTHENTICATED, /* anonymous: challenge */
	VERDICT_ABSENT,		 /* readable or creatable by the caller, but not there */
	VERDICT_DENIED,		 /* neither may it be read nor created by the caller */
	VERDICT_FORBIDDEN,	 /* readable, but this action needs more */
	VERDICT_SCOPE,		 /* the role would do, the credential's scopes do not */
};

/* The role and scopes (any missing bit refuses) that an action needs. */
enum role action_role(enum action a);
unsigned action_scopes(enum action a);
/* The verdict for an action on a package; creates = the action may bring the package into
 * being. */
enum verdict access_decide(const struct standing *s, enum action a, bool creates);

/* "read", "write", "admin" and "private", "internal", "public"; ERR_SYNTAX for others. */
const char *role_name(enum role r);
int role_parse(const char *text, enum role *out) MUST_CHECK;
const char *visibility_name(enum visibility v);
int visibility_parse(const char *text, enum visibility *out) MUST_CHECK;

/*
 * "read", "triage", "write", "maintain", "admin", and for a permission also GitHub's older
 * words "pull" and "push"; ERR_SYNTAX for others. "none" is only told.
 */
const char *repository_role_name(enum repository_role r);
int repository_role_parse(const char *text, enum repository_role *out) MUST_CHECK;
/* "pull", "triage", "push", "maintain", "admin"; "none". */
const char *repository_permission_name(enum repository_role r);

/* Room for the names of all. */
#define SCOPE_NAMES_MAX 256

/* Scope names as GitHub writes them: "read:packages", …; "site_admin". */
int scope_parse(const char *text, size_t len, unsigned *bit) MUST_CHECK;
/* Names of all bits, comma-separated, into buf; returns buf. Implied bits are not repeated. */
char *scope_names(unsigned scopes, char *buf, size_t size);
/* Names of all scopes that give what is needed; when one alone does not, what is needed. */
char *scope_choices(unsigned needed, char *buf, size_t size);
/* With what a scope implies (write:packages implies read:packages). */
unsigned scope_closure(unsigned scopes);
