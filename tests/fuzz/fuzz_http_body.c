/*
 * Chunked bodies: cut in two at the place that the first byte says, a body must decode as in
 * one piece, or fail in both.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/http_body.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Data bytes, a sum over them and how far it got; −1 when the framing is broken. */
struct outcome {
	int64_t bytes;
	unsigned sum;
	size_t used;
	bool done;
};

static struct outcome decode(const char *bytes, size_t size, size_t split)
{
	static const struct http_head head = {.chunked = true, .content_length = -1};
	struct outcome o = {0};
	struct http_body b;

	body_init(&b, &head);
	while (o.used < size && !body_done(&b)) {
		size_t end = o.used < split ? split : size;
		int64_t n = body_frame(&b, bytes + o.used, end - o.used);

		if (n < 0)
			return (struct outcome){.bytes = -1};
		assert((size_t)n <= end - o.used);
		o.used += (size_t)n;
		n = body_data(&b);
		if (n > (int64_t)(end - o.used))
			n = (int64_t)(end - o.used);
		for (int64_t i = 0; i < n; i++)
			o.sum = o.sum * 31 + (unsigned char)bytes[o.used + (size_t)i];
		body_take(&b, n);
		o.bytes += n;
		o.used += (size_t)n;
	}
	o.done = body_done(&b);
	return o;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct outcome whole, cut;
	char *copy;

	if (size < 1)
		return 0;
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	whole = decode(copy, size - 1, 0);
	cut = decode(copy, size - 1, data[0] < size - 1 ? data[0] : size / 2);
	assert(whole.bytes == cut.bytes && whole.sum == cut.sum);
	assert(whole.used == cut.used && whole.done == cut.done);
	free(copy);
	return 0;
}
