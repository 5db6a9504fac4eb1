/* Texts of error codes, and allocation that does not come back empty-handed. */
#include "proto/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"

static const struct {
	int code;
	const char *text;
} TEXTS[] = {
	{ERR_UNAVAILABLE, "unavailable"},
	{ERR_NOT_FOUND, "not found"},
	{ERR_CONFLICT, "conflict"},
	{ERR_CORRUPT, "stored bytes failed a check"},
	{ERR_BAD_DIGEST, "bytes do not match their digest"},
	{ERR_STALE_EPOCH, "cluster map is out of date"},
	{ERR_FULL, "disk is at its floor of free space"},
	{ERR_POISONED, "disk failed a sync and accepts nothing"},
	{ERR_PROTOCOL, "protocol violation"},
	{ERR_UNKNOWN_OUTCOME, "outcome of the commit is unknown"},
	{ERR_LIMIT, "over the limit"},
	{ERR_SYNTAX, "syntax error"},
	{ERR_DENIED, "denied"},
	{ERR_PEER_GONE, "peer went away"},
	{ERR_NOT_ADOPTED, "PostgreSQL is another one than before and was not adopted"},
	{ERR_STALE_RIGHTS, "the rights have changed meanwhile"},
};

const char *err_text(int code)
{
	static _Thread_local char unknown[64];

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		if (TEXTS[i].code == code)
			return TEXTS[i].text;
	if (code <= 0 && code > -1000)
		return strerror_r(-code, unknown, sizeof(unknown));
	snprintf(unknown, sizeof(unknown), "error %d", code);
	return unknown;
}

void fatal(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_line(LOG_ERROR, "fatal", "%s", text);
	abort();
}

static void *must(void *memory, size_t size)
{
	if (memory == NULL && size > 0)
		fatal("out of memory asking for %zu bytes", size);
	return memory;
}

void *xmalloc(size_t size)
{
	return must(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
	return must(calloc(count, size), count * size);
}

void *xrealloc(void *old, size_t size)
{
	return must(realloc(old, size), size);
}

char *xstrdup(const char *text)
{
	return must(strdup(text), 1);
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		fatal("out of memory formatting a text");
	return text;
}
