/*
 * The audit log, read page by page (schema/0059). Who may read what is the caller's matter.
 *
 * A page looks at a bounded number of rows, however large the log is and whatever is looked
 * for: it may be short, or empty, though there is more behind it.
 */
#pragma once

#include "metadb/metadb.h"

/* Instead of an id: whatever it is, no row has it. */
#define AUDIT_NOTHING (-1)

struct audit_query {
	/* 0: any */
	int64_t namespace_id;
	int64_t package_id;
	int64_t actor_id;
	int64_t repository_id;
	const char *action;   /* a whole name, or a category that ends in a dot; NULL: any */
	int64_t since, until; /* Unix seconds, the second not among them; 0: no such bound */
	int64_t past;	/* only rows behind this id in the page's order; 0: from the start */
	bool ascending; /* oldest first */
	size_t count;	/* at most so many; > 0 */
	size_t bytes;	/* none behind those whose details have so many */
};

struct audit_entry {
	int64_t id;
	int64_t at_ms;
	const char *action;
	int64_t actor_id;		 /* 0: the program itself */
	const char *actor;		 /* login; NULL: nobody, or he is gone */
	int64_t token_id;		 /* 0: none */
	const char *remote, *request_id; /* NULL: none */
	int64_t namespace_id;		 /* 0: none */
	const char *namespace;
	bool of_organization;
	int64_t package_id;  /* 0: none */
	const char *package; /* name; NULL: none, or it is gone */
	const char *detail;  /* JSON object as text */
};

struct audit_list {
	struct audit_entry *entry; /* texts in the arena, like all of it */
	size_t count;
	int64_t go_on; /* `past` of the next page; 0: there is none */
};

int await_audit_list(struct metadb *db, struct arena *a, const struct audit_query *q,
		     struct audit_list *out) MUST_CHECK;

/* Names in ids: AUDIT_NOTHING for what there is not. */
int await_audit_login(struct metadb *db, struct arena *a, const char *login,
		      int64_t *id) MUST_CHECK;
/* Of the namespace, the newest of that name, also a deleted one; NULL is 0, any. */
int await_audit_names(struct metadb *db, struct arena *a, int64_t namespace_id,
		      const char *package, const char *repository, int64_t *package_id,
		      int64_t *repository_id) MUST_CHECK;
