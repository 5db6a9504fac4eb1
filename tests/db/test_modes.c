/* Read-only and maintenance: what the switches leave behind, and that lookups bring the mode
 * along. */
#include <string.h>

#include "metadb/map_watch.h"
#include "metadb/metadb_private.h"
#include "metadb/modes.h"
#include "tests/db/harness.h"

static const struct actor admin = {.account_id = 7, .token_id = 8, .remote = "192.0.2.1"};

static void await_set(enum registry_mode which, bool on, const char *message)
{
	assert_int_equal(await_mode_set(h_db, &admin, which, on, message), 0);
}

static enum registry_mode await_in_force(void)
{
	struct arena *a = arena_new();
	struct registry_modes m;
	enum registry_mode mode;

	assert_int_equal(await_modes(h_db, a, &m), 0);
	mode = modes_in_force(&m);
	assert_int_equal(mode_seen(h_db), mode);
	arena_free(a);
	return mode;
}

H_TEST(a_new_registry_is_in_no_mode)
{
	struct arena *a = arena_new();
	struct registry_modes m;

	assert_int_equal(mode_seen(h_db), MODE_NORMAL);
	assert_int_equal(await_modes(h_db, a, &m), 0);
	assert_false(m.read_only.on || m.maintenance.on);
	assert_string_equal(m.read_only.message, "");
	assert_string_equal(m.maintenance.message, "");
	arena_free(a);
}

H_TEST(maintenance_is_the_stronger_one)
{
	await_set(MODE_READ_ONLY, true, NULL);
	assert_int_equal(await_in_force(), MODE_READ_ONLY);
	await_set(MODE_MAINTENANCE, true, NULL);
	assert_int_equal(await_in_force(), MODE_MAINTENANCE);
	await_set(MODE_MAINTENANCE, false, NULL);
	assert_int_equal(await_in_force(), MODE_READ_ONLY);
	await_set(MODE_READ_ONLY, false, NULL);
	assert_int_equal(await_in_force(), MODE_NORMAL);
}

H_TEST(messages_stay_until_they_are_changed)
{
	struct arena *a = arena_new();
	struct registry_modes m;

	await_set(MODE_READ_ONLY, true, "moving disks");
	await_set(MODE_MAINTENANCE, true, "back at noon");
	await_set(MODE_READ_ONLY, false, NULL);
	await_set(MODE_READ_ONLY, true, NULL);
	assert_int_equal(await_modes(h_db, a, &m), 0);
	assert_string_equal(m.read_only.message, "moving disks");
	assert_string_equal(m.maintenance.message, "back at noon");
	await_set(MODE_READ_ONLY, false, "");
	await_set(MODE_MAINTENANCE, false, "");
	assert_int_equal(await_modes(h_db, a, &m), 0);
	assert_string_equal(m.read_only.message, "");
	assert_string_equal(m.maintenance.message, "");
	arena_free(a);
}

/* One row each for a change, none for what changes nothing. */
H_TEST(changes_are_recorded)
{
	const char *audit = "SELECT count(*) FROM audit WHERE action = 'registry.read_only' "
			    "AND actor_id = 7 AND token_id = 8 AND remote = '192.0.2.1' "
			    "AND request_id = 'test-rq' AND (detail->>'enabled')::boolean "
			    "AND detail->>'message' = 'why'";
	const char *event = "SELECT count(*) FROM event WHERE action = 'registry.read_only' "
			    "AND (detail->>'enabled')::boolean AND detail->>'message' = 'why'";

	await_set(MODE_READ_ONLY, true, "why");
	assert_int_equal(await_h_int(audit), 1);
	assert_int_equal(await_h_int(event), 1);
	await_set(MODE_READ_ONLY, true, "why");
	await_set(MODE_READ_ONLY, true, NULL);
	assert_int_equal(await_h_int(audit), 1);
	assert_int_equal(await_h_int(event), 1);
	await_set(MODE_READ_ONLY, false, "");
	assert_int_equal(await_h_int("SELECT count(*) FROM audit JOIN event "
				     "ON audit.at = event.at AND audit.action = event.action "
				     "WHERE audit.action LIKE 'registry.%' "
				     "AND NOT (audit.detail->>'enabled')::boolean "
				     "AND audit.detail->>'message' = ''"),
			 5);
}

/* Whoever asks, and whatever the answer about him is. */
H_TEST(lookups_bring_the_mode)
{
	const struct credential nobody = {.form = CREDENTIAL_NONE};
	struct credential unknown = {.form = CREDENTIAL_HASH};
	struct authorization z;
	struct caller c;

	await_set(MODE_READ_ONLY, true, NULL);
	assert_int_equal(await_authorize(h_db, &nobody, "no", "thing", NULL, &z), 0);
	assert_int_equal(z.caller.mode, MODE_READ_ONLY);
	await_set(MODE_READ_ONLY, false, NULL);
	await_set(MODE_MAINTENANCE, true, NULL);
	assert_int_equal(mode_seen(h_db), MODE_READ_ONLY);
	assert_int_equal(await_caller(h_db, &nobody, &c), 0); /* which asks nobody */
	assert_int_equal(c.mode, MODE_READ_ONLY);
	assert_int_equal(await_caller(h_db, &unknown, &c), 0);
	assert_int_equal(c.state, CALLER_UNKNOWN);
	assert_int_equal(c.mode, MODE_MAINTENANCE);
	assert_int_equal(await_authorize(h_db, &unknown, "no", "thing", NULL, &z), 0);
	assert_int_equal(z.caller.mode, MODE_MAINTENANCE);
	assert_int_equal(mode_seen(h_db), MODE_MAINTENANCE);
	await_set(MODE_MAINTENANCE, false, NULL);
	assert_int_equal(await_caller(h_db, &unknown, &c), 0);
	assert_int_equal(c.mode, MODE_NORMAL);
}

struct ask {
	struct arena *arena;
	struct registry_modes modes;
	int rc;
};

static void await_ask(void *arg)
{
	struct ask *q = arg;

	q->rc = await_modes(h_db, q->arena, &q->modes);
}

/* A registry that says no to everybody asks a few times for many. */
H_TEST(many_ask_at_once)
{
	static struct ask q[300];
	uint64_t before = batch_flights(h_db->modes);
	struct arena *a = arena_new();

	await_set(MODE_MAINTENANCE, true, "wait");
	for (int i = 0; i < 300; i++)
		q[i].arena = a;
	await_h_all(await_ask, q, sizeof(q[0]), 300);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(q[i].rc, 0);
		assert_true(q[i].modes.maintenance.on);
		assert_string_equal(q[i].modes.maintenance.message, "wait");
	}
	arena_free(a);
	assert_in_range(batch_flights(h_db->modes) - before, 2, 8);
	await_set(MODE_MAINTENANCE, false, "");
	assert_int_equal(await_in_force(), MODE_NORMAL);
}

static void on_map(void *arg, const struct cluster_view *view)
{
	(void)arg, (void)view;
}

/* Also where nobody asks, and before there is a cluster map. */
H_TEST(the_watch_sees_the_mode)
{
	struct map_watch *w;

	assert_int_equal(mode_seen(h_db), MODE_NORMAL);
	await_set(MODE_READ_ONLY, true, NULL);
	w = map_watch_new(h_db, on_map, NULL);
	for (int i = 0; i < 1000 && mode_seen(h_db) != MODE_READ_ONLY; i++)
		assert_int_equal(await_sleep(20), 0);
	assert_int_equal(mode_seen(h_db), MODE_READ_ONLY);
	map_watch_free(w);
	await_set(MODE_READ_ONLY, false, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_registry_is_in_no_mode),
		cmocka_unit_test(maintenance_is_the_stronger_one),
		cmocka_unit_test(messages_stay_until_they_are_changed),
		cmocka_unit_test(changes_are_recorded),
		cmocka_unit_test(lookups_bring_the_mode),
		cmocka_unit_test(many_ask_at_once),
		cmocka_unit_test(the_watch_sees_the_mode),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
