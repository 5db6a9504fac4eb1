/* Heads of HTTP/1 requests, and what is made of their target: path, query, route. */
#include <stdlib.h>
#include <string.h>

#include "gateway/http_head.h"
#include "gateway/route.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const struct route rows[] = {
	{METHOD_GET, "/v2/", {0}, NULL},
	{METHOD_POST, "/v2/{name}/blobs/uploads/", {0}, NULL},
	{METHOD_PUT, "/v2/{name}/blobs/uploads/{session}", {0}, NULL},
	{METHOD_GET, "/v2/{name}/blobs/{digest}", {0}, NULL},
	{METHOD_GET, "/api/v3/orgs/{org}/memberships/{username}", {0}, NULL},
	{0},
};

/* What the rest of the gateway relies on. */
static void check(const struct http_head *h)
{
	assert(h->target.len > 0 && (h->target.data[0] == '/' || h->target.data[0] == '*'));
	assert(strlen(h->target.data) == h->target.len);
	assert(strlen(h->host.data) == h->host.len);
	assert(!h->chunked || h->content_length < 0);
	assert(h->minor <= 1 && h->count <= HTTP_FIELDS_MAX);
	for (unsigned i = 0; i < h->count; i++) {
		assert(strlen(h->fields[i].name.data) == h->fields[i].name.len);
		assert(strlen(h->fields[i].value.data) == h->fields[i].value.len);
	}
}

static void take_target(struct arena *a, const struct http_head *h)
{
	struct slice path, query;
	struct uri_query pairs;
	struct uri_path parts;
	struct route_match match;

	uri_split(h->target, &path, &query);
	if (uri_query_parse(a, query, &pairs) == 0)
		(void)uri_query_get(&pairs, "digest", 0);
	if (uri_path_parse(a, path, &parts) == 0)
		route_find(rows, a, h->method, &parts, &match);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct http_field fields[HTTP_FIELDS_MAX];
	char *copy = malloc(size + 1);
	struct arena *a = arena_new();
	struct http_head h;
	const char *why = NULL;
	size_t scanned = 0;
	size_t end;

	memcpy(copy, data, size);
	/* In two pieces the end is found at the same place. */
	end = http_head_end(copy, size / 2, &scanned);
	if (end == 0)
		end = http_head_end(copy, size, &scanned);
	scanned = 0;
	assert(end == http_head_end(copy, size, &scanned));
	if (end > 0 && http_head_parse(copy, end, fields, &h, &why) == 0) {
		assert(why == NULL);
		http_head_keep(&h, a);
		free(copy);
		copy = NULL;
		check(&h);
		take_target(a, &h);
	}
	free(copy);
	arena_free(a);
	return 0;
}
