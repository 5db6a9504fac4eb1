/*
 * The daemon's private listener: ready or why not, and its numbers.
 */
#pragma once

#include "storage/daemon/server.h"

struct probe;

/* On the setting storage.private. -errno when it cannot be bound. */
int private_open(struct server *s, struct probe **out) MUST_CHECK;
