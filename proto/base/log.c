/*
 * A line is built on the stack and written with one write(2): lines of threads and processes do
 * not mix as long as they stay below PIPE_BUF or go to a file opened for appending.
 */
#include "proto/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static char proc_name[64] = "packhouse";
static enum log_level lowest = LOG_INFO;
static _Thread_local const char *current_rq = "";

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

void log_open(const char *proc, enum log_level level)
{
	snprintf(proc_name, sizeof(proc_name), "%s", proc);
	lowest = level;
}

const char *log_proc(void)
{
	return proc_name;
}

bool log_enabled(enum log_level level)
{
	return level >= lowest;
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(text, LEVEL_NAMES[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

void log_set_rq(const char *rq)
{
	current_rq = rq != NULL ? rq : "";
}

const char *log_rq(void)
{
	return current_rq;
}

static size_t print_head(char *line, size_t size, enum log_level level, const char *msg)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, size, "ts=%s.%03ldZ level=%s proc=%s", stamp, now.tv_nsec / 1000000,
		     LEVEL_NAMES[level], proc_name);
	if (current_rq[0] != '\0')
		n += snprintf(line + n, size - (size_t)n, " rq=%s", current_rq);
	n += snprintf(line + n, size - (size_t)n, " msg=\"%s\"", msg);
	return (size_t)n;
}

void log_line(enum log_level level, const char *msg, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t used = print_head(line, sizeof(line) - 1, level, msg);
	va_list args;
	int n;

	if (fmt != NULL && used + 2 < sizeof(line)) {
		line[used++] = ' ';
		va_start(args, fmt);
		n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, args);
		va_end(args);
		used += n > 0 ? (size_t)n : 0;
	}
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	/* Nowhere to complain to when stderr is gone. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80			 ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : (p[0] & 0xf0) == 0xe0	 ? 3
						 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

const char *log_quote(char *buf, size_t size, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	assert(size >= 8);
	buf[used++] = '"';
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);

		if (used + 7 > size)
			break;
		if (n == 0 || p[i] < 0x20 || p[i] == 0x7f) {
			used += (size_t)snprintf(buf + used, size - used, "\\x%02x", p[i]);
			i++;
			continue;
		}
		if (p[i] == '"' || p[i] == '\\')
			buf[used++] = '\\';
		memcpy(buf + used, p + i, n);
		used += n;
		i += n;
	}
	buf[used++] = '"';
	buf[used] = '\0';
	return buf;
}
