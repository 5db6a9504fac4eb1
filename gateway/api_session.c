/*
 * Signing in and out, and passwords: /api/v3/session, /api/v3/user/sessions, …/user/password,
 * /api/v3/password (with what a site admin has given), …/admin/users/{username}/password-setup.
 *
 * Whoever is unknown, has no password or gives a wrong one gets the same answer after the same
 * time. Hashing is done by one thread of a worker, for at most HASHING_MAX at a time.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/password.h"
#include "gateway/reply.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "metadb/sign_in.h"
#include "proto/base/workers.h"

#define RESOURCE      "Session"
#define HASHING_MAX   16
#define SETUP_LIFE_MS (3 * 24 * 3600 * 1000LL)

struct hashing {
	const char *password;
	const char *secret; /* to compare with, or NULL */
	bool keep;	    /* make one instead */
	bool good;
	char made[PASSWORD_SECRET_MAX];
};

static void hash_run(void *arg)
{
	struct hashing *h = arg;

	h->good = h->keep ? password_keep(h->password, h->made)
			  : password_right(h->password, h->secret);
}

/* 0, or the status of a refusal: too many want that. */
static int await_hashing(struct request *rq, struct hashing *h)
{
	struct worker *w = rq->worker;

	if (w->hashers == NULL || w->hashing >= HASHING_MAX) {
		reply_header(rq, "Retry-After", "5");
		return refuse_api(rq, 503, "Too many sign in at this moment; try again");
	}
	w->hashing++;
	await_work(w->hashers, "a password's hash", hash_run, h);
	w->hashing--;
	return 0;
}

static int refuse_wait(struct request *rq, int seconds)
{
	reply_header(rq, "Retry-After", "%d", seconds);
	return refuse_api(rq, 429, "Too many wrong passwords; try again later");
}

static int refuse_sign_in(struct request *rq)
{
	reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
	return refuse_api(rq, 401, "Wrong login or password");
}

/* Its password, or that there is none; whoever has tried too often waits. */
static int await_row(struct request *rq, const char *login, struct password_row *row)
{
	int rc = await_sign_in_try(rq->worker->metadb, login, session_wanted(rq).address);

	if (rc > 0)
		return refuse_wait(rq, rc);
	if (rc == 0)
		rc = await_password_find(rq->worker->metadb, rq->arena, login, row);
	return rc < 0 && rc != ERR_NOT_FOUND ? give_up(rq, rc, "looking up a password") : 0;
}

static int await_open(struct request *rq, const char *login, int64_t account_id)
{
	struct actor who = {.account_id = account_id, .remote = rq->stream->remote};
	struct session_new wanted = session_wanted(rq);
	unsigned char hash[TOKEN_HASH_BYTES];
	char text[SESSION_TEXT_LEN + 1];
	int rc;

	wanted.account_id = account_id;
	wanted.login = login;
	session_text_make(text);
	token_hash(text, SESSION_TEXT_LEN, hash);
	rc = await_session_open(rq->worker->metadb, &who, &wanted, hash);
	if (rc == ERR_NOT_FOUND)
		return refuse_sign_in(rq);
	if (rc < 0)
		return give_up(rq, rc, "opening a session");
	session_cookie(rq, text);
	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201, json_pack("{s:s}", "login", login));
}

static int await_admitted(struct request *rq)
{
	int status = await_session_admit(rq);

	if (status == 0 && !session_origin_fine(rq))
		return refuse_api(rq, 403, "This request comes from another site");
	return status;
}

int api_session_create(struct request *rq)
{
	struct password_row row = {0};
	struct hashing h = {0};
	const char *login;
	json_t *body;
	int status = await_admitted(rq);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	login = api_json_text(rq, body, RESOURCE, "login", true, &status);
	h.password = api_json_text(rq, body, RESOURCE, "password", true, &status);
	if (status != 0)
		return status;
	login = login_fold(rq->arena, login, strlen(login));
	if (!login_valid(login, strlen(login)) || strlen(h.password) > PASSWORD_MAX)
		return refuse_sign_in(rq);
	status = await_row(rq, login, &row);
	h.secret = row.secret;
	if (status == 0)
		status = await_hashing(rq, &h);
	if (status != 0)
		return status;
	return h.good ? await_open(rq, login, row.account_id) : refuse_sign_in(rq);
}

int api_session_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc;

	if (rq->caller->kind != TOKEN_SESSION)
		return refuse_api(rq, 403, "There is no session to end");
	rc = await_token_take_back(rq->worker->metadb, &who, rq->caller->account_id,
				   TOKEN_SESSION, rq->caller->token_id);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "ending a session");
	session_cookie(rq, NULL);
	return reply(rq, 204);
}

static json_t *session_json(struct request *rq, const struct token *t)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:b}", "id", (json_int_t)t->id, "created_at",
			 api_token_time_or_null(rq, t->created_at), "last_used_at",
			 api_token_time_or_null(rq, t->last_used_at), "expires_at",
			 api_token_time_or_null(rq, t->expires_at), "current",
			 t->id == rq->caller->token_id);
}

int api_user_session_list(struct request *rq)
{
	struct token_query q = {.account_id = rq->caller->account_id, .kind = TOKEN_SESSION};
	int status = api_token_manager(rq);

	return status != 0 ? status : await_api_token_list(rq, q, session_json);
}

int api_user_session_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t id;
	int rc, status = api_token_manager(rq);

	if (status == 0)
		status = api_token_id(rq, "id", &id);
	if (status != 0)
		return status;
	rc = await_token_take_back(rq->worker->metadb, &who, rq->caller->account_id,
				   TOKEN_SESSION, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "ending a session") : reply(rq, 204);
}

/* `password` of a body, made into what is kept. 0, or the status of a refusal. */
static int await_new_password(struct request *rq, const json_t *body, struct hashing *h)
{
	int status = 0;

	*h = (struct hashing){.keep = true};
	h->password = api_json_text(rq, body, RESOURCE, "password", true, &status);
	if (status != 0)
		return status;
	if (strlen(h->password) < PASSWORD_MIN || strlen(h->password) > PASSWORD_MAX)
		return api_json_invalid(rq, RESOURCE, "password", "invalid");
	status = await_hashing(rq, h);
	if (status == 0 && !h->good)
		return give_up(rq, ERR_UNAVAILABLE, "hashing a password");
	return status;
}

int api_user_password_put(struct request *rq)
{
	struct password_change change = {.account_id = rq->caller->account_id};
	struct actor who = auth_actor(rq);
	struct password_row row = {0};
	struct hashing old = {0}, made;
	json_t *body;
	int rc, status = api_token_manager(rq);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	old.password = api_json_text(rq, body, RESOURCE, "old_password", true, &status);
	if (status == 0)
		status = await_row(rq, rq->caller->login, &row);
	old.secret = row.secret;
	if (status == 0)
		status = await_hashing(rq, &old);
	if (status != 0)
		return status;
	if (!old.good)
		return refuse_api(rq, 403, "The old password is wrong, or none is set");
	status = await_new_password(rq, body, &made);
	if (status != 0)
		return status;
	change.secret = made.made;
	change.before = row.secret;
	rc = await_password_store(rq->worker->metadb, &who, &change);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403, "The old password is wrong, or none is set");
	return rc < 0 ? give_up(rq, rc, "setting a password") : reply(rq, 204);
}

int api_password_put(struct request *rq)
{
	struct actor nobody = {.remote = rq->stream->remote};
	unsigned char hash[TOKEN_HASH_BYTES];
	struct password_change change = {.setup = hash};
	struct hashing made;
	const char *text;
	json_t *body;
	int rc, status = await_admitted(rq);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	text = api_json_text(rq, body, RESOURCE, "setup_token", true, &status);
	if (status != 0)
		return status;
	token_hash(text, strlen(text), hash);
	rc = await_password_setup_find(rq->worker->metadb, hash, &change.account_id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 403,
				  "That setup_token sets no password, or not any more");
	if (rc < 0)
		return give_up(rq, rc, "looking up who may set a password");
	status = await_new_password(rq, body, &made);
	if (status != 0)
		return status;
	change.secret = made.made;
	rc = await_password_store(rq->worker->metadb, &nobody, &change);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403,
				  "That setup_token sets no password, or not any more");
	return rc < 0 ? give_up(rq, rc, "setting a password") : reply(rq, 204);
}

int api_admin_password_setup(struct request *rq)
{
	struct actor who = auth_actor(rq);
	unsigned char hash[TOKEN_HASH_BYTES];
	char text[SESSION_TEXT_LEN + 1];
	struct account user;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status != 0)
		return status;
	session_text_make(text);
	token_hash(text, SESSION_TEXT_LEN, hash);
	rc = await_password_setup_make(rq->worker->metadb, &who, user.id, hash, SETUP_LIFE_MS);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "letting a password be set");
	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201,
			      json_pack("{s:s, s:s, s:I}", "login", user.login, "setup_token",
					text, "expires_in",
					(json_int_t)(SETUP_LIFE_MS / 1000)));
}
