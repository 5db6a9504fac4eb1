/* Why somebody may what he may on a package, in words. */
#pragma once

#include "metadb/explain.h"

/* One way to a role. */
struct explain_line {
	enum role role;
	bool effective; /* false: it does not count, and the text says why */
	const char *text;
};

/* What is said of one person. */
struct explain_text {
	enum role role;	      /* the highest that counts */
	const char *sentence; /* "write: granted directly" */
	size_t count;
	struct explain_line *line;
};

/* names: the linked repository may be named even to somebody who has no role on it. */
void explain_person(struct arena *a, const struct explanation *e, bool names,
		    struct explain_text *out);

/* Why a token may or may not do something, in words; *allowed says which. */
const char *explain_action(struct arena *a, const struct token_explanation *t,
			   enum action action, const char *namespace, bool *allowed);
