/*
 * An organization's teams. Parents come before their children; a team that was made is found by
 * its name when its slug came out otherwise than wanted.
 */
#include <string.h>
#include <strings.h>

#include "metadb/keeper/sync.h"

const struct team_row *sync_team_row(const struct organization_rows *rows,
				     const struct wanted_team *w)
{
	for (size_t i = 0; i < rows->teams; i++)
		if (strcmp(rows->team[i].slug, w->slug) == 0)
			return &rows->team[i];
	for (size_t i = 0; i < rows->teams; i++)
		if (strcasecmp(rows->team[i].name, w->name) == 0)
			return &rows->team[i];
	return NULL;
}

struct teams {
	struct sync *s;
	int64_t organization;
	const struct wanted_organization *w;
	const struct organization_rows *rows;
	int64_t *id; /* of each wanted one; 0: not there yet */
	bool *done;
};

static const struct team_actor program = {0};

/* The place of a slug among those wanted; their count when it is none of them. */
static size_t place_of(const struct teams *t, const char *slug)
{
	size_t i = 0;

	while (i < t->w->teams && strcmp(t->w->team[i].slug, slug) != 0)
		i++;
	return i;
}

static int refused(struct teams *t, const struct wanted_team *w, int rc)
{
	static const char *const why[] = {
		[TEAM_ABSENT] = "it is gone",
		[TEAM_NAME_TAKEN] = "its name is taken",
		[TEAM_PARENT_ABSENT] = "its parent is not there",
		[TEAM_PARENT_SECRET] = "its parent is secret",
		[TEAM_PARENT_BELOW] = "its parent stands below it",
		[TEAM_TOO_DEEP] = "it would stand too deep",
		[TEAM_SECRET_NESTED] = "a secret team has neither parent nor children",
		[TEAM_TOO_MANY] = "the organization has too many",
		[TEAM_NAME_EMPTY] = "its name makes no slug",
	};

	if (rc <= 0)
		return rc;
	sync_tell(t->s, SYNC_SKIP, "team %s/%s: %s", t->w->login, w->slug,
		  rc <= TEAM_NAME_EMPTY && why[rc] != NULL ? why[rc] : "it is refused");
	return 0;
}

static int await_make(struct teams *t, size_t i, int64_t parent)
{
	const struct wanted_team *w = &t->w->team[i];
	struct team_new wanted = {.name = w->name,
				  .description = w->description,
				  .secret = w->secret == 1,
				  .parent_id = parent};

	if (!sync_tell(t->s, SYNC_ADD, "team %s/%s", t->w->login, w->slug))
		return 0;
	return refused(
		t, w,
		await_team_create(t->s->db, &program, t->organization, &wanted, &t->id[i]));
}

static int await_change(struct teams *t, size_t i, const struct team_row *now, int64_t parent)
{
	const struct wanted_team *w = &t->w->team[i];
	struct team_change c = {.secret = -1, .parent_id = parent};
	const char *what = "";

	t->id[i] = now->id;
	if (strcmp(w->name, now->name) != 0 && strcmp(w->name, w->slug) != 0) {
		c.name = w->name;
		what = arena_printf(t->s->arena, "%s name", what);
	}
	if (w->description != NULL && strcmp(w->description, now->description) != 0) {
		c.description = w->description;
		what = arena_printf(t->s->arena, "%s description", what);
	}
	if (w->secret >= 0 && (w->secret == 1) != now->secret) {
		c.secret = w->secret;
		what = arena_printf(t->s->arena, "%s privacy", what);
	}
	if (w->moves && parent != now->parent_id) {
		c.moves = true;
		what = arena_printf(t->s->arena, "%s parent", what);
	}
	if (*what == '\0' ||
	    !sync_tell(t->s, SYNC_CHANGE, "team %s/%s:%s", t->w->login, w->slug, what))
		return 0;
	return refused(t, w, await_team_update(t->s->db, &program, now->id, &c));
}

static const struct role_row *member_of(const struct role_rows *members, const char *login)
{
	for (size_t i = 0; i < members->count; i++)
		if (strcmp(members->at[i].name, login) == 0)
			return &members->at[i];
	return NULL;
}

static int await_member(struct teams *t, size_t i, const struct role_rows *members,
			const struct wanted_role *m)
{
	static const char *const words[] = {"none", "member", "maintainer"};
	const struct role_row *now = member_of(members, m->name);
	const char *slug = t->w->team[i].slug;
	int64_t person;
	int rc;

	if (now != NULL && now->role == m->role)
		return 0;
	rc = await_sync_person(t->s, m->name, &person);
	if (rc < 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (!sync_tell(t->s, now == NULL ? SYNC_ADD : SYNC_CHANGE, "member %s/%s %s: %s",
		       t->w->login, slug, m->name, words[m->role]) ||
	    t->id[i] == 0)
		return 0;
	rc = await_team_member_set(t->s->db, &program, t->id[i], person,
				   (enum team_role)m->role);
	if (rc == ERR_NOT_FOUND || rc == ERR_CONFLICT || rc == ERR_DENIED) {
		sync_tell(t->s, SYNC_SKIP, "member %s/%s %s: he cannot be one", t->w->login,
			  slug, m->name);
		return 0;
	}
	return rc;
}

static bool wants(const struct wanted_roles *roles, const char *name)
{
	for (size_t i = 0; i < roles->count; i++)
		if (strcmp(roles->at[i].name, name) == 0)
			return true;
	return false;
}

static int await_members(struct teams *t, size_t i)
{
	const struct wanted_roles *wanted = &t->w->team[i].members;
	struct role_rows now = role_rows_on(&t->rows->members, t->id[i]);
	int rc = 0;

	for (size_t k = 0; k < wanted->count && rc == 0; k++)
		rc = await_member(t, i, &now, &wanted->at[k]);
	if (!t->s->options->prune || wanted->at == NULL || t->id[i] == 0)
		return rc;
	for (size_t k = 0; k < now.count && rc == 0; k++) {
		if (wants(wanted, now.at[k].name) ||
		    !sync_tell(t->s, SYNC_REMOVE, "member %s/%s %s", t->w->login,
			       t->w->team[i].slug, now.at[k].name))
			continue;
		rc = await_team_member_set(t->s->db, &program, t->id[i], now.at[k].id,
					   TEAM_NONE);
		rc = rc == ERR_NOT_FOUND ? 0 : rc; /* he left by himself */
	}
	return rc;
}

/* A team, its parents before it; depth ends circles. */
static int await_team(struct teams *t, size_t i, int depth)
{
	const struct wanted_team *w = &t->w->team[i];
	const struct team_row *now = sync_team_row(t->rows, w);
	int64_t parent = 0;
	int rc = 0;

	if (t->done[i])
		return 0;
	if (w->parent != NULL) {
		size_t above = place_of(t, w->parent);

		if (above == t->w->teams || depth > TEAM_DEPTH_MAX) {
			sync_tell(t->s, SYNC_SKIP, "team %s/%s: its parent %s %s", t->w->login,
				  w->slug, w->parent,
				  depth > TEAM_DEPTH_MAX ? "stands below it" : "is not listed");
			t->done[i] = true;
			return 0;
		}
		rc = await_team(t, above, depth + 1);
		parent = t->id[above];
		if (rc < 0 || t->done[i])
			return rc;
	}
	t->done[i] = true;
	rc = now == NULL ? await_make(t, i, parent) : await_change(t, i, now, parent);
	return rc < 0 ? rc : await_members(t, i);
}

static bool kept(const struct teams *t, const struct team_row *row)
{
	for (size_t i = 0; i < t->w->teams; i++)
		if (sync_team_row(t->rows, &t->w->team[i]) == row)
			return true;
	return false;
}

static int await_prune(struct teams *t)
{
	int rc = 0;

	for (size_t i = 0; i < t->rows->teams && rc == 0; i++) {
		const struct team_row *row = &t->rows->team[i];

		if (kept(t, row) ||
		    !sync_tell(t->s, SYNC_REMOVE, "team %s/%s", t->w->login, row->slug))
			continue;
		rc = await_team_delete(t->s->db, &program, row->id);
		if (rc == ERR_NOT_FOUND || rc == TEAM_ABSENT)
			rc = 0; /* with its parent */
		else if (rc > 0)
			rc = ERR_CONFLICT;
	}
	return rc;
}

int await_sync_teams(struct sync *s, int64_t organization, const struct wanted_organization *w,
		     const struct organization_rows *rows)
{
	struct teams t = {.s = s, .organization = organization, .w = w, .rows = rows};
	int rc = 0;

	if (w->team == NULL)
		return 0;
	t.id = arena_alloc(s->arena, (w->teams + 1) * sizeof(*t.id));
	t.done = arena_alloc(s->arena, (w->teams + 1) * sizeof(*t.done));
	for (size_t i = 0; i < w->teams && rc == 0; i++)
		rc = await_team(&t, i, 0);
	return rc < 0 || !s->options->prune ? rc : await_prune(&t);
}
