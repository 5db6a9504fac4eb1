/* A published package with all that REST and the page of a package show. Lists of them:
 * metadb/package_pages.h. */
#pragma once

#include "metadb/downloads.h"
#include "metadb/package_lists.h"
#include "metadb/packages.h"
#include "metadb/repositories.h"

enum package_linked_by { LINKED_BY_LABEL = 1, LINKED_BY_WORKFLOW, LINKED_BY_WORD };

struct package_detail {
	struct package package;
	struct account owner;  /* of the namespace */
	int64_t version_count; /* manifests */
	struct downloads downloads;
	int64_t updated_at;
	const char *description; /* of what was tagged last, by its labels; "" */
	const char *licenses;
	bool inherits;
	bool linked; /* to a repository that the viewer may know of; then: */
	enum package_linked_by linked_by;
	int64_t linked_at;
	int64_t deleted_at; /* 0: it is there */
	struct repository_brief repository;
};

/* Whose eyes it is for. */
struct package_viewer {
	int64_t account_id;    /* 0: nobody's */
	int64_t repository_id; /* whoever acts for a repository knows that one and public ones
				*/
	bool knows_link;       /* an admin of the package, who may end it */
};

/* ERR_NOT_FOUND. Texts live in the arena. */
int await_package_detail(struct metadb *db, struct arena *a, int64_t package_id,
			 struct package_viewer viewer, struct package_detail *out) MUST_CHECK;
