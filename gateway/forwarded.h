/*
 * What a proxy says about the request that it passes on: Forwarded (RFC 7239) and the older
 * X-Forwarded-Proto and X-Forwarded-Host. Pure functions; any thread.
 *
 * Only the last element of a list counts: that of the proxy which is our peer. What stands
 * before it may have come from the client. Whether the peer is to be believed is the caller's
 * matter.
 */
#pragma once

#include "proto/base/arena.h"

struct forwarded {
	const char *scheme; /* "http" or "https"; NULL when it is not said, or nonsense */
	const char *host;   /* host[:port]; likewise */
	const char *client; /* as it stands there; see forwarded_client() */
};

/*
 * The address of the client for which the proxy speaks, without brackets and port: of
 * Forwarded's for, or of X-Forwarded-For. NULL: it does not say, or hides it. It may be no
 * address: parse it.
 */
const char *forwarded_client(struct arena *a, const char *forwarded, const char *x_for);

/* Each header may be NULL. Forwarded wins where it says something. */
void forwarded_read(struct arena *a, const char *forwarded, const char *x_proto,
		    const char *x_host, struct forwarded *out);
