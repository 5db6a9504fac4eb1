/*
 * Byte ranges: the Range header of a blob read and the Content-Range of an upload's part.
 *
 * Pure functions; any thread. Every number is checked against 2^63 - 1 before it is used.
 * Sources: RFC 9110 §14 (Range); OCI distribution-spec, "Pushing a blob in chunks"
 * (Content-Range there is `<first>-<last>` without a unit; clients that write
 * `bytes <first>-<last>/<total or *>` are understood as well).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

enum range_kind {
	RANGE_WHOLE, /* no range, or one that a server may ignore: answer 200 with all */
	RANGE_PART,  /* answer 206 with the parts of the set */
	RANGE_UNSATISFIABLE, /* answer 416 with the size */
};

struct byte_range {
	int64_t first;
	int64_t last; /* inclusive */
};

#define RANGES_MAX 16

/* In the order asked for. */
struct range_set {
	unsigned count;
	struct byte_range part[RANGES_MAX];
};

/*
 * The ranges asked for, cut to `size`; those beyond its end or that end before they begin are
 * left out, and when none is left it is unsatisfiable. Text that is none means the whole; so do
 * more than RANGES_MAX, and ranges that are together more than the whole (RFC 9110 §14.2).
 */
enum range_kind range_parse(const char *text, size_t len, int64_t size, struct range_set *out);

/* ERR_SYNTAX when it is none, its last lies before its first, or a number is too large. */
int content_range_parse(const char *text, size_t len, struct byte_range *out) MUST_CHECK;
