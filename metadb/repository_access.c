/* Roles on repositories: thin wrappers of the functions of schema/0046 to 0048. */
#include "metadb/repository_access.h"

#include <string.h>

#include "metadb/metadb_private.h"

int await_collaborator_list(struct metadb *db, struct arena *a, int64_t repository,
			    enum collaborator_kind among, enum repository_role least,
			    const struct list_part *part, struct collaborator_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	size_t count;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, "SELECT a.id, a.kind, a.login, a.name, a.email, a.site_admin, l.role "
			  "FROM list_collaborators($1, $2, $3, $4, $5) "
			  "WITH ORDINALITY AS l(id, role, ord) "
			  "JOIN account a ON a.id = l.id ORDER BY l.ord");
	pg_bind_int8(s, repository);
	pg_bind_int4(s, among);
	pg_bind_int2(s, least);
	pg_bind_int8(s, part->limit + 1);
	pg_bind_int8(s, part->offset);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = (size_t)pg_rows_count(r);
	out->more = count > (size_t)part->limit;
	out->count = out->more ? (size_t)part->limit : count;
	out->collaborator = arena_alloc(a, (out->count + 1) * sizeof(*out->collaborator));
	for (int i = 0; i < (int)out->count; i++) {
		out->collaborator[i].account = (struct account){
			.id = pg_int(r, i, 0),
			.kind = (enum account_kind)pg_int(r, i, 1),
			.login = arena_strdup(a, pg_text(r, i, 2)),
			.name = arena_strdup(a, pg_text(r, i, 3)),
			.email = arena_strdup(a, pg_text(r, i, 4)),
			.site_admin = pg_bool(r, i, 5),
		};
		out->collaborator[i].role = (enum repository_role)pg_int(r, i, 6);
	}
	return pg_tx_error(tx);
}

/* Runs the one statement, which answers a role. */
static int await_role(struct pg_tx *tx, enum repository_role *out)
{
	int rc = await_pg_tx(tx);
	int64_t role;

	*out = REPOSITORY_NONE;
	if (rc < 0)
		return rc;
	role = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (role < REPOSITORY_NONE || role > REPOSITORY_ADMIN)
		return ERR_PROTOCOL;
	*out = (enum repository_role)role;
	return pg_tx_error(tx);
}

int await_repository_role(struct metadb *db, int64_t person, int64_t repository,
			  enum repository_role *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT repository_role($1, $2)");
	int rc;

	pg_bind_int8(s, person);
	pg_bind_int8(s, repository);
	rc = await_role(tx, out);
	arena_free(a);
	return rc;
}

int await_team_repository_role(struct metadb *db, int64_t team, int64_t repository,
			       enum repository_role *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT team_repository_role($1, $2)");
	int rc;

	pg_bind_int8(s, team);
	pg_bind_int8(s, repository);
	rc = await_role(tx, out);
	arena_free(a);
	return rc;
}

int await_collaborator_set(struct metadb *db, const struct actor *who, int64_t repository,
			   const char *login, enum repository_role role)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT repository_grant_set(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, repository);
	pg_bind_text(s, login);
	pg_bind_int2(s, role);
	rc = await_refusal(tx);
	arena_free(a);
	return rc;
}

int await_repository_team_set(struct metadb *db, const struct actor *who, int64_t repository,
			      int64_t team, enum repository_role role)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT repository_team_set(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, repository);
	pg_bind_int8(s, team);
	pg_bind_int2(s, role);
	rc = await_refusal(tx);
	arena_free(a);
	return rc;
}

int await_team_repository_list(struct metadb *db, struct arena *a, int64_t person, bool scoped,
			       int64_t team, const struct list_part *part,
			       struct repository_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT " REPOSITORY_COLUMNS
			  ", l.role FROM list_team_repositories($1, $2, $3, $4, $5) "
			  "WITH ORDINALITY AS l(id, role, ord) "
			  "JOIN repository r ON r.id = l.id "
			  "JOIN account o ON o.id = r.owner_id ORDER BY l.ord");
	pg_bind_int8(s, person);
	pg_bind_bool(s, scoped);
	pg_bind_int8(s, team);
	pg_bind_int8(s, part->limit + 1);
	pg_bind_int8(s, part->offset);
	return await_repository_list_tx(tx, a, part, out);
}
