/* Small duties of a process towards its system: log, limits, pid file. */
#pragma once

#include "proto/base/err.h"

/* Open the log under this name, at log.level; an unknown level ends the process. */
void process_log_open(const char *name);
/* As many open files as the system allows; returns the limit. */
long process_raise_file_limit(void);
/* To the setting pidfile, when it is not empty. A failure is logged. */
int process_write_pidfile(void) MUST_CHECK;
void process_remove_pidfile(void);
