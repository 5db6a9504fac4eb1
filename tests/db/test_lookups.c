/* Lookups: credentials, roles, batches, caches, and the plans behind them. */
#include <stdio.h>
#include <string.h>

#include "metadb/lookups.h"
#include "metadb/manifests.h"
#include "metadb/metadb_private.h"
#include "metadb/tokens.h"
#include "tests/db/harness.h"

enum { OWNER, MEMBER, STRANGER, PEOPLE };
static const char *const login[PEOPLE] = {"owner", "member", "stranger"};
static int64_t person[PEOPLE];
static struct credential credential[PEOPLE];
static int64_t token_id[PEOPLE];
static int64_t acme;

static struct credential by_hash(const char *text)
{
	struct credential c = {.form = CREDENTIAL_HASH};

	token_hash(text, strlen(text), c.hash);
	return c;
}

H_TEST(makes_people)
{
	struct arena *a = arena_new();
	struct account org;

	for (int i = 0; i < PEOPLE; i++) {
		struct token_new wanted = {.kind = TOKEN_PERSONAL,
					   .scopes = SCOPE_WRITE_PACKAGES};
		char text[TOKEN_TEXT_LEN + 1];
		struct token t;

		person[i] = await_h_user(login[i]);
		wanted.account_id = person[i];
		assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), 0);
		assert_true(token_shaped(text, TOKEN_TEXT_LEN));
		credential[i] = by_hash(text);
		token_id[i] = t.id;
	}
	assert_int_equal(await_organization_create(h_db, a, NULL, "acme", NULL, "owner", &org),
			 0);
	acme = org.id;
	assert_int_equal(
		await_membership_set(h_db, NULL, acme, person[MEMBER], MEMBERSHIP_MEMBER), 0);
	arena_free(a);
}

H_TEST(callers_are_told_apart)
{
	struct credential nobody = {.form = CREDENTIAL_NONE};
	struct credential id = {.form = CREDENTIAL_ID, .account_id = person[MEMBER]};
	struct credential wrong = by_hash("ph_nonsense");
	struct caller c;

	assert_int_equal(await_caller(h_db, &credential[MEMBER], &c), 0);
	assert_int_equal(c.state, CALLER_ACTIVE);
	assert_int_equal(c.account_id, person[MEMBER]);
	assert_string_equal(c.login, "member");
	assert_int_equal(c.scopes, SCOPE_WRITE_PACKAGES);
	assert_int_equal(c.kind, TOKEN_PERSONAL);
	assert_false(c.site_admin);
	assert_int_equal(await_caller(h_db, &credential[MEMBER], &c), 0);
	assert_int_equal(await_sleep(100), 0);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM token WHERE last_used_at IS NOT NULL"), 1);
	assert_int_equal(await_caller(h_db, &nobody, &c), 0);
	assert_int_equal(c.state, CALLER_ANONYMOUS);
	assert_int_equal(await_caller(h_db, &wrong, &c), 0);
	assert_int_equal(c.state, CALLER_UNKNOWN);
	id.token_id = token_id[MEMBER];
	assert_int_equal(await_caller(h_db, &id, &c), 0);
	assert_int_equal(c.account_id, person[MEMBER]);
	id.token_id = token_id[OWNER]; /* ids that do not belong together */
	assert_int_equal(await_caller(h_db, &id, &c), 0);
	assert_int_equal(c.state, CALLER_UNKNOWN);
}

H_TEST(bad_credentials_are_seen_at_the_next_lookup)
{
	struct authorization z;
	struct caller c;

	await_h_sql("UPDATE token SET expires_at = now() - interval '1 second' "
		    "WHERE account_id = (SELECT id FROM account WHERE login = 'member')");
	assert_int_equal(await_caller(h_db, &credential[MEMBER], &c), 0);
	assert_int_equal(c.state, CALLER_EXPIRED);
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "x", NULL, &z), 0);
	assert_int_equal(z.caller.state, CALLER_EXPIRED);
	assert_int_equal(z.standing.role, ROLE_NONE);
	assert_false(z.standing.may_create);
	await_h_sql("UPDATE token SET expires_at = now() + interval '1 hour'");
	await_h_sql("UPDATE account SET suspended_at = now() WHERE login = 'member'");
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "x", NULL, &z), 0);
	assert_int_equal(z.caller.state, CALLER_SUSPENDED);
	assert_false(z.standing.may_create);
	await_h_sql("UPDATE account SET suspended_at = NULL");
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "x", NULL, &z), 0);
	assert_int_equal(z.caller.state, CALLER_ACTIVE);
	assert_true(z.standing.may_create);
}

static void await_check(int who, const char *namespace, const char *name, enum role role,
			bool may_create)
{
	struct authorization z;

	assert_int_equal(await_authorize(h_db, &credential[who], namespace, name, NULL, &z), 0);
	assert_int_equal(z.caller.state, CALLER_ACTIVE);
	assert_int_equal(z.standing.role, role);
	assert_int_equal(z.standing.may_create, may_create);
}

H_TEST(roles_before_and_after_publishing)
{
	struct package_target target = {.namespace_id = acme, .name = "site"};
	struct actor who = {.account_id = person[MEMBER]};
	struct manifest_new m = {
		.target = target,
		.digest = h_digest("{}"),
		.bytes = {"{}", 2},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
	};
	struct credential nobody = {.form = CREDENTIAL_NONE};
	struct arena *a = arena_new();
	struct authorization z;
	struct manifest_put put;
	struct upload u;

	await_check(MEMBER, "acme", "site", ROLE_NONE, true);
	await_check(OWNER, "acme", "site", ROLE_ADMIN, true);
	await_check(STRANGER, "acme", "site", ROLE_NONE, false);
	await_check(STRANGER, "stranger", "x", ROLE_ADMIN, true);
	await_check(STRANGER, "nobody-at-all", "x", ROLE_NONE, false);
	assert_int_equal(await_upload_start(h_db, &who, &target, DIGEST_SHA256, &u), 0);
	await_check(MEMBER, "acme", "site", ROLE_WRITE, true);
	await_check(STRANGER, "acme", "site", ROLE_NONE, false);
	assert_int_equal(await_manifest_put(h_db, a, &who, &m, &put), 0);
	await_check(MEMBER, "acme", "site", ROLE_ADMIN, true); /* the publisher */
	await_check(OWNER, "acme", "site", ROLE_ADMIN, true);
	assert_int_equal(await_authorize(h_db, &credential[STRANGER], "acme", "site", NULL, &z),
			 0);
	assert_int_equal(z.namespace_id, acme);
	assert_int_equal(z.package_id, put.package_id);
	assert_true(z.standing.package_exists && z.standing.published);
	assert_int_equal(z.standing.visibility, VISIBILITY_PRIVATE);
	assert_true(z.standing.signed_in);
	assert_int_equal(await_authorize(h_db, &nobody, "acme", "site", NULL, &z), 0);
	assert_int_equal(z.caller.state, CALLER_ANONYMOUS);
	assert_false(z.standing.signed_in);
	assert_int_equal(z.standing.role, ROLE_NONE);
	/* a grant on a private package of an organization counts for members only */
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 2 FROM package p, account a "
		    "WHERE p.name = 'site' AND a.login = 'stranger'");
	await_check(STRANGER, "acme", "site", ROLE_NONE, false);
	await_h_sql("UPDATE package SET visibility = 2");
	await_check(STRANGER, "acme", "site", ROLE_WRITE, false);
	/* while it inherits, own grants are gone; owners stay */
	await_h_sql("UPDATE package SET inherits = true");
	await_check(MEMBER, "acme", "site", ROLE_NONE, true);
	await_check(OWNER, "acme", "site", ROLE_ADMIN, true);
	await_h_sql("UPDATE package SET deleted_at = now()");
	assert_int_equal(await_authorize(h_db, &credential[OWNER], "acme", "site", NULL, &z),
			 0);
	assert_false(z.standing.package_exists);
	arena_free(a);
}

struct ask {
	int who;
	struct authorization z;
	int rc;
};

static void ask_one(void *arg)
{
	struct ask *q = arg;

	q->rc = await_authorize(h_db, &credential[q->who], "acme", "thing", NULL, &q->z);
}

H_TEST(lookups_that_wait_together_share_statements)
{
	static struct ask ask[300];
	uint64_t before = batch_flights(h_db->authorize);

	for (int i = 0; i < 300; i++)
		ask[i].who = i % PEOPLE;
	await_h_all(ask_one, ask, sizeof(ask[0]), 300);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(ask[i].rc, 0);
		assert_int_equal(ask[i].z.caller.account_id, person[ask[i].who]);
		assert_string_equal(ask[i].z.caller.login, login[ask[i].who]);
		assert_int_equal(ask[i].z.standing.role,
				 ask[i].who == OWNER ? ROLE_ADMIN : ROLE_NONE);
	}
	assert_in_range(batch_flights(h_db->authorize) - before, 2, 8);
}

static void cancelled_one(void *arg)
{
	struct ask *q = arg;

	q->rc = await_authorize(h_db, &credential[OWNER], "acme", "thing", NULL, &q->z);
}

H_TEST(a_cancelled_task_leaves_its_batch)
{
	enum { STILL_ASKING = 1 };
	struct ask q[2] = {{.rc = STILL_ASKING}, {.rc = STILL_ASKING}};
	struct task *t = task_spawn(h_loop, "goes away", NULL, cancelled_one, &q[0]);
	struct task *u = task_spawn(h_loop, "goes later", NULL, cancelled_one, &q[1]);

	assert_non_null(t);
	assert_non_null(u);
	assert_int_equal(await_turn(), 0);
	task_cancel(t); /* while it collects */
	assert_int_equal(await_turn(), 0);
	assert_int_equal(await_turn(), 0);
	if (q[1].rc == STILL_ASKING) /* else its handle is gone: the answer was quick */
		task_cancel(u);
	assert_int_equal(await_sleep(50), 0);
	assert_int_equal(q[0].rc, -ECANCELED);
	assert_true(q[1].rc == -ECANCELED || q[1].rc == 0);
	await_check(OWNER, "acme", "thing", ROLE_ADMIN, true);
}

/* All connections have something else to do, so that a statement waits for one. */
static void keep_busy(void *arg)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);

	pg_tx_add(tx, "SELECT pg_sleep(0.2)");
	*(int *)arg = await_pg_tx(tx);
	arena_free(a);
}

/* What AddressSanitizer sees: its statement is sent when all that the asker had is gone. */
static void asked_by_one_who_goes(void *arg)
{
	struct arena *a = arena_new();
	struct credential *c = arena_alloc(a, sizeof(*c));
	const char *namespace = arena_strdup(a, "acme"), *name = arena_strdup(a, "thing");
	struct authorization z;

	*c = credential[OWNER];
	*(int *)arg = await_authorize(h_db, c, namespace, name, NULL, &z);
	arena_free(a);
}

H_TEST(a_lookup_that_waits_for_a_connection_outlives_its_asker)
{
	enum { BUSY = 32 };
	static int busy[BUSY];
	int rc = 1;
	struct task *t;

	for (int i = 0; i < BUSY; i++)
		assert_non_null(task_spawn(h_loop, "busy", NULL, keep_busy, &busy[i]));
	t = task_spawn(h_loop, "goes away", NULL, asked_by_one_who_goes, &rc);
	assert_non_null(t);
	for (int i = 0; i < 4; i++)
		assert_int_equal(await_turn(), 0);
	assert_int_equal(rc, 1); /* it waits */
	task_cancel(t);
	for (int i = 0; i < 100 && rc == 1; i++)
		assert_int_equal(await_turn(), 0);
	assert_int_equal(rc, -ECANCELED);
	await_check(OWNER, "acme", "thing", ROLE_ADMIN, true);
	for (int i = 0; i < BUSY; i++)
		assert_int_equal(busy[i], 0);
}

H_TEST(a_blob_of_many_chunks_comes_whole)
{
	enum { MANY = 2000 };
	static struct upload_chunk chunk[MANY];
	struct package_target target = {.namespace_id = person[OWNER], .name = "big"};
	struct actor who = {.account_id = person[OWNER]};
	struct digest digest = h_digest("pretended");
	struct arena *a = arena_new();
	struct upload_commit commit;
	struct blob_info blob[2];
	struct upload u;

	for (int i = 0; i < MANY; i++) {
		char text[20];

		snprintf(text, sizeof(text), "%d", i);
		chunk[i] = h_chunk(text);
		chunk[i].len =
			4 * 1024 * 1024; /* more than comes along with the first answer */
	}
	assert_int_equal(await_upload_start(h_db, &who, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_upload_append(h_db, &u, chunk, 1500, NULL, 0, NULL), 0);
	assert_int_equal(await_upload_commit(h_db, &who, &u, chunk + 1500, MANY - 1500, &digest,
					     NULL, &commit),
			 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			await_blob_find(h_db, a, u.package_id, &digest, true, &blob[i]), 0);
	assert_ptr_equal(blob[0].chunks, blob[1].chunks); /* from the cache */
	assert_int_equal(blob[0].chunks->count, MANY);
	assert_int_equal(blob[0].size, (uint64_t)MANY * 4 * 1024 * 1024);
	for (int i = 0; i < MANY; i++)
		assert_memory_equal(blob[0].chunks->chunk[i].digest, chunk[i].digest,
				    SHA256_BYTES);
	arena_free(a);
}

/* Data, but no statistics: plans made while the tables were empty must do. */
static void await_fill(void)
{
	await_h_sql("INSERT INTO account (kind, login) "
		    "SELECT 1, 'u' || i FROM generate_series(1, 5000) i");
	await_h_sql("INSERT INTO token (account_id, kind, hash, hint, scopes) "
		    "SELECT id, 1, sha256(login::bytea), 'x', 3 FROM account "
		    "WHERE login LIKE 'u%'");
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		    "SELECT id, 'p', id, now() FROM account WHERE login LIKE 'u%'");
	await_h_sql("INSERT INTO membership (organization_id, account_id, role) "
		    "SELECT (SELECT id FROM account WHERE login = 'acme'), id, 1 "
		    "FROM account WHERE login LIKE 'u%'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT id, publisher_id, 3 FROM package WHERE name = 'p'");
	await_h_sql("INSERT INTO instance (created_at) "
		    "SELECT now() FROM generate_series(1, 5000)");
	await_h_sql("INSERT INTO chunk (gen, idx, part, len, epoch, digest) "
		    "SELECT gen, i, (gen * 7 + i) % 16384, 100, 1, sha256(gen::text::bytea) "
		    "FROM instance, generate_series(0, 3) i ON CONFLICT DO NOTHING");
	await_h_sql("INSERT INTO blob (algorithm, digest, gen, size) "
		    "SELECT 1, sha256(gen::text::bytea), gen, 400 FROM instance "
		    "ON CONFLICT DO NOTHING");
	await_h_sql(
		"INSERT INTO package_blob (package_id, algorithm, digest, protect_until) "
		"SELECT p.id, 1, b.digest, now() FROM package p JOIN blob b ON b.gen = p.id "
		"ON CONFLICT DO NOTHING");
	await_h_sql("INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, "
		    "size, pushed_by, bytes) SELECT id, 1, sha256(id::text::bytea), 1, 'x', 2, "
		    "1, '{}' FROM package WHERE name = 'p'");
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		    "SELECT package_id, 't' || i, id, 1 FROM manifest, generate_series(1, 2) i "
		    "WHERE media_type = 'x'");
	await_h_sql("INSERT INTO upload (package_id, account_id, gen, algorithm, expires_at) "
		    "SELECT (SELECT min(id) FROM package), 1, gen, 1, now() FROM instance "
		    "ON CONFLICT DO NOTHING");
}

/* The statement of a kind with its parameters written as constants. */
static const char *constant(struct arena *a, const char *sql, const char *const *value)
{
	char *out = arena_strdup(a, "");

	for (const char *p = sql; *p != '\0'; p++) {
		if (p[0] == '$' && p[1] >= '1' && p[1] <= '9') {
			out = arena_printf(a, "%s(%s)", out, value[p[1] - '1']);
			p++;
		} else {
			out = arena_printf(a, "%s%c", out, *p);
		}
	}
	return out;
}

#define HASHES	"SELECT array_agg(sha256(('u' || i)::bytea)) FROM generate_series(1, 200) i"
#define LOGINS	"SELECT array_agg('u' || i) FROM generate_series(1, 200) i"
#define NAMES	"SELECT array_agg('p'::text) FROM generate_series(1, 200) i"
#define NULLS	"SELECT array_agg(NULL::bigint) FROM generate_series(1, 200) i"
#define IDS	"SELECT array_agg(i) FROM generate_series(100, 299) i"
#define TAGS	"SELECT array_agg('t1'::text) FROM generate_series(1, 200) i"
#define ONES	"SELECT array_agg(1::smallint) FROM generate_series(1, 200) i"
#define DIGS	"SELECT array_agg(sha256(i::text::bytea)) FROM generate_series(100, 299) i"
#define UPLOADS "SELECT array_agg(NULL::text) FROM generate_series(1, 200) i"
#define TRUES	"SELECT array_agg(true) FROM generate_series(1, 200) i"

static struct pg_rows *await_one(struct pg_tx *tx, const char *sql)
{
	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	return pg_tx_rows(tx, 0);
}

/* Statements inside functions cannot be EXPLAINed; counters of this session tell, those that
 * were not sent yet: none is sent inside a transaction. */
struct scans {
	int64_t whole; /* tables read from end to end */
	int64_t rows;  /* touched in all */
	int64_t probes;
};

static void await_scans(struct pg_tx *tx, struct scans *out)
{
	struct pg_rows *r = await_one(
		tx,
		"SELECT coalesce(sum(seq_scan), 0)::bigint, "
		"coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint, "
		"coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_xact_user_tables "
		"WHERE relname NOT IN ('cluster', 'cluster_map', 'partition_owes', 'node')");

	out->whole = pg_int(r, 0, 0);
	out->rows = pg_int(r, 0, 1);
	out->probes = pg_int(r, 0, 2);
}

/* 200 lookups in one statement. */
static void await_cheap(struct pg_tx *tx, const char *sql)
{
	struct scans before;
	struct scans after;

	await_scans(tx, &before);
	assert_int_equal(pg_rows_count(await_one(tx, sql)), 200);
	await_scans(tx, &after);
	if (after.whole != before.whole || after.rows - before.rows > 2000)
		print_error("%s: %lld scans, %lld rows\n", sql,
			    (long long)(after.whole - before.whole),
			    (long long)(after.rows - before.rows));
	assert_int_equal(after.whole, before.whole);
	assert_true(after.rows - before.rows <= 2000);
	assert_true(after.probes - before.probes >= 200);
}

H_TEST(hot_lookups_probe_indexes)
{
	static const char *const caller[] = {HASHES, NULLS, NULLS};
	static const char *const authorize[] = {HASHES, NULLS, NULLS, LOGINS, NAMES, UPLOADS};
	static const char *const manifest[] = {IDS, TAGS, ONES, DIGS};
	static const char *const blob[] = {IDS, ONES, DIGS, TRUES};
	static const char *const ids[] = {IDS};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	await_fill();
	assert_int_equal(await_pg_begin(tx), 0);
	await_cheap(tx, constant(a, lookup_caller_kind.sql, caller));
	await_cheap(tx, constant(a, lookup_authorize_kind.sql, authorize));
	await_cheap(tx, constant(a, lookup_manifest_kind.sql, manifest));
	await_cheap(tx, constant(a, lookup_manifest_bytes_kind.sql, ids));
	await_cheap(tx, constant(a, lookup_blob_kind.sql, blob));
	await_cheap(tx, constant(a, lookup_chunks_kind.sql, ids));
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

H_TEST(changes_probe_indexes)
{
	const char *chunks = "ARRAY[5]::smallint[], ARRAY[sha256('x')], ARRAY[1]::integer[], "
			     "ARRAY[1]::bigint[], ARRAY[5]::smallint[], ARRAY[2]::integer[]";
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	struct pg_rows *r;
	const char *id;
	int64_t package;
	struct scans before;
	struct scans after;

	assert_int_equal(await_pg_begin(tx), 0);
	await_scans(tx, &before);
	r = await_one(tx, arena_printf(a,
				       "SELECT upload_id, package_id FROM upload_start("
				       "ROW(%lld, 1, NULL, NULL)::actor, %lld, 'plans', 0, "
				       "false, 1::smallint, '1 day')",
				       (long long)person[OWNER], (long long)person[OWNER]));
	id = arena_strdup(a, pg_text(r, 0, 0));
	package = pg_int(r, 0, 1);
	await_one(tx, arena_printf(a, "SELECT upload_record('%s', 0, '', '1 day', %s)", id,
				   chunks));
	await_one(tx, arena_printf(a,
				   "SELECT status FROM upload_commit('%s', 1, %lld, %s, "
				   "1::smallint, sha256('xx'), '1 day')",
				   id, (long long)package, chunks));
	r = await_one(tx,
		      arena_printf(a,
				   "SELECT status FROM manifest_put("
				   "ROW(%lld, 1, NULL, NULL)::actor, 0, 'plans', %lld, "
				   "false, 1::smallint, sha256('m'), 1::smallint, 'x', NULL, "
				   "NULL, NULL, NULL, NULL, NULL, 'm', "
				   "ARRAY[1]::smallint[], ARRAY[sha256('xx')], '{}', '{}', "
				   "ARRAY['latest'])",
				   (long long)person[OWNER], (long long)package));
	assert_int_equal(pg_int(r, 0, 0), 0);
	await_one(tx, "SELECT name FROM tag WHERE package_id = 1 AND name > '' "
		      "ORDER BY name LIMIT 10");
	await_scans(tx, &after);
	assert_int_equal(after.whole, before.whole);
	assert_true(after.probes > before.probes + 5);
	assert_true(after.rows - before.rows < 200);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_people),
		cmocka_unit_test(callers_are_told_apart),
		cmocka_unit_test(bad_credentials_are_seen_at_the_next_lookup),
		cmocka_unit_test(roles_before_and_after_publishing),
		cmocka_unit_test(lookups_that_wait_together_share_statements),
		cmocka_unit_test(a_cancelled_task_leaves_its_batch),
		cmocka_unit_test(a_lookup_that_waits_for_a_connection_outlives_its_asker),
		cmocka_unit_test(a_blob_of_many_chunks_comes_whole),
		cmocka_unit_test(hot_lookups_probe_indexes),
		cmocka_unit_test(changes_probe_indexes),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
