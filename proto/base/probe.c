/*
 * evhttp is enough here: GET without bodies, small answers, operators only. (It cannot stream
 * request bodies, which is why users' requests never come near it.)
 */
#include "proto/base/probe.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/address.h"
#include "proto/base/loop_event.h"

#define TIMEOUT_S 5
#define HEAD_MAX  8192

struct probe {
	struct evhttp *http;
	const struct probe_hooks *hooks;
	void *arg;
};

static void answer(struct evhttp_request *rq, int code, const char *type, const char *text,
		   size_t len)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL)
		fatal("out of memory answering a probe");
	evbuffer_add(body, text, len);
	evhttp_add_header(evhttp_request_get_output_headers(rq), "Content-Type", type);
	evhttp_add_header(evhttp_request_get_output_headers(rq), "Connection", "close");
	evhttp_send_reply(rq, code, NULL, body);
	evbuffer_free(body);
}

static void answer_with(struct evhttp_request *rq, void (*print)(void *, FILE *), void *arg,
			const char *type)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		fatal("out of memory answering a probe");
	print(arg, out);
	fclose(out);
	answer(rq, 200, type, text, len);
	free(text);
}

static void on_livez(struct evhttp_request *rq, void *arg)
{
	(void)arg;
	answer(rq, 200, "text/plain", "ok\n", 3);
}

static void on_readyz(struct evhttp_request *rq, void *arg)
{
	struct probe *p = arg;
	char *why = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&why, &len);
	bool ready;

	if (out == NULL)
		fatal("out of memory answering a probe");
	ready = p->hooks->ready(p->arg, out);
	fclose(out);
	if (ready && len == 0)
		answer(rq, 200, "text/plain", "ok\n", 3);
	else
		answer(rq, ready ? 200 : 503, "text/plain", why, len);
	free(why);
}

static void on_metrics(struct evhttp_request *rq, void *arg)
{
	struct probe *p = arg;

	answer_with(rq, p->hooks->metrics, p->arg, "text/plain; version=0.0.4");
}

static void on_tasks(struct evhttp_request *rq, void *arg)
{
	struct probe *p = arg;

	answer_with(rq, p->hooks->tasks, p->arg, "text/plain");
}

int probe_open(struct loop *l, const char *text, const struct probe_hooks *hooks, void *arg,
	       struct probe **out)
{
	struct address address;
	struct probe *p;
	int rc;

	rc = address_parse(text, &address);
	if (rc < 0)
		return rc;
	p = xcalloc(1, sizeof(*p));
	p->hooks = hooks;
	p->arg = arg;
	p->http = evhttp_new(loop_event_base(l));
	if (p->http == NULL)
		fatal("cannot make a private listener");
	if (evhttp_bind_socket(p->http, address.host, address.port) < 0) {
		rc = errno != 0 ? -errno : -EADDRINUSE;
		evhttp_free(p->http);
		free(p);
		return rc;
	}
	evhttp_set_allowed_methods(p->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(p->http, HEAD_MAX);
	evhttp_set_max_body_size(p->http, 0);
	evhttp_set_timeout(p->http, TIMEOUT_S);
	evhttp_set_cb(p->http, "/livez", on_livez, p);
	evhttp_set_cb(p->http, "/readyz", on_readyz, p);
	evhttp_set_cb(p->http, "/metrics", on_metrics, p);
	evhttp_set_cb(p->http, "/debug/tasks", on_tasks, p);
	*out = p;
	return 0;
}

void probe_close(struct probe *p)
{
	if (p == NULL)
		return;
	evhttp_free(p->http);
	free(p);
}
