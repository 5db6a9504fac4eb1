/* Nodes, the first epoch, signing keys, and the watches over them. */
#include <stdio.h>
#include <string.h>

#include "metadb/cluster_rows.h"
#include "metadb/key_watch.h"
#include "tests/db/harness.h"

static struct node_notice notice(int i)
{
	struct node_notice n = {.incarnation = 1, .total = 1000, .used = 10};

	snprintf(n.uuid, sizeof(n.uuid), "00000000-0000-4000-8000-%012d", i);
	snprintf(n.name, sizeof(n.name), "storage-%d", i);
	snprintf(n.zone, sizeof(n.zone), "zone-%d", i);
	snprintf(n.control, sizeof(n.control), "127.0.0.1:%d", 7000 + i);
	snprintf(n.bulk, sizeof(n.bulk), "127.0.0.1:%d", 8000 + i);
	return n;
}

H_TEST(a_node_is_its_disk)
{
	struct node_notice n = notice(1);
	struct node_notice thief = notice(1);
	uint16_t id = 0;
	uint16_t same = 0;
	bool changed;

	assert_int_equal(await_node_register(h_db, &n, &id, &changed), 0);
	assert_true(id > 0 && changed);
	assert_int_equal(await_node_register(h_db, &n, &same, &changed), 0);
	assert_int_equal(same, id);
	assert_false(changed);
	n.incarnation = UINT64_MAX; /* any 64 bits */
	snprintf(n.control, sizeof(n.control), "127.0.0.1:7777");
	assert_int_equal(await_node_register(h_db, &n, &same, &changed), 0);
	assert_int_equal(same, id);
	assert_true(changed);
	/* an empty disk under the name of a live one */
	snprintf(thief.uuid, sizeof(thief.uuid), "11111111-0000-4000-8000-000000000001");
	assert_int_equal(await_node_register(h_db, &thief, &same, &changed), ERR_CONFLICT);
	snprintf(thief.uuid, sizeof(thief.uuid), "not a uuid");
	assert_int_equal(await_node_register(h_db, &thief, &same, &changed), ERR_SYNTAX);
	await_h_sql("INSERT INTO node (uuid, name, zone, control, bulk, retired_at) VALUES "
		    "('22222222-0000-4000-8000-000000000001', 'storage-9', '', '', '', now())");
	snprintf(thief.uuid, sizeof(thief.uuid), "22222222-0000-4000-8000-000000000001");
	snprintf(thief.name, sizeof(thief.name), "storage-9");
	assert_int_equal(await_node_register(h_db, &thief, &same, &changed), ERR_DENIED);
	snprintf(thief.uuid, sizeof(thief.uuid), "33333333-0000-4000-8000-000000000001");
	assert_int_equal(await_node_register(h_db, &thief, &same, &changed), 0);
}

struct registration {
	uint16_t id;
	int rc;
};

static void register_one(void *arg)
{
	struct registration *r = arg;
	struct node_notice n = notice(2);
	bool changed;

	r->rc = await_node_register(h_db, &n, &r->id, &changed);
}

H_TEST(two_keepers_hear_one_new_daemon)
{
	struct registration r[6];

	await_h_all(register_one, r, sizeof(r[0]), 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(r[i].rc, 0);
		assert_int_equal(r[i].id, r[0].id);
	}
}

static const char *const names[] = {"storage-1", "storage-2", "storage-3"};

struct epoch {
	int rc;
};

static void epoch_one(void *arg)
{
	struct epoch *e = arg;

	e->rc = await_first_epoch(h_db, names, 3, 0);
}

static int views;

static void on_view(void *arg, const struct cluster_view *view)
{
	(void)arg;
	(void)view;
	views++;
}

H_TEST(the_first_epoch_comes_once_all_are_there)
{
	struct map_watch *watch = map_watch_new(h_db, on_view, NULL);
	struct node_notice n = notice(3);
	const struct cluster_view *v;
	struct cluster_figures figures;
	struct epoch e[4];
	uint16_t id;
	bool changed;
	int written = 0;

	assert_int_equal(await_first_epoch(h_db, names, 3, 0), 0);
	assert_int_equal(await_sleep(300), 0);
	assert_null(map_watch_view(watch));
	assert_int_equal(await_node_register(h_db, &n, &id, &changed), 0);
	assert_int_equal(await_first_epoch(h_db, names, 3, 4), ERR_LIMIT);
	await_h_all(epoch_one, e, sizeof(e[0]), 4);
	for (int i = 0; i < 4; i++) {
		assert_true(e[i].rc == 0 || e[i].rc == 1);
		written += e[i].rc;
	}
	assert_int_equal(written, 1);
	assert_int_equal(await_first_epoch(h_db, names, 3, 0), 0);
	map_watch_poke(watch);
	assert_int_equal(await_sleep(1000), 0);
	v = map_watch_view(watch);
	assert_non_null(v);
	assert_int_equal(views, 1);
	assert_int_equal(v->map.epoch, 1);
	assert_int_equal(v->map.replicas, 3);
	assert_int_equal(v->node_count, 4);
	assert_string_equal(v->node[0].name, "storage-1");
	assert_string_equal(v->node[0].control, "127.0.0.1:7777");
	assert_true(v->node[0].alive);
	assert_int_equal(strlen(v->cluster_uuid), 36);
	for (unsigned p = 0; p < PARTITIONS; p += 1000)
		assert_true(map_is_member(&v->map, p, v->node[0].id));
	/* a new address is seen, an unchanged one does not call again */
	await_h_sql("UPDATE node SET bulk = '127.0.0.1:9999' WHERE name = 'storage-2'");
	map_watch_poke(watch);
	assert_int_equal(await_sleep(1000), 0);
	assert_int_equal(views, 2);
	map_watch_poke(watch);
	assert_int_equal(await_sleep(1000), 0);
	assert_int_equal(views, 2);
	assert_int_equal(map_watch_view(watch)->map.epoch, 1);
	map_watch_free(watch);
	assert_int_equal(await_cluster_figures(h_db, &figures), 0);
	assert_int_equal(figures.epoch, 1);
	assert_int_equal(figures.nodes, 4);
	assert_int_equal(figures.partitions_owing, 0);
}

struct rotation {
	int rc;
};

static void rotate_one(void *arg)
{
	struct rotation *r = arg;

	r->rc = await_signing_key_rotate(h_db);
}

H_TEST(keys_come_in_two_generations)
{
	struct key_watch *watch = key_watch_new(h_db);
	const struct signing_key *key;
	struct rotation r[4];
	int made = 0;
	int64_t now;
	int64_t first;

	assert_int_equal(await_key_watch_refresh(watch), 0);
	now = await_h_int("SELECT extract(epoch FROM now())::bigint");
	assert_null(key_watch_signer(watch, now));
	await_h_all(rotate_one, r, sizeof(r[0]), 4);
	for (int i = 0; i < 4; i++)
		made += r[i].rc;
	assert_int_equal(made, 1);
	assert_int_equal(await_sleep(1100), 0);
	assert_int_equal(await_key_watch_refresh(watch), 0);
	now++;
	key = key_watch_signer(watch, now);
	assert_non_null(key);
	first = key->id;
	assert_true(key->expires_at - key->signs_from == 60 * 86400);
	/* thirty days later there is a second one, which waits before it signs */
	await_h_sql("UPDATE signing_key SET signs_from = now() - interval '30 days', "
		    "expires_at = now() + interval '30 days'");
	assert_int_equal(await_signing_key_rotate(h_db), 1);
	assert_int_equal(await_signing_key_rotate(h_db), 0);
	assert_int_equal(await_sleep(1100), 0);
	assert_int_equal(await_key_watch_refresh(watch), 0);
	assert_int_equal(key_watch_signer(watch, now)->id, first);
	assert_true(key_watch_signer(watch, now + 3600)->id > first);
	assert_non_null(key_watch_find(watch, first, now + 3600));
	assert_null(key_watch_find(watch, first, now + 31 * 86400));
	assert_null(key_watch_find(watch, 4711, now));
	key_watch_free(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_its_disk),
		cmocka_unit_test(two_keepers_hear_one_new_daemon),
		cmocka_unit_test(the_first_epoch_comes_once_all_are_there),
		cmocka_unit_test(keys_come_in_two_generations),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
