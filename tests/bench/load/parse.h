/*
 * What a client of a registry must read: URLs, heads of answers, challenges, token answers.
 * Pure functions over bounded texts; whatever does not fit is ERR_LIMIT, whatever does not
 * follow its grammar ERR_SYNTAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

#define PARSE_URL_MAX	   4096
#define PARSE_HEAD_MAX	   32768
#define PARSE_LOCATION_MAX 4096

struct url {
	char host[256]; /* without brackets */
	char port[6];
	char authority[300];	  /* for Host: */
	char path[PARSE_URL_MAX]; /* with the query; begins with '/' */
};
/* http:// only. */
int url_parse(const char *text, struct url *out) MUST_CHECK;

/* What Location or realm says, as a path for the connection we have: an absolute URL loses its
 * scheme and authority.
 */
int url_path_of(const char *text, char *out, size_t size) MUST_CHECK;
/* Appends name=value with '?' or '&'; value is escaped. */
int url_add_query(char *path, size_t size, const char *name, const char *value) MUST_CHECK;

struct head {
	int status;
	bool has_length, chunked, close;
	uint64_t length;
	int retry_after; /* seconds, -1 without the header */
	char location[PARSE_LOCATION_MAX];
	char digest[160];     /* Docker-Content-Digest */
	char challenge[2048]; /* WWW-Authenticate, the first one that is Bearer or Basic */
	char range[64];
};
/* text ends with the empty line; ERR_SYNTAX, ERR_LIMIT. */
int head_parse(const char *text, size_t len, struct head *out) MUST_CHECK;
/* Length of the head at the start of text, with its empty line; 0 when it is not all there. */
size_t head_length(const char *text, size_t len);

enum scheme { SCHEME_NONE, SCHEME_BASIC, SCHEME_BEARER };
struct challenge {
	enum scheme scheme;
	char realm[1024], service[256], scope[512];
};
int challenge_parse(const char *text, struct challenge *out) MUST_CHECK;

/* The token ("token" or "access_token") and its life in seconds (60 without "expires_in"). */
int token_parse(const char *json, size_t len, char *token, size_t size,
		unsigned *life) MUST_CHECK;

/* Base64 with padding of len bytes; out has room for 4 × (len + 2) / 3 + 1. */
void base64_write(const void *bytes, size_t len, char *out);
