/*
 * GET …/audit-log: what happened in an organization, to a user's own packages, or everywhere,
 * in GitHub Enterprise Cloud's shape; as JSON lines for those who keep it elsewhere, all of
 * them in one answer unless it is asked for a page.
 *
 * Pages have cursors. `after` and `before` are ids, though clients need not know: in the order
 * that was asked for, what stands behind that row, or right before it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/audit_phrase.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/audit_log.h"

#define LINES	   "application/x-ndjson"
#define PAGE_SIZE  30
#define PAGE_MOST  100
#define LINES_MOST 1000
#define PAGE_ROOM  ((size_t)1024 * 1024) /* bytes of details */

/* Of a stream: rows of a statement, bytes of their details, and how many at a worker. */
#define STREAM_ROWS 500
#define STREAM_ROOM ((size_t)128 * 1024)
#define STREAMS_MAX 8

/* A page as it was asked for. */
struct view {
	struct audit_query q;
	bool lines;	/* JSON lines */
	bool whole;	/* of them a stream, from there to the log's end */
	bool backwards; /* the page before a row: walked the other way round */
	bool nothing;	/* what is looked for cannot be there */
	int64_t size;
};

/* Where the log is read: path below /api/v3, and whose it is (0: everybody's). */
struct place {
	const char *path;
	int64_t namespace_id;
	const char *namespace;
};

static const char *given(struct request *rq, const char *name)
{
	const char *text = request_query(rq, name);

	return text == NULL || *text == '\0' ? NULL : text;
}

/* A positive number of a parameter; *out stays when it was not sent. 0 or a refusal's status.
 */
static int read_number(struct request *rq, const char *name, int64_t *out)
{
	const char *text = given(rq, name);
	size_t len = text == NULL ? 0 : strlen(text);

	if (text == NULL)
		return 0;
	if (len > 18 || strspn(text, "0123456789") != len)
		return refuse_api(rq, 422, "%s is not valid", name);
	*out = strtoll(text, NULL, 10);
	return *out > 0 ? 0 : refuse_api(rq, 422, "%s is not valid", name);
}

static int read_choice(struct request *rq, const char *name, const char *const *known,
		       unsigned *out)
{
	const char *text = given(rq, name);

	*out = 0;
	for (unsigned i = 0; text != NULL && known[i] != NULL; i++) {
		if (strcmp(text, known[i]) != 0)
			continue;
		*out = i;
		return 0;
	}
	return text == NULL ? 0 : refuse_api(rq, 422, "%s is not valid", name);
}

/* per_page, order, include, after, before. */
static int read_page(struct request *rq, struct view *v)
{
	static const char *const orders[] = {"desc", "asc", NULL};
	static const char *const kinds[] = {"web", "all", "git", NULL};
	const char *accept = request_header(rq, "Accept");
	int64_t after = 0, before = 0, most;
	unsigned order, kind;
	int status;

	v->lines = accept != NULL && strstr(accept, LINES) != NULL;
	most = v->lines ? LINES_MOST : PAGE_MOST;
	v->size = v->lines ? LINES_MOST : PAGE_SIZE;
	status = read_number(rq, "per_page", &v->size);
	if (status == 0)
		status = read_number(rq, "after", &after);
	if (status == 0)
		status = read_number(rq, "before", &before);
	if (status == 0)
		status = read_choice(rq, "order", orders, &order);
	if (status == 0)
		status = read_choice(rq, "include", kinds, &kind);
	if (status != 0)
		return status;
	if (after != 0 && before != 0)
		return refuse_api(rq, 422, "after and before cannot both be given");
	v->size = v->size < most ? v->size : most;
	v->backwards = before != 0;
	v->nothing = kind == 2; /* nothing here is an event of Git */
	v->whole = v->lines && !v->backwards && given(rq, "per_page") == NULL;
	v->q.past = v->backwards ? before : after;
	v->q.ascending = (order == 1) != v->backwards;
	v->q.count = (size_t)v->size;
	v->q.bytes = PAGE_ROOM;
	return 0;
}

/* NAME of "NAMESPACE/NAME", or of NAME alone in a namespace's own log. */
static const char *name_within(const struct place *at, const char *text)
{
	size_t len = strlen(at->namespace);

	return strncasecmp(text, at->namespace, len) == 0 && text[len] == '/' ? text + len + 1
									      : text;
}

/* In everybody's log a package or repository is named with its namespace, or org: says that. */
static int await_place(struct request *rq, const struct audit_phrase *p, struct place *at,
		       struct view *v)
{
	const char *named = p->package != NULL ? p->package : p->repository;
	const char *login = p->org;
	int rc;

	if (at->namespace_id != 0) {
		if (login != NULL &&
		    strcmp(login_fold(rq->arena, login, strlen(login)), at->namespace) != 0)
			v->nothing = true;
		return 0;
	}
	if (login == NULL && named != NULL)
		login = arena_memdup(rq->arena, named, strcspn(named, "/"));
	if (login == NULL)
		return 0;
	at->namespace = login_fold(rq->arena, login, strlen(login));
	rc = await_audit_login(rq->worker->metadb, rq->arena, at->namespace, &at->namespace_id);
	return rc < 0 ? give_up(rq, rc, "looking up a namespace") : 0;
}

static int await_phrase(struct request *rq, struct place *at, struct view *v)
{
	const char *text = given(rq, "phrase"), *why;
	struct metadb *db = rq->worker->metadb;
	struct audit_phrase p = {0};
	int rc, status;

	if (text != NULL && audit_phrase_parse(rq->arena, text, &p, &why) < 0)
		return refuse_api(rq, 422, "%s", why);
	status = await_place(rq, &p, at, v);
	if (status != 0)
		return status;
	v->q.namespace_id = at->namespace_id;
	v->q.action = p.action;
	v->q.since = p.since;
	v->q.until = p.until;
	rc = 0;
	if (p.actor != NULL)
		rc = await_audit_login(db, rq->arena,
				       login_fold(rq->arena, p.actor, strlen(p.actor)),
				       &v->q.actor_id);
	if (rc == 0 && (p.package != NULL || p.repository != NULL))
		rc = await_audit_names(db, rq->arena, at->namespace_id,
				       p.package == NULL ? NULL : name_within(at, p.package),
				       p.repository == NULL ? NULL
							    : name_within(at, p.repository),
				       &v->q.package_id, &v->q.repository_id);
	return rc < 0 ? give_up(rq, rc, "looking up what a phrase names") : 0;
}

static json_t *text_or_null(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

static json_t *id_or_null(int64_t id)
{
	return id == 0 ? json_null() : json_integer((json_int_t)id);
}

/* "ADDR" of "ADDR:PORT" or "[ADDR]:PORT". */
static json_t *address_or_null(struct arena *a, const char *remote)
{
	const char *colon = remote == NULL ? NULL : strrchr(remote, ':');
	bool bracket = remote != NULL && *remote == '[';

	if (colon == NULL || colon - remote < 2 * bracket)
		return text_or_null(remote);
	return json_string(
		arena_memdup(a, remote + bracket, (size_t)(colon - remote) - 2 * bracket));
}

static json_t *entry_json(struct arena *a, const struct audit_entry *e)
{
	json_t *json = json_pack(
		"{s:I, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "@timestamp",
		(json_int_t)e->at_ms, "_document_id", arena_printf(a, "%" PRId64, e->id),
		"action", e->action, "created_at", (json_int_t)e->at_ms, "actor",
		text_or_null(e->actor), "actor_id", id_or_null(e->actor_id), "actor_ip",
		address_or_null(a, e->remote), "token_id", id_or_null(e->token_id),
		"request_id", text_or_null(e->request_id), "package", text_or_null(e->package),
		"package_id", id_or_null(e->package_id), "data",
		json_loads(e->detail, JSON_DECODE_ANY, NULL));

	if (e->namespace_id != 0) {
		json_object_set_new(json, e->of_organization ? "org" : "user",
				    text_or_null(e->namespace));
		json_object_set_new(json, e->of_organization ? "org_id" : "user_id",
				    id_or_null(e->namespace_id));
	}
	return json;
}

/* The page's URL, but for its cursor. */
static const char *page_url(struct request *rq, const struct place *at, const struct view *v)
{
	static const char *const kept[] = {"phrase", "include", "order"};
	const char *url = arena_printf(rq->arena, "%s/api/v3/%s?per_page=%" PRId64,
				       request_base_url(rq), at->path, v->size);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const char *text = given(rq, kept[i]);

		if (text != NULL)
			url = arena_printf(rq->arena, "%s&%s=%s", url, kept[i],
					   uri_escape(rq->arena, text, ""));
	}
	return url;
}

/* next and prev: behind the page's last row (or as far as was looked), and before its first. */
static void add_links(struct request *rq, const struct place *at, const struct view *v,
		      const struct audit_list *l)
{
	int64_t first = l->count > 0 ? l->entry[0].id : v->q.past;
	int64_t last = l->count > 0 ? l->entry[l->count - 1].id : v->q.past;
	int64_t next = v->backwards ? first : l->go_on;
	int64_t prev = v->backwards ? l->go_on : v->q.past != 0 ? first : 0;
	const char *url = page_url(rq, at, v);
	const char *links = "";

	if (v->backwards && l->count == 0)
		next = last;
	if (next != 0)
		links = arena_printf(rq->arena, "<%s&after=%" PRId64 ">; rel=\"next\"", url,
				     next);
	if (prev != 0)
		links = arena_printf(rq->arena, "%s%s<%s&before=%" PRId64 ">; rel=\"prev\"",
				     links, *links != '\0' ? ", " : "", url, prev);
	if (*links != '\0')
		reply_header(rq, "Link", "%s", links);
}

static void free_text(void *text)
{
	free(text);
}

static int reply_lines(struct request *rq, const json_t *list)
{
	char *text = NULL;
	size_t len = 0, i;
	json_t *one;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return give_up(rq, ERR_FULL, "writing the answer");
	json_array_foreach(list, i, one) {
		json_dumpf(one, out, JSON_COMPACT);
		fputc('\n', out);
	}
	fclose(out);
	arena_defer(rq->arena, free_text, text);
	return reply_bytes(rq, 200, LINES, text, len);
}

/* What was walked backwards is shown forwards. */
static int reply_list(struct request *rq, const struct view *v, const struct audit_list *l)
{
	json_t *list = json_array();
	int status;

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(list, entry_json(rq->arena, &l->entry[i]));
	if (!v->lines)
		return api_json_reply(rq, 200, list);
	status = reply_lines(rq, list);
	json_decref(list);
	return status;
}

/* The lines of some rows as one text, which is the caller's to free; NULL: it cannot be made.
 */
static char *lines_of(struct arena *a, const struct audit_list *l, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < l->count; i++) {
		json_t *one = entry_json(a, &l->entry[i]);

		json_dumpf(one, out, JSON_COMPACT);
		json_decref(one);
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

/* The next rows: *past is behind them, 0 when there are no others. What they take is given back
 * before they are sent, but for their text. */
static int await_stretch(struct request *rq, struct audit_query *q, int64_t *past)
{
	struct arena *a = arena_new();
	struct audit_list l;
	size_t len = 0;
	char *text = NULL;
	int rc;

	q->past = *past;
	rc = await_audit_list(rq->worker->metadb, a, q, &l);
	if (rc == 0) {
		*past = l.go_on;
		text = lines_of(a, &l, &len);
		rc = text == NULL ? ERR_FULL : 0;
	}
	arena_free(a);
	if (rc == 0)
		rc = await_send(rq, text, len);
	free(text);
	return rc;
}

/* One statement after the other, each for itself; a client that is slow holds its next lines.
 */
static int await_stream(struct request *rq, struct view *v)
{
	static unsigned streams; /* of this worker */
	int64_t past = v->q.past;
	int rc = 0;

	if (streams >= STREAMS_MAX)
		return refuse_api(rq, 503, "Too many read the audit log at this moment");
	reply_start(rq, 200, LINES, REPLY_UNTIL_END);
	v->q.count = STREAM_ROWS;
	v->q.bytes = STREAM_ROOM;
	streams++;
	if (!v->nothing)
		do
			rc = await_stretch(rq, &v->q, &past);
		while (rc == 0 && past != 0);
	if (rc == 0)
		rc = await_send_end(rq);
	streams--;
	return rc < 0 ? give_up(rq, rc, "reading the audit log") : 200;
}

static void reverse(struct audit_list *l)
{
	for (size_t i = 0; i < l->count / 2; i++) {
		struct audit_entry other = l->entry[i];

		l->entry[i] = l->entry[l->count - 1 - i];
		l->entry[l->count - 1 - i] = other;
	}
}

static int await_log(struct request *rq, struct place at)
{
	struct view v = {.size = 0};
	struct audit_list l = {.count = 0};
	int rc, status = read_page(rq, &v);

	if (status == 0)
		status = await_phrase(rq, &at, &v);
	if (status != 0)
		return status;
	if (v.whole)
		return await_stream(rq, &v);
	if (!v.nothing) {
		rc = await_audit_list(rq->worker->metadb, rq->arena, &v.q, &l);
		if (rc < 0)
			return give_up(rq, rc, "reading the audit log");
		if (v.backwards)
			reverse(&l);
		add_links(rq, &at, &v, &l);
	}
	return reply_list(rq, &v, &l);
}

int api_org_audit_log(struct request *rq)
{
	struct account org;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &org);

	if (status != 0)
		return status;
	return await_log(rq,
			 (struct place){arena_printf(rq->arena, "orgs/%s/audit-log", org.login),
					org.id, org.login});
}

int api_user_audit_log(struct request *rq)
{
	return await_log(rq, (struct place){"user/audit-log", rq->caller->account_id,
					    rq->caller->login});
}

int api_admin_audit_log(struct request *rq)
{
	return await_log(rq, (struct place){"admin/audit-log", 0, NULL});
}
