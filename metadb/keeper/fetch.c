/* Here only is libcurl known to the keeper. */
#include "metadb/keeper/fetch.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_SECONDS	 10L
#define ANSWER_SECONDS	 60L
#define REDIRECTS	 3L
#define TRIES		 4
#define WAIT_SECONDS_MAX 60
#define LINK_MAX	 4096

struct fetch {
	CURL *curl;
	struct curl_slist *headers;
	char *url;
	char why[512];
	/* of the answer that comes */
	char *body;
	size_t len;
	bool too_long;
	char next[LINK_MAX]; /* URL of the next page, "" for none */
	long wait;	     /* seconds to come back after; −1: it does not say */
};

static int fail(struct fetch *f, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int fail(struct fetch *f, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, args);
	va_end(args);
	return rc;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * count;

	if (len > FETCH_BYTES_MAX - f->len) {
		f->too_long = true;
		return 0;
	}
	f->body = xrealloc(f->body, f->len + len + 1);
	memcpy(f->body + f->len, data, len);
	f->len += len;
	return len;
}

/* Link: <URL>; rel="prev", <URL>; rel="next" */
static void take_link(struct fetch *f, const char *value)
{
	for (const char *open = strchr(value, '<'); open != NULL; open = strchr(open, '<')) {
		const char *close = strchr(open, '>');
		size_t rest;

		if (close == NULL)
			return;
		rest = strcspn(close, ",<");
		if (memmem(close, rest, "rel=\"next\"", 10) != NULL &&
		    (size_t)(close - open) <= sizeof(f->next))
			snprintf(f->next, sizeof(f->next), "%.*s", (int)(close - open - 1),
				 open + 1);
		open = close;
	}
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * count;
	char line[LINK_MAX + 64];

	if (len >= sizeof(line))
		return len;
	memcpy(line, data, len);
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "HTTP/", 5) == 0) { /* another answer, after a redirect */
		f->next[0] = '\0';
		f->wait = -1;
	} else if (strncasecmp(line, "Link:", 5) == 0) {
		take_link(f, line + 5);
	} else if (strncasecmp(line, "Retry-After:", 12) == 0) {
		f->wait = strtol(line + 12, NULL, 10);
	}
	return len;
}

static void set_up(struct fetch *f)
{
	CURL *c = f->curl;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, ANSWER_SECONDS);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(c, CURLOPT_USERAGENT, "packhouse-metadb/" PACKHOUSE_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
}

static void add_header(struct fetch *f, const char *line)
{
	struct curl_slist *more = curl_slist_append(f->headers, line);

	if (more == NULL)
		fatal("no memory for a header");
	f->headers = more;
}

struct fetch *fetch_open(const char *url, const char *token)
{
	struct fetch *f = xcalloc(1, sizeof(*f));
	char line[1024];

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("libcurl does not start");
	f->curl = curl_easy_init();
	if (f->curl == NULL)
		fatal("libcurl does not start");
	f->url = strdup(url);
	for (size_t len = strlen(url); len > 0 && url[len - 1] == '/'; len--)
		f->url[len - 1] = '\0';
	add_header(f, "Accept: application/vnd.github+json");
	add_header(f, "X-GitHub-Api-Version: 2022-11-28");
	if (token != NULL) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
		add_header(f, line);
	}
	set_up(f);
	return f;
}

void fetch_close(struct fetch *f)
{
	curl_slist_free_all(f->headers);
	curl_easy_cleanup(f->curl);
	curl_global_cleanup();
	free(f->url);
	free(f->body);
	free(f);
}

const char *fetch_why(const struct fetch *f)
{
	return f->why;
}

int fetch_doubt(struct fetch *f, const char *why)
{
	return fail(f, ERR_PROTOCOL, "%s", why);
}

/* One answer; its status, or a code < 0. */
static long get_once(struct fetch *f, const char *url)
{
	long status = 0;
	CURLcode rc;

	f->len = 0;
	f->too_long = false;
	f->next[0] = '\0';
	f->wait = -1;
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	rc = curl_easy_perform(f->curl);
	if (f->too_long)
		return fail(f, ERR_LIMIT, "%s: the answer has more than %d bytes", url,
			    FETCH_BYTES_MAX);
	if (rc != CURLE_OK)
		return fail(f, ERR_UNAVAILABLE, "%s: %s", url, curl_easy_strerror(rc));
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* May it be tried again, because there were too many, or something was away? */
static bool passes(long status, long wait)
{
	return status == 429 || status == 502 || status == 503 || (status == 403 && wait >= 0);
}

static int get(struct fetch *f, const char *url)
{
	for (int i = 1;; i++) {
		long status = get_once(f, url);

		if (status < 0 || status == 200)
			return status < 0 ? (int)status : 0;
		fail(f, 0, "%s: status %ld", url, status);
		if (status == 404)
			return ERR_NOT_FOUND;
		if (!passes(status, f->wait) || f->wait > WAIT_SECONDS_MAX || i == TRIES)
			return status == 401 || status == 403 ? ERR_DENIED
			       : passes(status, f->wait)      ? ERR_UNAVAILABLE
							      : ERR_PROTOCOL;
		sleep(f->wait > 0 ? (unsigned)f->wait : 1);
	}
}

static void drop(void *json)
{
	json_decref(json);
}

static int add_page(struct fetch *f, const char *url, json_t *list)
{
	json_error_t error;
	json_t *page = json_loadb(f->body, f->len, JSON_REJECT_DUPLICATES, &error);
	int rc = 0;

	if (page == NULL)
		return fail(f, ERR_PROTOCOL, "%s: line %d: %s", url, error.line, error.text);
	if (!json_is_array(page) || json_array_extend(list, page) < 0)
		rc = fail(f, ERR_PROTOCOL, "%s: a list is wanted", url);
	json_decref(page);
	return rc;
}

/* The next page must be where the token belongs; a relative URL is one of the same host. */
static const char *next_url(struct fetch *f, struct arena *a)
{
	const char *host = strstr(f->url, "://");
	size_t origin = 0;

	if (host != NULL)
		origin = (size_t)(host + 3 - f->url) + strcspn(host + 3, "/");
	if (f->next[0] == '/' && f->next[1] != '/')
		return arena_printf(a, "%.*s%s", (int)origin, f->url, f->next);
	if (strncmp(f->next, f->url, origin) == 0 && f->next[origin] == '/')
		return arena_strdup(a, f->next);
	return NULL;
}

int fetch_list(struct fetch *f, struct arena *a, const char *path, json_t **out)
{
	const char *url = arena_printf(a, "%s/%s", f->url, path);
	json_t *list = json_array();

	arena_defer(a, drop, list);
	for (int pages = 0; pages < FETCH_PAGES_MAX; pages++) {
		int rc = get(f, url);

		if (rc == 0)
			rc = add_page(f, url, list);
		if (rc < 0)
			return rc;
		if (f->next[0] == '\0') {
			*out = list;
			return 0;
		}
		url = next_url(f, a);
		if (url == NULL)
			return fail(f, ERR_PROTOCOL,
				    "the next page is elsewhere, where the token does not go: "
				    "%.200s",
				    f->next);
	}
	return fail(f, ERR_LIMIT, "%s: more than %d pages", path, FETCH_PAGES_MAX);
}
