/*
 * Rights on source repositories: the caller's role, as far as his credential lets it count.
 *
 * Public ones are read by anybody with an account; internal ones by whoever is signed in, and
 * all others by those with a role, in both cases with the scope repo. What the caller may not
 * know of is 404; what he may know of and not do, 403.
 */
#include <string.h>

#include "gateway/auth_private.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/repositories.h"

static int refuse_absent(struct request *rq)
{
	return refuse_api(rq, 404, "Not Found");
}

/* The row; 0, or it has refused. */
static int await_find(struct request *rq, struct repository *out)
{
	const char *owner = request_param(rq, "owner"), *name = request_param(rq, "repo");
	int rc;

	owner = login_fold(rq->arena, owner, strlen(owner));
	if (!login_valid(owner, strlen(owner)) || !source_repository_valid(name, strlen(name)))
		return refuse_absent(rq);
	rc = await_repository_find(rq->worker->metadb, rq->arena, rq->caller->account_id, owner,
				   name, out);
	if (rc == ERR_NOT_FOUND)
		return refuse_absent(rq);
	return rc < 0 ? give_up(rq, rc, "looking up the repository") : 0;
}

static int refuse_role(struct request *rq, enum repository_role needed)
{
	return refuse_api(rq, 403, "You must have the role %s on the repository %s/%s",
			  repository_role_name(needed), rq->repository->owner.login,
			  rq->repository->name);
}

/* A token that acts for a repository reads this one, and what is public. */
static int acts_for(struct request *rq, struct repository *r)
{
	r->role = r->id == rq->caller->repository_id ? REPOSITORY_READ : REPOSITORY_NONE;
	rq->repository = r;
	return r->role != REPOSITORY_NONE || r->visibility == VISIBILITY_PUBLIC
		       ? 0
		       : refuse_absent(rq);
}

int await_auth_repository(struct request *rq, const struct right *right)
{
	struct repository *r = arena_alloc(rq->arena, sizeof(*r));
	bool scoped = auth_has_scopes(rq, SCOPE_REPO), public, read;
	enum outside outside;
	enum repository_role role;
	int rc = await_find(rq, r);

	if (rc != 0)
		return rc;
	if (rq->caller->repository_id != 0)
		return acts_for(rq, r);
	rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, r->owner.id,
				 &outside);
	if (rc < 0)
		return give_up(rq, rc, "looking up the limits of the token");
	role = r->role;
	public = r->visibility == VISIBILITY_PUBLIC;
	read = right->on <= REPOSITORY_READ;
	rq->repository = r;
	r->role = scoped && outside == OUTSIDE_NOT ? role : REPOSITORY_NONE;
	if (public && read)
		return 0;
	if (r->visibility == VISIBILITY_PRIVATE && role == REPOSITORY_NONE)
		return refuse_absent(rq);
	if (outside != OUTSIDE_NOT)
		return auth_refuse_outside(rq, outside, r->owner.login);
	if (!scoped)
		return auth_refuse_scopes(rq, SCOPE_REPO);
	return read || role >= right->on ? 0 : refuse_role(rq, right->on);
}
