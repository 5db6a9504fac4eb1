/*
 * Header frames from a peer. The first byte says whether the rest is a request or a reply; what
 * decodes is encoded again and must then decode to the same bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_request(struct arena *a, const uint8_t *data, size_t size)
{
	struct wire_request first, second;
	size_t len, again_len;
	void *bytes, *again;

	if (frame_decode_request(a, data, size, &first) < 0)
		return;
	bytes = frame_encode_request(a, &first, &len);
	if (frame_decode_request(a, bytes, len, &second) < 0)
		__builtin_trap();
	again = frame_encode_request(a, &second, &again_len);
	if (len != again_len || memcmp(bytes, again, len) != 0)
		__builtin_trap();
}

static void fuzz_reply(struct arena *a, const uint8_t *data, size_t size)
{
	struct wire_reply first, second;
	size_t len, again_len;
	void *bytes, *again;

	if (frame_decode_reply(a, data, size, &first) < 0)
		return;
	bytes = frame_encode_reply(a, &first, &len);
	if (frame_decode_reply(a, bytes, len, &second) < 0)
		__builtin_trap();
	again = frame_encode_reply(a, &second, &again_len);
	if (len != again_len || memcmp(bytes, again, len) != 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();

	if (size > 0 && data[0] & 1)
		fuzz_request(a, data + 1, size - 1);
	else if (size > 0)
		fuzz_reply(a, data + 1, size - 1);
	arena_free(a);
	return 0;
}
