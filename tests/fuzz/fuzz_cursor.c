/*
 * Texts that clients should have from us: where to read on, and the state of a sign-in. What is
 * read as a cursor is printed as the same; no state is ours without the key.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/cursor.h"
#include "gateway/sign_in_flow.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cursor(struct arena *a, const char *text)
{
	struct cursor c, again;

	if (cursor_read(a, text, &c) < 0)
		return;
	assert(strlen(c.word) <= CURSOR_WORD_MAX);
	assert(cursor_read(a, cursor_print(a, &c), &again) == 0);
	assert(again.id == c.id && strcmp(again.word, c.word) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = arena_memdup(a, (const char *)data, size);
	struct sign_in_flow flow;

	check_cursor(a, text);
	assert(sign_in_resume(a, KEY, 1, text, 1, &flow) < 0);
	if (sign_in_return_fine(text))
		assert(*text == '/' && strlen(text) <= SIGN_IN_RETURN_MAX);
	arena_free(a);
	return 0;
}
