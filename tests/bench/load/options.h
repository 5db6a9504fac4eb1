/*
 * What the command line says. Read once, constant afterwards.
 */
#pragma once

#include "tests/bench/load/data.h"
#include "tests/bench/load/parse.h"

#define OPTIONS_URLS	    8
#define OPTIONS_CONNECTIONS 1024
#define OPTIONS_LAYERS	    64
#define OPTIONS_MIX	    8

enum push_mode {
	PUSH_PATCH, /* POST, PATCH with chunked coding, PUT: as docker does */
	PUSH_PUT,   /* POST, PUT with the body */
	PUSH_PARTS, /* POST, PATCH with Content-Range for each part, PUT */
};

enum check_mode {
	CHECK_DIGEST, /* SHA-256 of what came */
	CHECK_BYTES,  /* compared with the generator, which costs less; generated blobs only */
};

struct operation;

struct options {
	const char *workload; /* or "verify" */
	struct mix {
		const struct operation *operation;
		unsigned weight;
	} mix[OPTIONS_MIX];
	unsigned mixed, mix_weight;

	struct url urls[OPTIONS_URLS];
	unsigned url_count;
	bool spread_requests; /* each request goes to the next URL, not each connection */

	const char *repository;
	unsigned repositories;
	const char *user, *password, *token;
	bool basic;

	unsigned connections;
	double seconds; /* 0: no limit */
	uint64_t count; /* 0: no limit */
	double rate;	/* operations per second; 0: closed loop */
	uint64_t deadline_us;
	unsigned retries;

	struct sizes sizes;
	unsigned layers;
	enum push_mode push;
	uint64_t part;
	bool hash_late; /* the digest is computed while sending, in the measured time */
	enum check_mode check;
	bool by_digest;
	uint64_t seed;
	uint64_t prepare, keep;

	const char *acknowledged, *from, *expect;
};

/* Exits with status 2 and a line on stderr when the command line makes no sense, with status 0
 * after --help.
 */
void options_read(struct options *o, int argc, char **argv);
