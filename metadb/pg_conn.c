/*
 * How it works: libpq's asynchronous calls, driven by a watch on its socket and one timer.
 *
 * A work is queued in libpq as steps: each of its statements, and before a statement that the
 * server does not know by name yet, its announcement; then one PQpipelineSync. libpq answers,
 * for each step in order, its results and a NULL; then PGRES_PIPELINE_SYNC:
 *
 *   announcement of 0: result NULL | statement 0: result NULL | … | SYNC  ← work is over here
 *
 * Behind a pooler nothing is announced and no statement has a name.
 *
 * After an error the server skips to the Sync and libpq answers PGRES_PIPELINE_ABORTED for the
 * rest. Whatever is not in an explicit transaction is committed by the Sync, so an error is
 * known to be a rollback only once the Sync came; without it the outcome of a write is unknown.
 * A WARNING during a write is taken for "unknown" too: it is how the server says that it was
 * disturbed while waiting for its standby, with a commit that is not replicated.
 *
 * A deadline closes the connection instead of cancelling: a cancel could hit a COMMIT.
 */
#include "metadb/pg_conn.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/pg_error.h"
#include "metadb/pg_prepared.h"
#include "proto/base/log.h"

enum state { CLOSED, CONNECTING, IDLE, BUSY };

struct pg_conn {
	struct loop *loop;
	const struct pg_conn_options *options;
	const struct pg_conn_handler *handler;
	void *arg;
	enum state state;
	PGconn *pg;
	struct watch watch;
	bool watching;
	struct timer timer;
	struct deferred kick; /* a failure found inside pg_conn_run() or pg_conn_open() */
	struct pg_work *work;
	struct pg_prepared prepared;
	unsigned steps;	       /* of the work */
	uint32_t announcement; /* a bit for each step that is one */
	unsigned answered;     /* ends of results seen: index of the open step */
	unsigned statement;    /* index of the next statement to be answered */
	bool sent;
	bool warned;
	bool fatal;
};

static void on_socket(void *arg, int ready);
static void on_timer(void *arg);
static void on_kick(void *arg);

struct pg_conn *pg_conn_new(struct loop *l, const struct pg_conn_options *o,
			    const struct pg_conn_handler *h, void *arg)
{
	struct pg_conn *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->options = o;
	c->handler = h;
	c->arg = arg;
	timer_init(&c->timer, l, on_timer, c);
	deferred_init(&c->kick, l, on_kick, c);
	return c;
}

static void unwatch(struct pg_conn *c)
{
	if (c->watching)
		watch_fini(&c->watch);
	c->watching = false;
}

static void hang_up(struct pg_conn *c)
{
	unwatch(c);
	timer_stop(&c->timer);
	deferred_cancel(&c->kick);
	if (c->pg != NULL)
		PQfinish(c->pg);
	c->pg = NULL;
	pg_prepared_clear(&c->prepared);
	c->state = CLOSED;
}

void pg_conn_free(struct pg_conn *c)
{
	if (c == NULL)
		return;
	hang_up(c);
	timer_fini(&c->timer);
	free(c);
}

bool pg_conn_idle(const struct pg_conn *c)
{
	return c->state == IDLE;
}

bool pg_conn_closed(const struct pg_conn *c)
{
	return c->state == CLOSED;
}

void pg_work_clear(struct pg_work *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		PQclear(w->result[i]);
		w->result[i] = NULL;
	}
	w->rc = 0;
	w->retry = false;
}

/* One line, without libpq's line ends. */
static const char *reason(struct pg_conn *c, char *buf, size_t size)
{
	size_t len;

	snprintf(buf, size, "%s", c->pg == NULL ? "no memory" : PQerrorMessage(c->pg));
	len = strlen(buf);
	while (len > 0 && buf[len - 1] == '\n')
		buf[--len] = '\0';
	for (char *p = buf; *p != '\0'; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return buf;
}

static void done(struct pg_conn *c)
{
	struct pg_work *w = c->work;

	c->work = NULL;
	c->handler->on_done(c->arg, w);
}

void pg_conn_abort(struct pg_conn *c, const char *why)
{
	struct pg_work *w = c->work;
	char text[512];

	snprintf(text, sizeof(text), "%s", why); /* it may live in the PGconn */
	hang_up(c);
	if (w != NULL) {
		if (!c->sent || w->effect == PG_READ) {
			w->retry = true;
			w->rc = ERR_UNAVAILABLE;
		} else {
			/* Inside an explicit transaction nothing is committed before its
			 * COMMIT. */
			w->rc = w->open_transaction ? ERR_UNAVAILABLE : ERR_UNKNOWN_OUTCOME;
		}
		done(c);
	}
	c->handler->on_state(c->arg, false, text);
}

static void lost(struct pg_conn *c)
{
	char text[512];

	pg_conn_abort(c, reason(c, text, sizeof(text)));
}

static void on_kick(void *arg)
{
	lost(arg);
}

static void on_timer(void *arg)
{
	struct pg_conn *c = arg;

	if (c->state == CONNECTING) {
		pg_conn_abort(c, "time-out while connecting");
		return;
	}
	assert(c->state == BUSY);
	log_warn("PostgreSQL did not answer in time", "statement=\"%.60s\"", c->work->label);
	pg_conn_abort(c, "no answer in time");
}

static void on_notice(void *arg, const PGresult *res)
{
	struct pg_conn *c = arg;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	char quoted[256];

	if (severity == NULL || strcmp(severity, "WARNING") != 0)
		return;
	c->warned = true;
	log_warn("PostgreSQL warns", "text=%s",
		 log_quote(quoted, sizeof(quoted), text == NULL ? "" : text,
			   text == NULL ? 0 : strlen(text)));
}

/* The descriptor may be another one after each step of connecting. */
static void watch_for(struct pg_conn *c, int what)
{
	if (!c->watching || c->watch.fd != PQsocket(c->pg)) {
		unwatch(c);
		watch_init(&c->watch, c->loop, PQsocket(c->pg), on_socket, c);
		c->watching = true;
	}
	watch_want(&c->watch, what);
}

/* ---- connecting ---- */

static void connected(struct pg_conn *c)
{
	timer_stop(&c->timer);
	if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1) {
		lost(c);
		return;
	}
	PQsetNoticeReceiver(c->pg, on_notice, c);
	c->state = IDLE;
	watch_for(c, WATCH_READ);
	c->handler->on_state(c->arg, true, "connected");
}

static void connect_step(struct pg_conn *c)
{
	unwatch(c); /* libpq may close the descriptor */
	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING:
		watch_for(c, WATCH_READ);
		break;
	case PGRES_POLLING_WRITING:
		watch_for(c, WATCH_WRITE);
		break;
	case PGRES_POLLING_OK:
		connected(c);
		break;
	default:
		lost(c);
	}
}

void pg_conn_open(struct pg_conn *c)
{
	char options[160];
	const char *keys[5] = {"dbname", "fallback_application_name", "client_encoding", NULL,
			       NULL};
	const char *values[5] = {c->options->url, c->options->name, "UTF8", NULL, NULL};

	assert(c->state == CLOSED);
	if (!c->options->pooled) {
		snprintf(options, sizeof(options),
			 "-c statement_timeout=%lld "
			 "-c idle_in_transaction_session_timeout=60s",
			 (long long)c->options->statement_timeout_ms);
		keys[3] = "options";
		values[3] = options;
	}
	c->state = CONNECTING;
	c->sent = false;
	c->pg = PQconnectStartParams(keys, values, 1);
	if (c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD) {
		deferred_queue(&c->kick);
		return;
	}
	timer_start(&c->timer, c->options->connect_timeout_ms);
	watch_for(c, WATCH_WRITE);
}

/* ---- running ---- */

static bool announce(struct pg_conn *c, const char *name, const struct pg_stmt *s)
{
	c->announcement |= 1U << c->steps++;
	return PQsendPrepare(c->pg, name, s->sql, s->count, s->type) == 1;
}

static bool send_statement(struct pg_conn *c, const struct pg_stmt *s)
{
	static const int binary[PG_PARAMS_MAX] = {[0 ... PG_PARAMS_MAX - 1] = 1};
	bool is_new = false;
	int number =
		c->options->pooled ? -1 : pg_prepared_number(&c->prepared, s->sql, &is_new);
	char name[16];

	if (number < 0) {
		c->steps++;
		return PQsendQueryParams(c->pg, s->sql, s->count, s->type, s->value, s->length,
					 binary, 1) == 1;
	}
	snprintf(name, sizeof(name), "s%d", number);
	if (is_new && !announce(c, name, s))
		return false;
	c->steps++;
	return PQsendQueryPrepared(c->pg, name, s->count, s->value, s->length, binary, 1) == 1;
}

/* False when the connection is lost. */
static bool flush(struct pg_conn *c)
{
	int rc = PQflush(c->pg);

	if (rc < 0)
		return false;
	watch_for(c, rc == 0 ? WATCH_READ : WATCH_READ | WATCH_WRITE);
	return true;
}

void pg_conn_run(struct pg_conn *c, struct pg_work *w)
{
	int64_t left = w->deadline_ms - clock_now_ms();

	assert(c->state == IDLE && c->work == NULL);
	assert(w->count > 0 && w->count <= PG_STATEMENTS_MAX);
	c->state = BUSY;
	c->work = w;
	c->steps = 0;
	c->announcement = 0;
	c->answered = 0;
	c->statement = 0;
	c->warned = false;
	c->fatal = false;
	c->sent = false;
	timer_start(&c->timer, left > 1 ? left : 1);
	for (unsigned i = 0; i < w->count; i++)
		if (!send_statement(c, &w->stmt[i])) {
			deferred_queue(&c->kick);
			return;
		}
	c->sent = true;
	if (PQpipelineSync(c->pg) != 1 || !flush(c))
		deferred_queue(&c->kick);
}

static void statement_failed(struct pg_conn *c, PGresult *res)
{
	struct pg_work *w = c->work;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	/* Without a SQLSTATE it is libpq that speaks: the connection broke. */
	if (state == NULL || (severity != NULL && strcmp(severity, "FATAL") == 0))
		c->fatal = true;
	if (w->rc != 0)
		return;
	w->rc = pg_error_code(state, &w->retry);
	if (state != NULL && !w->retry && pg_error_loud(w->rc)) {
		const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
		char quoted[512];

		if (text == NULL)
			text = "";
		log_error("statement failed", "sqlstate=%s text=%s statement=\"%.80s\"", state,
			  log_quote(quoted, sizeof(quoted), text, strlen(text)), w->label);
	}
}

static void synced(struct pg_conn *c)
{
	struct pg_work *w = c->work;

	timer_stop(&c->timer);
	pg_prepared_settle(&c->prepared);
	if (w->rc == 0 && c->warned && w->effect == PG_WRITE && !w->open_transaction)
		w->rc = ERR_UNKNOWN_OUTCOME;
	c->state = IDLE;
	done(c);
}

/* The rows of the open step; false when they belong nowhere. */
static bool step_done(struct pg_conn *c, PGresult *res)
{
	struct pg_work *w = c->work;

	if (c->answered >= c->steps)
		return false;
	if ((c->announcement & (1U << c->answered)) != 0) {
		pg_prepared_stand(&c->prepared);
		return false;
	}
	if (c->statement >= w->count)
		return false;
	w->result[c->statement++] = res;
	return true;
}

/* One result out of libpq; false when it waits for more bytes. */
static bool take_result(struct pg_conn *c)
{
	PGresult *res;

	if (PQisBusy(c->pg))
		return false;
	res = PQgetResult(c->pg);
	if (res == NULL) {
		/* End of a step's results. An error of the Sync itself has one, too. */
		return c->answered++ < c->steps + 1;
	}
	switch (PQresultStatus(res)) {
	case PGRES_PIPELINE_SYNC:
		PQclear(res);
		synced(c);
		return true;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (step_done(c, res))
			return true;
		break;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		statement_failed(c, res);
	}
	PQclear(res);
	return true;
}

static void on_socket(void *arg, int ready)
{
	struct pg_conn *c = arg;

	if (c->state == CONNECTING) {
		connect_step(c);
		return;
	}
	if ((ready & WATCH_READ) != 0 && PQconsumeInput(c->pg) != 1) {
		/* A farewell of the server may stand before the end of the connection. */
		while (c->work != NULL && take_result(c))
			;
		if (c->state != CLOSED)
			lost(c);
		return;
	}
	if ((ready & WATCH_WRITE) != 0 && !flush(c)) {
		lost(c);
		return;
	}
	while (c->work != NULL && take_result(c))
		;
	if (c->state == CLOSED)
		return;
	if (PQstatus(c->pg) == CONNECTION_BAD || (c->state == BUSY && c->fatal))
		lost(c);
}
