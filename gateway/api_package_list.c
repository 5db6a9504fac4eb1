/*
 * GET …/packages of an organization, of any account and of the caller himself: what he may read
 * of it, newest first. GET …/docker/conflicts beside each.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_package_list.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

#define LIST_REACH	 10000 /* page * per_page, as at GitHub */
#define ALL_VISIBILITIES 7u

int api_package_list_scope(struct request *rq)
{
	if (auth_has_scopes(rq, SCOPE_READ_PACKAGES))
		return 0;
	return refuse_api(rq, 403, "You need at least read:packages scope to list packages.");
}

/* Of GitHub's types only two can have packages here. */
int api_package_list_type(struct request *rq, bool needed, bool *none)
{
	static const char *const others[] = {"npm", "maven", "rubygems", "nuget"};
	const char *type = request_query(rq, "package_type");

	*none = false;
	if (type == NULL)
		return needed ? api_json_invalid(rq, "Package", "package_type", "missing_field")
			      : 0;
	if (strcmp(type, "container") == 0 || strcmp(type, "docker") == 0)
		return 0;
	*none = true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(type, others[i]) == 0)
			return 0;
	return api_json_invalid(rq, "Package", "package_type", "invalid");
}

int api_package_list_visibility(struct request *rq, unsigned *out)
{
	const char *text = request_query(rq, "visibility");
	enum visibility only;

	*out = ALL_VISIBILITIES;
	if (text == NULL)
		return 0;
	if (visibility_parse(text, &only) < 0)
		return api_json_invalid(rq, "Package", "visibility", "invalid");
	*out = 1u << only;
	return 0;
}

static int read_page(struct request *rq, struct api_page *page)
{
	int status = api_page_read(rq, page);

	if (status != 0 || page->number * page->size <= LIST_REACH)
		return status;
	return refuse_api(rq, 400, "Only the first %d packages can be listed", LIST_REACH);
}

/* A token that is not authorized for the organization's sign-on sees what is public: GitHub's
 * clients are told that there may be more. */
static int await_note_outside(struct request *rq, const struct account *owner)
{
	enum outside outside;
	int rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, owner->id,
				     &outside);

	if (rc < 0)
		return give_up(rq, rc, "looking up the limits of the token");
	if (outside == OUTSIDE_SSO)
		reply_header(rq, "X-GitHub-SSO", "partial-results; organizations=%lld",
			     (long long)owner->id);
	return 0;
}

json_t *api_package_list_json(struct request *rq, const struct package_page *found)
{
	json_t *list = json_array();

	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(list, api_package_json(rq, &found->package[i]));
	return list;
}

static int await_numbered(struct request *rq, const struct account *owner, bool none)
{
	struct package_reader who = {.person = rq->caller->account_id,
				     .token = rq->caller->token_id};
	struct package_page found;
	unsigned visibilities = 0;
	struct api_page page;
	int64_t total;
	int rc, status = api_package_list_visibility(rq, &visibilities);

	if (status == 0)
		status = read_page(rq, &page);
	if (status == 0)
		status = await_note_outside(rq, owner);
	if (status != 0)
		return status;
	if (none)
		return api_page_reply(rq, &page, json_array(), 0);
	rc = await_package_page(rq->worker->metadb, rq->arena, &who, owner->id, visibilities,
				&(struct list_part){page.offset, page.size}, &found, &total);
	if (rc < 0)
		return give_up(rq, rc, "listing packages");
	return api_page_reply(rq, &page, api_package_list_json(rq, &found),
			      total < 0 ? API_PAGE_MORE : total);
}

static int await_list(struct request *rq, const struct account *owner)
{
	struct package_query q = {.namespace_id = owner->id};
	bool none = false;
	int status = api_package_list_scope(rq);

	if (status == 0)
		status = api_package_list_type(rq, true, &none);
	if (status != 0)
		return status;
	if (none || !api_package_query_wanted(rq))
		return await_numbered(rq, owner, none);
	status = await_note_outside(rq, owner);
	return status != 0 ? status : await_api_package_query(rq, &q, false);
}

int api_org_package_list(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

/* Organizations as well: older clients ask for every owner here. */
int api_user_package_list(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "username", 0, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

int api_own_package_list(struct request *rq)
{
	struct account owner;
	int status = await_api_self(rq, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

/* Packages that could not be moved from GitHub's former Docker registry, which there is not. */
static int reply_conflicts(struct request *rq)
{
	int status = api_package_list_scope(rq);

	return status != 0 ? status : api_json_reply(rq, 200, json_array());
}

int api_org_docker_conflicts(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	return status != 0 ? status : reply_conflicts(rq);
}

int api_user_docker_conflicts(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "username", 0, &owner);

	return status != 0 ? status : reply_conflicts(rq);
}

int api_own_docker_conflicts(struct request *rq)
{
	return reply_conflicts(rq);
}
