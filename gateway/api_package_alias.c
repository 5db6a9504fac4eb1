/*
 * Former names of packages end: by an admin of the package to which a name leads, or by whoever
 * owns the namespace that the name is in, also when the package has gone to somebody else.
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/package_settings.h"

/* {alias} of that namespace; package_id as await_package_alias_end() takes it. */
static int await_alias_end(struct request *rq, int64_t namespace_id, int64_t package_id)
{
	struct actor who = auth_actor(rq);
	int rc = await_package_alias_end(rq->worker->metadb, &who, namespace_id,
					 request_param(rq, "alias"), package_id);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "ending a former name") : reply(rq, 204);
}

static int await_namespace(struct request *rq, const char *param, struct account *out)
{
	const char *login = request_param(rq, param);
	int rc = await_account_by_login(rq->worker->metadb, rq->arena,
					login_fold(rq->arena, login, strlen(login)), out);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up an account") : 0;
}

int api_package_alias_delete(struct request *rq)
{
	struct account owner;
	int status = await_namespace(rq, "owner", &owner);

	return status != 0 ? status : await_alias_end(rq, owner.id, rq->package_id);
}

int api_org_alias_delete(struct request *rq)
{
	struct account org;
	int status = await_namespace(rq, "org", &org);

	return status != 0 ? status : await_alias_end(rq, org.id, 0);
}

int api_user_alias_delete(struct request *rq)
{
	int64_t self = rq->caller->account_id;
	enum outside outside;
	int rc;

	if (!(rq->caller->scopes & SCOPE_WRITE_PACKAGES))
		return refuse_api(rq, 403,
				  "You need at least write:packages scope to change a "
				  "package.");
	rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, self, &outside);
	if (rc < 0)
		return give_up(rq, rc, "looking up the limits of the token");
	if (outside != OUTSIDE_NOT)
		return auth_refuse_outside(rq, outside, rq->caller->login);
	return await_alias_end(rq, self, 0);
}
