/*
 * Both grammars are digits, dashes and a unit, so one cursor with two helpers reads them:
 *
 *   Range:          bytes= (FIRST-LAST | FIRST- | -SUFFIX) , …
 *   Content-Range:  [bytes ]FIRST-LAST[/(TOTAL|*)]
 */
#include "gateway/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool take(struct cursor *c, char what)
{
	if (c->at == c->end || *c->at != what)
		return false;
	c->at++;
	return true;
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || strncasecmp(c->at, word, len) != 0)
		return false;
	c->at += len;
	return true;
}

/* Digits only, at least one; false also when the number does not fit. */
static bool take_number(struct cursor *c, int64_t *out)
{
	const char *start = c->at;
	int64_t value = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		if (value > (INT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (*c->at - '0');
	}
	*out = value;
	return c->at > start;
}

/* FIRST-LAST, FIRST- or -SUFFIX as they stand; false when it is none of them. */
static bool take_range(struct cursor *c, int64_t size, struct byte_range *out)
{
	int64_t suffix;

	skip_blanks(c);
	out->last = INT64_MAX;
	if (take(c, '-')) {
		if (!take_number(c, &suffix))
			return false;
		out->first = suffix < size ? size - suffix : 0;
		if (suffix == 0)
			out->first = size;
	} else {
		if (!take_number(c, &out->first) || !take(c, '-'))
			return false;
		if (!take_number(c, &out->last))
			out->last = INT64_MAX;
	}
	skip_blanks(c);
	return true;
}

enum range_kind range_parse(const char *text, size_t len, int64_t size, struct range_set *out)
{
	struct cursor c = {text, text + len};
	int64_t left = size; /* of what the parts may be together */

	assert(size >= 0);
	out->count = 0;
	if (!take_word(&c, "bytes="))
		return RANGE_WHOLE;
	do {
		struct byte_range r;

		if (!take_range(&c, size, &r))
			return RANGE_WHOLE;
		if (r.first >= size || r.last < r.first)
			continue;
		if (r.last >= size)
			r.last = size - 1;
		left -= r.last - r.first + 1;
		if (left < 0 || out->count == RANGES_MAX)
			return RANGE_WHOLE;
		out->part[out->count++] = r;
	} while (take(&c, ','));
	if (c.at != c.end)
		return RANGE_WHOLE;
	return out->count > 0 ? RANGE_PART : RANGE_UNSATISFIABLE;
}

int content_range_parse(const char *text, size_t len, struct byte_range *out)
{
	struct cursor c = {text, text + len};
	int64_t total;

	skip_blanks(&c);
	if (take_word(&c, "bytes")) {
		(void)take(&c, '=');
		skip_blanks(&c);
	}
	if (!take_number(&c, &out->first) || !take(&c, '-') || !take_number(&c, &out->last))
		return ERR_SYNTAX;
	if (take(&c, '/') && !take(&c, '*')) {
		if (!take_number(&c, &total) || total <= out->last)
			return ERR_SYNTAX;
	}
	skip_blanks(&c);
	if (c.at != c.end || out->last < out->first)
		return ERR_SYNTAX;
	return 0;
}
