/*
 * Accounts as GitHub's REST shows them, shared by the handlers of /api/v3.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "gateway/request.h"
#include "metadb/accounts.h"

/* A user or organization in its own shape; private ones show the e-mail address as well. */
json_t *api_account_json(struct request *rq, const struct account *a, bool private);
/* `login` of a body, folded, valid and not reserved; otherwise *status is that of a refusal. */
const char *api_account_login(struct request *rq, const json_t *body, const char *resource,
			      int *status);
/* The short form that other objects embed ("simple user"). */
json_t *api_account_brief(struct request *rq, const struct account *a);

/* The caller's own; as below. */
int await_api_self(struct request *rq, struct account *out) MUST_CHECK;
/*
 * The account named by a path parameter: 0, or it has refused (404) and returns the status.
 * kind 0: any.
 */
int await_api_account(struct request *rq, const char *param, enum account_kind kind,
		      struct account *out) MUST_CHECK;
