/*
 * What may the caller do to the request's package? For the registry, where the path names it,
 * and for REST, where owner and package are parameters of their own.
 *
 * A bearer token can only take away: it must name the package, of the namespace with the same
 * id, with the action; and scopes that it does not name are taken from the standing, so that
 * what a handler asks later (auth_may()) is narrowed as well.
 */
#include <string.h>

#include "gateway/auth_private.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/rights_kept.h"

static struct upload *note_upload(struct request *rq, const struct upload *found)
{
	struct upload *u = arena_alloc(rq->arena, sizeof(*u));

	*u = *found;
	return u;
}

/* Scopes that a bearer token does not name are not there. */
static void narrow(struct standing *s, unsigned actions)
{
	s->scopes = scope_closure(s->scopes);
	if (!(actions & BEARER_PUSH))
		s->scopes &= ~(unsigned)SCOPE_WRITE_PACKAGES;
	if (!(actions & BEARER_DELETE))
		s->scopes &= ~(unsigned)SCOPE_DELETE_PACKAGES;
}

/* What a bearer token names for a package, of the namespace with this id. */
static unsigned granted(const struct presented *p, const char *repository, int64_t namespace_id)
{
	const struct bearer_grant *grant = bearer_grant_for(&p->claims, repository);
	unsigned actions = 0;

	if (grant != NULL && grant->namespace_id == namespace_id)
		actions = grant->actions;
	return (actions & BEARER_PUSH) != 0 ? actions | BEARER_PULL : actions;
}

/* What is remembered must lead to the session that the client names, as it stood for it. */
static bool recall_session(struct request *rq, struct authorization *found)
{
	const char *version = request_query(rq, "v"); /* as v2_upload.c has told him */

	return version != NULL &&
	       upload_recall(rq->worker->metadb, request_param(rq, "session"), version,
			     &found->upload) &&
	       found->upload.package_id == found->package_id &&
	       found->upload.account_id == found->caller.account_id;
}

/* What is remembered only ever allows: before somebody is refused, he is looked up. */
static bool suffices(const struct request *rq, const struct package_check *c)
{
	struct standing s = c->found.standing;

	if (c->presented->narrowed) {
		unsigned actions = granted(c->presented, rq->repo.full, c->found.namespace_id);

		if (!(actions & auth_action_bit(c->right->action)))
			return false;
		narrow(&s, actions);
	}
	return access_decide(&s, c->right->action, c->right->creates) == VERDICT_ALLOWED;
}

/* The rights without a lookup, if the handler's statement can prove them: rq->proof is set. */
static bool recall(struct request *rq, struct package_check *c)
{
	struct rights_proof proof, *kept;

	/* A mount asks for more than one package. */
	if (!c->right->proves || rq->looked_up || request_query(rq, "mount") != NULL)
		return false;
	if (!rights_recall(rq->worker->metadb, &c->presented->credential, rq->repo.namespace,
			   rq->repo.name, &c->found, &proof) ||
	    !suffices(rq, c) || (c->right->session && !recall_session(rq, &c->found))) {
		memset(&c->found, 0, sizeof(c->found));
		return false;
	}
	kept = arena_alloc(rq->arena, sizeof(*kept));
	*kept = proof;
	rq->proof = kept;
	return true;
}

static int await_look_up(struct request *rq, struct package_check *c)
{
	const char *session = c->right->session ? request_param(rq, "session") : NULL;
	int rc = await_authorize(rq->worker->metadb, &c->presented->credential,
				 rq->repo.namespace, rq->repo.name, session, &c->found);

	if (rc == 0 && c->right->proves)
		rights_keep(rq->worker->metadb, &c->presented->credential, rq->repo.namespace,
			    rq->repo.name, &c->found);
	return rc;
}

/* A token that does not name the source of a mount can be had anew: the challenge says how. */
static bool lacks_source(struct request *rq, const struct right *right,
			 const struct presented *p)
{
	struct repository_name source;

	return p->narrowed && auth_names_source(rq, right, &source) &&
	       bearer_grant_for(&p->claims, source.full) == NULL;
}

int await_auth_readable(struct request *rq, const struct repository_name *repo,
			int64_t *package_id)
{
	struct authorization found;
	struct presented p;
	int rc;

	rc = await_auth_presented(rq, &p);
	if (rc == 0)
		rc = await_authorize(rq->worker->metadb, &p.credential, repo->namespace,
				     repo->name, NULL, &found);
	if (rc < 0)
		return rc;
	if (p.narrowed && !(granted(&p, repo->full, found.namespace_id) & BEARER_PULL))
		return ERR_NOT_FOUND;
	if (!auth_caller_fine(&found.caller) || found.package_id == 0 ||
	    access_decide(&found.standing, ACTION_PULL, false) != VERDICT_ALLOWED)
		return ERR_NOT_FOUND;
	*package_id = found.package_id;
	return 0;
}

/* What a bearer token says of it: 0, or refused. */
static int await_narrowed(struct request *rq, const struct package_check *c, unsigned *actions)
{
	const struct presented *p = c->presented;

	*actions = granted(p, rq->repo.full, c->found.namespace_id);
	if (p->narrowed &&
	    (!(*actions & auth_action_bit(c->right->action)) || lacks_source(rq, c->right, p)))
		return auth_refuse_401(rq, c->right, "insufficient_scope");
	return 0;
}

/* The caller is known and so is the package: what comes of it. */
static int decide(struct request *rq, const struct package_check *c)
{
	const struct right *right = c->right;
	enum verdict verdict = access_decide(&rq->standing, right->action, right->creates);

	if (right->deleted) /* a former name leads to another one */
		return c->found.moved_to[0] == '\0' ? 0
						    : refuse_api(rq, 404, "Package not found.");
	if (right->site_admins && auth_site_admin(rq) && rq->standing.published)
		return 0;
	if (verdict != VERDICT_ALLOWED && !(verdict == VERDICT_ABSENT && right->absent_fine))
		return auth_refuse_package(rq, verdict, c);
	/* What workflows may do is pushing, deleting and restoring. */
	if (right->action == ACTION_SETTINGS && c->found.caller.repository_id != 0)
		return refuse_api(rq, 403, "Resource not accessible by integration");
	if (c->found.moved_to[0] != '\0' && right->action != ACTION_PULL)
		return auth_refuse_moved(rq, c);
	return 0;
}

/*
 * REST: {org}, {username} or, without either, the caller himself; {package_type} is container,
 * or docker as older clients say. 0, or refused.
 */
static int await_rest_name(struct request *rq, const struct presented *p)
{
	const char *owner = request_param_maybe(rq, "org");
	const char *type = request_param_maybe(rq, "package_type");
	struct caller c;
	const char *full;
	int rc;

	if (owner == NULL)
		owner = request_param_maybe(rq, "username");
	if (owner == NULL) {
		rc = await_caller(rq->worker->metadb, &p->credential, &c);
		if (rc < 0)
			return give_up(rq, rc, "looking up the caller");
		/* Of nobody the lookup below says the rest. */
		owner = c.state == CALLER_ACTIVE ? arena_strdup(rq->arena, c.login) : "-";
	}
	full = arena_printf(rq->arena, "%s/%s", login_fold(rq->arena, owner, strlen(owner)),
			    request_param(rq, "package_name"));
	rc = repository_parse(rq->arena, full, strlen(full), &rq->repo);
	if (rc < 0)
		rq->repo =
			(struct repository_name){.full = "-/-", .namespace = "-", .name = "-"};
	if (type != NULL && strcmp(type, "container") != 0 && strcmp(type, "docker") != 0)
		rq->repo.name = "-"; /* there are none */
	return 0;
}

/* A path of organizations does not find a user's package. */
static bool wrong_owner(const struct request *rq, const struct authorization *found)
{
	return request_param_maybe(rq, "org") != NULL &&
	       found->namespace_kind != ACCOUNT_ORGANIZATION;
}

/* Blobs alone, of a push that is not over or was given up, are no package for REST. */
static bool begun(const struct right *right, const struct authorization *found)
{
	return !right->deleted && found->standing.package_exists && !found->standing.published;
}

static int await_rest(struct request *rq, struct package_check *c)
{
	int status = await_rest_name(rq, c->presented);

	if (status != 0)
		return status;
	if (c->presented->narrowed) /* bearer tokens of ours are for /v2 */
		return auth_refuse_401(rq, c->right, NULL);
	return 0;
}

static int await_found(struct request *rq, struct package_check *c)
{
	int rc = recall(rq, c) ? 0 : await_look_up(rq, c);

	if (rc < 0)
		return give_up(rq, rc, "looking up the caller's rights");
	rc = await_request_mode(rq, c->found.caller.mode);
	if (rc != 0)
		return rc;
	if (!auth_caller_fine(&c->found.caller))
		return auth_refuse_401(rq, c->right,
				       c->presented->narrowed ? "invalid_token" : NULL);
	return auth_note_caller(rq, &c->found.caller);
}

int await_auth_package(struct request *rq, const struct right *right, const struct presented *p)
{
	struct package_check c = {.right = right, .presented = p};
	bool rest = rq->surface == SURFACE_REST;
	unsigned actions = 0;
	int rc = rest ? await_rest(rq, &c) : 0;

	if (rc == 0)
		rc = await_found(rq, &c);
	if (rc == 0)
		rc = await_narrowed(rq, &c, &actions);
	if (rc != 0)
		return rc;
	if (rest && rq->caller == NULL) /* as at GitHub, for public ones too */
		return auth_refuse_401(rq, right, NULL);
	if (rest && (wrong_owner(rq, &c.found) || begun(right, &c.found)))
		return refuse_api(rq, 404, "Package not found.");
	rq->standing = c.found.standing;
	if (p->narrowed)
		narrow(&rq->standing, actions);
	rq->namespace_id = c.found.namespace_id;
	rq->package_id = c.found.package_id;
	rq->upload = c.found.upload.gen != 0 ? note_upload(rq, &c.found.upload) : NULL;
	return decide(rq, &c);
}
