/*
 * Mounting: a blob that the caller may read in another package becomes one of the request's
 * package, without its bytes (OCI distribution-spec, "Mounting a blob from another
 * repository").
 */
#pragma once

#include "gateway/request.h"
#include "proto/model/digest.h"

/*
 * From the package that `from` in the query names; without one from any that has it, the same
 * namespace first. 0; ERR_NOT_FOUND when the caller may read no such source, which is not told
 * from a source that has no such blob: begin an upload. Other codes: metadb/mounts.h.
 */
int await_mount(struct request *rq, const struct digest *d) MUST_CHECK;
