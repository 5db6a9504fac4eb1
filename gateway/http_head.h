/*
 * The head of an HTTP/1 request: found, parsed and checked; of HTTP/2 (http2_head.c): checked.
 * Pure functions; any thread.
 *
 * libhttp-parser 2.9.4 does the parsing. It has had no maintainer since 2020 and lets some
 * things through that proxies read differently (request smuggling), so this module refuses on
 * top of it: blanks before a colon, folded lines, bare LF, a missing or repeated Host, versions
 * other than 1.0 and 1.1, a Transfer-Encoding other than exactly "chunked", one beside a
 * Content-Length, and a second line of a field that may stand once only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define HTTP_HEAD_MAX	((size_t)32 * 1024) /* bytes of a head with its last line end */
#define HTTP_FIELDS_MAX 100

/* One bit each, so that a route row can name several. */
enum method {
	METHOD_GET = 1 << 0,
	METHOD_HEAD = 1 << 1,
	METHOD_POST = 1 << 2,
	METHOD_PUT = 1 << 3,
	METHOD_PATCH = 1 << 4,
	METHOD_DELETE = 1 << 5,
	METHOD_OPTIONS = 1 << 6,
	METHOD_OTHER = 1 << 7, /* a method that no route has */
};

struct http_field {
	struct slice name;  /* as sent; compare without regard to case */
	struct slice value; /* without blanks around it */
};

/* Slices point into the text that was parsed, until http_head_keep() copies them. */
struct http_head {
	struct slice text; /* all of it */
	enum method method;
	struct slice method_text;
	struct slice target;	/* origin form: path and query, still escaped */
	struct slice host;	/* empty with HTTP/1.0 without Host */
	unsigned minor;		/* HTTP/1.minor: 0 or 1; 2 for a stream of HTTP/2 */
	bool keep_alive;	/* the client wants to go on after the answer */
	bool expect_continue;	/* it waits for 100 before it sends the body */
	bool chunked;		/* a body of unknown length; with HTTP/1 in chunks */
	int64_t content_length; /* −1: none given (and then no body unless chunked) */
	unsigned count;
	struct http_field *fields;
};

/*
 * Where the head ends: the length with its empty line; 0 when more is needed. *scanned (0 at
 * first) is kept by the caller so that no byte is looked at twice. A head that ends in bare LFs
 * is found too, to be refused at once.
 */
size_t http_head_end(const char *data, size_t len, size_t *scanned);

/*
 * Parse the whole head (as long as http_head_end() said). `fields` has room for
 * HTTP_FIELDS_MAX. 0, or the status to refuse with (400, 431, 501, 505) and a reason for people
 * in *why.
 */
int http_head_parse(const char *data, size_t len, struct http_field *fields,
		    struct http_head *out, const char **why) MUST_CHECK;

/*
 * The rest of http_head_parse() for a head that HTTP/2 has taken apart: method_text, target,
 * host (the authority, or empty), minor, fields and count are given, ending in NULs; the others
 * are filled in. `body_follows`: the head does not end the stream.
 */
int http_head_judge(struct http_head *h, bool body_follows, const char **why) MUST_CHECK;

/* Copy text and fields into the arena; after that every slice ends in a NUL. */
void http_head_keep(struct http_head *h, struct arena *a);

/* First line of this name; NULL when there is none. */
const struct slice *http_head_field(const struct http_head *h, const char *name);
/* The last one. */
const struct slice *http_head_last_field(const struct http_head *h, const char *name);

/* A comma-separated list in `value` has this word (case ignored), e.g. "close" in Connection.
 */
bool http_list_has(struct slice value, const char *word);

/* Name of a method bit, "OTHER" for METHOD_OTHER. */
const char *method_name(enum method m);

/* Does the text start as TLS does (a ClientHello record)? Needs 2 bytes. */
bool http_head_is_tls(const char *data, size_t len);
