/* An organization's repositories, and who has which role on each. */
#include <string.h>

#include "metadb/keeper/sync.h"
#include "metadb/repository_access.h"

struct repositories {
	struct sync *s;
	int64_t organization;
	const struct wanted_organization *w;
	const struct organization_rows *rows;
};

/* The refusals of a repository's changes are told, and what else went wrong ends it. */
static int refused(struct repositories *t, const char *what, int rc)
{
	static const char *const why[] = {
		[REPOSITORY_NAME_TAKEN] = "its name is taken",
		[REPOSITORY_SOURCE_TAKEN] = "another repository has its source_url",
		[REPOSITORY_USER_INTERNAL] = "it cannot be internal",
		[REPOSITORY_OWNER_FOREIGN] = "it cannot be there",
		[REPOSITORY_ACCOUNT_MISSING] = "there is none of that name",
		[REPOSITORY_OWNED] = "he owns it",
		[REPOSITORY_TEAM_FOREIGN] = "the team is another organization's",
	};

	if (rc == ERR_NOT_FOUND)
		sync_tell(t->s, SYNC_SKIP, "%s: it is gone", what);
	else if (rc > 0)
		sync_tell(t->s, SYNC_SKIP, "%s: %s", what, why[rc]);
	return rc < 0 && rc != ERR_NOT_FOUND ? rc : 0;
}

static int await_make(struct repositories *t, const struct wanted_repository *w, int64_t *id)
{
	const char *what =
		arena_printf(t->s->arena, "repository %s/%s", t->w->login, w->fields.name);

	*id = 0;
	if (!sync_tell(t->s, SYNC_ADD, "%s", what))
		return 0;
	return refused(
		t, what,
		await_repository_create(t->s->db, NULL, t->organization, &w->fields, id));
}

/* Does a text differ? Then its name is added to what is told, else it stays as it is. */
static void compare(struct repositories *t, const char **wanted, const char *now,
		    const char *name, const char **what)
{
	if (*wanted != NULL && strcmp(*wanted, now) != 0)
		*what = arena_printf(t->s->arena, "%s %s", *what, name);
	else
		*wanted = NULL;
}

static int await_change(struct repositories *t, const struct wanted_repository *w,
			const struct repository *now)
{
	struct repository_change c = w->fields;
	const char *what = "", *name;

	compare(t, &c.name, now->name, "name", &what);
	compare(t, &c.description, now->description, "description", &what);
	compare(t, &c.homepage, now->homepage, "homepage", &what);
	compare(t, &c.url, now->url, "source_url", &what);
	if (c.visibility != NULL && *c.visibility != now->visibility)
		what = arena_printf(t->s->arena, "%s visibility", what);
	else
		c.visibility = NULL;
	name = arena_printf(t->s->arena, "repository %s/%s", t->w->login, now->name);
	if (*what == '\0' || !sync_tell(t->s, SYNC_CHANGE, "%s:%s", name, what))
		return 0;
	return refused(t, name, await_repository_update(t->s->db, NULL, now->id, &c));
}

/* People, or teams, of one repository. */
struct share {
	struct repositories *t;
	const char *repository; /* OWNER/NAME */
	int64_t id;		/* 0: it would be made */
	const char *kind;	/* "collaborator" or "team" */
	const struct wanted_roles *wanted;
	struct role_rows now;
	int (*await_set)(const struct share *, const char *name, int64_t id,
			 enum repository_role role);
};

static int await_set_person(const struct share *h, const char *name,
			    int64_t id __attribute__((unused)), enum repository_role role)
{
	return await_collaborator_set(h->t->s->db, NULL, h->id, name, role);
}

static int await_set_team(const struct share *h, const char *name __attribute__((unused)),
			  int64_t id, enum repository_role role)
{
	return await_repository_team_set(h->t->s->db, NULL, h->id, id, role);
}

static const struct role_row *role_of(const struct share *h, const char *name)
{
	for (size_t i = 0; i < h->now.count; i++)
		if (strcmp(h->now.at[i].name, name) == 0)
			return &h->now.at[i];
	return NULL;
}

/* Wanted slugs as they are here. */
static struct wanted_roles settled(const struct repositories *t,
				   const struct wanted_roles *wanted)
{
	struct wanted_roles out = *wanted;

	if (wanted->at == NULL)
		return out;
	out.at = arena_alloc(t->s->arena, (wanted->count + 1) * sizeof(*out.at));
	for (size_t i = 0; i < out.count; i++) {
		struct wanted_team by_slug = {.slug = wanted->at[i].name,
					      .name = wanted->at[i].name};
		const struct wanted_team *w = &by_slug;
		const struct team_row *row;

		for (size_t k = 0; k < t->w->teams; k++)
			if (strcmp(t->w->team[k].slug, w->slug) == 0)
				w = &t->w->team[k];
		row = sync_team_row(t->rows, w);
		out.at[i] = wanted->at[i];
		if (row != NULL)
			out.at[i].name = row->slug;
	}
	return out;
}

/* The id of a team, by its slug; 0: it would be made. ERR_NOT_FOUND: it was told. */
static int team_id(const struct share *h, const char *slug, int64_t *id)
{
	const struct organization_rows *rows = h->t->rows;

	*id = 0;
	for (size_t i = 0; i < rows->teams; i++)
		if (strcmp(rows->team[i].slug, slug) == 0)
			*id = rows->team[i].id;
	for (size_t i = 0; i < h->t->w->teams && *id == 0; i++)
		if (strcmp(h->t->w->team[i].slug, slug) == 0 && h->t->s->options->dry_run)
			return 0;
	if (*id != 0)
		return 0;
	sync_tell(h->t->s, SYNC_SKIP, "team %s of %s: there is none", slug, h->repository);
	return ERR_NOT_FOUND;
}

static int await_one(const struct share *h, const struct wanted_role *w)
{
	const struct role_row *now = role_of(h, w->name);
	struct sync *s = h->t->s;
	bool person = h->await_set == await_set_person;
	const char *what;
	int64_t id;
	int rc;

	if (now != NULL && now->role == w->role)
		return 0;
	rc = person ? await_sync_person(s, w->name, &id) : team_id(h, w->name, &id);
	if (rc < 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	what = arena_printf(s->arena, "%s %s %s", h->kind, h->repository, w->name);
	if (!sync_tell(s, now == NULL ? SYNC_ADD : SYNC_CHANGE, "%s: %s", what,
		       repository_role_name((enum repository_role)w->role)) ||
	    h->id == 0)
		return 0;
	return refused(h->t, what, h->await_set(h, w->name, id, (enum repository_role)w->role));
}

static bool wants(const struct wanted_roles *roles, const char *name)
{
	for (size_t i = 0; i < roles->count; i++)
		if (strcmp(roles->at[i].name, name) == 0)
			return true;
	return false;
}

static int await_share(const struct share *h)
{
	int rc = 0;

	for (size_t i = 0; i < h->wanted->count && rc == 0; i++)
		rc = await_one(h, &h->wanted->at[i]);
	if (!h->t->s->options->prune || h->wanted->at == NULL)
		return rc;
	for (size_t i = 0; i < h->now.count && rc == 0; i++) {
		const struct role_row *now = &h->now.at[i];

		if (wants(h->wanted, now->name) ||
		    !sync_tell(h->t->s, SYNC_REMOVE, "%s %s %s", h->kind, h->repository,
			       now->name))
			continue;
		rc = h->await_set(h, now->name, now->id, REPOSITORY_NONE);
		rc = rc == ERR_NOT_FOUND || rc > 0 ? 0 : rc; /* gone meanwhile */
	}
	return rc;
}

static int await_repository(struct repositories *t, const struct wanted_repository *w)
{
	const struct repository *now = organization_repository(t->rows, w->fields.name);
	struct wanted_roles teams;
	struct share h = {
		.t = t,
		.repository = arena_printf(t->s->arena, "%s/%s", t->w->login, w->fields.name)};
	int rc;

	if (now == NULL) {
		rc = await_make(t, w, &h.id);
		if (rc < 0 || (h.id == 0 && !t->s->options->dry_run))
			return rc;
	} else {
		h.id = now->id;
		rc = await_change(t, w, now);
	}
	h.kind = "team";
	teams = settled(t, &w->teams);
	h.wanted = &teams;
	h.now = role_rows_on(&t->rows->repository_teams, h.id);
	h.await_set = await_set_team;
	if (rc == 0)
		rc = await_share(&h);
	h.kind = "collaborator";
	h.wanted = &w->people;
	h.now = role_rows_on(&t->rows->people, h.id);
	h.await_set = await_set_person;
	return rc < 0 ? rc : await_share(&h);
}

static int await_prune(struct repositories *t)
{
	bool *kept = arena_alloc(t->s->arena, t->rows->repositories + 1);
	int rc = 0;

	for (size_t i = 0; i < t->w->repositories; i++) {
		const struct repository *row =
			organization_repository(t->rows, t->w->repository[i].fields.name);

		if (row != NULL)
			kept[row - t->rows->repository] = true;
	}
	for (size_t i = 0; i < t->rows->repositories && rc == 0; i++) {
		const struct repository *row = &t->rows->repository[i];

		if (kept[i] ||
		    !sync_tell(t->s, SYNC_REMOVE, "repository %s/%s", t->w->login, row->name))
			continue;
		rc = await_repository_delete(t->s->db, NULL, row->id);
		rc = rc == ERR_NOT_FOUND ? 0 : rc;
	}
	return rc;
}

int await_sync_repositories(struct sync *s, int64_t organization,
			    const struct wanted_organization *w,
			    const struct organization_rows *rows)
{
	struct repositories t = {s, organization, w, rows};
	int rc = 0;

	/* What goes makes room: a source may have moved to another name. */
	if (w->repository != NULL && s->options->prune)
		rc = await_prune(&t);
	for (size_t i = 0; i < w->repositories && rc == 0; i++)
		rc = await_repository(&t, &w->repository[i]);
	return rc;
}
