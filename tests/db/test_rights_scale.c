/*
 * What a lookup of rights costs among 100,000 users and packages, 10,000 teams and
 * repositories: a few rows, found by probes, on every way to a role; with plans made while all
 * was empty, too.
 *
 * k is 1 to 10,000 everywhere. Organization k % 100 has the team and the repository k and the
 * packages kK-0 to kK-9; users are members of organization i % 100. A tenth of the
 * organizations requires single sign-on, for which all people's tokens are authorized at home.
 */
#include <stdio.h>
#include <string.h>

#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

/* The rows below are right: to have them checked would take most of the time. */
static const char *const unchecked[] = {
	"DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname "
	"FROM pg_constraint WHERE contype = 'f' LOOP "
	"EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$",
	"ALTER TABLE package DISABLE TRIGGER package_name_free_new",
};

/* The first people: enough to make every plan. Then there are 100,000 of them, and the plans
 * are kept. */
static const char *const first[] = {
	"INSERT INTO account (id, kind, login) OVERRIDING SYSTEM VALUE "
	"VALUES (1, 1, 'first'), (2, 2, 'firsts'), (3, 1, 'second')",
	"INSERT INTO account (id, kind, login, organization_id) OVERRIDING SYSTEM VALUE "
	"VALUES (4, 3, 'firsts+bot', 2)",
	"INSERT INTO membership VALUES (2, 1, 1)",
	"INSERT INTO repository (id, owner_id, name) OVERRIDING SYSTEM VALUE "
	"VALUES (1, 2, 'r')",
	"INSERT INTO repository_grant VALUES (1, 3, 1)",
	"INSERT INTO package (id, namespace_id, name, publisher_id, published_at, visibility, "
	"inherits, repository_id, linked_by) OVERRIDING SYSTEM VALUE "
	"VALUES (1, 2, 'plain', 1, now(), 0, false, NULL, NULL), "
	"(2, 2, 'linked', 1, now(), 0, true, 1, 3), "
	"(3, 1, 'open', 1, now(), 2, false, NULL, NULL)",
	"INSERT INTO token (id, account_id, kind, hash, hint, scopes, repository_id, limited) "
	"OVERRIDING SYSTEM VALUE SELECT 10 * a + t, a, CASE WHEN a = 4 THEN 2 ELSE t END, "
	"sha256(('first-' || a || t)::bytea), 'x', 3, CASE WHEN t > 2 THEN 1 END, a = 3 "
	"FROM unnest(ARRAY[1, 3, 4]) a, unnest(ARRAY[1, 3, 4]) t WHERE t = 1 OR a = 1",
	"SELECT f.* FROM unnest(ARRAY[11, 13, 14, 31, 41]) t, "
	"unnest(ARRAY['plain', 'linked', 'none']) p, LATERAL find_rights("
	"ARRAY[sha256(('first-' || t)::bytea), NULL], ARRAY[NULL, 11::bigint], "
	"ARRAY[NULL, 1::bigint], "
	"ARRAY['firsts', 'second'], ARRAY[p, p], ARRAY[NULL, NULL]) f",
	"SELECT find_callers(ARRAY[sha256('first-11'), NULL], ARRAY[NULL, 11::bigint], "
	"ARRAY[NULL, 1::bigint])",
	"SELECT readable_catalog(a, t, l, 10) FROM unnest(ARRAY[0, 1, 2, 3, 4]::bigint[]) a, "
	"unnest(ARRAY[NULL, 11, 13, 14, 31, 41]::bigint[]) t, unnest(ARRAY['', 'firsts/a']) l",
};

/* Ids are numbered by hand: rows find each other by arithmetic. */
static const char *const world[] = {
	"INSERT INTO account (id, kind, login) OVERRIDING SYSTEM VALUE "
	"SELECT 1000000 + i, 1, 'u' || i FROM generate_series(1, 100000) i",
	"INSERT INTO account (id, kind, login, sso_required) OVERRIDING SYSTEM VALUE "
	"SELECT 2000000 + i, 2, 'o' || i, i % 10 = 0 FROM generate_series(0, 99) i",
	"INSERT INTO account (id, kind, login, organization_id) OVERRIDING SYSTEM VALUE "
	"SELECT 2100000 + i, 3, 'o' || i || '+bot', 2000000 + i FROM generate_series(0, 99) i",
	"INSERT INTO account_alias SELECT 'former-' || i, 2000000 + i "
	"FROM generate_series(0, 99) i",
	"INSERT INTO membership SELECT 2000000 + i % 100, 1000000 + i, "
	"CASE WHEN i > 99900 THEN 2 ELSE 1 END FROM generate_series(1, 100000) i",
	/* four deep */
	"INSERT INTO team (id, organization_id, slug, name, parent_id) OVERRIDING SYSTEM VALUE "
	"SELECT 3000000 + k, 2000000 + k % 100, 't' || k, 't', "
	"CASE WHEN k > 2500 THEN 3000000 + k - 2500 END FROM generate_series(1, 10000) k",
	"INSERT INTO team_path SELECT 3000000 + k, 3000000 + k - 2500 * d, d "
	"FROM generate_series(1, 10000) k, generate_series(0, 3) d WHERE k > 2500 * d",
	"INSERT INTO team_member (team_id, account_id) SELECT 3000000 + k, "
	"1000000 + k + 10000 * j FROM generate_series(1, 10000) k, generate_series(0, 2) j",
	"INSERT INTO repository (id, owner_id, name) OVERRIDING SYSTEM VALUE "
	"SELECT 4000000 + k, 2000000 + k % 100, 'r' || k FROM generate_series(1, 10000) k",
	"INSERT INTO repository_grant SELECT 4000000 + k, 1000000 + k + 30000, 3 "
	"FROM generate_series(1, 10000) k",
	"INSERT INTO repository_team SELECT 4000000 + k, 3000000 + (k - 1) % 2500 + 1, 4 "
	"FROM generate_series(1, 10000) k",
	"INSERT INTO package (id, namespace_id, name, publisher_id, published_at, visibility, "
	"inherits, repository_id, linked_by) OVERRIDING SYSTEM VALUE "
	"SELECT 5000000 + k * 10 + j, "
	"CASE j WHEN 6 THEN 1000000 + k ELSE 2000000 + k % 100 END, "
	"'k' || k || '-' || j, 1, now(), "
	"CASE j WHEN 4 THEN 2 WHEN 5 THEN 1 WHEN 6 THEN 2 ELSE 0 END, j = 3, "
	"CASE WHEN j = 3 THEN 4000000 + k END, CASE WHEN j = 3 THEN 3 END "
	"FROM generate_series(1, 10000) k, generate_series(0, 9) j",
	"INSERT INTO package_grant (package_id, account_id, role) "
	"SELECT 5000000 + k * 10 + j, 1000000 + k + 50000 * i, 2 FROM "
	"generate_series(1, 10000) k, unnest(ARRAY[0, 4, 5, 8]) j, generate_series(0, 1) i",
	"INSERT INTO package_grant (package_id, account_id, role) SELECT 5000000 + k * 10 + 8, "
	"2100000 + k % 100, 1 FROM generate_series(1, 10000) k",
	"INSERT INTO package_team (package_id, team_id, role) SELECT 5000000 + k * 10 + j, "
	"3000000 + CASE j WHEN 1 THEN k ELSE (k - 1) % 2500 + 1 END, 2 "
	"FROM generate_series(1, 10000) k, generate_series(1, 2) j",
	"INSERT INTO package_actions SELECT 5000000 + k * 10 + 7, 4000000 + k, 2 "
	"FROM generate_series(1, 10000) k",
	"INSERT INTO package_codespace SELECT 5000000 + k * 10 + 7, 4000000 + k "
	"FROM generate_series(1, 10000) k",
	"INSERT INTO package_alias SELECT 2000000 + k % 100, 'old-' || k, 5000000 + k * 10 + 8 "
	"FROM generate_series(1, 10000) k",
	"INSERT INTO token (id, account_id, kind, hash, hint, scopes) OVERRIDING SYSTEM VALUE "
	"SELECT id + 5000000, id, CASE kind WHEN 3 THEN 2 ELSE 1 END, sha256(login::bytea), "
	"'x', 3 "
	"FROM account WHERE kind <> 2 AND id > 1000000",
	"INSERT INTO token (id, account_id, kind, hash, hint, scopes, limited) "
	"OVERRIDING SYSTEM VALUE SELECT 8000000 + k, 1000000 + k, 1, "
	"sha256(('limited-' || k)::bytea), 'x', 3, true FROM generate_series(1, 10000) k",
	"INSERT INTO token (id, account_id, kind, hash, hint, scopes, repository_id) "
	"OVERRIDING SYSTEM VALUE SELECT 8000000 + k + 10000 * t, 1000001, t, "
	"sha256((t || '-' || k)::bytea), 'x', 3, 4000000 + k "
	"FROM generate_series(1, 10000) k, generate_series(3, 4) t",
	"INSERT INTO token_limit SELECT 8000000 + k, 2000000 + k % 100, 'k' || k || '-0' "
	"FROM generate_series(1, 10000) k",
	/* somebody in a hundred teams, somebody else on a hundred repositories */
	"INSERT INTO team_member (team_id, account_id) SELECT 3000000 + k, 1090000 "
	"FROM generate_series(100, 10000, 100) k",
	"INSERT INTO repository_grant SELECT 4000000 + k, 1090001, 3 "
	"FROM generate_series(100, 10000, 100) k",
	"INSERT INTO token_sso SELECT t.id, m.organization_id FROM token t JOIN membership m "
	"USING (account_id) WHERE t.kind = 1 AND m.organization_id % 10 = 0",
};

/* Ways to a role: SQL in k, one of 200 numbers out of 10,000. */
static const struct way {
	const char *what;
	const char *token; /* what it is the hash of */
	const char *namespace;
	const char *package;
	int role;
	const char *outside; /* one of these */
	bool moved;
} ways[] = {
	{"his own", "'u' || k", "'u' || k", "'k' || k || '-6'", 3, "0", false},
	{"stranger", "'u' || k + 41", "'o' || k % 100", "'k' || k || '-5'", 0, "0, 2", false},
	{"member", "'u' || k + 60000", "'o' || k % 100", "'k' || k || '-9'", 0, "0", false},
	{"owner", "'u' || 99901 + (k + 99) % 100", "'o' || k % 100", "'k' || k || '-0'", 3, "0",
	 false},
	{"direct", "'u' || k", "'o' || k % 100", "'k' || k || '-0'", 2, "0", false},
	{"direct and public", "'u' || k", "'o' || k % 100", "'k' || k || '-4'", 2, "0", false},
	{"team", "'u' || k + 10000", "'o' || k % 100", "'k' || k || '-1'", 2, "0", false},
	{"team above", "'u' || k + 10000", "'o' || k % 100", "'k' || k || '-2'", 2, "0", false},
	{"repository", "'u' || k + 30000", "'o' || k % 100", "'k' || k || '-3'", 2, "0", false},
	{"repository's team", "'u' || k + 10000", "'o' || k % 100", "'k' || k || '-3'", 2, "0",
	 false},
	{"every member reads", "'u' || k + 60000", "'o' || k % 100", "'k' || k || '-3'", 1, "0",
	 false},
	{"robot", "'o' || k % 100 || '+bot'", "'o' || k % 100", "'k' || k || '-8'", 1, "0",
	 false},
	{"limited to it", "'limited-' || k", "'o' || k % 100", "'k' || k || '-0'", 2, "0",
	 false},
	{"limited to another", "'limited-' || k", "'o' || k % 100", "'k' || k || '-4'", 0, "1",
	 false},
	{"workflow", "'3-' || k", "'o' || k % 100", "'k' || k || '-7'", 2, "0", false},
	{"codespace", "'4-' || k", "'o' || k % 100", "'k' || k || '-7'", 1, "0", false},
	{"codespace, inheriting", "'4-' || k", "'o' || k % 100", "'k' || k || '-3'", 1, "0",
	 false},
	{"former name", "'u' || k", "'o' || k % 100", "'old-' || k", 2, "0", true},
	{"former login", "'u' || k", "'former-' || k % 100", "'k' || k || '-0'", 2, "0", true},
	{"no such package", "'u' || k", "'o' || k % 100", "'none'", 0, "0", false},
	{"no such token", "'nobody-' || k", "'o' || k % 100", "'k' || k || '-0'", 0, "0",
	 false},
};

enum {
	WAYS = sizeof(ways) / sizeof(ways[0]),
	LOOKUPS = 200,
	ROWS_OF_RIGHTS = 16, /* that one lookup touches at most, on the average of 200 */
	ROWS_OF_CALLER = 2,
	ROWS_OF_PAGE = 2000, /* of 200 names, for somebody with 100 teams or repositories */
	IN_TEAMS = 1090000,
	ON_REPOSITORIES = 1090001,
};

#define RANDOM "(SELECT mod(n * 7919, 10000) + 1 AS k FROM generate_series(1, 200) n) r"

static struct pg_rows *await_one(struct pg_tx *tx, const char *sql)
{
	pg_tx_add(tx, sql);
	if (await_pg_tx(tx) < 0)
		fail_msg("%s", sql);
	return pg_tx_rows(tx, 0);
}

struct touched {
	int64_t scans; /* tables read from end to end */
	int64_t rows;
};

static struct touched await_touched(struct pg_tx *tx)
{
	struct pg_rows *r = await_one(
		tx, "SELECT coalesce(sum(seq_scan), 0)::bigint, "
		    "coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint "
		    "FROM pg_stat_xact_user_tables");

	return (struct touched){pg_int(r, 0, 0), pg_int(r, 0, 1)};
}

/* It answers 200; no table is read whole, and no more rows than `most`. */
static void await_cheap(struct pg_tx *tx, const char *what, const char *sql, int64_t most)
{
	struct touched before = await_touched(tx), after;
	int64_t answered = pg_int(await_one(tx, sql), 0, 0);

	after = await_touched(tx);
	if (answered != LOOKUPS || after.scans > before.scans ||
	    after.rows - before.rows > most)
		fail_msg("%s: %lld as wanted, %lld scans, %lld rows", what, (long long)answered,
			 (long long)(after.scans - before.scans),
			 (long long)(after.rows - before.rows));
}

/* Counts lookups that answer what the way says. */
static void await_way(struct pg_tx *tx, struct arena *a, const struct way *w, bool together)
{
	const char *columns[] = {
		arena_printf(a, "sha256((%s)::bytea)", w->token),
		"NULL::bigint",
		"NULL::bigint",
		arena_printf(a, "(%s)::text", w->namespace),
		arena_printf(a, "(%s)::text", w->package),
		"NULL::text",
	};
	const char *arrays = "";
	const char *from;

	for (int i = 0; i < 6; i++)
		arrays = arena_printf(a,
				      together ? "%s%s(SELECT array_agg(%s) FROM " RANDOM ")"
					       : "%s%sARRAY[%s]",
				      arrays, i == 0 ? "" : ", ", columns[i]);
	from = arena_printf(a, "%s find_rights(%s) f", together ? "" : RANDOM ",", arrays);
	await_cheap(
		tx, w->what,
		arena_printf(a,
			     "SELECT count(*) FILTER (WHERE f.role = %d AND f.outside IN (%s) "
			     "AND (f.moved_to IS NOT NULL) = %s) FROM %s",
			     w->role, w->outside, w->moved ? "true" : "false", from),
		LOOKUPS * ROWS_OF_RIGHTS);
}

static void await_callers(struct pg_tx *tx)
{
	await_cheap(tx, "callers",
		    "SELECT count(*) FROM find_callers("
		    "(SELECT array_agg(sha256(('u' || k)::bytea)) FROM " RANDOM
		    "), NULL, NULL) f WHERE f.state = 1",
		    LOOKUPS * ROWS_OF_CALLER);
	await_cheap(tx, "callers by id",
		    "SELECT count(*) FROM find_callers(NULL, "
		    "(SELECT array_agg(6000000::bigint + k) FROM " RANDOM "), "
		    "(SELECT array_agg(1000000::bigint + k) FROM " RANDOM
		    ")) f WHERE f.state = 1",
		    LOOKUPS * ROWS_OF_CALLER);
}

/* Pages from the start, of an organization, and of users each of whom has one public package.
 */
static void await_pages(struct pg_tx *tx, struct arena *a)
{
	static const int64_t whose[] = {0, 1000007, IN_TEAMS, ON_REPOSITORIES, 1099999};
	static const char *const last[] = {"", "o0/k5", "o1", "u5"};

	for (size_t i = 0; i < sizeof(whose) / sizeof(whose[0]); i++)
		for (size_t k = 0; k < sizeof(last) / sizeof(last[0]); k++)
			await_cheap(
				tx,
				arena_printf(a, "%lld after %s", (long long)whose[i], last[k]),
				arena_printf(a,
					     "SELECT count(*) FROM readable_catalog(%lld, "
					     "NULL, '%s', 200)",
					     (long long)whose[i], last[k]),
				ROWS_OF_PAGE);
}

static void await_all_ways(struct pg_tx *tx, struct arena *a)
{
	for (int i = 0; i < WAYS; i++) {
		await_way(tx, a, &ways[i], true);
		await_way(tx, a, &ways[i], false);
	}
	await_callers(tx);
	await_pages(tx, a);
}

/* One connection for all: it keeps the plans that it has made. */
H_TEST(lookups_touch_few_rows)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	for (size_t i = 0; i < sizeof(unchecked) / sizeof(unchecked[0]); i++)
		await_one(tx, unchecked[i]);
	await_one(tx, "SET LOCAL plan_cache_mode = force_generic_plan");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		await_one(tx, first[i]);
	for (size_t i = 0; i < sizeof(world) / sizeof(world[0]); i++)
		await_one(tx, world[i]);
	await_all_ways(tx, a);
	await_one(tx, "ANALYZE");
	await_all_ways(tx, a);
	await_one(tx, "SET LOCAL plan_cache_mode = force_custom_plan");
	await_all_ways(tx, a);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lookups_touch_few_rows)};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
