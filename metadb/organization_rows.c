/* Plain reads, each an index scan over what belongs to one organization; one snapshot. */
#include "metadb/organization_rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "metadb/metadb_private.h"

static struct pg_stmt *add(struct pg_tx *tx, const char *sql, int64_t organization)
{
	struct pg_stmt *s = pg_tx_add(tx, sql);

	pg_bind_int8(s, organization);
	return s;
}

static void take_roles(struct pg_rows *r, struct arena *a, struct role_rows *out)
{
	out->count = (size_t)pg_rows_count(r);
	out->at = arena_alloc(a, (out->count + 1) * sizeof(*out->at));
	for (int i = 0; i < (int)out->count; i++)
		out->at[i] = (struct role_row){.on = pg_int(r, i, 0),
					       .id = pg_int(r, i, 1),
					       .name = arena_strdup(a, pg_text(r, i, 2)),
					       .role = (int)pg_int(r, i, 3)};
}

static void take_teams(struct pg_rows *r, struct arena *a, struct organization_rows *out)
{
	out->teams = (size_t)pg_rows_count(r);
	out->team = arena_alloc(a, (out->teams + 1) * sizeof(*out->team));
	for (int i = 0; i < (int)out->teams; i++)
		out->team[i] = (struct team_row){
			.id = pg_int(r, i, 0),
			.slug = arena_strdup(a, pg_text(r, i, 1)),
			.name = arena_strdup(a, pg_text(r, i, 2)),
			.description = arena_strdup(a, pg_text(r, i, 3)),
			.secret = pg_bool(r, i, 4),
			.parent_id = pg_int(r, i, 5),
		};
}

static void take_repositories(struct pg_rows *r, struct arena *a, struct organization_rows *out)
{
	out->repositories = (size_t)pg_rows_count(r);
	out->repository = arena_alloc(a, (out->repositories + 1) * sizeof(*out->repository));
	for (int i = 0; i < (int)out->repositories; i++)
		repository_take(r, i, a, &out->repository[i]);
}

int await_organization_rows(struct metadb *db, struct arena *a, int64_t organization,
			    struct organization_rows *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	memset(out, 0, sizeof(*out));
	add(tx,
	    "SELECT id, slug, name, description, privacy = 1, parent_id FROM team "
	    "WHERE organization_id = $1 ORDER BY slug",
	    organization);
	add(tx,
	    "SELECT m.team_id, a.id, a.login, m.role FROM team t "
	    "JOIN team_member m ON m.team_id = t.id JOIN account a ON a.id = m.account_id "
	    "WHERE t.organization_id = $1 ORDER BY m.team_id",
	    organization);
	add(tx,
	    "SELECT " REPOSITORY_COLUMNS ", 0::smallint FROM repository r "
	    "JOIN account o ON o.id = r.owner_id "
	    "WHERE r.owner_id = $1 AND r.deleted_at IS NULL ORDER BY r.key",
	    organization);
	add(tx,
	    "SELECT g.repository_id, a.id, a.login, g.role FROM repository r "
	    "JOIN repository_grant g ON g.repository_id = r.id "
	    "JOIN account a ON a.id = g.account_id "
	    "WHERE r.owner_id = $1 AND r.deleted_at IS NULL ORDER BY r.id",
	    organization);
	add(tx,
	    "SELECT g.repository_id, t.id, t.slug, g.role FROM repository r "
	    "JOIN repository_team g ON g.repository_id = r.id JOIN team t ON t.id = g.team_id "
	    "WHERE r.owner_id = $1 AND r.deleted_at IS NULL ORDER BY r.id",
	    organization);
	add(tx,
	    "SELECT m.organization_id, a.id, a.login, m.role FROM membership m "
	    "JOIN account a ON a.id = m.account_id WHERE m.organization_id = $1 "
	    "ORDER BY a.login",
	    organization);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	take_teams(pg_tx_rows(tx, 0), a, out);
	take_roles(pg_tx_rows(tx, 1), a, &out->members);
	take_repositories(pg_tx_rows(tx, 2), a, out);
	take_roles(pg_tx_rows(tx, 3), a, &out->people);
	take_roles(pg_tx_rows(tx, 4), a, &out->repository_teams);
	take_roles(pg_tx_rows(tx, 5), a, &out->memberships);
	return pg_tx_error(tx);
}

struct role_rows role_rows_on(const struct role_rows *rows, int64_t on)
{
	size_t from = 0, to = rows->count, end;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (rows->at[middle].on < on)
			from = middle + 1;
		else
			to = middle;
	}
	for (end = from; end < rows->count && rows->at[end].on == on;)
		end++;
	return (struct role_rows){rows->at + from, end - from};
}

static int compare_names(const void *name, const void *row)
{
	return strcasecmp(name, ((const struct repository *)row)->name);
}

struct repository *organization_repository(const struct organization_rows *rows,
					   const char *name)
{
	return bsearch(name, rows->repository, rows->repositories, sizeof(*rows->repository),
		       compare_names);
}

int await_organization_logins(struct metadb *db, struct arena *a, const char ***out,
			      size_t *count)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rc;

	pg_tx_add(tx, "SELECT login FROM account WHERE kind = 2 AND deleted_at IS NULL "
		      "ORDER BY login");
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	*count = (size_t)pg_rows_count(r);
	*out = arena_alloc(a, (*count + 1) * sizeof(**out));
	for (int i = 0; i < (int)*count; i++)
		(*out)[i] = arena_strdup(a, pg_text(r, i, 0));
	return pg_tx_error(tx);
}
