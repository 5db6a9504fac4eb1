/* Tables of what each action needs, and the one function that decides. */
#include "proto/model/access.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum role role;
	unsigned scopes;
} NEEDS[] = {
	[ACTION_PULL] = {ROLE_READ, SCOPE_READ_PACKAGES},
	[ACTION_PUSH] = {ROLE_WRITE, SCOPE_WRITE_PACKAGES},
	[ACTION_DELETE] = {ROLE_ADMIN, SCOPE_READ_PACKAGES | SCOPE_DELETE_PACKAGES},
	[ACTION_RESTORE] = {ROLE_ADMIN, SCOPE_WRITE_PACKAGES},
	[ACTION_SETTINGS] = {ROLE_ADMIN, SCOPE_WRITE_PACKAGES},
};

static const char *const ROLES[] = {"none", "read", "write", "admin"};
static const char *const VISIBILITIES[] = {"private", "internal", "public"};

static const char *const REPOSITORY_ROLES[] = {"none",	"read",	    "triage",
					       "write", "maintain", "admin"};
static const char *const PERMISSIONS[] = {"none", "pull",     "triage",
					  "push", "maintain", "admin"};

static const struct {
	unsigned bit;
	const char *name;
	unsigned implies; /* also what those imply */
} SCOPES[] = {
	{SCOPE_READ_PACKAGES, "read:packages", 0},
	{SCOPE_WRITE_PACKAGES, "write:packages", SCOPE_READ_PACKAGES},
	{SCOPE_DELETE_PACKAGES, "delete:packages", 0},
	{SCOPE_SITE_ADMIN, "site_admin", 0},
	{SCOPE_READ_ORG, "read:org", 0},
	{SCOPE_WRITE_ORG, "write:org", SCOPE_READ_ORG},
	{SCOPE_READ_AUDIT_LOG, "read:audit_log", 0},
	{SCOPE_ADMIN_ORG, "admin:org", SCOPE_WRITE_ORG | SCOPE_READ_ORG | SCOPE_READ_AUDIT_LOG},
	{SCOPE_READ_USER, "read:user", 0},
	{SCOPE_USER_EMAIL, "user:email", 0},
	{SCOPE_USER, "user", SCOPE_READ_USER | SCOPE_USER_EMAIL},
	{SCOPE_REPO, "repo", 0},
	{SCOPE_WORKFLOW, "workflow", 0},
	{SCOPE_GIST, "gist", 0},
};
#define SCOPE_COUNT (sizeof(SCOPES) / sizeof(SCOPES[0]))

enum role action_role(enum action a)
{
	return NEEDS[a].role;
}

unsigned action_scopes(enum action a)
{
	return NEEDS[a].scopes;
}

/* May this caller know what is in the package, by role or because anyone (signed in) may? */
static bool open_to_caller(const struct standing *s)
{
	return s->package_exists && s->published &&
	       (s->visibility == VISIBILITY_PUBLIC ||
		(s->visibility == VISIBILITY_INTERNAL && s->signed_in &&
		 s->outside == OUTSIDE_NOT));
}

static bool role_suffices(const struct standing *s, enum action a, bool creates)
{
	if (s->package_exists)
		return s->role >= action_role(a);
	return creates && s->may_create;
}

/* Why somebody whose role does not suffice is refused. */
static enum verdict refusal(const struct standing *s, bool open)
{
	if (!s->signed_in)
		return VERDICT_UNAUTHENTICATED;
	if (open || (s->package_exists && s->role >= ROLE_READ))
		return VERDICT_FORBIDDEN;
	if (!s->package_exists && s->may_create)
		return VERDICT_ABSENT;
	return VERDICT_DENIED;
}

enum verdict access_decide(const struct standing *s, enum action a, bool creates)
{
	unsigned held = scope_closure(s->scopes);
	bool open = open_to_caller(s);

	/* What anyone may do, no valid credential takes away. */
	if (a == ACTION_PULL && open &&
	    (s->visibility == VISIBILITY_PUBLIC || (held & SCOPE_READ_PACKAGES)))
		return VERDICT_ALLOWED;
	if (!role_suffices(s, a, creates) && !(a == ACTION_PULL && open))
		return refusal(s, open);
	if ((held & action_scopes(a)) != action_scopes(a))
		return VERDICT_SCOPE;
	return VERDICT_ALLOWED;
}

static int parse_name(const char *const *names, int count, const char *text, int *out)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

const char *role_name(enum role r)
{
	return ROLES[r];
}

int role_parse(const char *text, enum role *out)
{
	int i, rc = parse_name(ROLES, 4, text, &i);

	if (rc < 0 || i == ROLE_NONE)
		return ERR_SYNTAX;
	*out = (enum role)i;
	return 0;
}

const char *visibility_name(enum visibility v)
{
	return VISIBILITIES[v];
}

int visibility_parse(const char *text, enum visibility *out)
{
	int i, rc = parse_name(VISIBILITIES, 3, text, &i);

	if (rc < 0)
		return rc;
	*out = (enum visibility)i;
	return 0;
}

const char *repository_role_name(enum repository_role r)
{
	return REPOSITORY_ROLES[r];
}

const char *repository_permission_name(enum repository_role r)
{
	return PERMISSIONS[r];
}

int repository_role_parse(const char *text, enum repository_role *out)
{
	int i, rc = parse_name(REPOSITORY_ROLES, 6, text, &i);

	if (rc < 0)
		rc = parse_name(PERMISSIONS, 6, text, &i);
	if (rc < 0 || i == REPOSITORY_NONE)
		return ERR_SYNTAX;
	*out = (enum repository_role)i;
	return 0;
}

int scope_parse(const char *text, size_t len, unsigned *bit)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if (strlen(SCOPES[i].name) == len && memcmp(SCOPES[i].name, text, len) == 0) {
			*bit = SCOPES[i].bit;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

unsigned scope_closure(unsigned scopes)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (scopes & SCOPES[i].bit)
			scopes |= SCOPES[i].implies;
	return scopes;
}

/* The names of these bits, all of them. */
static char *join(unsigned bits, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < SCOPE_COUNT && used < size; i++)
		if (bits & SCOPES[i].bit)
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
						 used > 0 ? ", " : "", SCOPES[i].name);
	return buf;
}

char *scope_names(unsigned scopes, char *buf, size_t size)
{
	unsigned implied = 0;

	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (scopes & SCOPES[i].bit)
			implied |= SCOPES[i].implies;
	return join(scopes & ~implied, buf, size);
}

char *scope_choices(unsigned needed, char *buf, size_t size)
{
	unsigned choices = 0;

	for (size_t i = 0; i < SCOPE_COUNT && needed != 0; i++)
		if ((scope_closure(SCOPES[i].bit) & needed) == needed)
			choices |= SCOPES[i].bit;
	return join(choices != 0 ? choices : needed, buf, size);
}
