/*
 * What storage daemons, their clients and keepers say to each other, as plain structs.
 *
 * A message is one header frame (struct wire_request or struct wire_reply, encoded by
 * proto/wire/frame.h) and 0…16 payload frames (of at most 256 KiB in a request, 1 MiB in an
 * answer), never described twice: the header tells their total length. Every header carries
 * the wire version, a request carries its id, the sender's epoch, the time it is worth working
 * on, and the request id for the log.
 *
 *   socket                     operations
 *   daemon, control ROUTER     PING RESERVE RELEASE DEL LIST PULL VERIFY
 *   daemon, bulk ROUTER        PUT GET
 *   keeper ROUTER              ANNOUNCE
 *
 * All operations are idempotent: a lost reply is answered by asking again under a new id.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/log.h"
#include "proto/wire/mark.h"
#include "proto/wire/pair.h"

/* Written, and still read. A peer may be one version ahead: new fields are skipped. */
#define WIRE_VERSION	     1
#define WIRE_VERSION_MIN     1

#define WIRE_CHUNK_MAX	     ((uint32_t)4 * 1024 * 1024)
#define WIRE_PIECE_MAX	     ((uint32_t)1024 * 1024) /* of one GET */
#define WIRE_BLOCK	     ((uint32_t)64 * 1024)   /* has a CRC32C; from the chunk's start */
#define WIRE_CRC_MAX	     (WIRE_PIECE_MAX / WIRE_BLOCK)
#define WIRE_INLINE_MAX	     ((uint32_t)256 * 1024) /* longer PUTs ask for room (RESERVE) */
#define WIRE_PAIRS_MAX	     2048		    /* of one DEL or one answer of LIST */
#define WIRE_DEADLINE_MAX_MS 600000
/* Texts, with their NUL. */
#define WIRE_UUID_MAX	 37
#define WIRE_NAME_MAX	 64
#define WIRE_ADDRESS_MAX 64 /* "ADDR:PORT"; a numeric address, never a name */
#define WIRE_TEXT_MAX	 128

enum wire_op {
	WIRE_PING = 1,
	WIRE_RESERVE,
	WIRE_PUT,
	WIRE_GET,
	WIRE_DEL,
	WIRE_LIST,
	WIRE_PULL,
	WIRE_VERIFY,
	WIRE_ANNOUNCE,
	WIRE_RELEASE,
	WIRE_OP_END
};
const char *wire_op_name(enum wire_op op); /* "put" */

/* What a daemon says of itself; a bit set. */
enum wire_state {
	WIRE_READY = 1,	   /* recovered and serving */
	WIRE_FULL = 2,	   /* at its floor of free space: refuses PUT and PULL */
	WIRE_POISONED = 4, /* an fdatasync failed: acknowledges nothing any more */
};

/* Is it you, and how are you? A connection's first message, then every second. */
struct wire_ping {
	char name[WIRE_NAME_MAX];	  /* who asks, for the log */
	char cluster_uuid[WIRE_UUID_MAX]; /* "" when not known */
};
struct wire_pong {
	char uuid[WIRE_UUID_MAX]; /* of the daemon: an address may have changed hands */
	char cluster_uuid[WIRE_UUID_MAX];
	unsigned state; /* enum wire_state */
	uint64_t total, used, free;
	uint64_t incarnation;
};

/* Room for a chunk, answered when there is. The ticket is for one PUT within seconds. */
struct wire_reserve {
	uint32_t len;
};
struct wire_reserved {
	uint64_t ticket;
};
/* It is not needed: its PUT was given up meanwhile. */
struct wire_release {
	uint64_t ticket;
};

/* Payload: the chunk. Answered when it is durable. */
struct wire_put {
	struct wire_pair pair;
	uint64_t ticket; /* 0: inline, at most WIRE_INLINE_MAX */
};

/* Blocks of a chunk: begins on a WIRE_BLOCK; ends on one, or with the chunk. */
struct wire_get {
	struct wire_pair pair; /* gen: preferred; bytes of another gen are as good */
	uint32_t offset;
	uint32_t length;
};
/* Payload: one frame. */
struct wire_got {
	uint64_t gen;		    /* of the copy that was read */
	uint32_t total;		    /* length of the whole chunk */
	uint32_t crc[WIRE_CRC_MAX]; /* of each block in the payload */
	unsigned crcs;
};

/* Answered when all are durably gone; one that is not there is fine. */
struct wire_del {
	struct wire_pairs pairs;
};

/* Pairs of partitions that follow one another, in order of (digest, gen). */
struct wire_list {
	uint32_t partition;
	unsigned partitions;	/* at least 1 */
	unsigned limit;		/* 1…WIRE_PAIRS_MAX */
	struct wire_pair after; /* all 0: from the start */
};
struct wire_listed {
	struct wire_pairs pairs;
	unsigned partitions; /* so many of those asked for; an older daemon knows 1 only */
	bool more;
	uint64_t incarnation;
};

/* Fetch it from the daemon at `bulk`, verify it, keep it. Answered when it is durable. */
struct wire_pull {
	struct wire_pair pair; /* with its length */
	char bulk[WIRE_ADDRESS_MAX];
};

/* A reader got bad bytes: check the copy's SHA-256, drop it from the index if it is bad. */
struct wire_verify {
	struct wire_pair pair;
};
struct wire_verified {
	bool dropped;
};

/* A daemon to its keepers, every second. */
struct wire_announce {
	char uuid[WIRE_UUID_MAX];
	char name[WIRE_NAME_MAX];
	char zone[WIRE_NAME_MAX];
	char control[WIRE_ADDRESS_MAX];
	char bulk[WIRE_ADDRESS_MAX];
	char cluster_uuid[WIRE_UUID_MAX]; /* of its disk; "" for a new disk */
	uint64_t incarnation;		  /* another one at each start of the daemon */
	unsigned state;			  /* enum wire_state */
	uint64_t total, used, free;
	uint64_t bad;	       /* copies it dropped as bad that were not replaced yet */
	struct wire_mark mark; /* highest it heard of; an older daemon has none */
};
/* The header's epoch is the newest map's; 0: none yet. */
struct wire_announced {
	char cluster_uuid[WIRE_UUID_MAX];
	uint32_t node_id;      /* row id of the daemon; 0 while it is not registered */
	struct wire_mark mark; /* to be kept */
};

struct wire_request {
	enum wire_op op;
	uint64_t id;	      /* of the call; unique on its connection */
	int64_t epoch;	      /* of the sender's map; 0: none */
	uint32_t deadline_ms; /* time left when it was sent, 1…WIRE_DEADLINE_MAX_MS */
	char rq[LOG_RQ_MAX];
	union {
		struct wire_ping ping;
		struct wire_reserve reserve;
		struct wire_release release;
		struct wire_put put;
		struct wire_get get;
		struct wire_del del;
		struct wire_list list;
		struct wire_pull pull;
		struct wire_verify verify;
		struct wire_announce announce;
	};
};

struct wire_reply {
	enum wire_op op; /* of the request */
	uint64_t id;
	int64_t epoch;		  /* highest the answering side has heard of */
	int status;		  /* 0 or enum err; on failure the part below is all 0 */
	char text[WIRE_TEXT_MAX]; /* more about a failure, for the log */
	union {
		struct wire_pong pong;
		struct wire_reserved reserved;
		struct wire_got got;
		struct wire_listed listed;
		struct wire_verified verified;
		struct wire_announced announced;
	};
};
