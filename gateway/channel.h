/*
 * What the parent and a worker say to each other, over a socket pair that keeps messages whole.
 *
 * A message is one byte of kind and a text. The worker tells when its readiness changes and
 * dumps its tasks when asked; the parent asks. The other side's end is a closed channel: a
 * worker whose parent is gone must not live on.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "proto/base/err.h"

#define CHANNEL_TEXT_MAX 4096

enum channel_kind {
	CHANNEL_READY = 'R',	/* worker: text empty when ready, otherwise why not, in lines */
	CHANNEL_DUMP = 'D',	/* parent: dump your tasks; worker: a piece of the dump */
	CHANNEL_DUMP_END = 'E', /* worker: that was all */
};

/* A line that begins so tells what cannot be served; the rest can. */
#define CHANNEL_READS_ONLY "reads only: "

struct channel_message {
	enum channel_kind kind;
	size_t len;
	char text[CHANNEL_TEXT_MAX + 1]; /* ends in a NUL */
};

/* Two ends, close-on-exec and non-blocking. */
int channel_pair(int ends[2]) MUST_CHECK;

/* Send; text longer than CHANNEL_TEXT_MAX is cut. Waits up to timeout_ms for room. 0 or -errno.
 */
int channel_send(int fd, enum channel_kind kind, const char *text, size_t len,
		 int timeout_ms) MUST_CHECK;
/* 1: a message; 0: none waits; ERR_PEER_GONE: the other side closed. */
int channel_receive(int fd, struct channel_message *out) MUST_CHECK;
