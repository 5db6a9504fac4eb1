/*
 * Names of repositories, tags and digests, and the saved state of a hasher, which comes back
 * from the database: what is accepted is short, of harmless characters, and reads back as the
 * same.
 */
#include <string.h>

#include "proto/model/digest.h"
#include "proto/model/name.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_name(const char *text, size_t size)
{
	struct arena *a = arena_new();
	struct repository_name name;

	if (repository_valid(text, size))
		assert(size > 0 && size <= REPOSITORY_MAX && text[0] != '/' &&
		       memchr(text, '\0', size) == NULL && memchr(text, '%', size) == NULL);
	if (login_valid(text, size))
		assert(size <= LOGIN_MAX && repository_valid(text, size));
	if (source_repository_valid(text, size))
		assert(size > 0 && size <= SOURCE_REPOSITORY_MAX &&
		       memchr(text, '/', size) == NULL && memchr(text, '\0', size) == NULL);
	if (repository_parse(a, text, size, &name) == 0)
		assert(strlen(name.full) == size &&
		       strlen(name.namespace) + 1 + strlen(name.name) == size);
	if (tag_valid(text, size))
		assert(size > 0 && size <= TAG_MAX && memchr(text, '/', size) == NULL &&
		       memchr(text, '\0', size) == NULL);
	arena_free(a);
}

static void check_digest(const char *text, size_t size)
{
	char again[DIGEST_TEXT_MAX];
	struct digest d;

	if (digest_parse(text, size, &d) < 0)
		return;
	assert(strlen(digest_text(&d, again)) == size && memcmp(again, text, size) == 0);
	assert(digest_shaped(text, size) && !tag_valid(text, size));
}

static void check_hasher(const unsigned char *data, size_t size)
{
	unsigned char again[HASHER_SAVED_MAX];
	struct hasher h;
	struct digest d;

	if (hasher_load(&h, data, size) < 0)
		return;
	assert(hasher_save(&h, again) == size && memcmp(again, data, size) == 0);
	hasher_add(&h, data, size);
	hasher_digest(&h, &d);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *text = (const char *)data;

	check_name(text, size);
	check_digest(text, size);
	check_hasher(data, size);
	return 0;
}
