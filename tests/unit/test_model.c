/* Digests, hashing with saved states, names, media types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/crc32c.h"
#include "proto/model/digest.h"
#include "proto/model/media.h"
#include "proto/model/name.h"

/* FIPS 180-4 examples: "abc". */
#define ABC_256 "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_512                                                                   \
	"sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void digests_of_the_standard(void **state)
{
	struct digest d;
	char text[DIGEST_TEXT_MAX];

	(void)state;
	digest_of(DIGEST_SHA256, "abc", 3, &d);
	assert_string_equal(digest_text(&d, text), ABC_256);
	digest_of(DIGEST_SHA512, "abc", 3, &d);
	assert_string_equal(digest_text(&d, text), ABC_512);
}

static void digest_texts(void **state)
{
	struct digest a, b;
	char text[DIGEST_TEXT_MAX];

	(void)state;
	assert_int_equal(digest_parse(ABC_512, strlen(ABC_512), &a), 0);
	assert_string_equal(digest_text(&a, text), ABC_512);
	assert_int_equal(digest_parse(ABC_256, strlen(ABC_256), &b), 0);
	assert_false(digest_equal(&a, &b));
	memcpy(text, ABC_256, sizeof(ABC_256));
	for (size_t i = 0; i < strlen(ABC_256); i++) {
		char was = text[i];

		text[i] = was == 'B' ? 'C' : 'B';
		assert_int_equal(digest_parse(text, strlen(ABC_256), &b), ERR_SYNTAX);
		text[i] = was;
		assert_int_equal(digest_parse(text, i, &b), ERR_SYNTAX);
	}
	assert_int_equal(digest_parse(ABC_256 "0", strlen(ABC_256) + 1, &b), ERR_SYNTAX);
}

/* Save and resume at every length around the block edges. */
static void saved_states_continue(enum digest_algorithm algorithm)
{
	unsigned char data[600], saved[HASHER_SAVED_MAX];
	struct digest whole, resumed;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	for (size_t cut = 0; cut <= 300; cut++) {
		struct hasher h;
		size_t len;

		hasher_init(&h, algorithm);
		hasher_add(&h, data, cut);
		len = hasher_save(&h, saved);
		memset(&h, 0xee, sizeof(h));
		assert_int_equal(hasher_load(&h, saved, len), 0);
		assert_int_equal(h.total, cut);
		hasher_add(&h, data + cut, sizeof(data) - cut);
		hasher_digest(&h, &resumed);
		digest_of(algorithm, data, sizeof(data), &whole);
		assert_true(digest_equal(&whole, &resumed));
		for (size_t i = 0; i < len; i++) {
			saved[i] ^= 1;
			assert_int_equal(hasher_load(&h, saved, len), ERR_CORRUPT);
			saved[i] ^= 1;
			assert_int_equal(hasher_load(&h, saved, i), ERR_CORRUPT);
		}
	}
}

static void saved_states(void **state)
{
	(void)state;
	saved_states_continue(DIGEST_SHA256);
	saved_states_continue(DIGEST_SHA512);
}

static void digests_of_both(enum digest_algorithm first, enum digest_algorithm second,
			    size_t from, size_t cut)
{
	unsigned char data[1500];
	struct digest whole, tail, got;
	struct hasher a, b;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167 + i / 7);
	hasher_init(&a, first);
	hasher_init(&b, second);
	hasher_add(&a, data, from);
	hasher_add_both(&a, &b, data + from, cut);
	hasher_add_both(&a, &b, data + from + cut, sizeof(data) - from - cut);
	assert_int_equal(a.total, sizeof(data));
	digest_of(first, data, sizeof(data), &whole);
	digest_of(second, data + from, sizeof(data) - from, &tail);
	hasher_digest(&a, &got);
	assert_true(digest_equal(&got, &whole));
	hasher_digest(&b, &got);
	assert_true(digest_equal(&got, &tail));
}

/* One state begins earlier than the other; the calls meet at and beside the edges of blocks. */
static void two_states_at_once(void **state)
{
	static const size_t FROM[] = {0, 1, 63, 64, 128, 500, 512};
	(void)state;

	for (size_t i = 0; i < sizeof(FROM) / sizeof(FROM[0]); i++) {
		for (size_t cut = 0; cut <= 400; cut++) {
			digests_of_both(DIGEST_SHA256, DIGEST_SHA256, FROM[i], cut);
			digests_of_both(DIGEST_SHA512, DIGEST_SHA256, FROM[i], cut);
		}
	}
}

/* A state as if `total` bytes, a multiple of 64, had been added. */
static void pretend(struct hasher *h, uint64_t total)
{
	unsigned char saved[HASHER_SAVED_MAX];
	size_t len;
	uint32_t crc;

	hasher_init(h, DIGEST_SHA256);
	len = hasher_save(h, saved);
	for (int i = 0; i < 8; i++)
		saved[2 + 32 + i] = (unsigned char)(total >> (56 - 8 * i));
	crc = crc32c_add(0, saved, len - 4);
	for (int i = 0; i < 4; i++)
		saved[len - 4 + (size_t)i] = (unsigned char)(crc >> (24 - 8 * i));
	assert_int_equal(hasher_load(h, saved, len), 0);
	assert_int_equal(h->total, total);
}

/* The length in bits passes 32 bits, which OpenSSL counts in two words. */
static void two_long_states_at_once(void **state)
{
	static const uint64_t TOTALS[] = {((uint64_t)1 << 29) - 128, (uint64_t)1 << 29,
					  ((uint64_t)1 << 32) - 64, (uint64_t)5 << 40};
	unsigned char data[300] = {1, 2, 3};
	(void)state;

	for (size_t i = 0; i < sizeof(TOTALS) / sizeof(TOTALS[0]); i++) {
		struct digest want, got;
		struct hasher a, b, alone;

		pretend(&a, TOTALS[i]);
		pretend(&alone, TOTALS[i]);
		hasher_init(&b, DIGEST_SHA256);
		hasher_add_both(&a, &b, data, sizeof(data));
		hasher_add(&alone, data, sizeof(data));
		hasher_digest(&a, &got);
		hasher_digest(&alone, &want);
		assert_true(digest_equal(&got, &want));
	}
}

static void repository_names(void **state)
{
	static const char *const GOOD[] = {
		"a", "acme/site", "acme/a/b/c", "a.b/c_d/e__f/g-h", "a---b/c", "0/1"};
	static const char *const BAD[] = {
		"",	"/",	"a/",	"/a",	"a//b", "A/b", "a..b/c", "a___b",     "a.-b",
		"-a/b", "a-/b", "a/b_", "a/.b", "a/..", "a b", "a/b%",	 "a/\xc3\xa4"};
	char longest[REPOSITORY_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
		assert_true(repository_valid(GOOD[i], strlen(GOOD[i])));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_false(repository_valid(BAD[i], strlen(BAD[i])));
	memset(longest, 'a', sizeof(longest));
	assert_true(repository_valid(longest, REPOSITORY_MAX));
	assert_false(repository_valid(longest, REPOSITORY_MAX + 1));
}

static void repositories_are_split(void **state)
{
	struct arena *a = arena_new();
	struct repository_name name;

	(void)state;
	assert_int_equal(repository_parse(a, "acme/site/web", 13, &name), 0);
	assert_string_equal(name.namespace, "acme");
	assert_string_equal(name.name, "site/web");
	assert_string_equal(name.full, "acme/site/web");
	assert_int_equal(repository_parse(a, "acme", 4, &name), ERR_SYNTAX);
	arena_free(a);
}

static void references(void **state)
{
	struct arena *a = arena_new();
	struct reference r;
	char longest[TAG_MAX + 1];

	(void)state;
	assert_int_equal(reference_parse(a, "v1.0-rc_2", 9, &r), 0);
	assert_string_equal(r.tag, "v1.0-rc_2");
	assert_int_equal(reference_parse(a, ABC_256, strlen(ABC_256), &r), 0);
	assert_true(r.is_digest);
	assert_int_equal(reference_parse(a, "sha256:abc", 10, &r), ERR_SYNTAX);
	assert_int_equal(reference_parse(a, ".a", 2, &r), ERR_SYNTAX);
	assert_int_equal(reference_parse(a, "", 0, &r), ERR_SYNTAX);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(reference_parse(a, longest, TAG_MAX, &r), 0);
	assert_int_equal(reference_parse(a, longest, TAG_MAX + 1, &r), ERR_SYNTAX);
	arena_free(a);
}

static void logins(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_true(login_valid("a-b-1", 5));
	assert_false(login_valid("a--b", 4));
	assert_false(login_valid("-a", 2));
	assert_false(login_valid("a-", 2));
	assert_false(login_valid("a_b", 3));
	assert_false(login_valid("", 0));
	assert_false(login_valid("Acme", 4));
	assert_string_equal(login_fold(a, "AcMe", 4), "acme");
	assert_true(login_reserved("v2"));
	assert_true(login_reserved("readyz"));
	assert_false(login_reserved("acme"));
	arena_free(a);
}

static void media_types(void **state)
{
	static const char WITH_CHARSET[] = MEDIA_OCI_INDEX " ; charset=utf-8";

	(void)state;
	assert_int_equal(media_manifest_kind(WITH_CHARSET, strlen(WITH_CHARSET)),
			 MANIFEST_INDEX);
	assert_int_equal(
		media_manifest_kind(MEDIA_DOCKER_MANIFEST, strlen(MEDIA_DOCKER_MANIFEST)),
		MANIFEST_IMAGE);
	assert_int_equal(media_manifest_kind("text/plain", 10), MANIFEST_NONE);
	assert_string_equal(media_manifest_type(WITH_CHARSET, strlen(WITH_CHARSET)),
			    MEDIA_OCI_INDEX);
	assert_null(media_manifest_type("text/plain", 10));
	assert_true(
		media_layer_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar"));
	assert_false(media_layer_foreign("application/vnd.oci.image.layer.v1.tar"));
}

static void source_repositories(void **state)
{
	static const char *const good[] = {"a", "Web", ".github", "a..b", "-x", "_", "..."};
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "gr\xc3\xbcn", "a%"};
	char longest[SOURCE_REPOSITORY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(source_repository_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(source_repository_valid(bad[i], strlen(bad[i])));
	memset(longest, 'x', sizeof(longest));
	assert_true(source_repository_valid(longest, SOURCE_REPOSITORY_MAX));
	assert_false(source_repository_valid(longest, SOURCE_REPOSITORY_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source_repositories),
		cmocka_unit_test(digests_of_the_standard),
		cmocka_unit_test(digest_texts),
		cmocka_unit_test(saved_states),
		cmocka_unit_test(two_states_at_once),
		cmocka_unit_test(two_long_states_at_once),
		cmocka_unit_test(repository_names),
		cmocka_unit_test(repositories_are_split),
		cmocka_unit_test(references),
		cmocka_unit_test(logins),
		cmocka_unit_test(media_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
