/* Heads of REST's answers: what the caller's token may, what the route wants, which body. */
#include "gateway/api_head.h"

#include <string.h>

#include "gateway/etag.h"
#include "gateway/reply.h"
#include "metadb/lookups.h"
#include "proto/model/digest.h"

#define API_VERSION "2022-11-28"

static void say_scopes(struct request *rq)
{
	char names[SCOPE_NAMES_MAX];
	const struct caller *c = rq->caller;
	const struct right *right;

	if (c == NULL || (c->kind != TOKEN_PERSONAL && c->kind != TOKEN_ROBOT))
		return;
	reply_header(rq, "X-OAuth-Scopes", "%s", scope_names(c->scopes, names, sizeof(names)));
	if (rq->match.route == NULL)
		return;
	right = &rq->match.route->right;
	reply_header(rq, "X-Accepted-OAuth-Scopes", "%s",
		     scope_choices(route_scopes(right) |
					   (right->on != REPOSITORY_NONE ? SCOPE_REPO : 0),
				   names, sizeof(names)));
}

void api_head_seal(struct request *rq)
{
	reply_header(rq, "X-GitHub-Request-Id", "%s", rq->id);
	reply_header(rq, "X-GitHub-Api-Version-Selected", API_VERSION);
	say_scopes(rq);
}

/* Pages after the first ones may come and go while this one stays as it is. */
static const char *link_of(const struct request *rq)
{
	for (unsigned i = 0; i < rq->answer.count; i++)
		if (strcmp(rq->answer.fields[i].name, "Link") == 0)
			return rq->answer.fields[i].value;
	return "";
}

bool api_head_same(struct request *rq, const char *text, size_t len)
{
	const char *link = link_of(rq);
	char tag[DIGEST_TEXT_MAX];
	struct digest digest;
	struct hasher h;

	hasher_init(&h, DIGEST_SHA256);
	hasher_add(&h, text, len);
	hasher_add(&h, link, strlen(link));
	hasher_digest(&h, &digest);
	digest_text(&digest, tag);
	reply_header(rq, "ETag", "W/\"%s\"", tag);
	/* What somebody may see is looked up at each request: so it must be asked for, too. */
	reply_header(rq, "Cache-Control", "private, no-cache");
	reply_header(rq, "Vary", "Accept, Authorization, Cookie");
	return etag_listed(request_header(rq, "If-None-Match"), tag);
}
