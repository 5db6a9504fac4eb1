/*
 * A worker process of the gateway: what all its requests share. One a process.
 *
 * Made by the parent with fork(); accepts from the parent's listening sockets; tells the parent
 * over its channel whether it is ready. It holds no state that another worker would need.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/loop.h"
#include "proto/base/settings.h"

struct metadb;
struct map_watch;
struct bearer_seen;
struct key_watch;
struct store_client;
struct http_front;
struct trouble;
struct cache;
struct download_counter;
struct cidr_list;
struct tls;
struct conn_counts;
struct rate_table;
struct workers;
struct issuer_keys;
struct issuer_places;

/* What the parent makes before it forks, and all workers of the gateway share. */
struct worker_shared {
	struct tls *tls;	    /* the certificate; NULL: users speak plain HTTP */
	struct conn_counts *counts; /* NULL: addresses have any number of connections */
	struct rate_table *rates;   /* NULL: there are no rate limits */
};

struct worker {
	struct loop *loop;
	struct buf_pool *bufs;	    /* the one budget for payload bytes */
	const struct settings *set; /* settings() */
	struct metadb *metadb;
	struct map_watch *map;
	struct key_watch *keys;
	struct bearer_seen *seen; /* tokens whose signature was checked */
	struct workers *threads;  /* for what waits for other servers; NULL at the end */
	struct workers *hashers;  /* one thread, for passwords; likewise */
	unsigned hashing;	  /* passwords on their way through it */
	struct issuer_keys *issuer_keys;
	struct issuer_places *issuer_places;
	struct store_client *store;
	struct trouble *trouble; /* copies that the keeper is to look at */
	struct download_counter *downloads;
	struct cache *configs;		 /* of images, by digest: gateway/config_labels.c */
	struct http_front *front;	 /* listeners and connections */
	const struct cidr_list *proxies; /* gateway.trusted_proxies; NULL: none */
	char name[64];			 /* "gateway-1/2", also in logs */
	int index;			 /* 1…workers */
	struct rate_table *rates;	 /* shared; NULL: no limits */
	unsigned requests;		 /* running now */
	uint64_t id_seed[2];		 /* of request ids */
	uint64_t id_next;
};

/* A new request id, 32 hex digits and NUL, into id. */
void worker_request_id(struct worker *w, char id[33]);

/*
 * The life of a worker, called by the parent in the forked child: serves until SIGTERM and the
 * drain after it, or until the parent is gone. `listeners` are shared, non-blocking sockets;
 * `channel` is this worker's end of the socket pair; the certificate is read again at SIGHUP,
 * which the caller has blocked. Returns the exit code.
 */
int worker_run(int index, const int *listeners, unsigned count, int channel,
	       const struct worker_shared *shared);
