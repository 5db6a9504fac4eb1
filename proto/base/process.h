/* Small duties of a process towards its system: log, limits, pid file. */
#pragma once

#include "proto/base/err.h"

/* Open the log under this name, at log.level; an unknown level ends the process. */
void process_log_open(const char *name);
/*
 * Blocks of payload size stay in malloc's heap instead of going to the kernel and back, zeroed
 * page by page, for every frame; few arenas. What is held stays within the budget plus what was
 * freed last. Before any thread.
 */
void process_tune_malloc(void);
/* As many open files as the system allows; returns the limit. */
long process_raise_file_limit(void);
/* To the setting pidfile, when it is not empty. A failure is logged. */
int process_write_pidfile(void) MUST_CHECK;
void process_remove_pidfile(void);
