/*
 * Who belongs to an organization, and who owns it. Owners come first, so that somebody is there
 * when others go; the last one stays whatever is wanted.
 */
#include <string.h>

#include "metadb/accounts.h"
#include "metadb/keeper/sync.h"

struct members {
	struct sync *s;
	int64_t organization;
	const struct wanted_organization *w;
	struct organization_rows *rows;
	size_t owners; /* as it would be by now */
};

static const char *const words[] = {"none", "member", "admin"};

static struct role_row *row_of(const struct members *t, const char *login)
{
	for (size_t i = 0; i < t->rows->memberships.count; i++)
		if (strcmp(t->rows->memberships.at[i].name, login) == 0)
			return &t->rows->memberships.at[i];
	return NULL;
}

/* What ends with a membership; so that a dry run goes on as if it had ended. */
static void forget(struct role_rows *rows, int64_t person)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++)
		if (rows->at[i].id != person)
			rows->at[kept++] = rows->at[i];
	rows->count = kept;
}

static void skip(struct members *t, const char *login, const char *why)
{
	sync_tell(t->s, SYNC_SKIP, "member %s %s: %s", t->w->login, login, why);
}

/* `person` may be 0: he would be made. *done: it is so now, or would be. */
static int await_set(struct members *t, const char *login, int64_t person, enum membership role,
		     bool *done)
{
	int rc = 0;

	if (!t->s->options->dry_run)
		rc = await_membership_set(t->s->db, NULL, t->organization, person, role);
	*done = rc == 0;
	if (rc == ERR_CONFLICT)
		skip(t, login, "nobody else owns it");
	else if (rc == ERR_NOT_FOUND)
		skip(t, login, "he cannot be one");
	return rc == ERR_CONFLICT || rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The only owner is to be one no more? Then it is told. */
static bool last_owner(struct members *t, const struct role_row *now)
{
	if (now == NULL || now->role != MEMBERSHIP_OWNER || t->owners > 1)
		return false;
	skip(t, now->name, "nobody else owns it");
	return true;
}

static int await_one(struct members *t, const struct wanted_role *m)
{
	struct role_row *now = row_of(t, m->name);
	int64_t person;
	bool done;
	int rc;

	if ((now != NULL && now->role == m->role) || last_owner(t, now))
		return 0;
	rc = await_sync_person(t->s, m->name, &person);
	if (rc < 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	sync_tell(t->s, now == NULL ? SYNC_ADD : SYNC_CHANGE, "member %s %s: %s", t->w->login,
		  m->name, words[m->role]);
	rc = await_set(t, m->name, person, (enum membership)m->role, &done);
	if (rc < 0 || !done)
		return rc;
	if (m->role == MEMBERSHIP_OWNER)
		t->owners++;
	else if (now != NULL)
		t->owners--;
	if (now != NULL)
		now->role = m->role;
	return 0;
}

static bool lists(const struct wanted_roles *roles, const char *login)
{
	for (size_t i = 0; i < roles->count; i++)
		if (strcmp(roles->at[i].name, login) == 0)
			return true;
	return false;
}

/* Who is in a team is a member, listed as one or not. */
static bool wanted(const struct members *t, const char *login)
{
	bool found = lists(&t->w->members, login);

	for (size_t i = 0; i < t->w->teams && !found; i++)
		found = lists(&t->w->team[i].members, login);
	return found;
}

static int await_remove(struct members *t, const struct role_row *now)
{
	bool done;
	int rc;

	if (last_owner(t, now))
		return 0;
	sync_tell(t->s, SYNC_REMOVE, "member %s %s", t->w->login, now->name);
	rc = await_set(t, now->name, now->id, MEMBERSHIP_NONE, &done);
	if (rc < 0 || !done)
		return rc;
	if (now->role == MEMBERSHIP_OWNER)
		t->owners--;
	forget(&t->rows->members, now->id);
	forget(&t->rows->people, now->id);
	return 0;
}

int await_sync_members(struct sync *s, int64_t organization,
		       const struct wanted_organization *w, struct organization_rows *rows)
{
	struct members t = {.s = s, .organization = organization, .w = w, .rows = rows};
	const struct role_rows *now = &rows->memberships;
	int rc = 0;

	if (w->members.at == NULL)
		return 0;
	for (size_t i = 0; i < now->count; i++)
		t.owners += now->at[i].role == MEMBERSHIP_OWNER;
	for (int role = MEMBERSHIP_OWNER; role >= MEMBERSHIP_MEMBER; role--)
		for (size_t i = 0; i < w->members.count && rc == 0; i++)
			if (w->members.at[i].role == role)
				rc = await_one(&t, &w->members.at[i]);
	for (size_t i = 0; i < now->count && s->options->prune && rc == 0; i++)
		if (!wanted(&t, now->at[i].name))
			rc = await_remove(&t, &now->at[i]);
	return rc;
}
