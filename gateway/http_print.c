/*
 * Printing answer heads: one pass of memcpy into the caller's buffer. The date text is made
 * once a second.
 */
#include "gateway/http_print.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/base/err.h"

struct status_row {
	int status;
	const char *text;
};

static const struct status_row rows[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *http_status_text(int status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Status";
}

bool http_status_body_less(int status)
{
	return status < 200 || status == 204 || status == 304;
}

const char *http_date(void)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static char text[64];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;

	if (now != made && gmtime_r(&now, &tm) != NULL) {
		snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT",
			 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		made = now;
	}
	return text;
}

struct out {
	char *at;
	char *end;
	bool full;
};

static void put(struct out *o, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(o->end - o->at) < len) {
		o->full = true;
		return;
	}
	memcpy(o->at, text, len);
	o->at += len;
}

static void put_number(struct out *o, int64_t n)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	assert(n >= 0);
	*at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(o, at);
}

int http_print_head(const struct http_print *p, char *buf, size_t size)
{
	struct out o = {buf, buf + size, false};

	put(&o, "HTTP/1.1 ");
	put_number(&o, p->head->status);
	put(&o, " ");
	put(&o, http_status_text(p->head->status));
	put(&o, "\r\nDate: ");
	put(&o, http_date());
	if (p->head->length < 0) {
		put(&o, p->minor > 0 ? "\r\nTransfer-Encoding: chunked" : "");
	} else if (!http_status_body_less(p->head->status)) {
		put(&o, "\r\nContent-Length: ");
		put_number(&o, p->head->length);
	}
	if (!p->keep)
		put(&o, "\r\nConnection: close");
	else if (p->minor == 0)
		put(&o, "\r\nConnection: keep-alive");
	for (unsigned i = 0; i < p->head->count; i++) {
		put(&o, "\r\n");
		put(&o, p->head->fields[i].name);
		put(&o, ": ");
		put(&o, p->head->fields[i].value);
	}
	put(&o, "\r\n\r\n");
	return o.full ? ERR_LIMIT : (int)(o.at - buf);
}
