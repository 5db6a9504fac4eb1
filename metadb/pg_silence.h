/*
 * Is the server silent? It may stand still or be cut off: connections and statements go out and
 * nothing comes back, which no socket tells.
 *
 * While work is under way and nothing has been heard for PG_ASK_MS, a connection of its own
 * asks "SELECT 1". A slow statement is no silence: the question is answered. No answer within
 * PG_ANSWER_MS, and nothing from anybody else, and on_silent is called. Loop thread only.
 */
#pragma once

#include "metadb/pg_conn.h"

#define PG_ASK_MS    400
#define PG_ANSWER_MS 450

struct pg_silence;

/* The options are kept by reference. on_silent is called on the loop, out of nobody's call. */
struct pg_silence *pg_silence_new(struct loop *l, const struct pg_conn_options *o,
				  void (*on_silent)(void *arg), void *arg);
void pg_silence_free(struct pg_silence *s);

/* A piece of work was sent; it is over, by an answer or otherwise. */
void pg_silence_begin(struct pg_silence *s);
void pg_silence_end(struct pg_silence *s);
