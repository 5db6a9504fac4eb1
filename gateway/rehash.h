/*
 * An upload that turns out to be for a digest of another algorithm than it was begun for:
 * clients need not say `digest-algorithm` when they begin, and most do not.
 */
#pragma once

#include "gateway/request.h"
#include "metadb/uploads.h"

/*
 * The session goes on with that algorithm, in its row as well; what was received is read back
 * from storage and hashed anew. ERR_CONFLICT: somebody else wrote to the session meanwhile;
 * ERR_UNAVAILABLE: its bytes cannot be read now; other codes: metadb/metadb.h.
 */
int await_rehash(struct request *rq, struct upload *u, enum digest_algorithm a) MUST_CHECK;
