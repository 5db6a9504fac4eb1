/*
 * What a site admin makes: users, organizations, and tokens for users (GitHub Enterprise's
 * REST).
 *
 * Being a site admin gives no role on any package.
 */
#include <string.h>
#include <time.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/tokens.h"

#define EMAIL_MAX      254
#define NAME_MAX_BYTES 255

/* A new account's login, folded; NULL when it has refused (*status). */
static const char *new_login(struct request *rq, const json_t *body, const char *resource,
			     int *status)
{
	const char *text = api_json_text(rq, body, resource, "login", true, status);
	const char *login;

	if (*status != 0)
		return NULL;
	login = login_fold(rq->arena, text, strlen(text));
	if (login_valid(login, strlen(login)) && !login_reserved(login))
		return login;
	*status = api_json_invalid(rq, resource, "login", "invalid");
	return NULL;
}

/* An optional text of at most `max` bytes. */
static const char *short_text(struct request *rq, const json_t *body, const char *resource,
			      const char *field, size_t max, int *status)
{
	const char *text = api_json_text(rq, body, resource, field, false, status);

	if (*status == 0 && text != NULL && strlen(text) > max)
		*status = api_json_invalid(rq, resource, field, "too_long");
	return text;
}

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
	login = new_login(rq, body, "User", &status);
	email = short_text(rq, body, "User", "email", EMAIL_MAX, &status);
	name = short_text(rq, body, "User", "name", NAME_MAX_BYTES, &status);
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
	login = new_login(rq, body, "Organization", &status);
	admin = api_json_text(rq, body, "Organization", "admin", true, &status);
	name = short_text(rq, body, "Organization", "profile_name", NAME_MAX_BYTES, &status);
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
	return api_json_reply(rq, 201, api_account_json(rq, &a, true));
}

/* `scopes`: a list of names. 0, or the status of a refusal. */
static int read_scopes(struct request *rq, const json_t *body, unsigned *out)
{
	const json_t *list = json_object_get(body, "scopes");

	*out = 0;
	if (list == NULL || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return api_json_invalid(rq, "OauthAccess", "scopes", "invalid");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *name = json_array_get(list, i);
		unsigned bit;

		if (!json_is_string(name) ||
		    scope_parse(json_string_value(name), json_string_length(name), &bit) < 0)
			return api_json_invalid(rq, "OauthAccess", "scopes", "invalid");
		*out |= bit;
	}
	return 0;
}

static int read_expiry(struct request *rq, const json_t *body, int64_t *out)
{
	int status = 0;
	const char *text = api_json_text(rq, body, "OauthAccess", "expires_at", false, &status);

	*out = 0;
	if (status != 0 || text == NULL)
		return status;
	if (api_json_time_parse(text, out) < 0 || *out <= (int64_t)time(NULL))
		return api_json_invalid(rq, "OauthAccess", "expires_at", "invalid");
	return 0;
}

static json_t *scope_list(unsigned scopes)
{
	json_t *list = json_array();
	char names[256], *save = NULL;

	scope_names(scopes, names, sizeof(names));
	for (char *name = strtok_r(names, ", ", &save); name != NULL;
	     name = strtok_r(NULL, ", ", &save))
		json_array_append_new(list, json_string(name));
	return list;
}

static int reply_token(struct request *rq, const struct token *t, const char *text)
{
	const char *created = api_json_time(rq->arena, t->created_at);
	json_t *json = json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:n, s:o, s:s, s:s, s:n, s:o}", "id",
		(json_int_t)t->id, "url",
		arena_printf(rq->arena, "%s/api/v3/authorizations/%lld", request_base_url(rq),
			     (long long)t->id),
		"token", text, "token_last_eight", t->hint, "note", t->note, "note_url",
		"scopes", scope_list(t->scopes), "created_at", created, "updated_at", created,
		"fingerprint", "expires_at",
		t->expires_at == 0 ? json_null()
				   : json_string(api_json_time(rq->arena, t->expires_at)));

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201, json);
}

int api_admin_token_create(struct request *rq)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL};
	struct actor who = auth_actor(rq);
	char text[TOKEN_TEXT_LEN + 1];
	struct account user;
	struct token t;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = await_api_account(rq, "username", ACCOUNT_USER, &user);
	if (status == 0)
		status = read_scopes(rq, body, &wanted.scopes);
	if (status == 0)
		status = read_expiry(rq, body, &wanted.expires_at);
	if (status == 0)
		wanted.note =
			short_text(rq, body, "OauthAccess", "note", TOKEN_NOTE_MAX, &status);
	if (status != 0)
		return status;
	if ((wanted.scopes & SCOPE_SITE_ADMIN) && !user.site_admin)
		return api_json_invalid(rq, "OauthAccess", "scopes", "invalid");
	wanted.account_id = user.id;
	rc = await_token_create(rq->worker->metadb, rq->arena, &who, &wanted, text, &t);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "creating a token");
	return reply_token(rq, &t, text);
}
