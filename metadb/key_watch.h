/*
 * The Ed25519 keys of bearer tokens, kept fresh: made and rotated by the keeper.
 *
 * Two generations are alive: the newest that has begun to sign, and what still verifies. A new
 * key is published a while before it signs, so that every gateway knows it by then; a gateway
 * that meets an unknown key id asks again at once. Loop thread only; runs a task of its own.
 */
#pragma once

#include "metadb/metadb.h"

#define SIGNING_KEY_BYTES 32

struct signing_key {
	int64_t id;			       /* as in a token's header */
	unsigned char seed[SIGNING_KEY_BYTES]; /* private key, RFC 8032 */
	unsigned char public[SIGNING_KEY_BYTES];
	int64_t signs_from;
	int64_t expires_at; /* verifies nothing after */
};

struct key_watch;

/* Polls every thirty seconds, and every second until there is a first key. */
struct key_watch *key_watch_new(struct metadb *db);
void key_watch_free(struct key_watch *w); /* before metadb_close() */

/* The key to sign with at `now`; NULL: there is none yet (answer 503). Not over a wait. */
const struct signing_key *key_watch_signer(const struct key_watch *w, int64_t now);
/* The key with that id, not expired; NULL when unknown. Not over a wait. */
const struct signing_key *key_watch_find(const struct key_watch *w, int64_t id, int64_t now);
/* After a NULL from key_watch_find(): load now, at most once a second. 0 or a code of metadb.h.
 */
int await_key_watch_refresh(struct key_watch *w) MUST_CHECK;
