/* One easy handle a document: they are few, and a broken connection is none's of the next. */
#include "gateway/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/worker.h"
#include "proto/base/log.h"
#include "proto/base/workers.h"

#define CONNECT_TIMEOUT_MS 3000

struct fetch {
	const char *url;
	const struct fetch_form *form; /* NULL: GET */
	const char *ca;		       /* "": the system's */
	size_t max;
	char *data;
	size_t len;
	long status;
	char why[CURL_ERROR_SIZE];
};

void fetch_setup(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		fatal("libcurl cannot be used");
}

static bool is_here(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "[::1]") == 0;
}

/* A part of the URL that is there; free it with curl_free(). */
static char *part(CURLU *u, CURLUPart which)
{
	char *text = NULL;

	return curl_url_get(u, which, &text, 0) == CURLUE_OK ? text : NULL;
}

bool fetch_url_fine(const char *url)
{
	CURLU *u = curl_url();
	char *scheme, *host, *user, *fragment;
	bool fine = false;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) {
		curl_url_cleanup(u);
		return false;
	}
	scheme = part(u, CURLUPART_SCHEME);
	host = part(u, CURLUPART_HOST);
	user = part(u, CURLUPART_USER);
	fragment = part(u, CURLUPART_FRAGMENT);
	if (scheme != NULL && host != NULL && user == NULL && fragment == NULL)
		fine = strcmp(scheme, "https") == 0 ||
		       (strcmp(scheme, "http") == 0 && is_here(host));
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(fragment);
	curl_url_cleanup(u);
	return fine;
}

/* Of another thread, as all that runs below fetch_run(). */
static size_t on_data(char *data, size_t one, size_t count, void *arg)
{
	struct fetch *f = arg;
	size_t len = one * count;

	if (len > f->max - f->len)
		return CURL_WRITEFUNC_ERROR;
	memcpy(f->data + f->len, data, len);
	f->len += len;
	return len;
}

static void set_options(CURL *c, struct fetch *f)
{
	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)FETCH_TIMEOUT_MS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "packhouse/" PACKHOUSE_VERSION);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
	if (*f->ca != '\0')
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca);
	if (f->form == NULL)
		return;
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->form->body);
	if (f->form->user == NULL)
		return;
	curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(c, CURLOPT_USERNAME, f->form->user);
	curl_easy_setopt(c, CURLOPT_PASSWORD, f->form->password);
}

static void fetch_run(void *arg)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
	struct fetch *f = arg;
	CURL *c = curl_easy_init();
	CURLcode code;

	if (c == NULL || headers == NULL) {
		curl_easy_cleanup(c);
		curl_slist_free_all(headers);
		return;
	}
	set_options(c, f);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(c);
	if (code == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &f->status);
	else if (f->why[0] == '\0')
		snprintf(f->why, sizeof(f->why), "%s", curl_easy_strerror(code));
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
}

/* The status of the answer, at most `most`; or ERR_UNAVAILABLE. */
static int await_run(struct worker *w, struct arena *a, struct fetch *f, long most)
{
	if (!fetch_url_fine(f->url)) {
		log_warn("not fetched", "url=\"%s\" why=\"neither https nor here\"", f->url);
		return ERR_UNAVAILABLE;
	}
	if (w->threads == NULL)
		return -ECANCELED;
	f->ca = w->set->gateway_outgoing_ca;
	f->data = arena_alloc(a, f->max + 1);
	await_work(w->threads, "another server", fetch_run, f);
	if (f->status >= 200 && f->status <= most)
		return (int)f->status;
	log_warn("not fetched", "url=\"%s\" status=%ld why=\"%s\"", f->url, f->status, f->why);
	return ERR_UNAVAILABLE;
}

int await_fetch(struct worker *w, struct arena *a, const char *url, size_t max,
		struct slice *out)
{
	struct fetch f = {.url = url, .max = max};
	int rc = await_run(w, a, &f, 200);

	if (rc < 0)
		return rc;
	*out = (struct slice){f.data, f.len};
	return 0;
}

int await_fetch_form(struct worker *w, struct arena *a, const char *url,
		     const struct fetch_form *form, size_t max, struct slice *out)
{
	struct fetch f = {.url = url, .form = form, .max = max};
	int rc = await_run(w, a, &f, 499);

	*out = (struct slice){f.data, f.len};
	return rc;
}
