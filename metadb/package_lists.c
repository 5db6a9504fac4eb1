/* Each list is two statements of one transaction: how many there are, and the rows of the page.
 */
#include "metadb/package_lists.h"

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

/* Count and rows; the rows are those of the second statement. */
static int await_list(struct metadb *db, struct arena *a, const char *count, const char *rows,
		      int64_t package_id, struct package_part part, struct package_list *out,
		      struct pg_tx **tx)
{
	struct pg_stmt *s;
	int rc;

	*tx = pg_tx_new(db, a, PG_READ);
	pg_bind_int8(pg_tx_add(*tx, count), package_id);
	s = pg_tx_add(*tx, rows);
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, part.limit);
	pg_bind_int8(s, part.offset);
	rc = await_pg_tx(*tx);
	if (rc < 0)
		return rc;
	out->total = pg_int(pg_tx_rows(*tx, 0), 0, 0);
	out->count = (size_t)pg_rows_count(pg_tx_rows(*tx, 1));
	return 0;
}

int await_package_people(struct metadb *db, struct arena *a, int64_t package_id,
			 struct package_part part, struct package_list *out)
{
	static const char rows[] = "SELECT " ACCOUNT_BRIEF ", g.role, "
				   "grant_counts(p.namespace_id, p.visibility, n.id) "
				   "FROM package p JOIN package_grant g ON g.package_id = p.id "
				   "JOIN account n ON n.id = g.account_id WHERE p.id = $1 "
				   "ORDER BY g.account_id LIMIT $2 OFFSET $3";
	struct pg_tx *tx;
	int rc;

	rc = await_list(db, a, "SELECT count(*) FROM package_grant WHERE package_id = $1", rows,
			package_id, part, out, &tx);
	if (rc < 0)
		return rc;
	out->person = arena_alloc(a, (out->count + 1) * sizeof(*out->person));
	for (size_t i = 0; i < out->count; i++) {
		struct pg_rows *r = pg_tx_rows(tx, 1);

		take_account_brief(r, (int)i, 0, a, &out->person[i].account);
		out->person[i].role = (enum role)pg_int(r, (int)i, ACCOUNT_BRIEF_COLUMNS);
		out->person[i].counts = pg_bool(r, (int)i, ACCOUNT_BRIEF_COLUMNS + 1);
	}
	return pg_tx_error(tx);
}

int await_package_teams(struct metadb *db, struct arena *a, int64_t package_id,
			struct package_part part, struct package_list *out)
{
	struct pg_tx *tx;
	int rc;

	rc = await_list(db, a, "SELECT count(*) FROM package_team WHERE package_id = $1",
			"SELECT t.id, t.slug, t.name, t.description, t.privacy = 1, g.role "
			"FROM package_team g JOIN team t ON t.id = g.team_id "
			"WHERE g.package_id = $1 ORDER BY g.team_id LIMIT $2 OFFSET $3",
			package_id, part, out, &tx);
	if (rc < 0)
		return rc;
	out->team = arena_alloc(a, (out->count + 1) * sizeof(*out->team));
	for (size_t i = 0; i < out->count; i++) {
		struct pg_rows *r = pg_tx_rows(tx, 1);

		out->team[i].id = pg_int(r, (int)i, 0);
		out->team[i].slug = arena_strdup(a, pg_text(r, (int)i, 1));
		out->team[i].name = arena_strdup(a, pg_text(r, (int)i, 2));
		out->team[i].description = arena_strdup(a, pg_text(r, (int)i, 3));
		out->team[i].secret = pg_bool(r, (int)i, 4);
		out->team[i].role = (enum role)pg_int(r, (int)i, 5);
	}
	return pg_tx_error(tx);
}

static int await_repositories(struct metadb *db, struct arena *a, const char *count,
			      const char *rows, int64_t package_id, struct package_part part,
			      struct package_list *out)
{
	struct pg_tx *tx;
	int rc = await_list(db, a, count, rows, package_id, part, out, &tx);

	if (rc < 0)
		return rc;
	out->repository = arena_alloc(a, (out->count + 1) * sizeof(*out->repository));
	for (size_t i = 0; i < out->count; i++) {
		struct pg_rows *r = pg_tx_rows(tx, 1);

		take_repository_brief(r, (int)i, 0, a, &out->repository[i].repository);
		out->repository[i].role =
			(enum role)pg_int(r, (int)i, REPOSITORY_BRIEF_COLUMNS);
	}
	return pg_tx_error(tx);
}

int await_package_actions(struct metadb *db, struct arena *a, int64_t package_id,
			  struct package_part part, struct package_list *out)
{
	static const char rows[] =
		"SELECT " REPOSITORY_BRIEF ", l.role FROM package_actions l "
		"JOIN repository r ON r.id = l.repository_id "
		"JOIN account o ON o.id = r.owner_id WHERE l.package_id = $1 "
		"ORDER BY l.repository_id LIMIT $2 OFFSET $3";

	return await_repositories(db, a,
				  "SELECT count(*) FROM package_actions WHERE package_id = $1",
				  rows, package_id, part, out);
}

int await_package_codespaces(struct metadb *db, struct arena *a, int64_t package_id,
			     struct package_part part, struct package_list *out)
{
	static const char rows[] =
		"SELECT " REPOSITORY_BRIEF ", 1::smallint FROM package_codespace l "
		"JOIN repository r ON r.id = l.repository_id "
		"JOIN account o ON o.id = r.owner_id WHERE l.package_id = $1 "
		"ORDER BY l.repository_id LIMIT $2 OFFSET $3";

	return await_repositories(
		db, a, "SELECT count(*) FROM package_codespace WHERE package_id = $1", rows,
		package_id, part, out);
}

int await_package_aliases(struct metadb *db, struct arena *a, int64_t package_id,
			  struct package_part part, struct package_list *out)
{
	struct pg_tx *tx;
	int rc;

	rc = await_list(db, a, "SELECT count(*) FROM package_alias WHERE package_id = $1",
			"SELECT n.login, l.name, extract(epoch FROM l.created_at)::bigint "
			"FROM package_alias l JOIN account n ON n.id = l.namespace_id "
			"WHERE l.package_id = $1 ORDER BY n.login, l.name LIMIT $2 OFFSET $3",
			package_id, part, out, &tx);
	if (rc < 0)
		return rc;
	out->alias = arena_alloc(a, (out->count + 1) * sizeof(*out->alias));
	for (size_t i = 0; i < out->count; i++) {
		struct pg_rows *r = pg_tx_rows(tx, 1);

		out->alias[i].namespace = arena_strdup(a, pg_text(r, (int)i, 0));
		out->alias[i].name = arena_strdup(a, pg_text(r, (int)i, 1));
		out->alias[i].created_at = pg_int(r, (int)i, 2);
	}
	return pg_tx_error(tx);
}
