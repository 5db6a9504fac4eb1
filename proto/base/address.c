/* Numeric only: name resolution blocks, and a name may change under a running process. */
#include "proto/base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *out)
{
	long port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return ERR_SYNTAX;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return ERR_SYNTAX;
		port = port * 10 + (*text - '0');
	}
	if (port > UINT16_MAX)
		return ERR_SYNTAX;
	*out = (uint16_t)port;
	return 0;
}

static bool is_numeric_host(const char *host, bool bracketed)
{
	unsigned char raw[sizeof(struct in6_addr)];

	return inet_pton(bracketed ? AF_INET6 : AF_INET, host, raw) == 1;
}

int address_parse(const char *text, struct address *out)
{
	bool bracketed = text[0] == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *end = strchr(host, bracketed ? ']' : ':');
	size_t len;

	if (end == NULL)
		return ERR_SYNTAX;
	len = (size_t)(end - host);
	if (len >= sizeof(out->host) || (bracketed && end[1] != ':'))
		return ERR_SYNTAX;
	memcpy(out->host, host, len);
	out->host[len] = '\0';
	if (!is_numeric_host(out->host, bracketed))
		return ERR_SYNTAX;
	return parse_port(end + (bracketed ? 2 : 1), &out->port);
}

char *address_text(const struct address *a, char *buf)
{
	const char *fmt = strchr(a->host, ':') != NULL ? "[%s]:%u" : "%s:%u";

	snprintf(buf, ADDRESS_TEXT_MAX, fmt, a->host, a->port);
	return buf;
}
