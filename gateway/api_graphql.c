/*
 * POST /api/graphql: who the caller is, which GitHub's clients ask nowhere else (gh auth login,
 * gh auth status). What is wrong with a query is told with status 200, as everywhere in
 * GraphQL.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/graphql.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/strict_json.h"
#include "metadb/accounts.h"

static int reply_mistake(struct request *rq, const char *words)
{
	return api_json_reply(rq, 200, json_pack("{s:[{s:s}]}", "errors", "message", words));
}

/* A field of the viewer; NULL: he has none of that name. */
static json_t *field_of(struct request *rq, const struct account *me, const char *name)
{
	static const char *const known[][2] = {
		{"login", "login"},	{"name", "name"},	    {"email", "email"},
		{"databaseId", "id"},	{"id", "node_id"},	    {"url", "html_url"},
		{"__typename", "type"}, {"createdAt", "created_at"}};
	json_t *all, *one = NULL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && one == NULL; i++) {
		if (strcmp(known[i][0], name) != 0)
			continue;
		all = api_account_json(rq, me, true);
		one = json_incref(json_object_get(all, known[i][1]));
		json_decref(all);
	}
	return one;
}

int api_graphql_post(struct request *rq)
{
	struct graphql_fields fields;
	json_t *body, *viewer, *value;
	const char *query, *why;
	struct account me;
	int status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	query = strict_json_text(body, "query");
	if (query == NULL || strlen(query) > GRAPHQL_TEXT_MAX)
		return reply_mistake(rq, "A query attribute must be specified and must be a "
					 "string of at most 16 KiB.");
	if (graphql_viewer(rq->arena, query, &fields, &why) < 0)
		return reply_mistake(rq, why);
	status = await_api_self(rq, &me);
	if (status != 0)
		return status;
	viewer = json_object();
	for (size_t i = 0; i < fields.count; i++) {
		value = field_of(rq, &me, fields.name[i]);
		if (value == NULL) {
			json_decref(viewer);
			return reply_mistake(
				rq, arena_printf(rq->arena,
						 "Field '%s' doesn't exist on type 'User'",
						 fields.name[i]));
		}
		json_object_set_new(viewer, fields.name[i], value);
	}
	return api_json_reply(rq, 200, json_pack("{s:{s:o}}", "data", "viewer", viewer));
}
