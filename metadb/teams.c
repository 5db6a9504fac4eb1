/* Teams: reading them here, changing them by the functions of schema/0044. */
#include "metadb/teams.h"

#include "metadb/metadb_private.h"

/* Of `team t`, its organization `o` and its parent `u`. */
#define TEAM_COLUMNS                                                             \
	"t.id, t.slug, t.name, t.description, t.privacy, u.id, u.slug, u.name, " \
	"u.description, u.privacy, t.organization_id, o.login, "                 \
	"extract(epoch FROM t.created_at)::bigint, extract(epoch FROM t.updated_at)::bigint"
#define TEAM_FAMILY                                   \
	"JOIN account o ON o.id = t.organization_id " \
	"LEFT JOIN LATERAL (SELECT * FROM team WHERE team.id = t.parent_id LIMIT 1) u ON true "
#define NO_COUNTS ", 0, 0 "
#define COUNTS                                                                    \
	", (SELECT count(DISTINCT m.account_id) FROM team_path p "                \
	"JOIN team_member m ON m.team_id = p.team_id WHERE p.ancestor_id = t.id)" \
	", (SELECT count(DISTINCT r.repository_id) FROM team_path p "             \
	"JOIN repository_team r ON r.team_id = p.ancestor_id WHERE p.team_id = t.id) "
#define TEAM_COLUMN_COUNT 16

static void take_brief(struct pg_rows *r, int row, int column, struct arena *a,
		       struct team_brief *out)
{
	out->id = pg_int(r, row, column);
	out->slug = arena_strdup(a, pg_text(r, row, column + 1));
	out->name = arena_strdup(a, pg_text(r, row, column + 2));
	out->description = arena_strdup(a, pg_text(r, row, column + 3));
	out->secret = pg_int(r, row, column + 4) == 1;
}

static void take_team(struct pg_rows *r, int row, struct arena *a, struct team *out)
{
	take_brief(r, row, 0, a, &out->self);
	take_brief(r, row, 5, a, &out->parent);
	out->organization_id = pg_int(r, row, 10);
	out->organization = arena_strdup(a, pg_text(r, row, 11));
	out->created_at = pg_int(r, row, 12);
	out->updated_at = pg_int(r, row, 13);
	out->members = pg_int(r, row, 14);
	out->repositories = pg_int(r, row, 15);
}

static void bind_who(struct pg_stmt *s, const struct team_actor *who)
{
	pg_bind_actor(s, &who->actor);
	pg_bind_bool(s, who->site);
}

/* The one team of a statement, with the actor's power over it behind its columns. */
static int await_one(struct pg_tx *tx, struct arena *a, struct team *out,
		     enum team_power *power)
{
	struct pg_rows *r;
	int rc = await_pg_tx(tx);

	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	take_team(r, 0, a, out);
	*power = (enum team_power)pg_int(r, 0, TEAM_COLUMN_COUNT);
	if (pg_tx_error(tx) < 0)
		return pg_tx_error(tx);
	return *power == TEAM_UNSEEN ? ERR_NOT_FOUND : 0;
}

int await_team_get(struct metadb *db, struct arena *a, const struct team_actor *who,
		   int64_t organization, const char *slug, struct team *out,
		   enum team_power *power)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT " TEAM_COLUMNS COUNTS ", team_power(" ACTOR_SQL ", $5, t.id) "
			  "FROM team t " TEAM_FAMILY
			  "WHERE t.organization_id = $6 AND t.slug = $7");
	bind_who(s, who);
	pg_bind_int8(s, organization);
	pg_bind_text(s, slug);
	return await_one(tx, a, out, power);
}

int await_team_by_id(struct metadb *db, struct arena *a, const struct team_actor *who,
		     int64_t organization, int64_t id, struct team *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	enum team_power power;
	struct pg_stmt *s;

	s = pg_tx_add(tx,
		      "SELECT " TEAM_COLUMNS COUNTS ", team_power(" ACTOR_SQL ", $5, t.id) "
		      "FROM team t " TEAM_FAMILY "WHERE t.organization_id = $6 AND t.id = $7");
	bind_who(s, who);
	pg_bind_int8(s, organization);
	pg_bind_int8(s, id);
	return await_one(tx, a, out, &power);
}

/* Statement 0 answers the page, statement 1 how many there are. */
static int await_list(struct pg_tx *tx, struct arena *a, struct team_list *out)
{
	struct pg_rows *r;
	int rc = await_pg_tx(tx);

	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	*out = (struct team_list){.count = (size_t)pg_rows_count(r)};
	out->at = arena_alloc(a, out->count * sizeof(out->at[0]) + 1);
	for (size_t i = 0; i < out->count; i++)
		take_team(r, (int)i, a, &out->at[i]);
	out->total = pg_int(pg_tx_rows(tx, 1), 0, 0);
	return pg_tx_error(tx);
}

/* Of the organization $1, under the parent $2; as team_power() says, without asking it for
 * each: $3 is true for owners, $4 is who looks. */
#define SEEN                                                                 \
	"FROM team t " TEAM_FAMILY "WHERE t.organization_id = $1 "           \
	"AND ($2::bigint = 0 OR t.parent_id = $2) AND (t.privacy = 2 OR $3 " \
	"OR EXISTS (SELECT FROM team_member m WHERE m.team_id = t.id "       \
	"AND m.account_id = $4))"

static int await_sees_all(struct metadb *db, const struct team_actor *who, int64_t organization,
			  bool *all)
{
	enum membership role;
	int rc;

	*all = who->site;
	if (who->site)
		return 0;
	rc = await_membership_get(db, organization, who->actor.account_id, &role);
	*all = role == MEMBERSHIP_OWNER;
	return rc;
}

int await_repository_team_list(struct metadb *db, struct arena *a, const struct team_actor *who,
			       int64_t repository, int64_t offset, int64_t limit,
			       struct team_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s[2];
	int rc;

	s[0] = pg_tx_add(tx,
			 "SELECT " TEAM_COLUMNS NO_COUNTS ", g.role "
			 "FROM repository_team g JOIN team t ON t.id = g.team_id " TEAM_FAMILY
			 "WHERE g.repository_id = $6 AND team_power(" ACTOR_SQL
			 ", $5, t.id) > 0 ORDER BY t.slug LIMIT $7 OFFSET $8");
	s[1] = pg_tx_add(tx,
			 "SELECT count(*) FROM repository_team g WHERE g.repository_id = $6 "
			 "AND team_power(" ACTOR_SQL ", $5, g.team_id) > 0");
	for (int i = 0; i < 2; i++) {
		bind_who(s[i], who);
		pg_bind_int8(s[i], repository);
	}
	pg_bind_int8(s[0], limit);
	pg_bind_int8(s[0], offset);
	rc = await_list(tx, a, out);
	for (size_t i = 0; i < out->count && rc == 0; i++)
		out->at[i].on = (enum repository_role)pg_int(pg_tx_rows(tx, 0), (int)i,
							     TEAM_COLUMN_COUNT);
	return rc < 0 ? rc : pg_tx_error(tx);
}

int await_team_list(struct metadb *db, struct arena *a, const struct team_actor *who,
		    int64_t organization, int64_t parent, int64_t offset, int64_t limit,
		    struct team_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s[2];
	bool all;
	int rc = await_sees_all(db, who, organization, &all);

	if (rc < 0)
		return rc;
	s[0] = pg_tx_add(tx, "SELECT " TEAM_COLUMNS NO_COUNTS SEEN
			     " ORDER BY t.slug LIMIT $5 OFFSET $6");
	s[1] = pg_tx_add(tx, "SELECT count(*) " SEEN);
	for (int i = 0; i < 2; i++) {
		pg_bind_int8(s[i], organization);
		pg_bind_int8(s[i], parent);
		pg_bind_bool(s[i], all);
		pg_bind_int8(s[i], who->actor.account_id);
	}
	pg_bind_int8(s[0], limit);
	pg_bind_int8(s[0], offset);
	return await_list(tx, a, out);
}

#define MINE                                                  \
	"FROM team_member m JOIN team x ON x.id = m.team_id " \
	"WHERE m.account_id = $1 AND token_counts(nullif($2, 0), x.organization_id)"

int await_teams_of(struct metadb *db, struct arena *a, int64_t account, int64_t token,
		   int64_t offset, int64_t limit, struct team_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s[2];

	s[0] = pg_tx_add(tx,
			 "WITH l AS MATERIALIZED (SELECT m.team_id " MINE
			 " ORDER BY m.team_id LIMIT $3 OFFSET $4) "
			 "SELECT " TEAM_COLUMNS COUNTS "FROM l CROSS JOIN LATERAL ("
			 "SELECT * FROM team WHERE team.id = l.team_id LIMIT 1) t " TEAM_FAMILY
			 "ORDER BY t.id");
	s[1] = pg_tx_add(tx, "SELECT count(*) " MINE);
	for (int i = 0; i < 2; i++) {
		pg_bind_int8(s[i], account);
		pg_bind_int8(s[i], token);
	}
	pg_bind_int8(s[0], limit);
	pg_bind_int8(s[0], offset);
	return await_list(tx, a, out);
}

/* The status of a change, one of enum team_answer; *id is the second column when it is wanted.
 */
static int await_answer(struct pg_tx *tx, int64_t *id)
{
	int64_t status;
	int rc = await_pg_tx(tx);

	if (rc < 0)
		return rc;
	status = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (id != NULL)
		*id = pg_int(pg_tx_rows(tx, 0), 0, 1);
	if (pg_tx_error(tx) < 0)
		return pg_tx_error(tx);
	return status < 0 || status > TEAM_HAS_CHILDREN ? ERR_PROTOCOL : (int)status;
}

static void bind_id_or_null(struct pg_stmt *s, int64_t id)
{
	if (id == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, id);
}

int await_team_create(struct metadb *db, const struct team_actor *who, int64_t organization,
		      const struct team_new *wanted, int64_t *id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_array people;
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT status, id FROM team_create(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11, $12)");
	bind_who(s, who);
	pg_bind_int8(s, organization);
	pg_bind_text(s, wanted->name);
	pg_bind_text(s, wanted->description);
	pg_bind_int2(s, wanted->secret ? 1 : 2);
	bind_id_or_null(s, wanted->parent_id);
	pg_array_init(&people, a, PG_TEXT, wanted->maintainer_count);
	for (size_t i = 0; i < wanted->maintainer_count; i++)
		pg_array_text(&people, wanted->maintainers[i]);
	pg_bind_array(s, &people);
	pg_bind_int4(s, TEAMS_MAX);
	rc = await_answer(tx, id);
	arena_free(a);
	return rc;
}

int await_team_update(struct metadb *db, const struct team_actor *who, int64_t team,
		      const struct team_change *c)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT team_update(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10, $11)");
	bind_who(s, who);
	pg_bind_int8(s, team);
	pg_bind_text(s, c->name);
	pg_bind_text(s, c->description);
	if (c->secret < 0)
		pg_bind_null(s, PG_INT2);
	else
		pg_bind_int2(s, c->secret > 0 ? 1 : 2);
	pg_bind_bool(s, c->moves);
	bind_id_or_null(s, c->parent_id);
	rc = await_answer(tx, NULL);
	arena_free(a);
	return rc;
}

int await_team_delete(struct metadb *db, const struct team_actor *who, int64_t team)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT team_delete(" ACTOR_SQL ", $5, $6)");
	int rc;

	bind_who(s, who);
	pg_bind_int8(s, team);
	rc = await_answer(tx, NULL);
	arena_free(a);
	return rc;
}

int await_team_member_set(struct metadb *db, const struct team_actor *who, int64_t team,
			  int64_t account, enum team_role role)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_NOT_FOUND, ERR_CONFLICT, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT team_member_set(" ACTOR_SQL ", $5, $6, $7, $8)");
	bind_who(s, who);
	pg_bind_int8(s, team);
	pg_bind_int8(s, account);
	pg_bind_int2(s, role);
	rc = await_status(tx, answer, 5);
	arena_free(a);
	return rc;
}

int await_team_member_get(struct metadb *db, int64_t team, int64_t account, enum team_role *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT CASE WHEN o.role = 2 THEN 2 WHEN p.depth = 0 THEN m.role "
			  "ELSE 1 END FROM team t JOIN team_path p ON p.ancestor_id = t.id "
			  "JOIN team_member m ON m.team_id = p.team_id AND m.account_id = $2 "
			  "LEFT JOIN membership o ON o.organization_id = t.organization_id "
			  "AND o.account_id = $2 WHERE t.id = $1 ORDER BY p.depth LIMIT 1");
	pg_bind_int8(s, team);
	pg_bind_int8(s, account);
	rc = await_pg_tx(tx);
	*out = TEAM_NONE;
	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) > 0)
		*out = (enum team_role)pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (rc == 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}
