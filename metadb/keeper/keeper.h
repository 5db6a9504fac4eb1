/*
 * What the parts of `packhouse-metadb serve` share. Everything runs on one loop.
 */
#pragma once

#include "metadb/cluster_rows.h"
#include "metadb/metadb.h"
#include "proto/base/buf.h"
#include "proto/base/loop.h"

#define DAEMONS_MAX 1024

struct task;

struct keeper {
	struct loop *loop;
	struct metadb *db;
	struct buf_pool *pool;
	struct registry *registry;
	struct probe *probe;
	struct task *duties; /* NULL once it ended */
	struct timer drain;
	bool stopping;
	/* As of the last look; empty and 0 before the first. */
	char cluster_uuid[37];
	int schema_version;
	bool reachable;
	struct cluster_figures figures;
	/* cluster.daemons, taken apart */
	const char *daemon[DAEMONS_MAX];
	size_t daemons;
};

/* The subcommands: exit status. */
int keeper_serve(void);
int keeper_admin_token(const char *login);

/*
 * The registry hears announcements on keeper.bind, registers daemons and answers with the
 * cluster's uuid and epoch. -errno when the address cannot be bound.
 */
int registry_open(struct keeper *k, struct registry **out) MUST_CHECK;
void registry_close(struct registry *r); /* no registration may run */

/* The keeper's one long task: looks at the database, writes the first epoch, rotates keys. */
void keeper_duties(void *keeper);
