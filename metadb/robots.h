/*
 * Robots: accounts of an organization for programs, with the login ORGANIZATION+NAME. They are
 * given roles on packages as people are, and tokens by the owners; they never sign in, own
 * nothing and belong to no team. Nothing follows from a robot's name.
 * Result codes common to all functions: metadb/metadb.h. Texts returned live in the arena.
 */
#pragma once

#include "metadb/metadb.h"

#define ROBOT_NAME_MAX	      39
#define ROBOT_DESCRIPTION_MAX 255

struct robot {
	int64_t id;
	const char *login;
	const char *name; /* what follows the + */
	const char *description;
	bool may_create; /* packages in its organization */
	int64_t created_at;
	int64_t updated_at;
};

struct robot_list {
	struct robot *item;
	size_t count;
	int64_t total; /* of all pages */
};

/* By name; skip and max are a page of the list. */
int await_robot_list(struct metadb *db, struct arena *a, int64_t organization, int64_t skip,
		     int max, struct robot_list *out) MUST_CHECK;
/* name is folded and valid (login_valid); ERR_NOT_FOUND. */
int await_robot_find(struct metadb *db, struct arena *a, int64_t organization, const char *name,
		     struct robot *out) MUST_CHECK;

/* The name is valid (login_valid). ERR_CONFLICT: there is one. description may be NULL. */
int await_robot_create(struct metadb *db, const struct actor *who, int64_t organization,
		       const char *name, const char *description, bool may_create) MUST_CHECK;
/* NULL leaves what it is. ERR_NOT_FOUND. */
int await_robot_change(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t robot, const char *description,
		       const bool *may_create) MUST_CHECK;
/* Its tokens are invalid from the next lookup on; what it was granted is gone. ERR_NOT_FOUND.
 */
int await_robot_delete(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t robot) MUST_CHECK;
