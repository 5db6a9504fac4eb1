/*
 * The daemon's state, and the life of one request in it.
 *
 * A request arrives on one of two ROUTERs, becomes a struct job, is handled as its row in the
 * table of operations says (storage/daemon/server.c), and ends in exactly one job_reply() or
 * job_drop(). Everything here belongs to the loop's thread; what a worker or the committer may
 * touch of a job is what its operation hands to them, between submit and done.
 */
#pragma once

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/workers.h"
#include "proto/base/zsock.h"
#include "proto/wire/wire.h"
#include "storage/daemon/committer.h"
#include "storage/daemon/room.h"

struct peers;
struct upkeep;

/* Requests in the house at most; more are refused as too busy. */
#define SERVER_JOBS_MAX 8192

struct server {
	struct loop *loop;
	struct buf_pool *pool;
	struct store *store; /* NULL: still recovering */
	struct workers *workers;
	struct committer *committer;
	struct upkeep *upkeep;
	struct room *room;
	struct peers *peers;
	struct zsock *control;
	struct zsock *bulk;
	char control_address[WIRE_ADDRESS_MAX]; /* as told to others */
	char bulk_address[WIRE_ADDRESS_MAX];
	struct timer relief; /* while the bulk socket is not read: looks again */
	char uuid[WIRE_UUID_MAX];
	char cluster_uuid[WIRE_UUID_MAX]; /* "" until a keeper told it */
	uint64_t incarnation;
	int64_t epoch;	       /* highest heard of */
	struct wire_mark mark; /* of PostgreSQL, highest heard of */
	bool announced;	       /* a keeper has answered in this life */
	bool refused;	       /* a keeper of another cluster answered: serve nobody */
	bool draining;
	struct store_stats stats; /* a second old at most */
	size_t jobs;
};

struct job {
	struct server *server;
	struct zsock *sock;
	struct zpeer peer;
	struct wire_request req; /* lists live in the arena */
	struct arena *arena;
	int64_t deadline_ms;
	int64_t arrived_us;
	struct buf *part[ZMSG_PARTS];
	unsigned parts;
	/* For the operation's use. */
	struct work work;
	struct commit commit;
	struct buf_claim claim;
	struct room_wait wait;
	int rc;
	void *state; /* in the arena */
};

/* Bind both sockets. The other members of s are set. */
int server_open(struct server *s) MUST_CHECK;
/* No new requests; what is in the house goes on. */
void server_drain(struct server *s);
void server_close(struct server *s);

/* A peer named an epoch: keep the highest. */
void server_hear_epoch(struct server *s, int64_t epoch);
/* May serve requests: belongs to a cluster, and to the one whose keeper answers. */
bool server_serves(const struct server *s);
unsigned server_state(const struct server *s); /* enum wire_state */

/*
 * Answer and free the job. `reply` is filled by the caller but for id, op and epoch; part (may
 * be NULL) is taken over. An answer that cannot be sent is dropped: its client has gone or does
 * not read, and will ask again.
 */
void job_reply(struct job *j, struct wire_reply *reply, struct buf *part);
/* The same with nothing but a status. */
void job_status(struct job *j, int status, const char *text);
/* Free without an answer: nobody waits for it any more. */
void job_drop(struct job *j);
bool job_late(const struct job *j);
/* The payload is not needed any more. */
void job_release_parts(struct job *j);

/* What the operations need more than once. */
struct chunk_key job_key(const struct wire_pair *pair);
/* Verify the job's parts as that chunk, commit them, answer. */
void put_bytes(struct job *j, const struct wire_pair *pair);

/* Handlers of operations, each in the file of its name: op_put.c, op_get.c, op_admin.c, pull.c.
 */
void on_reserve(struct job *j);
void on_release(struct job *j);
void on_put(struct job *j);
void on_get(struct job *j);
void on_ping(struct job *j);
void on_list(struct job *j);
void on_del(struct job *j);
void on_verify(struct job *j);
void on_pull(struct job *j);
