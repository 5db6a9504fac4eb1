/*
 * /api/v3/admin/users/{username}/identities: who an account is to issuers through which people
 * sign in. For site admins; nothing else links an account that is there already.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/identities.h"

#define RESOURCE "Identity"

static json_t *identity_json(struct request *rq, const struct identity *i)
{
	return json_pack("{s:I, s:s, s:s, s:o, s:o}", "id", (json_int_t)i->id, "issuer",
			 i->issuer, "subject", i->subject, "created_at",
			 api_token_time_or_null(rq, i->created_at), "last_sign_in_at",
			 api_token_time_or_null(rq, i->last_used_at));
}

int api_identity_list(struct request *rq)
{
	struct identity_list found;
	struct account user;
	struct api_page page;
	json_t *list;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status == 0)
		status = api_page_read(rq, &page);
	if (status != 0)
		return status;
	rc = await_identity_list(rq->worker->metadb, rq->arena, user.id, page.offset,
				 (int)page.size, &found);
	if (rc < 0)
		return give_up(rq, rc, "listing identities");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, identity_json(rq, &found.item[i]));
	return api_page_reply(rq, &page, list, found.total);
}

int api_identity_create(struct request *rq)
{
	struct actor who = auth_actor(rq);
	const char *issuer, *subject;
	struct identity made;
	struct account user;
	json_t *body;
	int64_t id;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	issuer = api_json_text(rq, body, RESOURCE, "issuer", true, &status);
	subject = api_json_text(rq, body, RESOURCE, "subject", true, &status);
	if (status != 0)
		return status;
	if (strlen(subject) > IDENTITY_SUBJECT_MAX)
		return api_json_invalid(rq, RESOURCE, "subject", "invalid");
	rc = await_identity_add(rq->worker->metadb, &who, user.id, issuer, subject, &id);
	if (rc == IDENTITY_NO_ACCOUNT)
		return refuse_api(rq, 404, "Not Found");
	if (rc == IDENTITY_NO_ISSUER)
		return api_json_invalid(rq, RESOURCE, "issuer", "invalid");
	if (rc == IDENTITY_TAKEN)
		return api_json_invalid(rq, RESOURCE, "subject", "already_exists");
	if (rc == IDENTITY_ADDED)
		rc = await_identity_find(rq->worker->metadb, rq->arena, user.id, id, &made);
	if (rc < 0)
		return give_up(rq, rc, "linking an account");
	return api_json_reply(rq, 201, identity_json(rq, &made));
}

int api_identity_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account user;
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status == 0)
		status = await_api_account(rq, "username", ACCOUNT_USER, &user);
	if (status != 0)
		return status;
	rc = await_identity_remove(rq->worker->metadb, &who, user.id, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "ending an identity") : reply(rq, 204);
}
