/*
 * Header frames: plain structs of proto/wire/wire.h to protobuf bytes and back.
 *
 * Decoding checks every range that wire.h names, so that what comes out may be used unasked.
 * What it returns lives in the given arena (lists) or by value (all else). Pure; any thread.
 */
#pragma once

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/wire/wire.h"

/* The bytes live in the arena. Ranges are asserted: sending nonsense is a bug of the sender. */
void *frame_encode_request(struct arena *a, const struct wire_request *m, size_t *len);
void *frame_encode_reply(struct arena *a, const struct wire_reply *m, size_t *len);

/* ERR_PROTOCOL: not a message of a version we speak, or a number out of its range. */
int frame_decode_request(struct arena *a, const void *bytes, size_t len,
			 struct wire_request *out) MUST_CHECK;
int frame_decode_reply(struct arena *a, const void *bytes, size_t len,
		       struct wire_reply *out) MUST_CHECK;

/* Codes on the wire; what has no number there becomes ERR_UNAVAILABLE. */
unsigned wire_status_encode(int code);
int wire_status_decode(unsigned status);
