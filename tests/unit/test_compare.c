/* What follows from rows and lists: pulls, drops, suspects, and when a partition is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metadb/keeper/compare.h"

static const uint16_t members[] = {1, 2, 3};

struct scene {
	struct arena *arena;
	struct partition_pair row[4];
	struct wire_pair copy[4][4];
	struct node_list list[4]; /* nodes 1 to 4; 4 is no member */
	int64_t open[2];
	struct compare_input in;
	struct comparison out;
};

/* Every node answered and holds nothing; no rows. */
static void scene_begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->arena = arena_new();
	for (int i = 0; i < 4; i++)
		s->list[i] = (struct node_list){(uint16_t)(i + 1), true, s->copy[i], 0};
	s->in = (struct compare_input){.member = members,
				       .replicas = 3,
				       .pair = s->row,
				       .open = s->open,
				       .list = s->list,
				       .lists = 4};
}

static struct partition_pair *add_row(struct scene *s, unsigned char name, uint64_t gen)
{
	struct partition_pair *row = &s->row[s->in.pairs++];

	memset(row->digest, name, sizeof(row->digest));
	row->gen = gen;
	row->len = 10;
	return row;
}

static void add_copy(struct scene *s, int node, unsigned char name, uint64_t gen)
{
	struct node_list *list = &s->list[node - 1];
	struct wire_pair *copy = &list->pair[list->count++];

	memset(copy->digest, name, sizeof(copy->digest));
	copy->gen = gen;
}

static void add_copies(struct scene *s, unsigned char name, uint64_t gen)
{
	for (int node = 1; node <= 3; node++)
		add_copy(s, node, name, gen);
}

static bool whole(struct scene *s)
{
	compare(s->arena, &s->in, &s->out);
	return comparison_whole(&s->out);
}

static void nothing_and_everything_are_whole(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	assert_true(whole(&s));
	add_row(&s, 'a', 1);
	add_row(&s, 'b', 2);
	add_copies(&s, 'a', 1);
	add_copies(&s, 'b', 2);
	assert_true(whole(&s));
	assert_int_equal(s.out.copies, 6);
	/* a node that is no member may be silent, a member may not */
	s.list[3].known = false;
	assert_true(whole(&s));
	assert_false(s.out.all_known);
	s.list[1].known = false;
	assert_false(whole(&s));
	assert_int_equal(s.out.pulls, 0);
	arena_free(s.arena);
}

static void what_a_member_lacks_is_pulled(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	add_row(&s, 'a', 7);
	add_copy(&s, 2, 'a', 7);
	assert_false(whole(&s));
	assert_int_equal(s.out.pulls, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s.out.pull[i].node, i == 0 ? 1 : 3);
		assert_int_equal(s.out.pull[i].source, 2);
		assert_int_equal(s.out.pull[i].pair.gen, 7);
		assert_int_equal(s.out.pull[i].pair.len, 10);
	}
	assert_int_equal(s.out.suspects, 0);
	arena_free(s.arena);
}

/* A foreign gen hides a loss: (a, 1) is gone everywhere, (a, 2) answers and will be purged. */
static void another_gen_is_missing_but_good_to_copy(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	add_row(&s, 'a', 1);
	add_row(&s, 'a', 2)->dead = true;
	add_copy(&s, 1, 'a', 2);
	assert_false(whole(&s));
	assert_int_equal(s.out.missing, 3);
	assert_int_equal(s.out.foreign, 2); /* node 1 cannot copy from itself */
	assert_int_equal(s.out.pulls, 2);
	assert_int_equal(s.out.pull[0].pair.gen, 1);
	assert_int_equal(s.out.suspects, 0);
	assert_int_equal(s.out.drops, 0);
	arena_free(s.arena);
}

static void nobody_has_it(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	add_row(&s, 'a', 1);
	add_row(&s, 'b', 1)->lost = true; /* known already */
	assert_false(whole(&s));
	assert_int_equal(s.out.suspects, 1);
	assert_int_equal(s.out.suspect[0].digest[0], 'a');
	assert_int_equal(s.out.pulls, 0);
	assert_true(s.out.all_known);
	arena_free(s.arena);
}

/* Garbage is what has neither a row nor an open upload. Dead pairs are the purge's. */
static void garbage_and_what_is_none(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.open[0] = 5;
	s.in.open_count = 1;
	add_row(&s, 'a', 4)->dead = true;
	add_copy(&s, 1, 'a', 4); /* dead */
	add_copy(&s, 1, 'a', 5); /* sent, not recorded yet */
	add_copy(&s, 1, 'b', 4); /* bytes that were never recorded, under a gen that was */
	assert_false(whole(&s));
	assert_int_equal(s.out.drops, 1);
	assert_int_equal(s.out.drop[0].node, 1);
	assert_int_equal(s.out.drop[0].pair.digest[0], 'b');
	assert_false(s.out.drop[0].extra);
	arena_free(s.arena);
}

static void extras_go_when_all_members_have_theirs(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	add_row(&s, 'a', 1);
	add_copy(&s, 1, 'a', 1);
	add_copy(&s, 2, 'a', 1);
	add_copy(&s, 4, 'a', 1);
	assert_false(whole(&s));
	assert_int_equal(s.out.drops, 0);
	assert_int_equal(s.out.pulls, 1);
	add_copy(&s, 3, 'a', 1);
	assert_false(whole(&s));
	assert_int_equal(s.out.drops, 1);
	assert_int_equal(s.out.drop[0].node, 4);
	assert_true(s.out.drop[0].extra);
	arena_free(s.arena);
}

static void a_gen_that_was_never_given_out(void **state)
{
	struct partition_rows rows = {.last_gen = 100, .skipped_from = 20, .skipped_to = 80};
	struct scene s;

	(void)state;
	scene_begin(&s);
	assert_int_equal(unknown_gen(s.list, 4, &rows), 0);
	add_copy(&s, 1, 'a', 19);
	add_copy(&s, 2, 'a', 81);
	add_copy(&s, 4, 'b', 100);
	assert_int_equal(unknown_gen(s.list, 4, &rows), 0);
	add_copy(&s, 1, 'b', 80); /* between two starts of the server */
	assert_int_equal(unknown_gen(s.list, 4, &rows), 80);
	add_copy(&s, 4, 'a', 101);
	add_copy(&s, 2, 'a', 20);
	assert_int_equal(unknown_gen(s.list, 4, &rows), 101);
	arena_free(s.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_and_everything_are_whole),
		cmocka_unit_test(what_a_member_lacks_is_pulled),
		cmocka_unit_test(another_gen_is_missing_but_good_to_copy),
		cmocka_unit_test(nobody_has_it),
		cmocka_unit_test(garbage_and_what_is_none),
		cmocka_unit_test(extras_go_when_all_members_have_theirs),
		cmocka_unit_test(a_gen_that_was_never_given_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
