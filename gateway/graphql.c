/* Tokens one after the other, each asked for by what may stand there. */
#include "gateway/graphql.h"

#include <stdbool.h>
#include <string.h>

struct reading {
	struct arena *arena;
	const char *at;
	const char *why; /* NULL: no mistake so far */
};

static int mistake(struct reading *r, const char *fmt, const char *what)
{
	if (r->why == NULL)
		r->why = arena_printf(r->arena, fmt, what);
	return ERR_SYNTAX;
}

/* White space, commas and comments mean nothing. */
static void skip(struct reading *r)
{
	for (;;) {
		r->at += strspn(r->at, " \t\r\n,");
		if (*r->at != '#')
			return;
		r->at += strcspn(r->at, "\r\n");
	}
}

static bool take(struct reading *r, char wanted)
{
	skip(r);
	if (*r->at != wanted)
		return false;
	r->at++;
	return true;
}

/* A name; NULL when something else stands there. */
static const char *take_name(struct reading *r)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
	size_t len;

	skip(r);
	len = strspn(r->at, letters);
	if (len == 0 || (*r->at >= '0' && *r->at <= '9'))
		return NULL;
	r->at += len;
	return arena_memdup(r->arena, r->at - len, len);
}

static int expect(struct reading *r, char wanted)
{
	char text[2] = {wanted, '\0'};

	return take(r, wanted) ? 0 : mistake(r, "Parse error: expected \"%s\"", text);
}

/* [ "query" [NAME] [ "(" … ")" ] ]: declared variables are not looked at. */
static int take_operation(struct reading *r)
{
	const char *kind = take_name(r);

	if (kind == NULL)
		return 0;
	if (strcmp(kind, "query") != 0)
		return mistake(r, "Only queries are answered here, no %s", kind);
	(void)take_name(r);
	if (!take(r, '('))
		return 0;
	r->at += strcspn(r->at, ")");
	return expect(r, ')');
}

static int take_fields(struct reading *r, struct graphql_fields *out)
{
	const char *name;

	while ((name = take_name(r)) != NULL) {
		if (out->count == GRAPHQL_FIELDS_MAX)
			return mistake(r, "Too many fields%s", "");
		out->name[out->count++] = name;
	}
	return out->count > 0 ? 0 : mistake(r, "Parse error: expected a %s", "field");
}

int graphql_viewer(struct arena *a, const char *text, struct graphql_fields *out,
		   const char **why)
{
	struct reading r = {.arena = a, .at = text};
	const char *root;
	int rc;

	out->count = 0;
	rc = take_operation(&r);
	if (rc == 0)
		rc = expect(&r, '{');
	if (rc == 0) {
		root = take_name(&r);
		if (root == NULL || strcmp(root, "viewer") != 0)
			rc = mistake(&r, "Field '%s' doesn't exist on type 'Query'",
				     root == NULL ? "" : root);
	}
	if (rc == 0)
		rc = expect(&r, '{');
	if (rc == 0)
		rc = take_fields(&r, out);
	if (rc == 0)
		rc = expect(&r, '}');
	if (rc == 0)
		rc = expect(&r, '}');
	skip(&r);
	if (rc == 0 && *r.at != '\0')
		rc = mistake(&r, "Parse error: expected the %s", "end");
	*why = r.why;
	return rc;
}
