/*
 * Who a disk is: the small file `identity`, written when the disk is made and once more when it
 * joins a cluster.
 */
#pragma once

#include "storage/daemon/disk.h"
#include "storage/daemon/store.h"

/* ERR_NOT_FOUND: there is none; ERR_CORRUPT: it is damaged; -EPROTO: of a newer version. */
int identity_load(struct disk *d, struct store_identity *out) MUST_CHECK;
int identity_save(struct disk *d, const struct store_identity *id) MUST_CHECK;
/* A new random node uuid (RFC 4122, version 4), no cluster. */
void identity_make(struct disk *d, const char *name, struct store_identity *out);
