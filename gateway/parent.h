/*
 * The parent process of a gateway: binds, forks the workers, keeps them alive, tells how they
 * are.
 *
 * It serves no user and speaks to nobody but its workers and, on the private listener,
 * operators: /livez, /readyz (every worker is ready), /metrics (sums of all workers),
 * /debug/tasks. SIGTERM or SIGINT stops the gateway: workers drain; a second one stops it at
 * once.
 */
#pragma once

/* Until told to stop. Returns the exit code. */
int parent_run(void);
