/*
 * Packages by what they are linked to, who published them, when they changed and which words
 * are in their names and descriptions: of a repository, of an owner
 * (gateway/api_package_list.c), of the whole registry.
 */
#include <ctype.h>
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_package_list.h"
#include "gateway/api_page.h"
#include "gateway/api_time.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/repositories.h"
#include "proto/model/name.h"

#define TEXT_MAX 256 /* bytes of q */

static int invalid(struct request *rq, const char *field)
{
	return api_json_invalid(rq, "Package", field, "invalid");
}

bool api_package_query_wanted(struct request *rq)
{
	static const char *const names[] = {"after", "q", "repository", "creator", "since"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (request_query(rq, names[i]) != NULL)
			return true;
	return false;
}

/* q: at least one letter or digit. */
static int read_text(struct request *rq, struct package_query *q)
{
	const char *text = request_query(rq, "q");
	size_t i = 0;

	q->text = text;
	if (text == NULL)
		return 0;
	while (text[i] != '\0' && !isalnum((unsigned char)text[i]) && !(text[i] & 0x80))
		i++;
	return text[i] == '\0' || strlen(text) > TEXT_MAX ? invalid(rq, "q") : 0;
}

static int read_since(struct request *rq, struct package_query *q)
{
	const char *text = request_query(rq, "since");

	if (text == NULL || api_json_time_parse(text, &q->since) == 0)
		return 0;
	return invalid(rq, "since");
}

/* An account by its login. 0: found; a status; *none: there is none. */
static int await_account(struct request *rq, const char *field, int64_t *id, bool *none)
{
	const char *login = request_query(rq, field);
	struct account found;
	int rc;

	if (login == NULL)
		return 0;
	login = login_fold(rq->arena, login, strlen(login));
	if (!login_valid(login, strlen(login)))
		return invalid(rq, field);
	rc = await_account_by_login(rq->worker->metadb, rq->arena, login, &found);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up an account");
	*none = *none || rc < 0;
	if (rc == 0)
		*id = found.id;
	return 0;
}

/* repository=OWNER/NAME. Of one that the caller may not know of no package is listed. */
static int await_repository(struct request *rq, struct package_query *q, bool whole, bool *none)
{
	const char *text = request_query(rq, "repository"), *slash, *owner;
	struct repository found;
	int rc;

	if (text == NULL)
		return 0;
	slash = strchr(text, '/');
	if (slash == NULL || !source_repository_valid(slash + 1, strlen(slash + 1)))
		return invalid(rq, "repository");
	owner = login_fold(rq->arena, text, (size_t)(slash - text));
	if (!login_valid(owner, strlen(owner)))
		return invalid(rq, "repository");
	rc = await_repository_find(rq->worker->metadb, rq->arena, rq->caller->account_id, owner,
				   slash + 1, &found);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up a repository");
	*none = *none || rc < 0 ||
		(!whole && found.visibility == VISIBILITY_PRIVATE && found.role == 0);
	if (rc == 0)
		q->repository_id = found.id;
	return 0;
}

static int await_answer(struct request *rq, const struct package_query *q, bool whole)
{
	struct package_reader who = {rq->caller->account_id, rq->caller->token_id, whole};
	struct package_page found;
	struct package_place at;
	struct api_after after;
	int rc, status = api_after_read(rq, &after);

	if (status != 0)
		return status;
	at = (struct package_place){after.cursor.id, after.cursor.word};
	rc = await_package_query(rq->worker->metadb, rq->arena, &who, q, after.size, &found,
				 &at);
	if (rc < 0)
		return give_up(rq, rc, "listing packages");
	return api_after_reply(rq, api_package_list_json(rq, &found),
			       at.id == 0 ? NULL : &(struct cursor){at.id, at.word});
}

int await_api_package_query(struct request *rq, struct package_query *q, bool whole)
{
	bool none = false;
	int status = api_package_list_visibility(rq, &q->visibilities);

	if (status == 0)
		status = read_text(rq, q);
	if (status == 0)
		status = read_since(rq, q);
	if (status == 0)
		status = await_account(rq, "creator", &q->creator_id, &none);
	if (status == 0 && q->repository_id == 0)
		status = await_repository(rq, q, whole, &none);
	if (status != 0)
		return status;
	return none ? api_json_reply(rq, 200, json_array()) : await_answer(rq, q, whole);
}

/* Of all owners, or of the one that the query names. */
static int await_everywhere(struct request *rq, bool whole)
{
	struct package_query q = {0};
	bool none = false;
	int status = api_package_list_type(rq, false, &none);

	if (status == 0)
		status = await_account(rq, "owner", &q.namespace_id, &none);
	if (status != 0)
		return status;
	return none ? api_json_reply(rq, 200, json_array())
		    : await_api_package_query(rq, &q, whole);
}

int api_package_search(struct request *rq)
{
	int status = api_package_list_scope(rq);

	return status != 0 ? status : await_everywhere(rq, false);
}

int api_admin_package_list(struct request *rq)
{
	return await_everywhere(rq, true);
}

int api_repo_package_list(struct request *rq)
{
	struct package_query q = {.repository_id = rq->repository->id};
	bool none = false;
	int status = api_package_list_scope(rq);

	if (status == 0)
		status = api_package_list_type(rq, false, &none);
	if (status != 0)
		return status;
	return none ? api_json_reply(rq, 200, json_array())
		    : await_api_package_query(rq, &q, false);
}
