/* The cluster map: spread over zones, balance, little movement, and a stored form that is
 * checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/model/cluster.h"

static struct map_node nodes[20];

static void make_nodes(int count, int zones)
{
	for (int i = 0; i < count; i++) {
		nodes[i] = (struct map_node){.id = (uint16_t)(i + 1), .weight = 1};
		snprintf(nodes[i].uuid, sizeof(nodes[i].uuid), "node-%d", i);
		snprintf(nodes[i].zone, sizeof(nodes[i].zone), "zone-%d", i % zones);
	}
}

static void members_are_in_different_zones(void **state)
{
	struct cluster_map map;

	(void)state;
	make_nodes(9, 3);
	assert_int_equal(map_compute(nodes, 9, 3, 1, &map), 0);
	for (unsigned p = 0; p < PARTITIONS; p++) {
		const uint16_t *row = map_row(&map, p);
		unsigned zones = 0, seen = 0;

		for (unsigned i = 0; i < 3; i++)
			zones |= 1u << ((row[i] - 1) % 3);
		for (unsigned i = 0; i < 3 + MAP_SPARES; i++) {
			assert_false(seen & 1u << row[i]);
			seen |= 1u << row[i];
		}
		assert_int_equal(zones, 7);
	}
	map_fini(&map);
}

static void load_is_even(void **state)
{
	unsigned count[21] = {0};
	struct cluster_map map;

	(void)state;
	make_nodes(9, 3);
	assert_int_equal(map_compute(nodes, 9, 3, 1, &map), 0);
	for (unsigned p = 0; p < PARTITIONS; p++)
		for (unsigned i = 0; i < 3; i++)
			count[map_row(&map, p)[i]]++;
	for (int n = 1; n <= 9; n++)
		assert_in_range(count[n], PARTITIONS * 3 / 9 * 94 / 100,
				PARTITIONS * 3 / 9 * 106 / 100);
	map_fini(&map);
}

static void a_new_node_moves_its_share_only(void **state)
{
	struct cluster_map before, after;
	unsigned moved = 0;

	(void)state;
	make_nodes(10, 10);
	assert_int_equal(map_compute(nodes, 9, 3, 1, &before), 0);
	assert_int_equal(map_compute(nodes, 10, 3, 2, &after), 0);
	for (unsigned p = 0; p < PARTITIONS; p++)
		for (unsigned i = 0; i < 3; i++)
			moved += !map_is_member(&before, p, map_row(&after, p)[i]);
	assert_in_range(moved, PARTITIONS * 3 / 10 * 9 / 10, PARTITIONS * 3 / 10 * 11 / 10);
	map_fini(&before);
	map_fini(&after);
}

static void few_nodes(void **state)
{
	struct cluster_map map;

	(void)state;
	make_nodes(3, 1);
	assert_int_equal(map_compute(nodes, 2, 3, 1, &map), ERR_LIMIT);
	assert_int_equal(map_compute(nodes, 3, 3, 1, &map), 0);
	assert_int_equal(map_row(&map, 5)[3], MAP_NODE_NONE);
	assert_int_equal(map_row(&map, 5)[0] + map_row(&map, 5)[1] + map_row(&map, 5)[2], 6);
	map_fini(&map);
	assert_int_equal(map_default_replicas(1), 1);
	assert_int_equal(map_default_replicas(2), 2);
	assert_int_equal(map_default_replicas(9), 3);
	assert_int_equal(map_write_quorum(1), 1);
	assert_int_equal(map_write_quorum(3), 2);
}

static void stored_form_is_checked(void **state)
{
	struct cluster_map map, copy;
	size_t size = map_encoded_size(3);
	unsigned char *bytes = malloc(size);

	(void)state;
	make_nodes(5, 2);
	assert_int_equal(map_compute(nodes, 5, 3, 7, &map), 0);
	map_encode(&map, bytes);
	assert_int_equal(map_decode(bytes, size, 7, &copy), 0);
	for (unsigned p = 0; p < PARTITIONS; p++)
		assert_memory_equal(map_row(&map, p), map_row(&copy, p), 2 * (3 + MAP_SPARES));
	map_fini(&copy);
	map_fini(&map);
	assert_int_equal(map_decode(bytes, size - 1, 7, &copy), ERR_CORRUPT);
	for (size_t i = 0; i < size; i += 997) {
		bytes[i] ^= 4;
		assert_int_equal(map_decode(bytes, size, 7, &copy), ERR_CORRUPT);
		bytes[i] ^= 4;
	}
	free(bytes);
}

static void partition_is_the_top_fourteen_bits(void **state)
{
	unsigned char digest[32] = {0xff, 0xff};

	(void)state;
	assert_int_equal(partition_of(digest), PARTITIONS - 1);
	digest[1] = 0x03;
	assert_int_equal(partition_of(digest), 0xff << 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_in_different_zones),
		cmocka_unit_test(load_is_even),
		cmocka_unit_test(a_new_node_moves_its_share_only),
		cmocka_unit_test(few_nodes),
		cmocka_unit_test(stored_form_is_checked),
		cmocka_unit_test(partition_is_the_top_fourteen_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
