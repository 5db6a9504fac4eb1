/* CRC32C: the published vectors, both ways of computing it, and feeding in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/crc32c.h"

static void both_ways_give_the_published_vectors(void **state)
{
	unsigned char bytes[32];
	uint32_t (*const ways[])(uint32_t, const void *, size_t) = {crc32c_add_table,
								    crc32c_add_hardware};
	(void)state;

	for (int way = 0; way < 2; way++) {
		assert_int_equal(ways[way](0, "", 0), 0);
		assert_int_equal(ways[way](0, "123456789", 9), 0xe3069283);
		/* RFC 3720, appendix B.4 */
		memset(bytes, 0, sizeof(bytes));
		assert_int_equal(ways[way](0, bytes, sizeof(bytes)), 0x8a9136aa);
		memset(bytes, 0xff, sizeof(bytes));
		assert_int_equal(ways[way](0, bytes, sizeof(bytes)), 0x62a8ab43);
		for (int i = 0; i < 32; i++)
			bytes[i] = (unsigned char)i;
		assert_int_equal(ways[way](0, bytes, sizeof(bytes)), 0x46dd794e);
	}
}

static void parts_give_the_same_as_the_whole(void **state)
{
	enum { SIZE = 20000 };
	unsigned char *bytes = malloc(SIZE);
	uint64_t seed = 88172645463325252u;
	(void)state;

	for (int i = 0; i < SIZE; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (unsigned char)(seed >> 56);
	}
	for (size_t len = 0; len < SIZE; len = len * 3 / 2 + 1) {
		uint32_t whole = crc32c_add_table(0, bytes, len);

		assert_int_equal(crc32c_add(0, bytes, len), whole);
		for (size_t cut = 0; cut <= len; cut += len / 7 + 1) {
			uint32_t crc = crc32c_add(0, bytes, cut);

			assert_int_equal(crc32c_add(crc, bytes + cut, len - cut), whole);
		}
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_give_the_published_vectors),
		cmocka_unit_test(parts_give_the_same_as_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
