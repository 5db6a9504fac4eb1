/*
 * How the keepers know this daemon, and how it learns cluster and epoch.
 *
 * Every second an ANNOUNCE goes to each keeper of the setting keeper.announce. The first answer
 * that names a cluster is kept on the disk for ever; a keeper of another cluster makes the
 * daemon serve nobody until it is corrected. Keepers are told, and tell, how far PostgreSQL had
 * come (storage/daemon/mark.h). Loop thread only.
 */
#pragma once

#include "storage/daemon/server.h"

#define ANNOUNCE_MS	    1000
#define ANNOUNCE_TIMEOUT_MS 3000

struct announcer;

/* ERR_SYNTAX: the setting is no list of numeric addresses (logged). */
int announcer_open(struct server *s, struct announcer **out) MUST_CHECK;
void announcer_close(struct announcer *a);
