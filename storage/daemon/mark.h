/*
 * How far the cluster's PostgreSQL had come, as keepers told it: the highest of all marks. It
 * is what gives a PostgreSQL away that was put back. Kept in the small file "mark", a line of
 * text with a checksum; older programs do not know it and leave it alone.
 */
#pragma once

#include <stdint.h>

#include "proto/base/err.h"

struct store;

struct store_mark {
	int64_t adoption;
	int64_t place;
	int64_t gen;
};

/* Zeros when there is none, or none that can be believed (logged). */
void store_mark_load(struct store *s, struct store_mark *out);
/* Durable when it returns 0; -errno. Beside all other threads. */
int store_mark_save(struct store *s, const struct store_mark *mark) MUST_CHECK;
