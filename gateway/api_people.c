/* Lists of accounts: users, organizations, members of organizations. */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/people.h"

/* Each in its short form. */
static json_t *brief_list(struct request *rq, const struct account_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct account *a = &list->at[i].account;

		json_array_append_new(json, a->kind == ACCOUNT_ORGANIZATION
						    ? api_org_brief(rq, a)
						    : api_account_brief(rq, a));
	}
	return json;
}

static int await_everybody(struct request *rq, enum account_kind kind)
{
	struct account_list list;
	struct api_since page;
	int rc = api_since_read(rq, &page);

	if (rc != 0)
		return rc;
	rc = await_account_list(rq->worker->metadb, rq->arena, kind, page.after, page.size,
				&list);
	if (rc < 0)
		return give_up(rq, rc, "listing accounts");
	return api_since_reply(rq, &page, brief_list(rq, &list),
			       list.more ? list.at[list.count - 1].account.id : 0);
}

int api_user_list(struct request *rq)
{
	return await_everybody(rq, 0);
}

int api_org_list(struct request *rq)
{
	return await_everybody(rq, ACCOUNT_ORGANIZATION);
}

/* Whether a credential shows organizations of its owner. 0, or it has refused. */
static int check_org_scope(struct request *rq)
{
	if (auth_has_scopes(rq, SCOPE_READ_ORG) || auth_has_scopes(rq, SCOPE_READ_USER) ||
	    auth_site_admin(rq))
		return 0;
	return refuse_api(rq, 403, "The token provided does not have the scope read:org");
}

/* A page of the caller's organizations. 0, or the status of a refusal. */
static int await_own_orgs(struct request *rq, struct api_page *page, struct account_list *out)
{
	int rc = check_org_scope(rq);

	if (rc == 0)
		rc = api_page_read(rq, page);
	if (rc != 0)
		return rc;
	rc = await_organizations_of(rq->worker->metadb, rq->arena, rq->caller->account_id, 0,
				    rq->caller->token_id, page->offset, page->size, out);
	return rc < 0 ? give_up(rq, rc, "listing organizations") : 0;
}

int api_user_org_list(struct request *rq)
{
	struct account_list list;
	struct api_page page;
	int rc = await_own_orgs(rq, &page, &list);

	return rc != 0 ? rc : api_page_reply(rq, &page, brief_list(rq, &list), list.total);
}

/* Those that the caller is a member of, too: what others belong to is not shown to strangers.
 */
int api_user_public_org_list(struct request *rq)
{
	struct account_list list;
	struct api_page page;
	struct account user;
	int rc = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (rc == 0)
		rc = check_org_scope(rq);
	if (rc == 0)
		rc = api_page_read(rq, &page);
	if (rc != 0)
		return rc;
	rc = await_organizations_of(rq->worker->metadb, rq->arena, user.id,
				    auth_site_admin(rq) ? 0 : rq->caller->account_id,
				    rq->caller->token_id, page.offset, page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing organizations");
	return api_page_reply(rq, &page, brief_list(rq, &list), list.total);
}

/* The state of memberships: all are active. */
static int read_state(struct request *rq, bool *none)
{
	const char *state = request_query(rq, "state");

	*none = state != NULL && strcmp(state, "pending") == 0;
	if (state == NULL || *none || strcmp(state, "active") == 0)
		return 0;
	return api_json_invalid(rq, "OrganizationMembership", "state", "invalid");
}

int api_user_membership_list(struct request *rq)
{
	struct account_list list;
	struct api_page page;
	struct account me;
	json_t *json;
	bool none;
	int rc = read_state(rq, &none);

	if (rc == 0)
		rc = await_own_orgs(rq, &page, &list);
	if (rc != 0)
		return rc;
	rc = await_account_by_id(rq->worker->metadb, rq->arena, rq->caller->account_id, &me);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller");
	json = json_array();
	for (size_t i = 0; i < list.count && !none; i++)
		json_array_append_new(json, api_membership_json(rq, &list.at[i].account, &me,
								list.at[i].role));
	return api_page_reply(rq, &page, json, none ? 0 : list.total);
}

/* `role` in the query: all, admin or member. */
static int read_role(struct request *rq, enum membership *out)
{
	const char *role = request_query(rq, "role");

	*out = MEMBERSHIP_NONE;
	if (role == NULL || strcmp(role, "all") == 0)
		return 0;
	*out = strcmp(role, "admin") == 0 ? MEMBERSHIP_OWNER : MEMBERSHIP_MEMBER;
	if (*out == MEMBERSHIP_OWNER || strcmp(role, "member") == 0)
		return 0;
	return api_json_invalid(rq, "OrganizationMembership", "role", "invalid");
}

int api_member_list(struct request *rq)
{
	struct account_list list;
	enum membership role;
	struct api_page page;
	int rc = read_role(rq, &role);

	if (rc == 0)
		rc = api_page_read(rq, &page);
	if (rc != 0)
		return rc;
	rc = await_member_list(rq->worker->metadb, rq->arena, rq->org->account.id, role,
			       page.offset, page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing members");
	return api_page_reply(rq, &page, brief_list(rq, &list), list.total);
}

int api_outsider_list(struct request *rq)
{
	struct account_list list;
	struct api_page page;
	int rc = api_page_read(rq, &page);

	if (rc != 0)
		return rc;
	rc = await_outsider_list(rq->worker->metadb, rq->arena, rq->org->account.id,
				 page.offset, page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing outside collaborators");
	return api_page_reply(rq, &page, brief_list(rq, &list), list.total);
}
