/*
 * Named places at which a test stops, kills or misleads a process: failpoint_table.h.
 *
 * Only builds for tests have them (PACKHOUSE_FAILPOINTS is defined, by the kinds dev, asan,
 * tsan and coverage); in all others both functions are an inline 0. They do nothing, at the
 * price of one load, until the environment's PACKHOUSE_FAILPOINTS names a folder. Whoever
 * arrives at a point looks for a file of the point's name there, which holds one line:
 *
 *   ACTION [once] [by PROCESS]      PROCESS: storage-2, or gateway-1 for all of its workers
 *
 *   mark           goes on
 *   pause          waits until the file is gone, at most FAILPOINT_PAUSE_MS
 *   crash          kills itself with SIGKILL
 *   error CODE     the point returns CODE, a code of err.h; the table tells where that counts
 *
 * `once`: who arrives first renames the file to NAME.taken, and waits until that is gone. A
 * line "PID PROCESS REQUEST" at the end of NAME.reached tells the test of each arrival.
 */
#pragma once

#include "proto/base/err.h"

#define FAILPOINT_PAUSE_MS 300000

/* clang-format off */
#define FAILPOINT(id, name, help) FP_##id,
enum failpoint {
#include "proto/base/failpoint_table.h"
	FAILPOINTS
};
#undef FAILPOINT
/* clang-format on */

#ifdef PACKHOUSE_FAILPOINTS
/* This thread waits: in worker threads, at starts, and where a loop may stand still. */
int failpoint(enum failpoint where);
/* This task waits, nobody else. Also -ECANCELED. */
int await_failpoint(enum failpoint where);
#else
static inline int failpoint(enum failpoint where)
{
	(void)where;
	return 0;
}

static inline int await_failpoint(enum failpoint where)
{
	(void)where;
	return 0;
}
#endif
