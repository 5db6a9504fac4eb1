/*
 * What the parts of `packhouse-metadb serve` share. Everything runs on one loop.
 */
#pragma once

#include "metadb/cluster_rows.h"
#include "metadb/keeper/cluster.h"
#include "metadb/metadb.h"
#include "proto/base/buf.h"
#include "proto/base/loop.h"
#include "proto/wire/wire.h"

#define DAEMONS_MAX	    1024
#define RECONCILE_TASKS_MAX 64

struct reconciler;
struct task;

/* Who this keeper is, to others that must know whether it is dead. */
struct keeper_life {
	int64_t incarnation; /* at random */
	char place[192];     /* another process there proves that we are gone */
};

struct keeper {
	struct loop *loop;
	struct metadb *db;
	struct buf_pool *pool;
	struct registry *registry;
	struct probe *probe;
	struct cluster cluster;
	struct reconciler *reconciler;
	struct keeper_life life;
	/* The long tasks; NULL once they ended. */
	struct task *duties;
	struct task *reconcile;
	struct task *clean;
	struct task *count;
	struct timer drain;
	bool stopping;
	/* As of the last look; empty and 0 before the first. */
	char cluster_uuid[37];
	int schema_version;
	bool reachable;
	/* This server is the one an operator adopted, and every live daemon was heard on it. */
	bool adopted;
	bool behind;	       /* it is older than daemons have seen it */
	struct wire_mark mark; /* of the adopted server; zeros: not known */
	struct wire_mark seen; /* highest that anybody told */
	int64_t started_ms;
	struct cluster_figures figures;
	/* cluster.daemons, taken apart */
	char *daemon_names; /* the text that `daemon` points into */
	const char *daemon[DAEMONS_MAX];
	size_t daemons;
};

/* The subcommands: exit status. */
int keeper_serve(void);
int keeper_admin_token(const char *login);
int keeper_adopt(void);
/* sample: partitions to compare, 0: all. 0 clean, 1 findings, 2 could not check */
int keeper_check(long sample, bool json);

/*
 * The registry hears announcements on keeper.bind, registers daemons and answers with the
 * cluster's uuid and epoch. -errno when the address cannot be bound.
 */
int registry_open(struct keeper *k, struct registry **out) MUST_CHECK;
void registry_close(struct registry *r); /* no registration may run */
const char *registry_address(const struct registry *r);
/* Has the daemon of this disk announced itself in our life? */
bool registry_heard(const struct registry *r, const char *uuid);

/* A new life of whoever listens at this address, and nobody else can meanwhile. */
void keeper_life_begin(struct keeper_life *life, const char *address);

/* Somebody knows a mark; the duties' next round compares it with the server's. */
void keeper_saw(struct keeper *k, const struct wire_mark *mark);

/* The keeper's long tasks. Looks at the database, writes the first epoch, rotates keys, makes
 * the partitions of started daemons due: */
void keeper_duties(void *keeper);
/* compares what is due and has it mended: */
void keeper_reconcile(void *keeper);
struct reconciler *reconciler_new(struct keeper *k);
void reconciler_free(struct reconciler *r); /* no task is left */
/* lets go of what nobody needs: */
void keeper_clean(void *keeper);
/* adds downloads up: */
void keeper_count(void *keeper);
