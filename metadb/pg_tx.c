/*
 * The seam between tasks and the pool: submit, wait, and always end.
 *
 * The wait itself has no time-out: the pool has the deadline and answers in any case. When the
 * task is cancelled while its statements run, the job is abandoned to the pool, which lets it
 * finish: a COMMIT that was sent is never taken back. Statements were copied into libpq's
 * buffer when they were sent, so the arena may go before the answer comes.
 */
#include "metadb/pg_tx.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/pg_pool.h"
#include "proto/base/task.h"

struct pg_tx {
	struct metadb *db;
	struct arena *arena;
	enum pg_effect effect;
	int error;
	unsigned count;
	struct pg_stmt stmt[PG_STATEMENTS_MAX];
	struct pg_rows rows[PG_STATEMENTS_MAX];
	struct pg_job *job;
	bool open;
	bool ran;
	bool only_while;
	uint64_t losses;
	struct waiter waiter;
};

static void tx_fini(void *arg)
{
	struct pg_tx *tx = arg;

	pg_job_end(tx->job);
	tx->job = NULL;
}

struct pg_tx *pg_tx_new(struct metadb *db, struct arena *a, enum pg_effect effect)
{
	struct pg_tx *tx = arena_alloc(a, sizeof(*tx));

	tx->db = db;
	tx->arena = a;
	tx->effect = effect;
	arena_defer(a, tx_fini, tx);
	return tx;
}

struct pg_stmt *pg_tx_add(struct pg_tx *tx, const char *sql)
{
	struct pg_stmt *s;

	if (tx->ran) {
		tx->ran = false;
		tx->count = 0;
	}
	assert(tx->count < PG_STATEMENTS_MAX);
	s = &tx->stmt[tx->count++];
	pg_stmt_init(s, tx->arena, sql);
	return s;
}

void pg_tx_only_while(struct pg_tx *tx, uint64_t losses)
{
	tx->only_while = true;
	tx->losses = losses;
}

static void on_done(struct pg_job *job)
{
	struct pg_tx *tx = job->arg;

	waiter_done(&tx->waiter, job->work.rc);
}

/* Ready the job for a submission; a held one must still have its connection. */
static int prepare(struct pg_tx *tx)
{
	if (tx->job == NULL) {
		tx->job = pg_job_new(metadb_pool(tx->db));
		tx->job->done = on_done;
		tx->job->arg = tx;
	} else if (tx->open && tx->job->slot == NULL) {
		return ERR_UNAVAILABLE; /* lost, and with it the transaction */
	}
	pg_work_clear(&tx->job->work);
	tx->job->work.stmt = tx->stmt;
	tx->job->work.count = tx->count;
	tx->job->work.effect = tx->effect;
	tx->job->work.open_transaction = tx->open;
	tx->job->hold = tx->open;
	tx->job->only_while = tx->only_while;
	tx->job->losses = tx->losses;
	return 0;
}

int await_pg_tx(struct pg_tx *tx)
{
	int rc;

	if (tx->error != 0)
		return tx->error;
	assert(tx->count > 0 && !tx->ran);
	tx->ran = true;
	rc = prepare(tx);
	if (rc == 0) {
		waiter_init(&tx->waiter);
		pg_job_submit(tx->job);
		rc = task_wait(&tx->waiter, "PostgreSQL", TASK_NO_TIMEOUT);
	}
	if (rc == -ECANCELED || (rc < 0 && tx->open)) {
		pg_job_end(tx->job);
		tx->job = NULL;
	}
	for (unsigned i = 0; i < tx->count; i++) {
		tx->rows[i].result = rc == 0 ? tx->job->work.result[i] : NULL;
		tx->rows[i].error = rc;
	}
	tx->error = rc;
	return rc;
}

struct pg_rows *pg_tx_rows(struct pg_tx *tx, unsigned i)
{
	assert(tx->ran && i < tx->count);
	return &tx->rows[i];
}

int pg_tx_error(const struct pg_tx *tx)
{
	if (tx->error != 0)
		return tx->error;
	for (unsigned i = 0; tx->ran && i < tx->count; i++)
		if (tx->rows[i].error != 0)
			return tx->rows[i].error;
	return 0;
}

int await_pg_begin(struct pg_tx *tx)
{
	assert(!tx->open);
	tx->open = true;
	pg_tx_add(tx, "BEGIN");
	return await_pg_tx(tx);
}

int await_pg_commit(struct pg_tx *tx)
{
	if (tx->error != 0)
		return tx->error;
	assert(tx->open);
	pg_tx_add(tx, "COMMIT");
	/* Its end is at this Sync: a lost answer is an unknown outcome. */
	tx->ran = true;
	if (tx->job->slot == NULL)
		return tx->error = ERR_UNAVAILABLE;
	pg_work_clear(&tx->job->work);
	tx->job->work.stmt = tx->stmt;
	tx->job->work.count = tx->count;
	tx->job->work.open_transaction = false;
	tx->job->hold = false;
	tx->open = false;
	waiter_init(&tx->waiter);
	pg_job_submit(tx->job);
	tx->error = task_wait(&tx->waiter, "COMMIT", TASK_NO_TIMEOUT);
	if (tx->error == -ECANCELED) {
		pg_job_end(tx->job);
		tx->job = NULL;
	}
	tx->rows[0].error = tx->error;
	return tx->error;
}
