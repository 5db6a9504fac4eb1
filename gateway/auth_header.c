/*
 * What a Bearer value means is decided by its shape, in this order: three parts with dots are a
 * compact token; text that is strict base64 of something printable is what it encodes; all else
 * is the credential itself. Credentials of this registry hold '_', which standard base64 does
 * not know, so none of them is mistaken for an encoding.
 */
#include "gateway/auth_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "gateway/base64.h"

static bool visible(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0 && len <= AUTH_SECRET_MAX;
}

/* The text after the scheme's name and its blanks; NULL when the scheme is another one. */
static const char *after_scheme(const char *text, size_t len, const char *scheme)
{
	size_t n = strlen(scheme);

	if (len <= n || strncasecmp(text, scheme, n) != 0 || text[n] != ' ')
		return NULL;
	while (n < len && text[n] == ' ')
		n++;
	return text + n;
}

bool auth_looks_compact(const char *text, size_t len)
{
	int dots = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '.')
			dots++;
		else if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			   (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return dots == 2;
}

static int take_basic(struct arena *a, struct slice pair, struct auth_header *out)
{
	const char *colon = memchr(pair.data, ':', pair.len);
	size_t user_len;

	if (colon == NULL)
		return ERR_SYNTAX;
	user_len = (size_t)(colon - pair.data);
	if (pair.len == 1)
		return 0;
	if (!visible(colon + 1, pair.len - user_len - 1))
		return ERR_SYNTAX;
	out->kind = AUTH_KIND_CREDENTIAL;
	out->user = arena_memdup(a, pair.data, user_len);
	out->secret = arena_memdup(a, colon + 1, pair.len - user_len - 1);
	return 0;
}

static int take_bearer(struct arena *a, const char *text, size_t len, struct auth_header *out)
{
	struct slice inner;

	if (!visible(text, len))
		return ERR_SYNTAX;
	if (auth_looks_compact(text, len)) {
		out->kind = AUTH_KIND_COMPACT;
		out->secret = arena_memdup(a, text, len);
		return 0;
	}
	if (base64_decode(a, BASE64_STANDARD, text, len, &inner) < 0 ||
	    !visible(inner.data, inner.len))
		inner = (struct slice){text, len};
	else if (memchr(inner.data, ':', inner.len) != NULL)
		return inner.len == 1 ? ERR_SYNTAX : take_basic(a, inner, out);
	out->kind = AUTH_KIND_CREDENTIAL;
	out->secret = arena_memdup(a, inner.data, inner.len);
	return 0;
}

int auth_header_parse(struct arena *a, const char *text, size_t len, struct auth_header *out)
{
	const char *value;
	struct slice pair;

	*out = (struct auth_header){AUTH_KIND_NONE, "", ""};
	if (text == NULL || len == 0)
		return 0;
	value = after_scheme(text, len, "Basic");
	if (value != NULL) {
		size_t n = len - (size_t)(value - text);

		if (n > AUTH_SECRET_MAX ||
		    base64_decode(a, BASE64_STANDARD, value, n, &pair) < 0)
			return ERR_SYNTAX;
		return take_basic(a, pair, out);
	}
	value = after_scheme(text, len, "Bearer");
	if (value == NULL)
		value = after_scheme(text, len, "token");
	if (value == NULL)
		return ERR_SYNTAX;
	return take_bearer(a, value, len - (size_t)(value - text), out);
}
