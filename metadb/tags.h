/*
 * Tags of a package as REST shows them, and set without a push (schema/0082). Deleting one:
 * metadb/deletes.h. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/lookups.h"
#include "metadb/repositories.h"

struct tag {
	const char *name; /* texts live in the arena */
	int64_t version;
	struct digest digest;
	int64_t created_at; /* 0: it is older than its notes */
	int64_t updated_at; /* when it came to this version */
	int64_t setter;	    /* the account that set it then; 0: it is gone */
	const char *setter_login;
};

struct tag_list {
	struct tag *tag; /* in the arena */
	size_t count;
	int64_t total; /* of all pages; -1: more than TAG_REACH, and another page follows */
};

/* So many are counted. */
#define TAG_REACH 10000

enum tag_order { TAGS_BY_NAME, TAGS_BY_AGE };

/* A page. By name upwards unless `turned`, by age the newest first unless `turned`. */
int await_tag_list(struct metadb *db, struct arena *a, int64_t package_id, enum tag_order order,
		   bool turned, const struct list_part *part, struct tag_list *out) MUST_CHECK;
/* ERR_NOT_FOUND. */
int await_tag_find(struct metadb *db, struct arena *a, int64_t package_id, const char *name,
		   struct tag *out) MUST_CHECK;

/* What a push of the manifest with the tag would say (metadb/manifests.h). */
struct tag_put {
	int64_t package_id;
	const char *name;
	int64_t version;	     /* or 0 and */
	const struct digest *digest; /* or NULL */
	const char *own_source;
	enum role pusher_role;
};

/*
 * The tag leads to that version, with all that a push of it with this tag does. 0: it was there
 * before; TAG_CREATED. ERR_NOT_FOUND: no such version; ERR_CONFLICT: the package is gone.
 */
#define TAG_CREATED 1
int await_tag_put(struct metadb *db, const struct actor *who,
		  const struct tag_put *put) MUST_CHECK;
