/*
 * Lists of networks: "10.0.0.0/8, 192.0.2.7, 2001:db8::/32, ::1". A bare address is a network
 * of one. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>

#include "proto/base/err.h"

#define CIDR_MAX 64

struct cidr {
	bool v6;
	unsigned bits;
	unsigned char address[16];
};

struct cidr_list {
	unsigned count;
	struct cidr net[CIDR_MAX];
};

/* The empty text is the empty list. ERR_SYNTAX (also for bits set behind the prefix, which are
 * a slip), ERR_LIMIT. */
int cidr_list_parse(const char *text, struct cidr_list *out) MUST_CHECK;

/* Is this numeric address (no brackets, no port) in one of them? */
bool cidr_list_has(const struct cidr_list *l, const char *host);
