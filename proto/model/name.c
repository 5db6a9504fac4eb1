/* Grammars as small hand-written scanners: no regular expressions on foreign input. */
#include "proto/model/name.h"

#include <string.h>

static bool alnum_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Length of a separator at text: "." "_" "__" or dashes; 0 when there is none or a wrong one.
 */
static size_t separator_length(const char *text, size_t len)
{
	size_t n = 0;

	if (len == 0)
		return 0;
	if (text[0] == '.')
		return 1;
	if (text[0] == '_')
		return len > 1 && text[1] == '_' ? 2 : 1;
	while (n < len && text[n] == '-')
		n++;
	return n;
}

static size_t alnum_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && alnum_lower(text[n]))
		n++;
	return n;
}

static bool segment_valid(const char *text, size_t len)
{
	size_t at = alnum_length(text, len);

	if (at == 0)
		return false;
	while (at < len) {
		size_t separator = separator_length(text + at, len - at);
		size_t word = alnum_length(text + at + separator, len - at - separator);

		if (separator == 0 || word == 0)
			return false;
		at += separator + word;
	}
	return true;
}

bool repository_valid(const char *text, size_t len)
{
	if (len == 0 || len > REPOSITORY_MAX)
		return false;
	for (;;) {
		const char *slash = memchr(text, '/', len);
		size_t segment = slash != NULL ? (size_t)(slash - text) : len;

		if (!segment_valid(text, segment))
			return false;
		if (slash == NULL)
			return true;
		text += segment + 1;
		len -= segment + 1;
	}
}

static bool word_char(char c)
{
	return alnum_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

bool tag_valid(const char *text, size_t len)
{
	if (len == 0 || len > TAG_MAX || !word_char(text[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!word_char(text[i]) && text[i] != '.' && text[i] != '-')
			return false;
	return true;
}

bool login_valid(const char *text, size_t len)
{
	if (len == 0 || len > LOGIN_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!alnum_lower(text[i]) && (text[i] != '-' || text[i - 1] == '-'))
			return false;
	return true;
}

bool source_repository_valid(const char *text, size_t len)
{
	if (len == 0 || len > SOURCE_REPOSITORY_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!word_char(text[i]) && text[i] != '.' && text[i] != '-')
			return false;
	return !(text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')));
}

bool login_reserved(const char *login)
{
	static const char *const RESERVED[] = {
		"about",    "admin",	"api",	     "apps",	 "assets",	  "auth",
		"blog",	    "catalog",	"dashboard", "debug",	 "docs",	  "enterprise",
		"explore",  "favicon",	"health",    "healthz",	 "help",	  "internal",
		"join",	    "livez",	"login",     "logout",	 "metrics",	  "new",
		"none",	    "oauth",	"oidc",	     "org",	 "organizations", "orgs",
		"packages", "public",	"readyz",    "repos",	 "robots",	  "root",
		"search",   "security", "sessions",  "settings", "setup",	  "signin",
		"signup",   "site",	"sso",	     "static",	 "status",	  "system",
		"team",	    "teams",	"token",     "tokens",	 "user",	  "users",
		"v1",	    "v2",	"v3",	     "webhooks", "well-known",	  "www",
	};

	for (size_t i = 0; i < sizeof(RESERVED) / sizeof(RESERVED[0]); i++)
		if (strcmp(login, RESERVED[i]) == 0)
			return true;
	return false;
}

char *login_fold(struct arena *a, const char *text, size_t len)
{
	char *folded = arena_memdup(a, text, len);

	for (size_t i = 0; i < len; i++)
		if (folded[i] >= 'A' && folded[i] <= 'Z')
			folded[i] = (char)(folded[i] - 'A' + 'a');
	return folded;
}

int repository_parse(struct arena *a, const char *text, size_t len, struct repository_name *out)
{
	const char *slash;

	if (!repository_valid(text, len))
		return ERR_SYNTAX;
	slash = memchr(text, '/', len);
	if (slash == NULL)
		return ERR_SYNTAX;
	out->full = arena_memdup(a, text, len);
	out->namespace = arena_memdup(a, text, (size_t)(slash - text));
	out->name = out->full + (slash - text) + 1;
	return 0;
}

int reference_parse(struct arena *a, const char *text, size_t len, struct reference *out)
{
	memset(out, 0, sizeof(*out));
	if (digest_shaped(text, len)) {
		out->is_digest = true;
		return digest_parse(text, len, &out->digest);
	}
	if (!tag_valid(text, len))
		return ERR_SYNTAX;
	out->tag = arena_memdup(a, text, len);
	return 0;
}
