/*
 * Finding and parsing request heads.
 *
 * The parser gets the whole head at once, so that every name and value is one callback and one
 * slice. Three passes, each simple: check_lines() looks at line ends and at what lines begin
 * with, the parser takes the lines apart, the rest judges what it found. What two programs
 * might read differently is refused and never repaired.
 */
#include "gateway/http_head.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

static const char REASON_SYNTAX[] = "the request is not well-formed HTTP";

struct adapter {
	http_parser parser; /* first: callbacks get its address */
	struct http_head *head;
	int status;
	const char *why;
};

static int fail(struct adapter *ad, int status, const char *why)
{
	if (ad->status == 0) {
		ad->status = status;
		ad->why = why;
	}
	return 1;
}

size_t http_head_end(const char *data, size_t len, size_t *scanned)
{
	size_t at = *scanned;
	const char *lf;

	while (at < len && (lf = memchr(data + at, '\n', len - at)) != NULL) {
		at = (size_t)(lf - data);
		if (len - at >= 2 && lf[1] == '\n')
			return at + 2;
		if (len - at >= 3 && lf[1] == '\r' && lf[2] == '\n')
			return at + 3;
		if (len - at < 3 && (len - at == 1 || lf[1] == '\r')) {
			*scanned = at;
			return 0;
		}
		at++;
	}
	*scanned = len;
	return 0;
}

bool http_head_is_tls(const char *data, size_t len)
{
	return len >= 2 && data[0] == 0x16 && data[1] == 0x03;
}

/* Lines end in CR LF, none begins with a blank (folding), and no other control is in them. */
static bool check_lines(const char *data, size_t len)
{
	bool at_start = true;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\r') {
			if (i + 1 == len || data[i + 1] != '\n')
				return false;
			i++;
			at_start = true;
			continue;
		}
		if (at_start && (c == ' ' || c == '\t'))
			return false;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
		at_start = false;
	}
	return true;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct adapter *ad = (struct adapter *)p;

	ad->head->target = (struct slice){at, len};
	return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t len)
{
	struct adapter *ad = (struct adapter *)p;
	struct http_head *h = ad->head;

	if (h->count == HTTP_FIELDS_MAX)
		return fail(ad, 431, "too many header fields");
	h->fields[h->count].name = (struct slice){at, len};
	h->fields[h->count].value = (struct slice){at + len, 0};
	h->count++;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	struct adapter *ad = (struct adapter *)p;
	struct slice value = trim((struct slice){at, len});

	/* The parser places empty values anywhere; on_header_field() has put it at the colon.
	 */
	if (value.len > 0)
		ad->head->fields[ad->head->count - 1].value = value;
	return 0;
}

/* At least one byte, all of them letters, digits or among `others`. */
static bool only_alnum_and(struct slice s, const char *others)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			continue;
		if (c >= '0' && c <= '9')
			continue;
		if (c == 0 || strchr(others, c) == NULL)
			return false;
	}
	return s.len > 0;
}

/* RFC 9110 §5.6.2 */
static bool is_token(struct slice s)
{
	return only_alnum_and(s, "!#$%&'*+-.^_`|~");
}

static bool slice_is(struct slice s, const char *text)
{
	return strlen(text) == s.len && strncasecmp(s.data, text, s.len) == 0;
}

bool http_list_has(struct slice value, const char *word)
{
	while (value.len > 0) {
		const char *comma = memchr(value.data, ',', value.len);
		size_t len = comma != NULL ? (size_t)(comma - value.data) : value.len;

		if (slice_is(trim((struct slice){value.data, len}), word))
			return true;
		if (comma == NULL)
			return false;
		value.data += len + 1;
		value.len -= len + 1;
	}
	return false;
}

const struct slice *http_head_field(const struct http_head *h, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < h->count; i++)
		if (h->fields[i].name.len == len &&
		    strncasecmp(h->fields[i].name.data, name, len) == 0)
			return &h->fields[i].value;
	return NULL;
}

const struct slice *http_head_last_field(const struct http_head *h, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = h->count; i > 0; i--)
		if (h->fields[i - 1].name.len == len &&
		    strncasecmp(h->fields[i - 1].name.data, name, len) == 0)
			return &h->fields[i - 1].value;
	return NULL;
}

/* Fields that decide about framing, rights or ranges: a second line would be read either way.
 */
static const char *const singles[] = {
	"Host",		 "Content-Length", "Transfer-Encoding",
	"Authorization", "Content-Type",   "Range",
	"Content-Range", "Expect",	   "If-Range",
};

static int check_names(struct adapter *ad)
{
	const struct http_head *h = ad->head;
	unsigned seen = 0;

	for (unsigned i = 0; i < h->count; i++) {
		struct slice name = h->fields[i].name;

		/* The parser takes "Host : x"; whoever strips the blank reads another head. */
		if (!is_token(name))
			return fail(ad, 400, "a header field has no proper name");
		for (unsigned k = 0; k < sizeof(singles) / sizeof(singles[0]); k++) {
			if (!slice_is(name, singles[k]))
				continue;
			if ((seen & (1u << k)) != 0)
				return fail(ad, 400,
					    "a header field stands twice that may not");
			seen |= 1u << k;
		}
	}
	return 0;
}

static bool host_ok(struct slice s)
{
	return only_alnum_and(s, ".-_:[]") && s.len <= 255;
}

static int take_host(struct adapter *ad)
{
	struct http_head *h = ad->head;
	const struct slice *host = http_head_field(h, "Host");

	if (host == NULL && h->minor >= 1)
		return fail(ad, 400, "the Host header is missing");
	if (host != NULL && !host_ok(*host))
		return fail(ad, 400, "the Host header names no host");
	/* The authority of an absolute target counts more (RFC 9112 §3.2.2). */
	if (h->host.len == 0 && host != NULL)
		h->host = *host;
	return 0;
}

static int check_target(struct adapter *ad)
{
	struct slice t = ad->head->target;

	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] <= 0x20 || t.data[i] == 0x7f || t.data[i] == '#' ||
		    (t.data[i] & 0x80) != 0)
			return fail(ad, 400, "the path has characters that must be escaped");
	return 0;
}

/* "METHOD SP target SP HTTP/1.x", with single blanks, the target reduced to its origin form. */
static int take_request_line(struct adapter *ad, const char *data, size_t len)
{
	struct http_head *h = ad->head;
	const char *blank = memchr(data, ' ', len);
	const char *end = memchr(data, '\r', len);
	struct slice *t = &h->target;
	struct slice rest;

	if (t->len == 0 || t->data != blank + 1 || t->data + t->len + 9 != end)
		return fail(ad, 400, "the request line is not well-formed");
	h->method_text = (struct slice){data, (size_t)(blank - data)};
	if (check_target(ad) != 0)
		return 1;
	if (t->data[0] == '/' || slice_is(*t, "*"))
		return 0;
	if (t->len > 7 && strncasecmp(t->data, "http://", 7) == 0)
		rest = (struct slice){t->data + 7, t->len - 7};
	else if (t->len > 8 && strncasecmp(t->data, "https://", 8) == 0)
		rest = (struct slice){t->data + 8, t->len - 8};
	else
		return fail(ad, 400, "the target is neither a path nor an http URL");
	h->host = rest;
	for (h->host.len = 0; h->host.len < rest.len; h->host.len++)
		if (rest.data[h->host.len] == '/' || rest.data[h->host.len] == '?')
			break;
	if (!host_ok(h->host))
		return fail(ad, 400, "the URL names no host");
	*t = (struct slice){rest.data + h->host.len, rest.len - h->host.len};
	if (t->len == 0 || t->data[0] != '/')
		return fail(ad, 400, "the URL has no path");
	return 0;
}

static int take_length(struct adapter *ad, struct slice text)
{
	int64_t value = 0;

	if (text.len == 0 || text.len > 18)
		return fail(ad, 400, "the Content-Length is out of range");
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return fail(ad, 400, "the Content-Length is no number");
		value = value * 10 + (text.data[i] - '0');
	}
	ad->head->content_length = value;
	return 0;
}

static int take_expectation(struct adapter *ad)
{
	struct http_head *h = ad->head;
	const struct slice *expect = http_head_field(h, "Expect");

	if (expect != NULL && !slice_is(*expect, "100-continue"))
		return fail(ad, 417, "the only expectation known here is 100-continue");
	h->expect_continue =
		expect != NULL && h->minor >= 1 && (h->chunked || h->content_length > 0);
	return 0;
}

static int take_framing(struct adapter *ad)
{
	struct http_head *h = ad->head;
	const struct slice *length = http_head_field(h, "Content-Length");
	const struct slice *coding = http_head_field(h, "Transfer-Encoding");

	h->content_length = -1;
	if (coding != NULL && length != NULL)
		return fail(ad, 400, "Content-Length beside Transfer-Encoding");
	if (coding != NULL && h->minor == 0)
		return fail(ad, 400, "Transfer-Encoding in HTTP/1.0");
	if (coding != NULL && !slice_is(*coding, "chunked"))
		return fail(ad, 501, "the only Transfer-Encoding known here is chunked");
	if (length != NULL && take_length(ad, *length) != 0)
		return 1;
	h->chunked = coding != NULL;
	return take_expectation(ad);
}

static void take_connection(struct http_head *h)
{
	bool close = false;
	bool keep = false;

	for (unsigned i = 0; i < h->count; i++) {
		if (!slice_is(h->fields[i].name, "Connection"))
			continue;
		close = close || http_list_has(h->fields[i].value, "close");
		keep = keep || http_list_has(h->fields[i].value, "keep-alive");
	}
	h->keep_alive = !close && (h->minor >= 1 || keep);
}

static enum method method_of(struct slice text)
{
	for (unsigned bit = METHOD_GET; bit < METHOD_OTHER; bit <<= 1) {
		const char *name = method_name((enum method)bit);

		if (strlen(name) == text.len && memcmp(name, text.data, text.len) == 0)
			return (enum method)bit;
	}
	return METHOD_OTHER;
}

const char *method_name(enum method m)
{
	switch (m) {
	case METHOD_GET:
		return "GET";
	case METHOD_HEAD:
		return "HEAD";
	case METHOD_POST:
		return "POST";
	case METHOD_PUT:
		return "PUT";
	case METHOD_PATCH:
		return "PATCH";
	case METHOD_DELETE:
		return "DELETE";
	case METHOD_OPTIONS:
		return "OPTIONS";
	case METHOD_OTHER:
		break;
	}
	return "OTHER";
}

static int judge(struct adapter *ad, const char *data, size_t len)
{
	struct http_head *h = ad->head;

	if (ad->parser.http_major != 1 || ad->parser.http_minor > 1)
		return fail(ad, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	h->minor = ad->parser.http_minor;
	if (ad->parser.method == HTTP_CONNECT)
		return fail(ad, 501, "no tunnels here");
	if (take_request_line(ad, data, len) != 0 || check_names(ad) != 0 ||
	    take_host(ad) != 0 || take_framing(ad) != 0)
		return 1;
	h->method = method_of(h->method_text);
	take_connection(h);
	return 0;
}

int http_head_parse(const char *data, size_t len, struct http_field *fields,
		    struct http_head *out, const char **why)
{
	static const http_parser_settings callbacks = {
		.on_url = on_url,
		.on_header_field = on_header_field,
		.on_header_value = on_header_value,
	};
	struct adapter ad = {.head = out};
	size_t parsed;

	*out = (struct http_head){.text = {data, len}, .fields = fields};
	if (len > HTTP_HEAD_MAX) {
		fail(&ad, 431, "the header fields are too large");
	} else if (!check_lines(data, len)) {
		fail(&ad, 400, REASON_SYNTAX);
	} else {
		http_parser_init(&ad.parser, HTTP_REQUEST);
		parsed = http_parser_execute(&ad.parser, &callbacks, data, len);
		if (HTTP_PARSER_ERRNO(&ad.parser) != HPE_OK || parsed != len)
			fail(&ad, 400, REASON_SYNTAX);
		else
			judge(&ad, data, len);
	}
	*why = ad.why;
	return ad.status;
}

/* With HTTP/2 the frames say where a body ends, and the authority stands beside the fields. */
static int judge_streamed(struct adapter *ad, bool body_follows)
{
	struct http_head *h = ad->head;
	const struct slice *host = http_head_field(h, "Host");
	const struct slice *length = http_head_field(h, "Content-Length");

	if (slice_is(h->method_text, "CONNECT"))
		return fail(ad, 501, "no tunnels here");
	if (!is_token(h->method_text))
		return fail(ad, 400, "the method is not well-formed");
	if (h->target.len == 0 || (h->target.data[0] != '/' && !slice_is(h->target, "*")))
		return fail(ad, 400, "the path does not begin with a slash");
	if (check_target(ad) != 0 || check_names(ad) != 0)
		return 1;
	if (http_head_field(h, "Transfer-Encoding") != NULL)
		return fail(ad, 400, "Transfer-Encoding in HTTP/2");
	if (host == NULL && h->host.len == 0)
		return fail(ad, 400, "the authority is missing");
	if (host != NULL && h->host.len > 0 &&
	    (host->len != h->host.len || strncasecmp(host->data, h->host.data, host->len) != 0))
		return fail(ad, 400, "the Host header is not the authority");
	if (h->host.len == 0)
		h->host = *host;
	if (!host_ok(h->host))
		return fail(ad, 400, "the authority names no host");
	h->content_length = -1;
	if (length != NULL && take_length(ad, *length) != 0)
		return 1;
	h->chunked = body_follows && length == NULL;
	return take_expectation(ad);
}

int http_head_judge(struct http_head *h, bool body_follows, const char **why)
{
	struct adapter ad = {.head = h};

	if (judge_streamed(&ad, body_follows) == 0) {
		h->method = method_of(h->method_text);
		h->keep_alive = true;
	}
	*why = ad.why;
	return ad.status;
}

/* Every slice of a head is followed by a byte that is not part of any: it becomes the NUL. */
static void rebase(struct slice *s, ptrdiff_t shift)
{
	if (s->data == NULL)
		return;
	s->data += shift;
	((char *)(uintptr_t)s->data)[s->len] = '\0';
}

void http_head_keep(struct http_head *h, struct arena *a)
{
	char *text = arena_memdup(a, h->text.data, h->text.len);
	ptrdiff_t shift = text - h->text.data;
	struct http_field *fields = arena_alloc(a, (h->count + 1) * sizeof(*fields));

	for (unsigned i = 0; i < h->count; i++) {
		fields[i] = h->fields[i];
		rebase(&fields[i].name, shift);
		rebase(&fields[i].value, shift);
	}
	h->fields = fields;
	h->text.data = text;
	rebase(&h->method_text, shift);
	rebase(&h->target, shift);
	/* The host of an absolute URL is followed by its path: it gets a copy of its own. */
	h->host.data = arena_memdup(a, h->host.len > 0 ? h->host.data : "", h->host.len);
}
