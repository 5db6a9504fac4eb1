/*
 * The life of a request, from left to right in one task.
 *
 * run() is what a request's task does; it is the only place that knows the order of the steps.
 * Whatever way they end, finish() sends what was prepared, or cuts the connection when less was
 * sent than promised, and writes the access line.
 */
#include "gateway/request.h"

#include <string.h>

#include "gateway/reply.h"
#include "gateway/utf8.h"
#include "gateway/worker.h"
#include "proto/base/log.h"
#include "proto/base/log_pace.h"
#include "proto/base/metrics.h"

#define LOGGED_PATH  1024
#define LOGGED_AGENT 200

const char *request_header(struct request *rq, const char *name)
{
	const struct slice *value = http_head_field(rq->head, name);

	return value != NULL ? value->data : NULL;
}

const char *request_last_header(struct request *rq, const char *name)
{
	const struct slice *value = http_head_last_field(rq->head, name);

	return value != NULL ? value->data : NULL;
}

const char *request_param_maybe(const struct request *rq, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < rq->match.count; i++)
		if (rq->match.param[i].name.len == len &&
		    memcmp(rq->match.param[i].name.data, name, len) == 0)
			return rq->match.param[i].value;
	return NULL;
}

const char *request_param(const struct request *rq, const char *name)
{
	const char *value = request_param_maybe(rq, name);

	if (value == NULL)
		fatal("route %s has no {%s}", rq->match.route->pattern, name);
	return value;
}

const char *request_query(const struct request *rq, const char *name)
{
	return uri_query_get(&rq->query, name, 0);
}

static enum surface surface_of(struct slice path)
{
	static const struct {
		const char *prefix;
		enum surface surface;
	} rows[] = {
		{"/v2", SURFACE_REGISTRY},
		{"/token", SURFACE_REGISTRY},
		{"/api/v3", SURFACE_REST},
		{"/api/graphql", SURFACE_REST},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].prefix);

		if (path.len >= len && memcmp(path.data, rows[i].prefix, len) == 0 &&
		    (path.len == len || path.data[len] == '/'))
			return rows[i].surface;
	}
	return SURFACE_WEB;
}

#define ALLOWED_WORDS "this path knows %s only"

/* Docker shows the message, and stops trying again, only when there is a detail. */
static int refuse_method(struct request *rq)
{
	const char *allowed = NULL;

	for (unsigned bit = METHOD_GET; bit < METHOD_OTHER; bit <<= 1)
		if ((rq->match.allowed & bit) != 0)
			allowed = arena_printf(
				rq->arena, "%s%s%s", allowed != NULL ? allowed : "",
				allowed != NULL ? ", " : "", method_name((enum method)bit));
	reply_header(rq, "Allow", "%s", allowed);
	if (rq->surface != SURFACE_REGISTRY)
		return refuse_by_surface(rq, UNSUPPORTED, ALLOWED_WORDS, allowed);
	return refuse_with(rq, 405, UNSUPPORTED,
			   arena_printf(rq->arena, "{\"allow\":\"%s\"}", allowed),
			   ALLOWED_WORDS, allowed);
}

/* What REST and pages take out of paths and queries goes to a database that knows UTF-8 only.
 */
static bool is_text(const struct uri_path *parts, const struct uri_query *query)
{
	for (unsigned i = 0; i < parts->count; i++)
		if (!utf8_valid(parts->segment[i].data))
			return false;
	for (unsigned i = 0; i < query->count; i++)
		if (!utf8_valid(query->pairs[i].value))
			return false;
	return true;
}

/* Path and query to a route and its parameters; false when they are not properly escaped. */
static bool find_route(struct request *rq)
{
	struct uri_path parts; /* its texts are in the arena */
	struct slice path, query;

	uri_split(rq->head->target, &path, &query);
	rq->surface = surface_of(path);
	if (uri_path_parse(rq->arena, path, &parts) < 0 ||
	    uri_query_parse(rq->arena, query, &rq->query) < 0)
		return false;
	route_find(route_table, rq->arena, rq->head->method, &parts, &rq->match);
	return rq->surface == SURFACE_REGISTRY || is_text(&parts, &rq->query);
}

/* A route was found, and a name in it is one: 0, or refused. */
static int check_route(struct request *rq, bool escaped)
{
	const char *name = NULL;

	if (!escaped)
		return refuse_by_surface(rq, REQUEST_INVALID,
					 "the path or the query is not properly escaped");
	if (rq->match.route == NULL)
		return rq->match.allowed != 0 ? refuse_method(rq)
					      : refuse_by_surface(rq, NOT_FOUND, NULL);
	for (unsigned i = 0; i < rq->match.count; i++)
		if (rq->match.param[i].name.len == 4 &&
		    memcmp(rq->match.param[i].name.data, "name", 4) == 0)
			name = rq->match.param[i].value;
	if (name != NULL && repository_parse(rq->arena, name, strlen(name), &rq->repo) < 0)
		return refuse_by_surface(rq, NAME_INVALID, NULL);
	return 0;
}

/*
 * The handler has answered before its statement proved what is remembered of the caller's
 * rights: it found a mistake. Whether he may know is looked up now. What is not about him and
 * what he sent can go out as it is.
 */
static void await_prove(struct request *rq)
{
	typeof(rq->answer) answer = rq->answer;

	if (answer.none || answer.status >= 500)
		return;
	assert(!answer.head_sent);
	memset(&rq->answer, 0, sizeof(rq->answer));
	request_doubt(rq);
	if (await_request_authorize(rq, &rq->match.route->right) == 0)
		rq->answer = answer;
}

static void await_serve(struct request *rq)
{
	bool escaped = find_route(rq);
	int rc;

	rc = await_request_admit(rq);
	if (rc == 0)
		rc = check_route(rq, escaped);
	if (rc == 0)
		rc = await_request_authorize(rq, &rq->match.route->right);
	if (rc == 0)
		rc = rq->match.route->handler(rq);
	if (rq->proof != NULL)
		await_prove(rq);
	if (rq->answer.status == 0 && !rq->answer.none && rc < 0)
		give_up(rq, rc, "serving the request");
	if (rq->answer.status == 0 && !rq->answer.none) {
		log_error("no answer to a request", "route=%s", rq->match.route->pattern);
		refuse_by_surface(rq, UNKNOWN, NULL);
	}
}

static void await_finish(struct request *rq)
{
	int rc = await_reply_flush(rq);
	bool whole = rq->answer.sent == rq->answer.length || rq->answer.ended ||
		     request_is(rq, METHOD_HEAD) || rq->answer.status == 204 ||
		     rq->answer.status == 304;

	if (rq->answer.none || rc < 0 || !whole)
		rq->stream->ops->cut(rq->stream);
	else
		rq->stream->ops->await_end(rq->stream);
}

static void count(const struct request *rq, int64_t us)
{
	static const enum metric classes[] = {M_HTTP_2XX, M_HTTP_3XX, M_HTTP_4XX, M_HTTP_5XX};
	int class = rq->answer.status / 100 - 2;

	metric_inc(rq->answer.none || class < 0 ? M_HTTP_GONE : classes[class]);
	metric_inc(rq->head->minor == 2 ? M_HTTP_OVER_2 : M_HTTP_OVER_1);
	metric_observe_us(M_HTTP_SECONDS, us);
	metric_add(M_HTTP_BYTES_IN, rq->stream->bytes_in);
	metric_add(M_HTTP_BYTES_OUT, rq->stream->bytes_out);
}

static void log_access(struct request *rq, int64_t us)
{
	static const char *const protocols[] = {"1.0", "1.1", "2"}; /* by struct http_head */
	const char *agent = request_header(rq, "User-Agent");
	char path[LOGGED_PATH], quoted[LOGGED_AGENT];
	struct slice method = rq->head->method_text;

	if (!log_enabled(LOG_INFO))
		return;
	log_line(LOG_INFO, "request",
		 "method=%.*s path=%s http=%s status=%d in=%lld out=%lld us=%lld caller=%s "
		 "remote=%s agent=%s",
		 (int)method.len, method.data,
		 log_quote(path, sizeof(path), rq->head->target.data, rq->head->target.len),
		 protocols[rq->head->minor], rq->answer.none ? STATUS_GONE : rq->answer.status,
		 (long long)rq->stream->bytes_in, (long long)rq->stream->bytes_out,
		 (long long)us, rq->caller_name[0] != '\0' ? rq->caller_name : "-",
		 rq->stream->remote,
		 log_quote(quoted, sizeof(quoted), agent != NULL ? agent : "",
			   agent != NULL ? strlen(agent) : 0));
}

static void TASK_ENTRY run(void *arg)
{
	struct request *rq = arg;
	struct http_stream *stream = rq->stream;
	int64_t us;

	await_serve(rq);
	await_finish(rq);
	us = clock_now_us() - rq->started_us;
	count(rq, us);
	log_access(rq, us);
	metric_set(M_HTTP_RUNNING, --rq->worker->requests);
	arena_free(rq->arena);
	stream->ops->done(stream);
}

/* There is no place for another one. */
static bool refuse_unread(const struct worker *w)
{
	static struct log_pace pace;
	unsigned held;

	if (log_pace_now(&pace, &held))
		log_warn("too many requests at once", "running=%u held_back=%u", w->requests,
			 held);
	return false;
}

bool on_request(void *worker, struct http_stream *s, struct arena *a,
		const struct http_head *head)
{
	struct request *rq = arena_alloc(a, sizeof(*rq));
	struct worker *w = worker;

	if (w->requests >= (unsigned)w->set->gateway_requests)
		return refuse_unread(w);
	rq->worker = w;
	rq->stream = s;
	rq->arena = a;
	rq->started_us = clock_now_us();
	rq->head = head;
	rq->caller_name = "";
	worker_request_id(rq->worker, rq->id);
	s->task = task_spawn(w->loop, "request", rq->id, run, rq);
	if (s->task == NULL)
		return refuse_unread(w);
	metric_set(M_HTTP_RUNNING, ++w->requests);
	return true;
}
