/* A published package with all that REST and the page of a package show. */
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

/* What somebody wants to see of a namespace, as far as he may read it (metadb/schema/0061). */
struct package_filter {
	int64_t person; /* never 0 */
	int64_t token;	/* by which he asks */
	int64_t namespace_id;
	unsigned visibilities; /* bits 1 << enum visibility */
};
struct package_page {
	struct package_detail *package; /* in the arena */
	size_t count;
	bool more; /* there are others behind */
};
/* A page, newest first. A link is shown to whoever knows the repository. Cost follows the end
 * of the page, and the number of his teams and repositories there. */
int await_package_page(struct metadb *db, struct arena *a, const struct package_filter *f,
		       const struct list_part *part, struct package_page *out) MUST_CHECK;
