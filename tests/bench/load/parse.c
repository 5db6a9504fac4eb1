/*
 * Strict where a wrong reading would make the bench lie (lengths, chunking), lenient elsewhere:
 * this side only reads what a registry says.
 */
#include "tests/bench/load/parse.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int copy_text(char *out, size_t size, const char *from, size_t len)
{
	if (len >= size)
		return ERR_LIMIT;
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

/* ---- URLs ---- */

static int split_authority(const char *text, size_t len, struct url *out)
{
	const char *host = text, *end = text + len, *port = NULL, *host_end;
	int rc = copy_text(out->authority, sizeof(out->authority), text, len);

	if (rc != 0)
		return rc;
	if (*host == '[') {
		host++;
		host_end = memchr(host, ']', (size_t)(end - host));
		if (host_end == NULL)
			return ERR_SYNTAX;
		if (host_end + 1 < end && host_end[1] == ':')
			port = host_end + 2;
	} else {
		host_end = memchr(host, ':', len);
		if (host_end != NULL)
			port = host_end + 1;
		else
			host_end = end;
	}
	if (host_end == host)
		return ERR_SYNTAX;
	rc = copy_text(out->host, sizeof(out->host), host, (size_t)(host_end - host));
	if (rc != 0)
		return rc;
	if (port == NULL)
		return copy_text(out->port, sizeof(out->port), "80", 2);
	for (const char *p = port; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return ERR_SYNTAX;
	}
	return port == end
		       ? ERR_SYNTAX
		       : copy_text(out->port, sizeof(out->port), port, (size_t)(end - port));
}

int url_parse(const char *text, struct url *out)
{
	size_t len;
	int rc;

	*out = (struct url){0};
	if (strncasecmp(text, "http://", 7) != 0)
		return ERR_SYNTAX;
	text += 7;
	len = strcspn(text, "/?#");
	if (len == 0)
		return ERR_SYNTAX;
	rc = split_authority(text, len, out);
	if (rc != 0)
		return rc;
	text += len;
	if (*text != '/')
		return copy_text(out->path, sizeof(out->path), "/", 1);
	return copy_text(out->path, sizeof(out->path), text, strlen(text));
}

int url_path_of(const char *text, char *out, size_t size)
{
	const char *authority = strstr(text, "://");

	if (*text != '/') {
		if (authority == NULL)
			return ERR_SYNTAX;
		text = strchr(authority + 3, '/');
		if (text == NULL)
			return ERR_SYNTAX;
	}
	return copy_text(out, size, text, strlen(text));
}

int url_add_query(char *path, size_t size, const char *name, const char *value)
{
	size_t at = strlen(path);
	int n = snprintf(path + at, size - at, "%c%s=", strchr(path, '?') ? '&' : '?', name);

	if (n < 0 || (size_t)n >= size - at)
		return ERR_LIMIT;
	at += (size_t)n;
	for (; *value != '\0'; value++) {
		if (at + 4 > size)
			return ERR_LIMIT;
		if (isalnum((unsigned char)*value) || strchr("-_.~:/,", *value) != NULL)
			path[at++] = *value;
		else
			at += (size_t)snprintf(path + at, size - at, "%%%02X",
					       (unsigned char)*value);
	}
	path[at] = '\0';
	return 0;
}

/* ---- heads ---- */

size_t head_length(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end - text) + 4;
}

static int read_number(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return ERR_SYNTAX;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno != 0 ? ERR_LIMIT : *end == '\0' ? 0 : ERR_SYNTAX;
}

static int take_challenge(struct head *out, const char *value)
{
	bool known =
		strncasecmp(value, "bearer ", 7) == 0 || strncasecmp(value, "basic", 5) == 0;

	if (!known || out->challenge[0] != '\0')
		return 0;
	return copy_text(out->challenge, sizeof(out->challenge), value, strlen(value));
}

static int take_field(struct head *out, const char *name, const char *value)
{
	uint64_t number;

	if (strcasecmp(name, "Content-Length") == 0) {
		out->has_length = true;
		return read_number(value, &out->length);
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		out->chunked = strcasecmp(value, "chunked") == 0;
		return out->chunked ? 0 : ERR_SYNTAX;
	}
	if (strcasecmp(name, "Connection") == 0)
		out->close = strcasestr(value, "close") != NULL;
	else if (strcasecmp(name, "Location") == 0)
		return copy_text(out->location, sizeof(out->location), value, strlen(value));
	else if (strcasecmp(name, "Docker-Content-Digest") == 0)
		return copy_text(out->digest, sizeof(out->digest), value, strlen(value));
	else if (strcasecmp(name, "Range") == 0)
		return copy_text(out->range, sizeof(out->range), value, strlen(value));
	else if (strcasecmp(name, "WWW-Authenticate") == 0)
		return take_challenge(out, value);
	else if (strcasecmp(name, "Retry-After") == 0 && read_number(value, &number) == 0)
		out->retry_after = number > 3600 ? 3600 : (int)number;
	return 0;
}

/* One line without its CR LF, which it may change. */
static int take_line(struct head *out, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (colon == NULL || colon == line)
		return ERR_SYNTAX;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return take_field(out, line, value);
}

int head_parse(const char *text, size_t len, struct head *out)
{
	char copy[PARSE_HEAD_MAX], *line, *end;
	int rc = copy_text(copy, sizeof(copy), text, len);

	*out = (struct head){.retry_after = -1};
	if (rc != 0)
		return rc;
	if (strlen(copy) != len || strncmp(copy, "HTTP/1.", 7) != 0 || len < 14)
		return ERR_SYNTAX;
	out->close = copy[7] == '0';
	if (copy[8] != ' ' || sscanf(copy + 9, "%3d", &out->status) != 1 || out->status < 100)
		return ERR_SYNTAX;
	line = strstr(copy, "\r\n") + 2;
	for (;; line = end + 2) {
		end = strstr(line, "\r\n");
		if (end == NULL)
			return ERR_SYNTAX;
		if (end == line)
			return 0;
		*end = '\0';
		rc = take_line(out, line);
		if (rc != 0)
			return rc;
	}
}

/* ---- authentication ---- */

/* name="value" or name=value at *text; moves behind it and a comma. */
static int take_parameter(const char **text, char *name, size_t name_size, char *value,
			  size_t value_size)
{
	const char *p = *text + strspn(*text, " ,\t"), *equals = strchr(p, '=');
	size_t len;
	int rc;

	if (equals == NULL)
		return ERR_SYNTAX;
	rc = copy_text(name, name_size, p, (size_t)(equals - p));
	if (rc != 0)
		return rc;
	p = equals + 1;
	if (*p == '"') {
		p++;
		len = strcspn(p, "\"");
		if (p[len] != '"')
			return ERR_SYNTAX;
		*text = p + len + 1;
	} else {
		len = strcspn(p, ", \t");
		*text = p + len;
	}
	rc = copy_text(value, value_size, p, len);
	*text += strspn(*text, " ,\t");
	return rc;
}

int challenge_parse(const char *text, struct challenge *out)
{
	char name[64], value[1024];
	int rc = 0;

	*out = (struct challenge){0};
	if (strncasecmp(text, "basic", 5) == 0) {
		out->scheme = SCHEME_BASIC;
		return 0;
	}
	if (strncasecmp(text, "bearer ", 7) != 0)
		return ERR_SYNTAX;
	out->scheme = SCHEME_BEARER;
	text += 7;
	while (*text != '\0' && rc == 0) {
		rc = take_parameter(&text, name, sizeof(name), value, sizeof(value));
		if (rc != 0)
			return rc;
		if (strcasecmp(name, "realm") == 0)
			rc = copy_text(out->realm, sizeof(out->realm), value, strlen(value));
		else if (strcasecmp(name, "service") == 0)
			rc = copy_text(out->service, sizeof(out->service), value,
				       strlen(value));
		else if (strcasecmp(name, "scope") == 0)
			rc = copy_text(out->scope, sizeof(out->scope), value, strlen(value));
	}
	return rc != 0 ? rc : out->realm[0] == '\0' ? ERR_SYNTAX : 0;
}

int token_parse(const char *json, size_t len, char *token, size_t size, unsigned *life)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "token"));
	json_t *expires = json_object_get(root, "expires_in");
	int rc = ERR_SYNTAX;

	if (text == NULL)
		text = json_string_value(json_object_get(root, "access_token"));
	if (text != NULL)
		rc = copy_text(token, size, text, strlen(text));
	*life = 60;
	if (json_is_integer(expires) && json_integer_value(expires) > 0)
		*life = json_integer_value(expires) > 86400
				? 86400
				: (unsigned)json_integer_value(expires);
	json_decref(root);
	return rc;
}

void base64_write(const void *bytes, size_t len, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
}
