/*
 * What a site admin makes: users, organizations, and tokens for users (GitHub Enterprise's
 * REST).
 *
 * Being a site admin gives no role on any package.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

int api_admin_user_create(struct request *rq)
{
	struct actor who = auth_actor(rq);
	const char *login, *email, *name;
	struct account a;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	login = api_account_login(rq, body, "User", &status);
	email = api_json_short_text(rq, body, "User", "email", API_EMAIL_MAX, &status);
	name = api_json_short_text(rq, body, "User", "name", API_NAME_MAX, &status);
	if (status != 0)
		return status;
	rc = await_user_create(rq->worker->metadb, rq->arena, &who, login, email, name, &a);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, "User", "login", "already_exists");
	if (rc < 0)
		return give_up(rq, rc, "creating a user");
	return api_json_reply(rq, 201, api_account_json(rq, &a, true));
}

int api_admin_org_create(struct request *rq)
{
	struct actor who = auth_actor(rq);
	const char *login, *name, *admin;
	struct account a;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	login = api_account_login(rq, body, "Organization", &status);
	admin = api_json_text(rq, body, "Organization", "admin", true, &status);
	name = api_json_short_text(rq, body, "Organization", "profile_name", API_NAME_MAX,
				   &status);
	if (status != 0)
		return status;
	rc = await_organization_create(rq->worker->metadb, rq->arena, &who, login, name,
				       login_fold(rq->arena, admin, strlen(admin)), &a);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, "Organization", "login", "already_exists");
	if (rc == ERR_NOT_FOUND)
		return api_json_invalid(rq, "Organization", "admin", "invalid");
	if (rc < 0)
		return give_up(rq, rc, "creating an organization");
	return api_json_reply(rq, 201, api_org_json(rq, &a, true));
}

static int reply_token(struct request *rq, const struct token *t, const char *text)
{
	const char *created = api_json_time(rq->arena, t->created_at);
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:n, s:o, s:s, s:s, s:n, s:o}",
				 "id", (json_int_t)t->id, "url",
				 arena_printf(rq->arena, "%s/api/v3/authorizations/%lld",
					      request_base_url(rq), (long long)t->id),
				 "token", text, "token_last_eight", t->hint, "note", t->note,
				 "note_url", "scopes", api_token_scope_list(t->scopes),
				 "created_at", created, "updated_at", created, "fingerprint",
				 "expires_at", api_token_time_or_null(rq, t->expires_at));

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201, json);
}

int api_admin_token_create(struct request *rq)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL};
	char text[TOKEN_TEXT_LEN + 1];
	struct account user;
	struct token t;
	json_t *body;
	int status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = await_api_account(rq, "username", ACCOUNT_USER, &user);
	if (status == 0)
		status = api_token_read(rq, body, &wanted);
	if (status != 0)
		return status;
	if ((wanted.scopes & SCOPE_SITE_ADMIN) && !user.site_admin)
		return api_json_invalid(rq, API_TOKEN_RESOURCE, "scopes", "invalid");
	wanted.account_id = user.id;
	status = await_api_token_issue(rq, &wanted, false, text, &t);
	return status != 0 ? status : reply_token(rq, &t, text);
}
