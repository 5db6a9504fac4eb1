/* From left to right: scheme, authority, path; each into one buffer that has room for all. */
#include "proto/model/source_url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253
#define PORT_MAX 65535

/* What is written; `end` leaves room for a NUL. */
struct text {
	char *start, *to, *end;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool word_char(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int put(struct text *t, char c)
{
	if (t->to == t->end)
		return ERR_LIMIT;
	*t->to++ = c;
	return 0;
}

/* The usual port of the scheme at the text, whose length goes to *len; 0: none of ours. */
static unsigned scheme_port(struct slice in, size_t *len)
{
	static const struct {
		const char *name;
		unsigned port;
	} schemes[] = {{"http", 80},	   {"https", 443},   {"git", 9418},  {"ssh", 22},
		       {"git+https", 443}, {"git+http", 80}, {"git+ssh", 22}};
	const char *end = memmem(in.data, in.len, "://", 3);

	for (size_t i = 0; end != NULL && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		*len = strlen(schemes[i].name);
		if ((size_t)(end - in.data) == *len &&
		    strncasecmp(in.data, schemes[i].name, *len) == 0)
			return schemes[i].port;
	}
	return 0;
}

/* Bytes before the first of these characters, or all. */
static size_t span_before(struct slice in, const char *stops)
{
	size_t n = 0;

	while (n < in.len && strchr(stops, in.data[n]) == NULL)
		n++;
	return n;
}

static struct slice behind(struct slice in, size_t n)
{
	return (struct slice){in.data + n, in.len - n};
}

/* A name or an IPv4 address, or an IPv6 address in brackets. */
static int put_host(struct text *t, struct slice host)
{
	bool six = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
	int rc = 0;

	if (!six && host.len > 0 && host.data[host.len - 1] == '.')
		host.len--;
	if (host.len == 0 || host.len > HOST_MAX || host.data[host.len - 1] == '.')
		return ERR_SYNTAX;
	for (size_t i = 0; i < host.len && rc == 0; i++) {
		char c = host.data[i];
		bool edge = six && (i == 0 || i == host.len - 1);
		bool fine = six ? c == ':' || c == '.' || word_char(c)
				: c == '-' || c == '_' || word_char(c) ||
					    (c == '.' && i > 0 && host.data[i - 1] != '.');

		rc = edge || fine ? put(t, lower(c)) : ERR_SYNTAX;
	}
	return rc;
}

/*
 * Behind the colon; "" means the usual one. 443 goes as well, whatever the scheme is: it is the
 * port of the result, which says none.
 */
static int put_port(struct text *t, struct slice digits, unsigned usual)
{
	unsigned port = digits.len == 0 ? usual : 0;
	char said[8];

	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9' || port > PORT_MAX)
			return ERR_SYNTAX;
		port = port * 10 + (unsigned)(digits.data[i] - '0');
	}
	if (port == 0 || port > PORT_MAX)
		return ERR_SYNTAX;
	if (port == usual || port == 443)
		return 0;
	snprintf(said, sizeof(said), ":%u", port);
	for (const char *c = said; *c != '\0'; c++)
		if (put(t, *c) < 0)
			return ERR_LIMIT;
	return 0;
}

/* [USER@]HOST[:PORT] */
static int put_authority(struct text *t, struct slice in, unsigned usual)
{
	const char *at = memrchr(in.data, '@', in.len);
	struct slice host = at == NULL ? in : behind(in, (size_t)(at + 1 - in.data));
	size_t inside = host.len > 0 && host.data[0] == '[' ? span_before(host, "]") : 0;
	const char *colon = memchr(host.data + inside, ':', host.len - inside);
	struct slice port = {"", 0};
	int rc;

	if (colon != NULL) {
		port = behind(host, (size_t)(colon + 1 - host.data));
		host.len = (size_t)(colon - host.data);
	}
	rc = put_host(t, host);
	return rc < 0 ? rc : put_port(t, port, usual);
}

static int hex_digit(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at *i, which moves behind it; -1: wrong encoding. *raw: it was not encoded. */
static int take_byte(struct slice in, size_t *i, bool *raw)
{
	int high, low;

	*raw = in.data[*i] != '%';
	if (*raw)
		return (unsigned char)in.data[(*i)++];
	if (in.len - *i < 3)
		return -1;
	high = hex_digit(in.data[*i + 1]);
	low = hex_digit(in.data[*i + 2]);
	*i += 3;
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int put_encoded(struct text *t, int c)
{
	static const char digits[] = "0123456789abcdef";
	int rc = put(t, '%');

	if (rc == 0)
		rc = put(t, digits[c >> 4]);
	return rc < 0 ? rc : put(t, digits[c & 15]);
}

static bool is_dots(const char *from, const char *to)
{
	return (to - from == 1 && from[0] == '.') ||
	       (to - from == 2 && from[0] == '.' && from[1] == '.');
}

/* One segment of the path; a slash in it that is encoded stays so. */
static int put_segment(struct text *t, struct slice in)
{
	char *start = t->to;
	int rc = 0;

	for (size_t i = 0; i < in.len && rc == 0;) {
		bool raw;
		int c = take_byte(in, &i, &raw);

		if (c < 0x20 || c == 0x7f || (raw && (c == ' ' || c == '\\')))
			return ERR_SYNTAX;
		if (c >= 0x80 || strchr(" \"#%/<>?\\^`{|}", c) != NULL)
			rc = put_encoded(t, c);
		else
			rc = put(t, lower((char)c));
	}
	return rc == 0 && is_dots(start, t->to) ? ERR_SYNTAX : rc;
}

/* Takes slashes and .git from the end, as long as there are any. */
static void cut_end(struct text *t, const char *start)
{
	for (;;) {
		if (t->to > start && t->to[-1] == '/')
			t->to--;
		else if (t->to - start >= 4 && memcmp(t->to - 4, ".git", 4) == 0)
			t->to -= 4;
		else
			return;
	}
}

static int put_path(struct text *t, struct slice in)
{
	const char *start = t->to, *last;
	int rc = 0;

	while (in.len > 0 && rc == 0) {
		size_t len = span_before(in, "/");

		if (len > 0)
			rc = put(t, '/');
		if (len > 0 && rc == 0)
			rc = put_segment(t, (struct slice){in.data, len});
		in = behind(in, len < in.len ? len + 1 : len);
	}
	if (rc < 0)
		return rc;
	cut_end(t, start);
	if (t->to == start)
		return ERR_SYNTAX;
	/* "..git" has become one of them. */
	last = memrchr(start, '/', (size_t)(t->to - start));
	return is_dots(last + 1, t->to) ? ERR_SYNTAX : 0;
}

/* USER@HOST:PATH: length of what stands before the colon, 0 when it is none. */
static size_t short_form(struct slice in)
{
	size_t at = span_before(in, "@/:");
	struct slice host = behind(in, at < in.len ? at + 1 : at);
	size_t inside = host.len > 0 && host.data[0] == '[' ? span_before(host, "]") : 0;
	size_t end = inside + span_before(behind(host, inside), "/:");

	if (at == 0 || at == in.len || in.data[at] != '@' || end == host.len ||
	    host.data[end] != ':')
		return 0;
	return at + 1 + end;
}

int source_url_normalise(struct arena *a, const char *text, size_t len, const char **out)
{
	struct slice in = {text, len};
	struct text t;
	size_t head;
	unsigned usual;
	int rc;

	if (len > SOURCE_URL_MAX)
		return ERR_LIMIT;
	if (memchr(text, '\0', len) != NULL)
		return ERR_SYNTAX;
	in.len = span_before(in, "?#");
	t.start = t.to = arena_alloc(a, SOURCE_URL_MAX + 1);
	t.end = t.start + SOURCE_URL_MAX;
	usual = scheme_port(in, &head);
	if (usual != 0) {
		in = behind(in, head + strlen("://"));
		head = span_before(in, "/");
		rc = put_authority(&t, (struct slice){in.data, head}, usual);
		in = behind(in, head);
	} else {
		head = short_form(in);
		if (head == 0)
			return ERR_SYNTAX;
		/* Without its last colon it is an authority that names no port. */
		rc = put_authority(&t, (struct slice){in.data, head}, 22);
		in = behind(in, head + 1);
	}
	if (rc == 0)
		rc = put_path(&t, in);
	if (rc < 0)
		return rc;
	*t.to = '\0';
	*out = t.start;
	return 0;
}
