/* Versions that are deleted and restored, alone, with what needs them, and while others push.
 */
#include <stdio.h>
#include <string.h>

#include "metadb/collect.h"
#include "metadb/consistency.h"
#include "metadb/deletes.h"
#include "metadb/manifests.h"
#include "metadb/package_detail.h"
#include "metadb/pg_tx.h"
#include "metadb/version_deletes.h"
#include "metadb/versions.h"
#include "tests/db/harness.h"

#define ROUNDS 24
#define HOUR   3600000

static struct actor alice;

/* No index without its children, no tag of what is deleted, nothing deferred for nothing. */
static void await_sound(void)
{
	static const char *const about[] = {"index_needs_a_manifest_that_is_gone",
					    "tag_of_a_deleted_manifest",
					    "deferred_manifest_that_no_index_needs"};
	struct row_check check[ROW_CHECKS_MAX];
	int seen = 0, n = await_row_checks(h_db, check);

	assert_true(n > 0);
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < sizeof(about) / sizeof(about[0]); j++)
			if (strcmp(check[i].name, about[j]) == 0) {
				assert_int_equal(check[i].count, 0);
				seen++;
			}
	assert_int_equal(seen, 3);
}

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

/* What is pushed: an image, or an index of `child`; `about` is its subject. */
struct pushed {
	const char *name;
	int64_t package;
	const char *text;
	const char *tag;
	const char *child;
	const char *about;
	int delay;
	int rc;
	int64_t id;
};

static void push(void *arg)
{
	struct pushed *p = arg;
	struct digest child = h_digest(p->child != NULL ? p->child : "");
	struct digest about = h_digest(p->about != NULL ? p->about : "");
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = p->name,
			   .package_id = p->package,
			   .published = p->package != 0},
		.digest = h_digest(p->text),
		.bytes = {p->text, strlen(p->text)},
		.media_type = p->child != NULL ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST,
		.kind = p->child != NULL ? MANIFEST_INDEX : MANIFEST_IMAGE,
		.tags = &p->tag,
		.tags_count = p->tag != NULL,
		.children = &child,
		.children_count = p->child != NULL,
		.subject = p->about != NULL ? &about : NULL,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_sleep(p->delay), 0);
	p->rc = await_manifest_put(h_db, a, &alice, &m, &put);
	p->id = put.manifest_id;
	if (p->package == 0)
		p->package = put.package_id;
	arena_free(a);
}

static int64_t await_push(const char *name, int64_t *package, const char *text, const char *tag,
			  const char *child)
{
	struct pushed p = {
		.name = name, .package = *package, .text = text, .tag = tag, .child = child};

	push(&p);
	assert_int_equal(p.rc, 0);
	*package = p.package;
	return p.id;
}

/* A deletion of one version by its id; by_registry: by its digest, as /v2 does. */
struct removal {
	int64_t package;
	int64_t id;
	enum version_mode mode;
	bool anyway;
	const char *by_registry;
	int delay;
	int rc;
	size_t deleted, deferred;
};

static void remove_one(void *arg)
{
	struct removal *r = arg;
	struct arena *a = arena_new();
	struct version_removal v = {
		.package_id = r->package, .id = r->id, .mode = r->mode, .anyway = r->anyway};
	struct version_effects found;
	struct digest d, by;

	assert_int_equal(await_sleep(r->delay), 0);
	r->deleted = r->deferred = 0;
	if (r->by_registry != NULL) {
		d = h_digest(r->by_registry);
		r->rc = await_manifest_delete(h_db, &alice, r->package, &d, &by);
	} else {
		r->rc = await_version_remove(h_db, a, &alice, &v, &found);
		for (size_t i = 0; r->rc == 0 && i < found.count; i++) {
			r->deleted += found.effect[i].what == EFFECT_DELETED;
			r->deferred += found.effect[i].what == EFFECT_DEFERRED;
		}
	}
	arena_free(a);
}

static struct removal await_remove(int64_t package, int64_t id, enum version_mode mode)
{
	struct removal r = {.package = package, .id = id, .mode = mode, .anyway = true};

	remove_one(&r);
	return r;
}

static int await_pull(int64_t package, const char *text)
{
	struct reference ref = {.is_digest = true, .digest = h_digest(text)};
	struct arena *a = arena_new();
	struct manifest_info m;
	int rc = await_manifest_find(h_db, a, package, &ref, &m);

	arena_free(a);
	return rc;
}

static int64_t await_count(int64_t package, bool deleted)
{
	struct arena *a = arena_new();
	struct version_filter f = {.package_id = package, .deleted = deleted};
	struct version_list list;
	int64_t total;

	assert_int_equal(
		await_version_list(h_db, a, &f, &(struct list_part){0, 9}, &list, &total), 0);
	assert_int_equal(list.count, total);
	arena_free(a);
	return total;
}

H_TEST(of_the_last_two_tagged_ones_one_stays)
{
	for (int round = 0; round < ROUNDS / 2; round++) {
		char name[16];
		struct removal two[2];
		int64_t package = 0;

		memset(two, 0, sizeof(two));
		snprintf(name, sizeof(name), "pair-%d", round);
		two[0].id = await_push(name, &package, "{one}", "one", NULL);
		two[1].id = await_push(name, &package, "{two}", "two", NULL);
		two[0].package = two[1].package = package;
		await_h_all(remove_one, two, sizeof(two[0]), 2);
		assert_int_equal(two[0].rc + two[1].rc, VERSION_LAST);
		assert_int_equal(two[0].rc * two[1].rc, 0);
	}
	assert_int_equal(await_h_int("SELECT count(*) FROM tag t JOIN package p "
				     "ON p.id = t.package_id WHERE p.name LIKE 'pair-%'"),
			 ROUNDS / 2);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit a JOIN event e "
				     "ON e.package_id = a.package_id AND e.action = a.action "
				     "WHERE a.action = 'manifest.delete'"),
			 ROUNDS / 2);
}

H_TEST(what_comes_back)
{
	struct arena *a = arena_new();
	int64_t package = 0, id = await_push("back", &package, "{back}", "kept", NULL);
	struct removal r = {.package = package, .id = id};
	struct version_filter gone = {.package_id = package, .deleted = true};
	struct version_list list;
	struct version found;
	int64_t total;

	assert_int_equal(await_version_restore(h_db, &alice, package, id), ERR_NOT_FOUND);
	remove_one(&r);
	assert_int_equal(r.rc, VERSION_LAST);
	assert_int_equal(await_remove(package + 1, id, VERSION_DEFER).rc, ERR_NOT_FOUND);
	assert_int_equal(await_remove(package, id, VERSION_DEFER).rc, 0);
	assert_int_equal(await_version_restore(h_db, &alice, package + 1, id), ERR_NOT_FOUND);
	assert_int_equal(
		await_version_list(h_db, a, &gone, &(struct list_part){0, 1}, &list, &total),
		0);
	assert_string_equal(list.version[0].tags, "[\"kept\"]");
	assert_int_equal(await_version_restore(h_db, &alice, package, id), 0);
	assert_int_equal(await_version_find(h_db, a, package, id, &found), 0);
	assert_string_equal(found.tags, "[\"kept\"]");
	assert_int_equal(await_h_int("SELECT count(*) FROM audit "
				     "WHERE action = 'manifest.restore'"),
			 1);
	arena_free(a);
}

/* It is out of the list, with its tag, and goes with the last of two indexes. */
H_TEST(what_is_needed_waits_for_its_last_index)
{
	struct arena *a = arena_new();
	int64_t package = 0, child = await_push("waits", &package, "{child}", "c", NULL);
	int64_t first = await_push("waits", &package, "{first}", "a", "{child}");
	int64_t second = await_push("waits", &package, "{second}", "b", "{child}");
	struct version_filter gone = {.package_id = package, .deleted = true};
	struct version_list list;
	struct version found;
	struct removal r;
	int64_t total;

	assert_int_equal(await_remove(package, child, VERSION_REFUSE).rc, ERR_CONFLICT);
	r = await_remove(package, child, VERSION_DEFER);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.deferred * 10 + r.deleted, 10);
	assert_int_equal(await_pull(package, "{child}"), 0);
	assert_int_equal(await_version_find(h_db, a, package, child, &found), ERR_NOT_FOUND);
	assert_int_equal(await_remove(package, child, VERSION_DEFER).rc, ERR_NOT_FOUND);
	assert_int_equal(await_count(package, false), 2);
	assert_int_equal(await_count(package, true), 1);
	assert_int_equal(
		await_version_list(h_db, a, &gone, &(struct list_part){0, 9}, &list, &total),
		0);
	assert_int_equal(list.count, 1);
	assert_true(list.version[0].deleted_at != 0);
	assert_string_equal(list.version[0].tags, "[\"c\"]");
	assert_string_not_equal(list.version[0].parents, "[]");
	r = (struct removal){.package = package, .by_registry = "{child}"};
	remove_one(&r);
	assert_int_equal(r.rc, ERR_CONFLICT);
	assert_int_equal(await_remove(package, second, VERSION_DEFER).deleted, 1);
	assert_int_equal(await_pull(package, "{child}"), 0);
	r = (struct removal){.package = package, .by_registry = "{first}"};
	remove_one(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(await_pull(package, "{child}"), ERR_NOT_FOUND);
	await_sound();
	assert_int_equal(await_version_restore(h_db, &alice, package, first), 0);
	assert_int_equal(await_count(package, false), 2);
	arena_free(a);
}

/* By a restore, with its tag, and by a push. */
H_TEST(what_waits_can_be_had_back)
{
	struct arena *a = arena_new();
	int64_t package = 0, child = await_push("had", &package, "{child}", "c", NULL);
	int64_t index = await_push("had", &package, "{index}", "a", "{child}");
	struct version found;

	assert_int_equal(await_remove(package, child, VERSION_DEFER).deferred, 1);
	assert_int_equal(await_version_restore(h_db, &alice, package, child), 0);
	assert_int_equal(await_version_restore(h_db, &alice, package, child), ERR_NOT_FOUND);
	assert_int_equal(await_version_find(h_db, a, package, child, &found), 0);
	assert_string_equal(found.tags, "[\"c\"]");
	assert_int_equal(await_remove(package, child, VERSION_DEFER).deferred, 1);
	assert_int_equal(await_push("had", &package, "{child}", NULL, NULL), child);
	assert_int_equal(await_version_find(h_db, a, package, child, &found), 0);
	assert_int_equal(await_remove(package, index, VERSION_DEFER).deleted, 1);
	assert_int_equal(await_pull(package, "{child}"), 0);
	arena_free(a);
}

/* Upwards through indexes of indexes, and what is about any of them; nothing beside. */
H_TEST(a_cascade_takes_what_needs_it_and_what_is_about_it)
{
	struct arena *a = arena_new();
	struct digest d = h_digest("{child}");
	int64_t package = 0, child = await_push("all", &package, "{child}", NULL, NULL);
	struct pushed signature = {
		.name = "all", .package = package, .text = "{signature}", .about = "{inner}"};
	struct version_removal v = {.package_id = package, .id = child, .dry = true};
	struct version_effects found;
	const char *name = arena_printf(a, "sha256-%s.sig", digest_str(a, &d) + 7);

	await_push("all", &package, "{inner}", NULL, "{child}");
	await_push("all", &package, "{outer}", "v1", "{inner}");
	await_push("all", &package, "{old signature}", name, NULL);
	await_push("all", &package, "{other}", "other", NULL);
	push(&signature);
	assert_int_equal(signature.rc, 0);
	v.mode = VERSION_CASCADE;
	assert_int_equal(await_version_remove(h_db, a, &alice, &v, &found), 0);
	assert_int_equal(found.count, 5);
	assert_int_equal(await_count(package, true), 0);
	assert_int_equal(await_remove(package, child, VERSION_CASCADE).deleted, 5);
	assert_int_equal(await_count(package, false), 1);
	assert_int_equal(await_pull(package, "{other}"), 0);
	arena_free(a);
}

static int64_t await_collected(void)
{
	struct collected c;

	assert_int_equal(await_manifests_collect(h_db, HOUR, &c), 0);
	return c.gone;
}

/* Long before the window is over; a child after its index. */
H_TEST(what_is_purged_is_not_restored)
{
	struct actor stranger = {.account_id = await_h_user("stranger")};
	int64_t package = 0, child = await_push("purged", &package, "{child}", "c", NULL);
	int64_t index = await_push("purged", &package, "{index}", "a", "{child}");
	struct digest by;

	assert_int_equal(await_version_purge(h_db, &alice, package, index, &by), ERR_NOT_FOUND);
	assert_int_equal(await_remove(package, child, VERSION_DEFER).deferred, 1);
	assert_int_equal(await_version_purge(h_db, &alice, package, child, &by), ERR_CONFLICT);
	assert_int_equal(await_remove(package, index, VERSION_DEFER).deleted, 2);
	assert_int_equal(await_version_purge(h_db, &alice, package, child, &by), ERR_CONFLICT);
	assert_int_equal(await_collected(), 0);
	assert_int_equal(await_version_purge(h_db, &stranger, package, index, &by), ERR_DENIED);
	assert_int_equal(await_version_purge(h_db, &alice, package, index, &by), 0);
	assert_int_equal(await_version_purge(h_db, &alice, package, index, &by), ERR_NOT_FOUND);
	assert_int_equal(await_version_restore(h_db, &alice, package, index), ERR_NOT_FOUND);
	assert_int_equal(await_count(package, true), 1);
	assert_int_equal(await_collected(), 1);
	assert_int_equal(await_version_purge(h_db, &alice, package, child, &by), 0);
	assert_int_equal(await_collected(), 1);
}

H_TEST(a_purged_package_takes_its_deleted_versions_along)
{
	struct actor stranger = {.account_id = alice.account_id + 1000};
	struct collected c;
	int64_t package = 0, old = await_push("whole", &package, "{old}", "old", NULL);

	await_push("whole", &package, "{child}", NULL, NULL);
	await_push("whole", &package, "{index}", "v1", "{child}");
	assert_int_equal(await_remove(package, old, VERSION_DEFER).deleted, 1);
	assert_int_equal(await_package_purge(h_db, &alice, package), ERR_NOT_FOUND);
	assert_int_equal(await_package_delete(h_db, &alice, package), 0);
	assert_int_equal(await_package_purge(h_db, &stranger, package), ERR_DENIED);
	assert_int_equal(await_package_purge(h_db, &alice, package), 0);
	assert_int_equal(await_package_restore(h_db, &alice, package), ERR_NOT_FOUND);
	for (int i = 0; i < 4; i++)
		assert_int_equal(await_packages_collect(h_db, HOUR, &c), 0);
	assert_int_equal(await_collected() + await_collected(), 3);
}

/* One of those that go at once. */
struct turn {
	struct removal *removal;
	struct pushed *push;
};

static void take_turn(void *arg)
{
	struct turn *t = arg;

	if (t->removal != NULL)
		remove_one(t->removal);
	else
		push(t->push);
}

/* Two deletions, of a child and of its index, and the push of an index, that one or another. */
H_TEST(deletions_race_each_other_and_a_push)
{
	for (int round = 0; round < ROUNDS * 2; round++) {
		char name[16];
		int64_t package = 0;
		struct removal two[2] = {{.anyway = true, .delay = round % 4},
					 {.anyway = true, .delay = round % 3}};
		struct pushed p = {.name = name,
				   .text = round % 2 == 0 ? "{new}" : "{index}",
				   .tag = "new",
				   .child = "{child}",
				   .delay = round % 5};
		struct turn turn[3] = {
			{.removal = &two[0]}, {.removal = &two[1]}, {.push = &p}};

		snprintf(name, sizeof(name), "race-%d", round);
		two[0].id = await_push(name, &package, "{child}", "c", NULL);
		two[1].id = await_push(name, &package, "{index}", "a", "{child}");
		two[0].package = two[1].package = p.package = package;
		two[1].by_registry = round % 3 == 0 ? "{index}" : NULL;
		await_h_all(take_turn, turn, sizeof(turn[0]), 3);
		assert_int_equal(two[0].rc, 0);
		assert_int_equal(two[1].rc, 0);
		assert_true(p.rc == 0 || p.rc == ERR_NOT_FOUND);
		if (await_pull(package, p.text) == 0)
			assert_int_equal(await_pull(package, "{child}"), 0);
		await_sound();
	}
}

/* A push that has its child locked and is not finished yet. */
struct slow_push {
	long long package;
	bool begun;
};

static void push_slowly(void *arg)
{
	struct slow_push *p = arg;
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	pg_bind_int8(pg_tx_add(tx, "SELECT children_missing($1, '{1}', "
				   "ARRAY[sha256('{child}')])"),
		     p->package);
	pg_bind_int8(pg_tx_add(tx, "INSERT INTO manifest (package_id, algorithm, digest, kind, "
				   "media_type, size, pushed_by, bytes) VALUES ($1, 1, "
				   "sha256('{slow}'), 2, 'x', 6, 1, '{slow}')"),
		     p->package);
	pg_bind_int8(pg_tx_add(tx, "INSERT INTO manifest_child SELECT m.id, $1, 1, "
				   "sha256('{child}') FROM manifest m WHERE m.package_id = $1 "
				   "AND m.digest = sha256('{slow}')"),
		     p->package);
	assert_int_equal(await_pg_tx(tx), 0);
	p->begun = true;
	while (await_h_int("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		assert_int_equal(await_sleep(1), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

struct late_removal {
	struct removal removal;
	const struct slow_push *push;
};

static void remove_meanwhile(void *arg)
{
	struct late_removal *r = arg;

	while (!r->push->begun)
		assert_int_equal(await_sleep(1), 0);
	remove_one(&r->removal);
}

struct either {
	struct slow_push *push;
	struct late_removal *removal;
};

static void take_either(void *arg)
{
	struct either *e = arg;

	if (e->push != NULL)
		push_slowly(e->push);
	else
		remove_meanwhile(e->removal);
}

/* The deletion of the last index, and that of the child itself, wait for it and look again. */
H_TEST(an_index_that_is_being_pushed_keeps_its_child)
{
	for (int last = 0; last < 2; last++) {
		const char *name = last == 0 ? "slow-child" : "slow-index";
		int64_t package = 0, child = await_push(name, &package, "{child}", NULL, NULL);
		int64_t index = await_push(name, &package, "{index}", "a", "{child}");
		struct slow_push p = {.package = package};
		struct late_removal r = {.push = &p,
					 .removal = {.package = package, .anyway = true}};
		struct either both[2] = {{.push = &p}, {.removal = &r}};

		if (last == 1)
			assert_int_equal(await_remove(package, child, VERSION_DEFER).deferred,
					 1);
		else
			assert_int_equal(await_remove(package, index, VERSION_DEFER).deleted,
					 1);
		r.removal.id = last == 1 ? index : child;
		await_h_all(take_either, both, sizeof(both[0]), 2);
		assert_int_equal(r.removal.rc, 0);
		assert_int_equal(r.removal.deleted, last);
		assert_int_equal(r.removal.deferred, 1 - last);
		assert_int_equal(await_pull(package, "{child}"), 0);
		await_sound();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(of_the_last_two_tagged_ones_one_stays),
		cmocka_unit_test(what_comes_back),
		cmocka_unit_test(what_is_needed_waits_for_its_last_index),
		cmocka_unit_test(what_waits_can_be_had_back),
		cmocka_unit_test(a_cascade_takes_what_needs_it_and_what_is_about_it),
		cmocka_unit_test(what_is_purged_is_not_restored),
		cmocka_unit_test(a_purged_package_takes_its_deleted_versions_along),
		cmocka_unit_test(deletions_race_each_other_and_a_push),
		cmocka_unit_test(an_index_that_is_being_pushed_keeps_its_child),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
