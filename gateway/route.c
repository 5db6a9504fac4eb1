/*
 * Matching paths against patterns, segment by segment.
 *
 *   pattern   /v2/ {name}      /blobs/uploads/ {uuid}
 *   path      /v2/ acme/team/app /blobs/uploads/ 0196…
 *             head   middle: the rest      tail
 *
 * A few dozen rows are tried in order; most fall at their first literal, so there is nothing to
 * build or to keep.
 */
#include "gateway/route.h"

#include <string.h>

#define PATTERN_SEGMENTS_MAX 16

/* Segments of a pattern; `rest` is the index of {name}, or count. */
struct pattern {
	unsigned count;
	unsigned rest;
	bool slash; /* ends in one, which may be left out */
	struct slice segment[PATTERN_SEGMENTS_MAX];
};

static bool is_param(struct slice s)
{
	return s.len > 2 && s.data[0] == '{';
}

static void pattern_split(const char *text, struct pattern *out)
{
	const char *at = text + 1;

	*out = (struct pattern){.rest = PATTERN_SEGMENTS_MAX};
	assert(text[0] == '/');
	out->slash = text[strlen(text) - 1] == '/';
	while (*at != '\0') {
		size_t len = strcspn(at, "/");
		struct slice s = {at, len};

		assert(out->count < PATTERN_SEGMENTS_MAX);
		if (len == 6 && memcmp(at, "{name}", 6) == 0)
			out->rest = out->count;
		out->segment[out->count++] = s;
		at += len + (at[len] == '/');
	}
}

static bool same(struct slice a, struct slice b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void add_param(struct route_match *m, struct slice pattern, const char *value)
{
	assert(m->count < ROUTE_PARAMS_MAX);
	m->param[m->count].name = (struct slice){pattern.data + 1, pattern.len - 2};
	m->param[m->count].value = value;
	m->count++;
}

static bool match_run(const struct slice *pattern, const struct slice *path, unsigned count,
		      struct route_match *m)
{
	for (unsigned i = 0; i < count; i++) {
		if (!is_param(pattern[i])) {
			if (!same(pattern[i], path[i]))
				return false;
		} else if (path[i].len == 0) {
			return false;
		} else {
			add_param(m, pattern[i], path[i].data);
		}
	}
	return true;
}

static const char *join(struct arena *a, const struct slice *s, unsigned count)
{
	size_t len = 0;
	char *text, *to;

	for (unsigned i = 0; i < count; i++)
		len += s[i].len + 1;
	to = text = arena_alloc(a, len);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			*to++ = '/';
		memcpy(to, s[i].data, s[i].len);
		to += s[i].len;
	}
	return text;
}

static bool match(const char *text, struct arena *a, const struct uri_path *path,
		  struct route_match *m)
{
	struct pattern p;
	unsigned count = path->count;
	bool slash = count > 0 && path->segment[count - 1].len == 0;
	unsigned tail, first;

	pattern_split(text, &p);
	m->count = 0;
	if (slash && !p.slash)
		return false;
	count -= slash;
	if (p.rest == PATTERN_SEGMENTS_MAX)
		return count == p.count && match_run(p.segment, path->segment, count, m);
	if (count < p.count)
		return false;
	tail = p.count - p.rest - 1;
	first = count - tail;
	if (!match_run(p.segment, path->segment, p.rest, m) ||
	    !match_run(p.segment + p.rest + 1, path->segment + first, tail, m))
		return false;
	add_param(m, p.segment[p.rest], join(a, path->segment + p.rest, first - p.rest));
	return true;
}

void route_find(const struct route *rows, struct arena *a, enum method method,
		const struct uri_path *path, struct route_match *out)
{
	const struct route *r;

	*out = (struct route_match){0};
	for (r = rows; r->pattern != NULL; r++)
		if (match(r->pattern, a, path, out))
			break;
	if (r->pattern == NULL) {
		out->count = 0;
		return;
	}
	for (const struct route *same_row = r;
	     same_row->pattern != NULL && strcmp(same_row->pattern, r->pattern) == 0;
	     same_row++) {
		out->allowed |= same_row->methods;
		if (out->route == NULL && (same_row->methods & (unsigned)method) != 0)
			out->route = same_row;
	}
}

bool route_changes(const struct route *r, enum method method)
{
	if (r->right.changes)
		return true;
	return (method & (METHOD_GET | METHOD_HEAD)) == 0 && !r->right.changes_nothing;
}

unsigned route_scopes(const struct right *right)
{
	switch (right->need) {
	case NEED_SITE_ADMIN:
		return SCOPE_SITE_ADMIN;
	case NEED_ORG_ADMIN:
		return right->scopes != 0 ? right->scopes : SCOPE_ADMIN_ORG;
	case NEED_ORG_MEMBER:
		return right->scopes != 0 ? right->scopes : SCOPE_READ_ORG;
	case NEED_PACKAGE:
		return action_scopes(right->action);
	case NEED_CALLER:
		return right->scopes;
	case NEED_NOTHING:
	case NEED_VALID:
	case NEED_REPOSITORY:
		break;
	}
	return 0;
}
