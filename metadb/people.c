/* Lists of accounts: a page's ids come from an index, the accounts by a probe each. */
#include "metadb/people.h"

#include "metadb/account_row.h"
#include "metadb/metadb_private.h"

/* The account of each row of the list `l`, which has account_id, role and inherited. */
#define OF_LIST                                                   \
	"SELECT " ACCOUNT_COLUMNS ", l.role, l.inherited FROM l " \
	"CROSS JOIN LATERAL (SELECT * FROM account "              \
	"WHERE account.id = l.account_id LIMIT 1) a ORDER BY a.id"

static void take(struct pg_rows *r, struct arena *a, size_t count, struct account_list *out)
{
	*out = (struct account_list){.count = count};
	out->at = arena_alloc(a, count * sizeof(out->at[0]) + 1);
	for (size_t i = 0; i < count; i++) {
		account_take(r, (int)i, a, &out->at[i].account);
		out->at[i].role = (int)pg_int(r, (int)i, ACCOUNT_COLUMN_COUNT);
		out->at[i].inherited = pg_bool(r, (int)i, ACCOUNT_COLUMN_COUNT + 1);
	}
}

/* Statement 0 answers the page, statement 1 how many there are. */
static int await_list(struct pg_tx *tx, struct arena *a, struct account_list *out)
{
	int rc = await_pg_tx(tx);

	if (rc < 0)
		return rc;
	take(pg_tx_rows(tx, 0), a, (size_t)pg_rows_count(pg_tx_rows(tx, 0)), out);
	out->total = pg_int(pg_tx_rows(tx, 1), 0, 0);
	return pg_tx_error(tx);
}

static void bind_page(struct pg_stmt *s, int64_t limit, int64_t offset)
{
	pg_bind_int8(s, limit);
	pg_bind_int8(s, offset);
}

int await_account_list(struct metadb *db, struct arena *a, enum account_kind kind,
		       int64_t after, int64_t limit, struct account_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	size_t count;
	int rc;

	s = pg_tx_add(tx, "WITH l AS MATERIALIZED (SELECT i AS account_id, 0 AS role, "
			  "false AS inherited FROM list_accounts($1, $2, $3) AS i) " OF_LIST);
	pg_bind_bool(s, kind == ACCOUNT_ORGANIZATION);
	pg_bind_int8(s, after);
	pg_bind_int8(s, limit + 1);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	count = (size_t)pg_rows_count(pg_tx_rows(tx, 0));
	take(pg_tx_rows(tx, 0), a, count > (size_t)limit ? (size_t)limit : count, out);
	out->more = count > (size_t)limit;
	return pg_tx_error(tx);
}

int await_member_list(struct metadb *db, struct arena *a, int64_t organization,
		      enum membership role, int64_t offset, int64_t limit,
		      struct account_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "WITH l AS MATERIALIZED (SELECT account_id, role, false AS inherited "
			  "FROM list_members($1, $2, $3, $4)) " OF_LIST);
	pg_bind_int8(s, organization);
	pg_bind_int2(s, role);
	bind_page(s, limit, offset);
	s = pg_tx_add(tx, "SELECT count(*) FROM membership WHERE organization_id = $1 "
			  "AND role BETWEEN $2 AND $3");
	pg_bind_int8(s, organization);
	pg_bind_int2(s, role == MEMBERSHIP_NONE ? MEMBERSHIP_MEMBER : role);
	pg_bind_int2(s, role == MEMBERSHIP_NONE ? MEMBERSHIP_OWNER : role);
	return await_list(tx, a, out);
}

#define SHARED                                                                      \
	"FROM membership m WHERE m.account_id = $1 AND ($2::bigint = 0 OR EXISTS (" \
	"SELECT FROM membership v WHERE v.organization_id = m.organization_id "     \
	"AND v.account_id = $2)) AND token_counts(nullif($3, 0), m.organization_id)"

static void bind_shared(struct pg_stmt *s, int64_t user, int64_t viewer, int64_t token)
{
	pg_bind_int8(s, user);
	pg_bind_int8(s, viewer);
	pg_bind_int8(s, token);
}

int await_organizations_of(struct metadb *db, struct arena *a, int64_t user, int64_t viewer,
			   int64_t token, int64_t offset, int64_t limit,
			   struct account_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "WITH l AS MATERIALIZED (SELECT m.organization_id AS account_id, "
			  "m.role, false AS inherited " SHARED
			  " ORDER BY m.organization_id LIMIT $4 OFFSET $5) " OF_LIST);
	bind_shared(s, user, viewer, token);
	bind_page(s, limit, offset);
	bind_shared(pg_tx_add(tx, "SELECT count(*) " SHARED), user, viewer, token);
	return await_list(tx, a, out);
}

#define OUTSIDERS                                                              \
	"FROM repository r JOIN repository_grant g ON g.repository_id = r.id " \
	"WHERE r.owner_id = $1 AND r.deleted_at IS NULL AND NOT EXISTS ("      \
	"SELECT FROM membership m WHERE m.organization_id = $1 "               \
	"AND m.account_id = g.account_id)"

int await_outsider_list(struct metadb *db, struct arena *a, int64_t organization,
			int64_t offset, int64_t limit, struct account_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "WITH l AS MATERIALIZED (SELECT DISTINCT g.account_id, 0 AS role, "
			  "false AS inherited " OUTSIDERS
			  " ORDER BY g.account_id LIMIT $2 OFFSET $3) " OF_LIST);
	pg_bind_int8(s, organization);
	bind_page(s, limit, offset);
	s = pg_tx_add(tx, "SELECT count(DISTINCT g.account_id) " OUTSIDERS);
	pg_bind_int8(s, organization);
	return await_list(tx, a, out);
}

/* An owner of the organization maintains each team that he is in. */
#define TEAM_MEMBERS                                                                  \
	"SELECT account_id, role, inherited FROM (SELECT x.account_id, x.inherited, " \
	"greatest(x.role, (SELECT o.role FROM team t JOIN membership o "              \
	"ON o.organization_id = t.organization_id "                                   \
	"WHERE t.id = $1 AND o.account_id = x.account_id)) AS role FROM ("            \
	"SELECT m.account_id, bool_and(p.depth > 0) AS inherited, "                   \
	"coalesce(max(m.role) FILTER (WHERE p.depth = 0), 1) AS role "                \
	"FROM team_path p JOIN team_member m ON m.team_id = p.team_id "               \
	"WHERE p.ancestor_id = $1 GROUP BY m.account_id) x) y "                       \
	"WHERE $2::smallint = 0 OR role = $2"

int await_team_member_list(struct metadb *db, struct arena *a, int64_t team, int role,
			   int64_t offset, int64_t limit, struct account_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "WITH l AS MATERIALIZED (" TEAM_MEMBERS
			  " ORDER BY account_id LIMIT $3 OFFSET $4) " OF_LIST);
	pg_bind_int8(s, team);
	pg_bind_int2(s, role);
	bind_page(s, limit, offset);
	s = pg_tx_add(tx, "SELECT count(*) FROM (" TEAM_MEMBERS ") c");
	pg_bind_int8(s, team);
	pg_bind_int2(s, role);
	return await_list(tx, a, out);
}
