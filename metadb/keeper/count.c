/*
 * The keeper's fourth task: adds up what gateways have counted of pulls, in batches that stand
 * alone, and lets old days go. It does so in every mode of the registry: counting changes
 * nothing that people have.
 */
#include "metadb/downloads.h"
#include "metadb/keeper/keeper.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"

#define OLD_MS 600000 /* how often days are looked for that are too old */

static int await_fold(struct keeper *k)
{
	int rows = DOWNLOADS_BATCH;

	while (rows == DOWNLOADS_BATCH && !k->stopping) {
		rows = await_downloads_fold(k->db);
		if (rows > 0)
			metric_add(M_KEEPER_COUNTED, rows);
	}
	return rows;
}

static int await_forget(struct keeper *k, int64_t *next)
{
	int rows = DOWNLOADS_BATCH;

	if (clock_now_ms() < *next)
		return 0;
	while (rows == DOWNLOADS_BATCH && !k->stopping)
		rows = await_downloads_expire(k->db, (int)settings()->keeper_downloads_days);
	if (rows >= 0)
		*next = clock_now_ms() + OLD_MS;
	return rows;
}

void TASK_ENTRY keeper_count(void *keeper)
{
	struct keeper *k = keeper;
	int64_t next = 0;
	int rc = 0;

	while (rc != -ECANCELED && !k->stopping) {
		if (k->reachable) {
			rc = await_fold(k);
			if (rc >= 0)
				rc = await_forget(k, &next);
			if (rc < 0 && rc != -ECANCELED)
				log_warn("downloads were not added up", "err=\"%s\"",
					 err_text(rc));
		}
		if (rc != -ECANCELED)
			rc = await_sleep(settings()->keeper_downloads_interval);
	}
	k->count = NULL;
}
