/*
 * Who and what organizations are to have: members, teams, repositories, as the file says that
 * `sync` reads (its form: README.md here) or an API (sync_source.h).
 *
 * What is left out stays as it is: texts are then NULL, lists NULL with a count of 0. Logins
 * are folded. Pure; everything lives in the arena.
 */
#pragma once

#include <jansson.h>

#include "metadb/repositories.h"
#include "metadb/teams.h"

#define SYNC_FILE_MAX (64 * 1024 * 1024)

/* Somebody, or a team, and a role. */
struct wanted_role {
	const char *name; /* login or slug */
	int role; /* enum membership, in a team enum team_role, else enum repository_role */
};
struct wanted_roles {
	struct wanted_role *at; /* NULL: they are not to be touched */
	size_t count;
};
struct wanted_team {
	const char *slug;
	const char *name; /* the slug when the file has none */
	const char *description;
	int secret;	    /* −1: as it is */
	bool moves;	    /* to `parent` */
	const char *parent; /* slug; NULL: to the top */
	struct wanted_roles members;
};
struct wanted_repository {
	struct repository_change fields; /* without a readme */
	enum visibility visibility;	 /* which `fields` may point at */
	struct wanted_roles people, teams;
};
struct wanted_organization {
	const char *login;
	struct wanted_roles members;
	struct wanted_team *team; /* NULL: teams are not to be touched */
	size_t teams;
	struct wanted_repository *repository; /* likewise */
	size_t repositories;
};
struct wanted {
	struct wanted_organization *organization;
	size_t organizations;
};

/* ERR_SYNTAX, with a line in *why that says where. */
int wanted_read(struct arena *a, const json_t *document, struct wanted *out,
		const char **why) MUST_CHECK;
/* Text to a document, strict; errors as above. */
int wanted_parse(struct arena *a, const char *text, size_t len, json_t **out,
		 const char **why) MUST_CHECK;
