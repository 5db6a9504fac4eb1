/* Indexes whose children are not all there: what they hold, and that a child that comes is
 * never overlooked. */
#include <string.h>

#include "metadb/collect.h"
#include "metadb/consistency.h"
#include "metadb/deletes.h"
#include "metadb/lookups.h"
#include "metadb/manifests.h"
#include "metadb/version_deletes.h"
#include "tests/db/harness.h"

#define ROUNDS 24

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static struct manifest_new image(const char *text, const char *name)
{
	return (struct manifest_new){
		.target = {.namespace_id = alice.account_id, .name = name},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
	};
}

static struct manifest_new index_of(const char *text, const char *name,
				    const struct digest *children, size_t count)
{
	struct manifest_new m = image(text, name);

	m.media_type = MEDIA_OCI_INDEX;
	m.kind = MANIFEST_INDEX;
	m.children = children;
	m.children_count = count;
	m.sparse = true;
	return m;
}

/* Something to do after a moment, in a task of its own. */
struct move {
	enum { PUT, DELETE, RESTORE } what;
	int delay;
	struct manifest_new m;
	int64_t package;
	int64_t id;
	struct manifest_put put;
	int rc;
};

static void make_move(void *arg)
{
	struct move *v = arg;
	struct arena *a = arena_new();
	struct digest by;

	assert_int_equal(await_sleep(v->delay), 0);
	if (v->what == PUT)
		v->rc = await_manifest_put(h_db, a, &alice, &v->m, &v->put);
	else if (v->what == DELETE)
		v->rc = await_manifest_delete(h_db, &alice, v->package, &v->m.digest, &by);
	else
		v->rc = await_version_restore(h_db, &alice, v->package, v->id);
	arena_free(a);
}

static struct manifest_put await_put(struct manifest_new m, int64_t package)
{
	struct move v = {.what = PUT, .m = m};

	v.m.target.package_id = package;
	v.m.target.published = package != 0;
	make_move(&v);
	assert_int_equal(v.rc, 0);
	return v.put;
}

static int await_delete(int64_t package, const struct digest *digest)
{
	struct move v = {.what = DELETE, .package = package, .m.digest = *digest};

	make_move(&v);
	return v.rc;
}

static int await_find(int64_t package, const struct digest *digest)
{
	struct reference ref = {.is_digest = true, .digest = *digest};
	struct arena *a = arena_new();
	struct manifest_info info;
	int rc = await_manifest_find(h_db, a, package, &ref, &info);

	arena_free(a);
	return rc;
}

/* Of all indexes. */
static void await_children(int64_t there, int64_t absent)
{
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest_child"), there);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest_absent"), absent);
}

static void await_consistent(void)
{
	struct row_check check[ROW_CHECKS_MAX];
	int count = await_row_checks(h_db, check);

	assert_true(count > 0);
	for (int i = 0; i < count; i++)
		if (check[i].count != 0)
			fail_msg("%s: %ld", check[i].name, (long)check[i].count);
}

static void await_clear(void)
{
	await_h_sql("DELETE FROM tag");
	await_h_sql("DELETE FROM manifest_child");
	await_h_sql("DELETE FROM manifest");
	await_children(0, 0);
}

H_TEST(children_come_later)
{
	struct digest child[] = {h_digest("{one}"), h_digest("{two}"), h_digest("{three}")};
	int64_t package = await_put(image("{one}", "later"), 0).package_id;
	struct digest top = h_digest("{index}");
	struct manifest_put put;

	put = await_put(index_of("{index}", "later", child, 3), package);
	assert_true(put.created);
	assert_int_equal(put.missing_children_count, 0);
	await_children(1, 2);
	assert_int_equal(await_find(package, &top), 0);
	assert_int_equal(await_find(package, &child[1]), ERR_NOT_FOUND);
	assert_int_equal(await_delete(package, &child[1]), ERR_NOT_FOUND);
	assert_int_equal(await_delete(package, &child[0]), ERR_CONFLICT);
	/* the same again changes nothing */
	assert_false(await_put(index_of("{index}", "later", child, 3), package).created);
	await_children(1, 2);
	await_consistent();
	await_put(image("{two}", "later"), package);
	await_children(2, 1);
	assert_int_equal(await_delete(package, &child[1]), ERR_CONFLICT);
	await_put(image("{three}", "later"), package);
	await_children(3, 0);
	await_consistent();
	await_clear();
}

H_TEST(an_index_alone_makes_the_package)
{
	struct digest child = h_digest("{lone child}");
	struct manifest_put put = await_put(index_of("{lone}", "lone", &child, 1), 0);

	assert_true(put.published);
	await_children(0, 1);
	/* the same digest in another package is another manifest */
	await_put(image("{lone child}", "neighbour"), 0);
	await_children(0, 1);
	await_consistent();
	await_clear();
}

H_TEST(missing_blobs_and_children_are_refused_as_ever)
{
	struct digest child = h_digest("{refused child}"), blob = h_digest("no such blob");
	struct move v = {.m = index_of("{refused}", "refused", &child, 1)};

	v.m.blobs = &blob;
	v.m.blobs_count = 1;
	make_move(&v);
	assert_int_equal(v.rc, ERR_NOT_FOUND);
	v.m.blobs_count = 0;
	v.m.sparse = false;
	make_move(&v);
	assert_int_equal(v.rc, ERR_NOT_FOUND);
	await_children(0, 0);
}

H_TEST(deleted_children_are_absent_until_they_are_restored)
{
	struct digest child[] = {h_digest("{gone}"), h_digest("{stays}")};
	struct manifest_put gone = await_put(image("{gone}", "gone"), 0);
	int64_t package = gone.package_id;

	await_put(image("{stays}", "gone"), package);
	assert_int_equal(await_delete(package, &child[0]), 0);
	await_put(index_of("{index}", "gone", child, 2), package);
	await_children(1, 1);
	await_consistent();
	assert_int_equal(await_version_restore(h_db, &alice, package, gone.manifest_id), 0);
	await_children(2, 0);
	await_consistent();
	await_clear();
}

/* It had the child; both were deleted; it comes back without. */
H_TEST(an_index_comes_back_without_its_child)
{
	struct digest child = h_digest("{child}"), top = h_digest("{index}");
	int64_t package = await_put(image("{child}", "back"), 0).package_id;
	struct collected c;

	await_put(index_of("{index}", "back", &child, 1), package);
	await_children(1, 0);
	assert_int_equal(await_delete(package, &top), 0);
	assert_int_equal(await_delete(package, &child), 0);
	assert_true(await_put(index_of("{index}", "back", &child, 1), package).created);
	await_children(0, 1);
	await_consistent();
	/* nothing holds the child now */
	assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 1);
	assert_true(await_put(image("{child}", "back"), package).created);
	await_children(1, 0);
	await_consistent();
	await_clear();
}

H_TEST(what_an_index_missed_goes_with_it)
{
	struct digest child = h_digest("{never}"), top = h_digest("{index}");
	int64_t package = await_put(index_of("{index}", "with", &child, 1), 0).package_id;
	struct collected c;

	assert_int_equal(await_delete(package, &top), 0);
	assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 0);
	await_children(0, 0);
}

/* Children of a package that was there before: pushes of it all and of parts, at once. */
H_TEST(a_child_that_comes_meanwhile_is_not_overlooked)
{
	struct digest child[] = {h_digest("{a}"), h_digest("{b}"), h_digest("{c}")};
	struct digest outer[] = {h_digest("{inner}"), child[2]};
	int64_t package = await_put(image("{first}", "race"), 0).package_id;

	for (int round = 0; round < ROUNDS; round++) {
		struct move v[] = {
			{.m = index_of("{outer}", "race", outer, 2)},
			{.m = index_of("{inner}", "race", child, 3)},
			{.m = image("{a}", "race")},
			{.m = image("{b}", "race")},
			{.m = image("{c}", "race")},
		};

		for (int i = 0; i < 5; i++) {
			v[i].m.target.package_id = package;
			v[i].m.target.published = true;
			v[i].delay = (round >> i & 1) + (i + round) % 3;
		}
		await_h_all(make_move, v, sizeof(v[0]), 5);
		for (int i = 0; i < 5; i++)
			assert_int_equal(v[i].rc, 0);
		await_children(5, 0);
		await_consistent();
		await_clear();
	}
}

H_TEST(a_restore_or_a_deletion_meanwhile_is_not_overlooked)
{
	struct digest child[] = {h_digest("{x}"), h_digest("{y}")};

	for (int round = 0; round < ROUNDS; round++) {
		struct manifest_put x = await_put(image("{x}", "restore"), 0);
		struct move v[] = {
			{.m = index_of("{index}", "restore", child, 2), .delay = round % 3},
			{.what = RESTORE, .id = x.manifest_id, .delay = round % 4},
			{.what = DELETE, .m.digest = child[1], .delay = round % 5},
		};

		await_put(image("{y}", "restore"), x.package_id);
		assert_int_equal(await_delete(x.package_id, &child[0]), 0);
		for (int i = 0; i < 3; i++)
			v[i].package = x.package_id;
		v[0].m.target.package_id = x.package_id;
		v[0].m.target.published = true;
		await_h_all(make_move, v, sizeof(v[0]), 3);
		assert_int_equal(v[0].rc, 0);
		assert_int_equal(v[1].rc, 0);
		assert_true(v[2].rc == 0 || v[2].rc == ERR_CONFLICT);
		await_children(v[2].rc == 0 ? 1 : 2, v[2].rc == 0 ? 1 : 0);
		await_consistent();
		await_clear();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(children_come_later),
		cmocka_unit_test(an_index_alone_makes_the_package),
		cmocka_unit_test(missing_blobs_and_children_are_refused_as_ever),
		cmocka_unit_test(deleted_children_are_absent_until_they_are_restored),
		cmocka_unit_test(an_index_comes_back_without_its_child),
		cmocka_unit_test(what_an_index_missed_goes_with_it),
		cmocka_unit_test(a_child_that_comes_meanwhile_is_not_overlooked),
		cmocka_unit_test(a_restore_or_a_deletion_meanwhile_is_not_overlooked),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
