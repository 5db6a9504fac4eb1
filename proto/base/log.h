/*
 * Log lines in logfmt on stderr: one line an event, `key=value` pairs after a short message.
 *
 *   ts=2026-01-02T03:04:05.678Z level=info proc=storage-1 rq=4f1c… msg="segment sealed"
 * segment=17
 *
 * The text passed to log_…() is the message and its pairs as one printf format, written as
 * log_info("segment sealed", "segment=%llu live=%zu", id, live). The format may be NULL. Values
 * that come from outside go through log_quote(). When a task runs, its request id is added by
 * itself. Every function may be called from any thread; a line is written with one write(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Name of the process as it stands in every line, e.g. "gateway-1/2"; copied. */
void log_open(const char *proc, enum log_level level);
const char *log_proc(void);
bool log_enabled(enum log_level level);
/* "debug", "info", "warn", "error" → level; ERR_SYNTAX otherwise. */
int log_level_parse(const char *text, enum log_level *out) MUST_CHECK;

void log_line(enum log_level level, const char *msg, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_at(level, ...)                            \
	do {                                          \
		if (log_enabled(level))               \
			log_line(level, __VA_ARGS__); \
	} while (0)

/*
 * Quote foreign text for a line: control characters, quotes and bytes that are not UTF-8 are
 * escaped, long text is cut. Returns buf. A buf of 4 × len + 3 bytes never cuts.
 */
const char *log_quote(char *buf, size_t size, const char *text, size_t len);

/*
 * Request id of whatever runs now on this thread ("" for none). Kept by the task switcher for
 * tasks; engines set it around a callback that works for one request. The text is not copied.
 */
#define LOG_RQ_MAX 40 /* longest request id, with its NUL */
void log_set_rq(const char *rq);
const char *log_rq(void);
