/*
 * Why somebody, or a token, may what he may on a package: the answer of the functions that
 * decide (schema/0041), and the ways that lead there, each with the role that it gives. Result
 * codes: metadb/metadb.h; texts live in the arena.
 */
#pragma once

#include "metadb/accounts.h"
#include "metadb/lookups.h"
#include "metadb/package_lists.h"

enum reason_kind {
	REASON_OWNER = 1, /* his own namespace, or the organization's owner */
	REASON_GRANT,	  /* granted to him */
	REASON_TEAM,	  /* `through` is the team; `team` his own one, which may be below it */
	REASON_REPOSITORY, /* what follows: through the repository, while access is inherited */
	REASON_REPOSITORY_TEAM, /* teams as above */
	REASON_BASE,		/* what the organization gives each member */
};

struct reason {
	enum reason_kind kind;
	enum role role;		     /* on the package */
	const char *through;	     /* slug, or "" */
	const char *team;	     /* slug, or "" */
	const char *repository_role; /* "maintain", …; "" */
};

/* What everything about somebody on a package is made of. */
struct explanation {
	struct account account;
	struct account namespace;
	const char *package; /* its name */
	enum visibility visibility;
	bool inherits;
	const char *repository; /* OWNER/NAME that it is linked to; "" */
	bool insider;		/* a user's package, or he is of the organization */
	enum role role;		/* as decided, without what visibility opens */
	size_t count;
	struct reason *reason; /* the highest role first */
};

/* ERR_NOT_FOUND: no such package or account. login: folded. */
int await_explain_person(struct metadb *db, struct arena *a, int64_t package_id,
			 const char *login, struct explanation *out) MUST_CHECK;

struct token_explanation {
	int64_t id;
	const char *login;
	enum token_kind kind;
	enum caller_state state;
	const char *repository;	  /* OWNER/NAME that it acts for; "" */
	struct standing standing; /* as any request with it has it */
};

/* Who asks about a token: its account; owners of the namespace about those of their people,
 * robots and repositories; site admins. Of others it is not there (ERR_NOT_FOUND). */
struct token_asker {
	int64_t account_id;
	bool site_admin;
};
int await_explain_token(struct metadb *db, struct arena *a, int64_t package_id,
			int64_t token_id, struct token_asker asker,
			struct token_explanation *out) MUST_CHECK;
