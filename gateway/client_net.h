/*
 * Which addresses count as one client: an IPv4 address by itself, of IPv6 the 64 bits that a
 * client gets from its network. Pure functions; any thread.
 */
#pragma once

#include <stdint.h>

#include "proto/base/err.h"

struct sockaddr_storage;

struct client_net {
	uint64_t word[2]; /* of the address, big-endian; IPv4 as ::ffff:a.b.c.d */
};

#define CLIENT_NET_TEXT_MAX 64

/* Of a connected peer, IPv4 or IPv6. */
struct client_net client_net_of(const struct sockaddr_storage *from);
/* Of a numeric address without brackets and port; ERR_SYNTAX. */
int client_net_parse(const char *host, struct client_net *out) MUST_CHECK;
/* "192.0.2.7" or "2001:db8::/64"; returns buf. */
const char *client_net_text(const struct client_net *n, char buf[CLIENT_NET_TEXT_MAX]);
