/*
 * The lists of a package's settings, page by page: people, teams, repositories whose workflows
 * or codespaces may something, former names.
 *
 * Each answers at most `limit` elements after the first `offset`, in the order of their ids
 * (names in their own), and how many there are in all. Texts and elements live in the arena.
 * Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/accounts.h"
#include "proto/model/access.h"

struct package_person {
	struct account account; /* without e-mail */
	enum role role;
	bool counts; /* false: an outsider, while the organization's package is not public */
};

struct package_team {
	int64_t id;
	const char *slug;
	const char *name;
	const char *description;
	bool secret;
	enum role role;
};

/* A source repository as others embed it. */
struct repository_brief {
	int64_t id;
	struct account owner;
	const char *name;
	const char *description;
	const char *url; /* where it lives, "" when nobody said */
	enum visibility visibility;
};

struct package_repository {
	struct repository_brief repository;
	enum role role; /* of its workflows; codespaces read */
};

struct package_alias {
	const char *namespace; /* login */
	const char *name;
	int64_t created_at;
};

struct package_part {
	int64_t offset;
	int64_t limit;
};

/* One of its members is set, by the function that fills it. */
struct package_list {
	size_t count;
	int64_t total;
	union {
		struct package_person *person;
		struct package_team *team;
		struct package_repository *repository;
		struct package_alias *alias;
	};
};

int await_package_people(struct metadb *db, struct arena *a, int64_t package_id,
			 struct package_part part, struct package_list *out) MUST_CHECK;
int await_package_teams(struct metadb *db, struct arena *a, int64_t package_id,
			struct package_part part, struct package_list *out) MUST_CHECK;
int await_package_actions(struct metadb *db, struct arena *a, int64_t package_id,
			  struct package_part part, struct package_list *out) MUST_CHECK;
int await_package_codespaces(struct metadb *db, struct arena *a, int64_t package_id,
			     struct package_part part, struct package_list *out) MUST_CHECK;
int await_package_aliases(struct metadb *db, struct arena *a, int64_t package_id,
			  struct package_part part, struct package_list *out) MUST_CHECK;
