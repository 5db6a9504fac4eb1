/*
 * The sockets on which the gateway serves users: bound once by the parent, shared by its
 * workers.
 */
#pragma once

#include "proto/base/err.h"

#define LISTEN_MAX 16

struct listen_set {
	unsigned count;
	int fd[LISTEN_MAX]; /* non-blocking, close-on-exec */
};

/*
 * Bind `addresses` (numeric, separated by commas) at `port`. An address family that this
 * machine does not have is left out with a warning, unless nothing is left. What is wrong is
 * logged.
 */
int listen_open(const char *addresses, int port, struct listen_set *out) MUST_CHECK;
/*
 * Nobody new may come, for all who share the sockets: a SYN is dropped, so its client tries
 * again later and is refused then. Connections on their way still arrive and wait to be
 * accepted; closing a socket would reset them.
 */
void listen_turn_away(const struct listen_set *s);
void listen_close(struct listen_set *s);
