/*
 * Read-only and maintenance: whether a request may go on.
 *
 * A request is looked at twice. Before anything is asked for it, with the mode that was seen
 * last, so that nobody is sent for a token in vain; and after the lookup of its caller, which
 * brought the mode of now along. Whoever would be refused costs one more question: whether it
 * is still so, and what the site admin wants users to read.
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/base/metrics.h"

#define RETRY_AFTER "60"

/* Does the mode keep the request from going on? */
static bool stops(const struct request *rq, enum registry_mode mode)
{
	const struct route *r = rq->match.route;

	if (r != NULL && r->right.in_any_mode)
		return false;
	if (mode == MODE_READ_ONLY)
		return r != NULL && route_changes(r, rq->head->method);
	return mode == MODE_MAINTENANCE;
}

static int refuse_mode(struct request *rq, const struct registry_modes *m)
{
	const char *what = "the registry is read-only: it can be pulled from and not changed";
	const char *message = m->read_only.message;

	if (m->maintenance.on) {
		what = "the registry is down for maintenance";
		message = m->maintenance.message;
	}
	metric_inc(M_HTTP_MODE);
	reply_header(rq, "Retry-After", RETRY_AFTER);
	return refuse_by_surface(rq, UNAVAILABLE, "%s%s%s", what,
				 message[0] != '\0' ? ": " : "; try again later", message);
}

int await_request_mode(struct request *rq, enum registry_mode mode)
{
	struct registry_modes now;
	int rc;

	if (!stops(rq, mode))
		return 0;
	rc = await_modes(rq->worker->metadb, rq->arena, &now);
	if (rc < 0)
		return give_up(rq, rc, "looking up the registry's mode");
	return stops(rq, modes_in_force(&now)) ? refuse_mode(rq, &now) : 0;
}
