/*
 * The head of an HTTP/1 answer as text. Loop thread only (the date is kept from call to call).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http_stream.h"

struct http_print {
	const struct reply_head *head;
	unsigned minor; /* of the request */
	bool keep;	/* the connection goes on */
};

/* Statuses that never have a body: 1xx, 204, 304. */
bool http_status_body_less(int status);
/* The reason phrase; "Status" for unknown ones. */
const char *http_status_text(int status);
/* The time of day as HTTP writes it (RFC 9110 §5.6.7); valid until the next second's call. */
const char *http_date(void);

/* Length written to buf, without NUL; ERR_LIMIT when it does not fit. */
int http_print_head(const struct http_print *p, char *buf, size_t size) MUST_CHECK;
