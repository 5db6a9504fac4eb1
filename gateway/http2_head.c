/* Each name and value is one copy in the arena, with a NUL behind it. */
#include "gateway/http2_head.h"

#include <string.h>

#define FIELDS_ROOM    16
#define FIELD_OVERHEAD 32 /* RFC 9113 §6.5.2 */

void http2_head_begin(struct http2_head *h)
{
	*h = (struct http2_head){.arena = arena_new()};
	h->head = arena_alloc(h->arena, sizeof(*h->head));
	h->head->minor = 2;
}

void http2_head_drop(struct http2_head *h)
{
	if (h->arena != NULL)
		arena_free(h->arena);
	*h = (struct http2_head){0};
}

struct arena *http2_head_take(struct http2_head *h, struct http_head **out)
{
	struct arena *a = h->arena;

	*out = h->head;
	*h = (struct http2_head){0};
	return a;
}

static void fail(struct http2_head *h, int status, const char *why)
{
	if (h->status == 0) {
		h->status = status;
		h->why = why;
	}
}

static struct slice keep(struct http2_head *h, struct slice s)
{
	return (struct slice){arena_memdup(h->arena, s.data, s.len), s.len};
}

static bool is(struct slice s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.data, text, s.len) == 0;
}

static void add_field(struct http2_head *h, struct slice name, struct slice value)
{
	struct http_head *head = h->head;
	struct http_field *grown;

	if (head->count == HTTP_FIELDS_MAX) {
		fail(h, 431, "too many header fields");
		return;
	}
	if (head->count == h->room) {
		h->room = h->room > 0 ? 2 * h->room : FIELDS_ROOM;
		grown = arena_alloc(h->arena, h->room * sizeof(*grown));
		if (head->count > 0)
			memcpy(grown, head->fields, head->count * sizeof(*grown));
		head->fields = grown;
	}
	head->fields[head->count++] = (struct http_field){keep(h, name), keep(h, value)};
}

/* Of the pseudo-header fields :scheme alone says nothing that we need. */
static void add_pseudo(struct http2_head *h, struct slice name, struct slice value)
{
	if (is(name, ":method"))
		h->head->method_text = keep(h, value);
	else if (is(name, ":path"))
		h->head->target = keep(h, value);
	else if (is(name, ":authority"))
		h->head->host = keep(h, value);
	else if (!is(name, ":scheme"))
		fail(h, 400, "a pseudo-header field that is not known here");
}

void http2_head_add(struct http2_head *h, struct slice name, struct slice value)
{
	h->bytes += name.len + value.len + FIELD_OVERHEAD;
	if (h->bytes > HTTP_HEAD_MAX)
		fail(h, 431, "the header fields are too large");
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			fail(h, 400, "a header field has characters that may not be there");
	}
	if (h->status != 0)
		return;
	if (name.len > 0 && name.data[0] == ':')
		add_pseudo(h, name, value);
	else
		add_field(h, name, value);
}

int http2_head_finish(struct http2_head *h, bool body_follows)
{
	if (h->status == 0)
		h->status = http_head_judge(h->head, body_follows, &h->why);
	return h->status;
}
