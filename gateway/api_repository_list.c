/* Lists of repositories: of an owner, and those on which the caller has a role. */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/api_repository.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/sso.h"

#define ALL_VISIBILITIES 7u
#define PUBLIC		 (1u << VISIBILITY_PUBLIC)
#define NOT_PUBLIC	 (ALL_VISIBILITIES & ~PUBLIC)

/* What a word of the query chooses. */
struct choice {
	const char *word;
	unsigned bits;
};

/* The chosen bits, `otherwise` when the parameter was not sent; *status: 422 for other words.
 */
static unsigned choose(struct request *rq, const char *name, const struct choice *choices,
		       unsigned otherwise, int *status)
{
	const char *word = request_query(rq, name);

	if (word == NULL || *status != 0)
		return otherwise;
	for (const struct choice *c = choices; c->word != NULL; c++)
		if (strcmp(c->word, word) == 0)
			return c->bits;
	*status = api_json_invalid(rq, "Repository", name, "invalid");
	return otherwise;
}

static void choose_order(struct request *rq, enum repository_order otherwise,
			 struct repository_filter *f, int *status)
{
	static const struct choice orders[] = {{"created", ORDER_CREATED},
					       {"updated", ORDER_UPDATED},
					       {"pushed", ORDER_UPDATED},
					       {"full_name", ORDER_NAME},
					       {NULL, 0}};
	static const struct choice directions[] = {{"asc", 0}, {"desc", 1}, {NULL, 0}};

	f->order = (enum repository_order)choose(rq, "sort", orders, otherwise, status);
	f->descending =
		choose(rq, "direction", directions, f->order != ORDER_NAME, status) == 1;
}

/* Organizations that leave out what is not public, for lack of their sign-on: GitHub's clients
 * are told which. */
static int await_note_left_out(struct request *rq, const struct repository_filter *f)
{
	const char *list = "";
	int64_t *ids;
	size_t count;
	int rc;

	if (!f->scoped)
		return 0;
	rc = await_sso_left_out(rq->worker->metadb, rq->arena, f, &ids, &count);
	if (rc < 0)
		return give_up(rq, rc, "looking up where the token counts");
	for (size_t i = 0; i < count; i++)
		list = arena_printf(rq->arena, "%s%s%lld", list, i == 0 ? "" : ",",
				    (long long)ids[i]);
	if (count > 0)
		reply_header(rq, "X-GitHub-SSO", "partial-results; organizations=%s", list);
	return 0;
}

static int await_reply_list(struct request *rq, struct repository_filter *f)
{
	struct repository_list list;
	struct api_page page;
	json_t *array;
	int rc, status = api_page_read(rq, &page);

	if (status != 0)
		return status;
	f->person = rq->caller->account_id;
	f->token = rq->caller->token_id;
	f->scoped = auth_has_scopes(rq, SCOPE_REPO);
	rc = await_repository_list(rq->worker->metadb, rq->arena, f,
				   &(struct list_part){page.offset, page.size}, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing repositories");
	status = await_note_left_out(rq, f);
	if (status != 0)
		return status;
	array = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(array, api_repository_json(rq, &list.repository[i]));
	return api_page_reply(rq, &page, array,
			      list.more ? API_PAGE_MORE : page.offset + (int64_t)list.count);
}

int api_org_repo_list(struct request *rq)
{
	static const struct choice types[] = {{"all", ALL_VISIBILITIES},
					      {"sources", ALL_VISIBILITIES},
					      {"public", PUBLIC},
					      {"private", NOT_PUBLIC},
					      {"member", ALL_VISIBILITIES},
					      {"internal", 1u << VISIBILITY_INTERNAL},
					      {"forks", 0},
					      {NULL, 0}};
	struct repository_filter f = {0};
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	if (status != 0)
		return status;
	f.owner = owner.id;
	f.visibilities = choose(rq, "type", types, ALL_VISIBILITIES, &status);
	choose_order(rq, ORDER_CREATED, &f, &status);
	return status != 0 ? status : await_reply_list(rq, &f);
}

int api_user_repo_list(struct request *rq)
{
	static const struct choice types[] = {{"all", ALL_VISIBILITIES},
					      {"owner", ALL_VISIBILITIES},
					      {"member", 0},
					      {NULL, 0}};
	struct repository_filter f = {0};
	struct account owner;
	int status = await_api_account(rq, "username", 0, &owner);

	if (status != 0)
		return status;
	f.owner = owner.id;
	f.visibilities = choose(rq, "type", types, ALL_VISIBILITIES, &status);
	choose_order(rq, ORDER_NAME, &f, &status);
	return status != 0 ? status : await_reply_list(rq, &f);
}

/* A list of words, comma-separated. */
static unsigned choose_affiliations(struct request *rq, int *status)
{
	static const struct choice affiliations[] = {
		{"owner", AFFILIATION_OWNER},
		{"collaborator", AFFILIATION_COLLABORATOR},
		{"organization_member", AFFILIATION_MEMBER}};
	const char *text = request_query(rq, "affiliation");
	unsigned bits = 0;

	if (text == NULL)
		return AFFILIATION_OWNER | AFFILIATION_COLLABORATOR | AFFILIATION_MEMBER;
	while (*text != '\0') {
		size_t len = strcspn(text, ","), i;

		for (i = 0; i < 3; i++)
			if (strlen(affiliations[i].word) == len &&
			    memcmp(affiliations[i].word, text, len) == 0)
				break;
		if (i == 3) {
			if (*status == 0)
				*status = api_json_invalid(rq, "Repository", "affiliation",
							   "invalid");
			return 0;
		}
		bits |= affiliations[i].bits;
		text += len + (text[len] == ',');
	}
	return bits;
}

/* `type` is GitHub's older way to say what visibility and affiliation say. */
static void choose_type(struct request *rq, struct repository_filter *f, int *status)
{
	static const struct choice visibilities[] = {
		{"all", ALL_VISIBILITIES},    {"public", PUBLIC},
		{"private", NOT_PUBLIC},      {"owner", ALL_VISIBILITIES},
		{"member", ALL_VISIBILITIES}, {NULL, 0}};
	static const struct choice affiliations[] = {
		{"owner", AFFILIATION_OWNER},
		{"member", AFFILIATION_COLLABORATOR | AFFILIATION_MEMBER},
		{"all", 7},
		{"public", 7},
		{"private", 7},
		{NULL, 0}};

	if (request_query(rq, "visibility") != NULL ||
	    request_query(rq, "affiliation") != NULL) {
		*status = api_json_invalid(rq, "Repository", "type", "invalid");
		return;
	}
	f->visibilities = choose(rq, "type", visibilities, ALL_VISIBILITIES, status);
	f->affiliations = choose(rq, "type", affiliations, 7, status);
}

int api_own_repo_list(struct request *rq)
{
	static const struct choice visibilities[] = {{"all", ALL_VISIBILITIES},
						     {"public", PUBLIC},
						     {"private", NOT_PUBLIC},
						     {NULL, 0}};
	struct repository_filter f = {0};
	int status = 0;

	if (request_query(rq, "type") != NULL) {
		choose_type(rq, &f, &status);
	} else {
		f.visibilities =
			choose(rq, "visibility", visibilities, ALL_VISIBILITIES, &status);
		f.affiliations = choose_affiliations(rq, &status);
	}
	choose_order(rq, ORDER_NAME, &f, &status);
	return status != 0 ? status : await_reply_list(rq, &f);
}
