/*
 * One timer while work is under way. It is not touched by each piece of work: it looks when it
 * is due, and sleeps on when something was heard meanwhile.
 */
#include "metadb/pg_silence.h"

#include <stdlib.h>

#define DEADLINE_MS 60000 /* our timer is faster */

struct pg_silence {
	struct pg_conn *conn; /* asks; open only while there is a reason */
	struct pg_stmt question;
	struct pg_work work;
	struct timer timer;
	void (*on_silent)(void *arg);
	void *arg;
	int under_way;
	int64_t heard_ms; /* from anybody; or when there was nothing to wait for */
	int64_t asked_ms;
};

static void ask(struct pg_silence *s)
{
	s->work = (struct pg_work){
		.stmt = &s->question,
		.count = 1,
		.label = s->question.sql,
		.effect = PG_READ,
		.deadline_ms = clock_now_ms() + DEADLINE_MS,
	};
	pg_conn_run(s->conn, &s->work);
}

static void on_done(void *arg, struct pg_work *w)
{
	struct pg_silence *s = arg;

	pg_work_clear(w);
	s->heard_ms = clock_now_ms();
}

/* Also a connection that is refused is an answer. */
static void on_state(void *arg, bool up, const char *why)
{
	struct pg_silence *s = arg;

	(void)why;
	if (up)
		ask(s);
	else
		s->heard_ms = clock_now_ms();
}

static void hang_up(struct pg_silence *s)
{
	if (!pg_conn_closed(s->conn))
		pg_conn_abort(s->conn, "nothing more to ask");
}

static void on_timer(void *arg)
{
	struct pg_silence *s = arg;
	int64_t now = clock_now_ms();

	if (s->under_way == 0) {
		hang_up(s);
	} else if (now - s->heard_ms < PG_ASK_MS) {
		timer_start(&s->timer, s->heard_ms + PG_ASK_MS - now);
	} else if (pg_conn_closed(s->conn) || pg_conn_idle(s->conn)) {
		s->asked_ms = now;
		if (pg_conn_closed(s->conn))
			pg_conn_open(s->conn);
		else
			ask(s);
		timer_start(&s->timer, PG_ANSWER_MS);
	} else if (now - s->asked_ms < PG_ANSWER_MS) {
		timer_start(&s->timer, s->asked_ms + PG_ANSWER_MS - now);
	} else {
		hang_up(s);
		s->on_silent(s->arg);
	}
}

void pg_silence_begin(struct pg_silence *s)
{
	if (s->under_way++ > 0)
		return;
	s->heard_ms = clock_now_ms();
	if (!timer_running(&s->timer))
		timer_start(&s->timer, PG_ASK_MS);
}

void pg_silence_end(struct pg_silence *s)
{
	assert(s->under_way > 0);
	s->under_way--;
	s->heard_ms = clock_now_ms();
}

struct pg_silence *pg_silence_new(struct loop *l, const struct pg_conn_options *o,
				  void (*on_silent)(void *arg), void *arg)
{
	static const struct pg_conn_handler handler = {.on_done = on_done,
						       .on_state = on_state};
	struct pg_silence *s = xcalloc(1, sizeof(*s));

	s->question.sql = "SELECT 1";
	s->on_silent = on_silent;
	s->arg = arg;
	s->conn = pg_conn_new(l, o, &handler, s);
	timer_init(&s->timer, l, on_timer, s);
	return s;
}

void pg_silence_free(struct pg_silence *s)
{
	timer_fini(&s->timer);
	pg_conn_free(s->conn);
	free(s);
}
