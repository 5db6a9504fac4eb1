/* Network addresses as text: "HOST:PORT" with a numeric host, "[::1]:80" for IPv6. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/err.h"

#define ADDRESS_HOST_MAX 64
#define ADDRESS_TEXT_MAX 80

struct address {
	char host[ADDRESS_HOST_MAX]; /* without brackets */
	uint16_t port;
};

/* ERR_SYNTAX unless it is a numeric IPv4 or IPv6 address and a port of 0…65535. */
int address_parse(const char *text, struct address *out) MUST_CHECK;
/* Into buf (ADDRESS_TEXT_MAX bytes), with brackets for IPv6; returns buf. */
char *address_text(const struct address *a, char *buf);
