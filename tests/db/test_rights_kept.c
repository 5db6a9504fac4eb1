/* Rights that are remembered: what proves them, and every change that makes the proof fail. */
#include <stdlib.h>
#include <string.h>

#include "metadb/collect.h"
#include "metadb/manifests.h"
#include "metadb/pg_tx.h"
#include "metadb/rights_kept.h"
#include "metadb/tokens.h"
#include "tests/db/harness.h"

static struct actor bob;
static struct credential secret; /* bob's */
static int64_t acme;
static int64_t app;

/* acme/app, to which bob may push, as a member of acme and by a grant and a team. */
static void on_one(void *arg)
{
	*(int64_t *)arg = await_h_int("SELECT pg_backend_pid() FROM pg_sleep(0.2)");
}

/* A connection that comes makes forget as well: so that all are there before. */
static void await_connected(void)
{
	int64_t pid[H_CONNECTIONS];
	unsigned others;

	do {
		await_h_all(on_one, pid, sizeof(pid[0]), H_CONNECTIONS);
		others = 0;
		for (unsigned i = 0; i < H_CONNECTIONS; i++)
			for (unsigned j = 0; j < i; j++)
				others += pid[i] != pid[j];
	} while (others < H_CONNECTIONS * (H_CONNECTIONS - 1) / 2);
}

H_TEST(makes_a_world)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL, .scopes = SCOPE_WRITE_PACKAGES};
	struct arena *a = arena_new();
	char text[TOKEN_TEXT_LEN + 1];
	struct account org;
	struct token t;

	await_h_user("alice");
	bob.account_id = wanted.account_id = await_h_user("bob");
	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), 0);
	bob.token_id = t.id;
	secret.form = CREDENTIAL_HASH;
	token_hash(text, strlen(text), secret.hash);
	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), 0);
	assert_int_equal(await_organization_create(h_db, a, NULL, "acme", NULL, "alice", &org),
			 0);
	acme = org.id;
	assert_int_equal(
		await_membership_set(h_db, NULL, acme, bob.account_id, MEMBERSHIP_MEMBER), 0);
	await_h_repository(acme, "web");
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		    "SELECT o.id, n, p.id, now() FROM account o, account p, "
		    "(VALUES ('app'), ('other')) AS v(n) "
		    "WHERE o.login = 'acme' AND p.login = 'alice'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 2 FROM package p, account a WHERE a.login = 'bob'");
	await_h_sql("INSERT INTO team (organization_id, slug, name) SELECT id, 'core', 'Core' "
		    "FROM account WHERE login = 'acme'");
	await_h_sql("INSERT INTO team_path SELECT id, id, 0 FROM team");
	await_h_sql("INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id "
		    "FROM team t, account a WHERE a.login = 'bob'");
	app = await_h_int("SELECT id FROM package WHERE name = 'app'");
	arena_free(a);
	await_connected();
}

/* His rights, looked up now and remembered. */
static struct rights_proof await_proof(void)
{
	struct authorization looked_up, recalled;
	struct rights_proof proof;

	assert_int_equal(await_authorize(h_db, &secret, "acme", "app", NULL, &looked_up), 0);
	rights_keep(h_db, &secret, "acme", "app", &looked_up);
	assert_true(rights_recall(h_db, &secret, "acme", "app", &recalled, &proof));
	assert_int_equal(recalled.package_id, app);
	assert_int_equal(recalled.namespace_id, acme);
	assert_int_equal(recalled.standing.role, looked_up.standing.role);
	assert_int_equal(recalled.caller.account_id, bob.account_id);
	assert_string_equal(recalled.caller.login, "bob");
	return proof;
}

static int await_start(const struct rights_proof *proof, struct upload *u)
{
	struct package_target target = {.namespace_id = acme,
					.name = "app",
					.package_id = app,
					.published = true,
					.proof = proof};

	return await_upload_start(h_db, &bob, &target, DIGEST_SHA256, u);
}

H_TEST(a_proof_holds_while_nothing_changes)
{
	struct rights_proof proof = await_proof();
	struct authorization z;
	struct upload u[3], loaded;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(await_start(&proof, &u[i]), 0);
		assert_int_equal(await_upload_load(h_db, u[i].id, app, bob.account_id, &loaded),
				 0);
		assert_memory_equal(&loaded, &u[i], sizeof(loaded));
		assert_true(rights_recall(h_db, &secret, "acme", "app", &z, &proof));
		assert_true(proof.adopted); /* from the first one on */
	}
	assert_int_equal(await_h_int("SELECT count(DISTINCT (account_id, token_id, package_id, "
				     "algorithm, expires_at > now() + interval '1 day')) "
				     "FROM upload"),
			 1);
	await_h_sql("DELETE FROM upload");
}

/* What is done, and what undoes it; does it matter to his rights on acme/app? */
static const struct {
	const char *what, *undo;
	bool matters;
} change[] = {
	{"UPDATE token SET last_used_at = now()", NULL, false},
	{"UPDATE token SET expires_at = now() + interval '1 day' WHERE hint = ''", NULL, false},
	{"UPDATE token SET revoked_at = now() WHERE id <> MINE",
	 "UPDATE token SET revoked_at = NULL WHERE id <> MINE", false},
	{"UPDATE token SET revoked_at = now() WHERE id = MINE",
	 "UPDATE token SET revoked_at = NULL WHERE id = MINE", true},
	{"UPDATE token SET scopes = 0 WHERE id = MINE",
	 "UPDATE token SET scopes = 6 WHERE id = MINE", true},
	{"UPDATE token SET expires_at = now() + interval '1 day' WHERE id = MINE",
	 "UPDATE token SET expires_at = NULL WHERE id = MINE", true},
	{"UPDATE token SET limited = true WHERE id = MINE",
	 "UPDATE token SET limited = false WHERE id = MINE", true},
	{"UPDATE account SET name = 'Bob' WHERE login = 'bob'", NULL, false},
	{"UPDATE account SET suspended_at = now() WHERE login = 'bob'",
	 "UPDATE account SET suspended_at = NULL WHERE login = 'bob'", true},
	{"UPDATE account SET site_admin = true WHERE login = 'bob'",
	 "UPDATE account SET site_admin = false WHERE login = 'bob'", true},
	{"UPDATE account SET login = 'rob' WHERE login = 'bob'",
	 "UPDATE account SET login = 'bob' WHERE login = 'rob'", true},
	{"UPDATE account SET deleted_at = now() WHERE login = 'acme'",
	 "UPDATE account SET deleted_at = NULL WHERE login = 'acme'", true},
	{"UPDATE account SET creators = 0 WHERE login = 'acme'",
	 "UPDATE account SET creators = 1 WHERE login = 'acme'", true},
	{"UPDATE account SET sso_required = true WHERE login = 'acme'",
	 "UPDATE account SET sso_required = false WHERE login = 'acme'", true},
	{"UPDATE account SET base_role = 3 WHERE login = 'acme'",
	 "UPDATE account SET base_role = 0 WHERE login = 'acme'", true},
	{"DELETE FROM membership WHERE account_id = BOB",
	 "INSERT INTO membership (organization_id, account_id, role) "
	 "SELECT id, BOB, 1 FROM account WHERE login = 'acme'",
	 true},
	{"DELETE FROM team_member",
	 "INSERT INTO team_member (team_id, account_id) "
	 "SELECT id, BOB FROM team",
	 true},
	{"DELETE FROM team_path", "INSERT INTO team_path SELECT id, id, 0 FROM team", true},
	{"UPDATE package SET description = 'new' WHERE id = APP", NULL, false},
	{"UPDATE package SET visibility = 2 WHERE id = OTHER", NULL, false},
	{"UPDATE package SET visibility = 2 WHERE id = APP",
	 "UPDATE package SET visibility = 0 WHERE id = APP", true},
	{"UPDATE package SET name = 'new' WHERE id = APP",
	 "UPDATE package SET name = 'app' WHERE id = APP", true},
	{"UPDATE package SET inherits = true WHERE id = APP",
	 "UPDATE package SET inherits = false WHERE id = APP", true},
	{"UPDATE package SET repository_id = (SELECT max(id) FROM repository), linked_by = 1 "
	 "WHERE id = APP",
	 "UPDATE package SET repository_id = NULL, linked_by = NULL WHERE id = APP", true},
	{"UPDATE package SET deleted_at = now() WHERE id = APP",
	 "UPDATE package SET deleted_at = NULL WHERE id = APP", true},
	{"UPDATE package_grant SET role = 1 WHERE package_id = OTHER", NULL, false},
	{"DELETE FROM package_grant WHERE package_id = OTHER", NULL, false},
	{"UPDATE package_grant SET role = 3 WHERE package_id = APP", NULL, true},
	{"DELETE FROM package_grant WHERE package_id = APP",
	 "INSERT INTO package_grant (package_id, account_id, role) VALUES (APP, BOB, 2)", true},
	{"INSERT INTO package_team (package_id, team_id, role) SELECT APP, id, 1 FROM team",
	 "DELETE FROM package_team", true},
	{"INSERT INTO package_actions (package_id, repository_id, role) "
	 "SELECT APP, max(id), 1 FROM repository",
	 "DELETE FROM package_actions", true},
	{"INSERT INTO package_codespace (package_id, repository_id) "
	 "SELECT APP, max(id) FROM repository",
	 "DELETE FROM package_codespace", true},
	{"UPDATE repository SET description = 'new'", NULL, false},
	{"UPDATE repository SET deleted_at = now()", "UPDATE repository SET deleted_at = NULL",
	 true},
	{"INSERT INTO repository_grant (repository_id, account_id, role) "
	 "SELECT max(id), BOB, 1 FROM repository",
	 "DELETE FROM repository_grant", true},
	{"INSERT INTO repository_team (repository_id, team_id, role) "
	 "SELECT r.id, t.id, 1 FROM repository r, team t",
	 "DELETE FROM repository_team", true},
	{"DELETE FROM token_sso", NULL, true},
	{"DELETE FROM organization_sso", NULL, true},
	{"DELETE FROM account_identity", NULL, true},
	{"DELETE FROM session", NULL, true},
	{"UPDATE registry_mode SET read_only = read_only", NULL, true},
	{"UPDATE cluster SET gens_since = gens_since", NULL, false},
	{"UPDATE cluster SET behind = true", "UPDATE cluster SET behind = false", true},
	{"INSERT INTO account (kind, login) VALUES (1, 'new')", NULL, false},
};

/* With MINE, BOB, APP and OTHER for the ids. */
static const char *filled(struct arena *a, const char *sql)
{
	const struct {
		const char *word;
		int64_t id;
	} ids[] = {
		{"MINE", bob.token_id},
		{"BOB", bob.account_id},
		{"APP", app},
		{"OTHER", app + 1},
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const char *at;

		while ((at = strstr(sql, ids[i].word)) != NULL)
			sql = arena_printf(a, "%.*s%lld%s", (int)(at - sql), sql,
					   (long long)ids[i].id, at + strlen(ids[i].word));
	}
	return sql;
}

H_TEST(each_change_of_rights_is_seen)
{
	struct arena *a = arena_new();
	struct rights_proof proof;
	struct upload u;

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		int rc;

		proof = await_proof();
		await_h_sql(filled(a, change[i].what));
		rc = await_start(&proof, &u);
		if (rc != (change[i].matters ? ERR_STALE_RIGHTS : 0))
			fail_msg("%s: %s", change[i].what, err_text(rc));
		if (change[i].undo != NULL)
			await_h_sql(filled(a, change[i].undo));
	}
	arena_free(a);
}

/*
 * All tables that the lookup reads, whatever functions it calls, tell of their changes; but for
 * those of which the comments of schema/0106 say why not.
 */
H_TEST(no_table_of_the_rights_is_forgotten)
{
	static const char reads[] =
		"WITH RECURSIVE used AS ("
		"SELECT oid, prosrc FROM pg_proc WHERE proname = 'find_one_rights' UNION "
		"SELECT p.oid, p.prosrc FROM used u JOIN pg_proc p "
		"ON p.pronamespace = 'public'::regnamespace "
		"AND u.prosrc ~ ('\\m' || p.proname || '\\M\\s*\\(')), "
		"read AS (SELECT c.oid, c.relname FROM pg_class c WHERE c.relkind = 'r' "
		"AND c.relnamespace = 'public'::regnamespace AND EXISTS (SELECT FROM used u "
		"WHERE u.prosrc ~ ('\\m(FROM|JOIN)\\s+' || c.relname || '\\M')) "
		"AND c.relname NOT IN ('upload', 'token_limit', 'account_alias', "
		"'package_alias')) ";
	char sql[2048];

	snprintf(sql, sizeof(sql), "%sSELECT count(*) FROM read", reads);
	assert_int_equal(await_h_int(sql), 17);
	snprintf(sql, sizeof(sql),
		 "%sSELECT count(*) FROM read r WHERE NOT EXISTS (SELECT FROM pg_trigger t "
		 "WHERE t.tgrelid = r.oid AND t.tgname = 'rights_changed')",
		 reads);
	assert_int_equal(await_h_int(sql), 0);
}

/* It counts when a change is committed, not when it was made. */
H_TEST(a_change_under_way_is_seen_when_it_is_over)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	struct rights_proof proof;
	struct upload u;

	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "UPDATE package_grant SET role = 2");
	assert_int_equal(await_pg_tx(tx), 0);
	proof = await_proof();
	assert_int_equal(await_start(&proof, &u), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_equal(await_start(&proof, &u), ERR_STALE_RIGHTS);
	proof = await_proof();
	assert_int_equal(await_start(&proof, &u), 0);
	await_h_sql("DO $$ BEGIN UPDATE package_grant SET role = 3; RAISE 'no'; "
		    "EXCEPTION WHEN OTHERS THEN NULL; END $$");
	assert_int_equal(await_start(&proof, &u), 0);
	arena_free(a);
}

H_TEST(nothing_is_written_without_a_proof)
{
	struct rights_proof proof = await_proof();
	struct upload_chunk chunk = h_chunk("bytes");
	struct digest digest = h_digest("bytes");
	struct arena *a = arena_new();
	struct upload_commit done;
	struct upload u, loaded;
	struct manifest_new m = {
		.target = {.namespace_id = acme,
			   .name = "app",
			   .package_id = app,
			   .published = true,
			   .proof = &proof},
		.digest = h_digest("{}"),
		.bytes = {"{}", 2},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.config = &digest,
		.blobs = &digest,
		.blobs_count = 1,
	};
	struct manifest_put put;

	assert_int_equal(await_start(&proof, &u), 0);
	await_h_sql("UPDATE package_grant SET role = 2");
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "s", 1, &proof),
			 ERR_STALE_RIGHTS);
	assert_int_equal(u.version, 0);
	assert_int_equal(await_upload_commit(h_db, &bob, &u, &chunk, 1, &digest, &proof, &done),
			 ERR_STALE_RIGHTS);
	assert_int_equal(await_upload_load(h_db, u.id, app, bob.account_id, &loaded), 0);
	assert_int_equal(loaded.version, 0);
	assert_int_equal(await_manifest_put(h_db, a, &bob, &m, &put), ERR_STALE_RIGHTS);
	assert_int_equal(await_h_int("SELECT count(*) FROM chunk"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 0);

	proof = await_proof();
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "s", 1, &proof), 0);
	assert_int_equal(await_upload_commit(h_db, &bob, &u, NULL, 0, &digest, &proof, &done),
			 0);
	assert_int_equal(await_manifest_put(h_db, a, &bob, &m, &put), 0);
	assert_true(put.created);
	/* Its publisher's grant and the like are changes: of this package alone. */
	arena_free(a);
}

/* Several chunks, or one that is owed somewhere, take another way. */
H_TEST(many_chunks_bring_the_proof_as_well)
{
	struct rights_proof proof = await_proof();
	struct upload_chunk chunk[2] = {h_chunk("one"), h_chunk("two")};
	struct upload u;

	assert_int_equal(await_start(&proof, &u), 0);
	assert_int_equal(await_upload_append(h_db, &u, chunk, 2, "s", 1, &proof), 0);
	await_h_sql("UPDATE package_grant SET role = 2");
	assert_int_equal(await_upload_append(h_db, &u, chunk, 2, "s", 1, &proof),
			 ERR_STALE_RIGHTS);
	assert_int_equal(u.version, 1);
}

static bool recalls(const char *namespace, const char *name)
{
	struct authorization z;
	struct rights_proof proof;

	assert_int_equal(await_authorize(h_db, &secret, namespace, name, NULL, &z), 0);
	rights_keep(h_db, &secret, namespace, name, &z);
	return rights_recall(h_db, &secret, namespace, name, &z, &proof);
}

H_TEST(only_what_can_be_proved_is_remembered)
{
	struct authorization z;
	struct rights_proof proof;
	struct credential nobody = {.form = CREDENTIAL_NONE};

	assert_true(recalls("acme", "app"));
	assert_false(rights_recall(h_db, &nobody, "acme", "app", &z, &proof));
	assert_false(rights_recall(h_db, &secret, "acme", "ap", &z, &proof));
	assert_false(recalls("acme", "absent"));
	assert_false(recalls("nowhere", "app"));
	await_h_sql("UPDATE package_grant SET role = 1");
	assert_false(recalls("acme", "app"));
	await_h_sql("UPDATE package_grant SET role = 2");
	await_h_sql("UPDATE token SET limited = true");
	assert_false(recalls("acme", "app"));
	await_h_sql("UPDATE token SET limited = false");
	await_h_sql("UPDATE registry_mode SET read_only = true");
	assert_false(recalls("acme", "app"));
	await_h_sql("UPDATE registry_mode SET read_only = false");
	assert_true(recalls("acme", "app"));
}

H_TEST(a_proof_ends_with_the_token_and_after_a_while)
{
	struct rights_proof proof = await_proof();
	int64_t now = await_h_int("SELECT extract(epoch FROM now())::bigint");
	struct upload u;

	assert_in_range(proof.until, now, now + RIGHTS_KEPT_MS / 1000 + 1);
	proof.until = now - 1;
	assert_int_equal(await_start(&proof, &u), ERR_STALE_RIGHTS);
	await_h_sql("UPDATE token SET expires_at = now() + interval '5 s'");
	now = await_h_int("SELECT max(extract(epoch FROM expires_at)::bigint) FROM token");
	proof = await_proof();
	assert_int_equal(proof.until, now);
	await_h_sql("UPDATE token SET expires_at = NULL");
}

H_TEST(changes_are_forgotten_once_all_have_seen_them)
{
	struct rights_proof proof;
	struct upload u;
	int64_t horizon = 0;

	assert_true(await_h_int("SELECT count(*) FROM rights_change") > 0);
	proof = await_proof();
	assert_int_equal(await_rights_changes_forget(h_db, &horizon), 0);
	assert_true(await_h_int("SELECT count(*) FROM rights_change") > 0);
	await_h_sql("UPDATE package_grant SET role = 2");
	assert_int_equal(await_rights_changes_forget(h_db, &horizon), 0);
	assert_int_equal(await_start(&proof, &u), ERR_STALE_RIGHTS);
	/* What is under way, in other databases as well, holds the horizon back. */
	for (int i = 0; i < 12000 && await_h_int("SELECT count(*) FROM rights_change") > 0;
	     i++) {
		await_h_sql("SELECT pg_sleep(0.01)");
		assert_int_equal(await_rights_changes_forget(h_db, &horizon), 0);
	}
	assert_int_equal(await_h_int("SELECT count(*) FROM rights_change"), 0);
	proof = await_proof();
	assert_int_equal(await_start(&proof, &u), 0);
}

/* A server that was started anew may count its transactions anew. */
H_TEST(all_is_forgotten_with_a_lost_connection)
{
	struct rights_proof proof = await_proof();
	struct authorization z;
	struct upload u;

	assert_int_equal(await_start(&proof, &u), 0);
	await_h_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		    "WHERE datname = current_database() AND pid <> pg_backend_pid()");
	for (int i = 0; i < 1000; i++)
		if (rights_recall(h_db, &secret, "acme", "app", &z, &proof))
			await_h_sql("SELECT pg_sleep(0.01)");
	assert_false(rights_recall(h_db, &secret, "acme", "app", &z, &proof));
	assert_int_equal(await_start(&proof, &u), ERR_STALE_RIGHTS);
	await_connected();
	proof = await_proof();
	assert_int_equal(await_start(&proof, &u), 0);
}

/* The sessions that a worker has brought somewhere are known to it as they stand there. */
H_TEST(a_session_is_recalled_as_it_stands)
{
	struct rights_proof proof = await_proof();
	struct upload_chunk chunk = h_chunk("part");
	struct upload u, z;

	assert_int_equal(await_start(&proof, &u), 0);
	assert_true(upload_recall(h_db, u.id, "0", &z));
	assert_memory_equal(&z, &u, sizeof(z));
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "state", 5, NULL), 0);
	assert_true(upload_recall(h_db, u.id, "1", &z));
	assert_memory_equal(&z, &u, sizeof(z));
	assert_false(upload_recall(h_db, u.id, "0", &z));
	assert_false(upload_recall(h_db, u.id, "2", &z));
	assert_false(upload_recall(h_db, u.id, "01", &z));
	assert_false(upload_recall(h_db, u.id, "", &z));
	assert_false(upload_recall(h_db, "", "1", &z));
	assert_false(upload_recall(h_db, u.id, "11111111111111111111111111111111111111", &z));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_world),
		cmocka_unit_test(a_proof_holds_while_nothing_changes),
		cmocka_unit_test(each_change_of_rights_is_seen),
		cmocka_unit_test(no_table_of_the_rights_is_forgotten),
		cmocka_unit_test(a_change_under_way_is_seen_when_it_is_over),
		cmocka_unit_test(nothing_is_written_without_a_proof),
		cmocka_unit_test(many_chunks_bring_the_proof_as_well),
		cmocka_unit_test(only_what_can_be_proved_is_remembered),
		cmocka_unit_test(a_proof_ends_with_the_token_and_after_a_while),
		cmocka_unit_test(changes_are_forgotten_once_all_have_seen_them),
		cmocka_unit_test(all_is_forgotten_with_a_lost_connection),
		cmocka_unit_test(a_session_is_recalled_as_it_stands),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
