/*
 * What the caller is to the organization in {org}: found by the auth step of routes that need
 * to know (NEED_ORG_…), kept in rq->org.
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/accounts.h"
#include "metadb/teams.h"

struct org_standing {
	struct account account;
	enum membership role; /* an owner's also for who acts as a site admin */
	bool site;	      /* he acts as one: a site admin whose token says so */
};

/* A change of it ended so (< 0): refused as its functions of metadb say, or given up. */
int api_org_refused(struct request *rq, int rc, const char *doing);

/* For changes of teams and of who is in them, with a right of NEED_ORG_…. */
struct team_actor api_org_actor(const struct request *rq);

/* The short form that lists and other objects have ("organization simple"). */
json_t *api_org_brief(struct request *rq, const struct account *a);
/* In full; its rules are shown to members (`inside`). */
json_t *api_org_json(struct request *rq, const struct account *a, bool inside);
/* What a user is in an organization; role: enum membership. In gateway/api_membership.c. */
json_t *api_membership_json(struct request *rq, const struct account *org,
			    const struct account *user, int role);
