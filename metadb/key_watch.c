/*
 * All keys that are not expired, newest first: there are two or three. Replaced as a whole.
 */
#include "metadb/key_watch.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/poller.h"

#define KEYS_MAX   8
#define PAUSE_MS   30000
#define FIRST_MS   1000
#define REFRESH_MS 1000

struct key_watch {
	struct poller *poller;
	struct signing_key key[KEYS_MAX];
	size_t count;
	int64_t refreshed_ms;
};

static void bind(void *arg, struct arena *a, struct pg_stmt *stmt)
{
	(void)arg;
	pg_stmt_init(&stmt[0], a,
		     "SELECT id, seed, public, extract(epoch FROM signs_from)::bigint, "
		     "extract(epoch FROM expires_at)::bigint "
		     "FROM signing_key WHERE expires_at > now() "
		     "ORDER BY signs_from DESC, id DESC LIMIT 8");
}

static int take(void *arg, struct pg_rows *rows)
{
	struct key_watch *w = arg;
	struct signing_key key[KEYS_MAX] = {{0}};
	int count = pg_rows_count(&rows[0]);

	for (int i = 0; i < count && i < KEYS_MAX; i++) {
		struct slice seed = pg_bytes(&rows[0], i, 1);
		struct slice public = pg_bytes(&rows[0], i, 2);

		key[i].id = pg_int(&rows[0], i, 0);
		key[i].signs_from = pg_int(&rows[0], i, 3);
		key[i].expires_at = pg_int(&rows[0], i, 4);
		if (rows[0].error != 0)
			return rows[0].error;
		if (seed.len != SIGNING_KEY_BYTES || public.len != SIGNING_KEY_BYTES)
			return ERR_CORRUPT;
		memcpy(key[i].seed, seed.data, SIGNING_KEY_BYTES);
		memcpy(key[i].public, public.data, SIGNING_KEY_BYTES);
	}
	memcpy(w->key, key, sizeof(key));
	w->count = (size_t)count;
	OPENSSL_cleanse(key, sizeof(key));
	return 0;
}

static int64_t pause_ms(void *arg)
{
	const struct key_watch *w = arg;

	return w->count == 0 ? FIRST_MS : PAUSE_MS;
}

static const struct poller_kind kind = {
	.what = "the signing keys",
	.count = 1,
	.bind = bind,
	.take = take,
	.pause = pause_ms,
};

struct key_watch *key_watch_new(struct metadb *db)
{
	struct key_watch *w = xcalloc(1, sizeof(*w));

	w->poller = poller_new(db->loop, db->pool, &kind, w);
	return w;
}

void key_watch_free(struct key_watch *w)
{
	if (w == NULL)
		return;
	poller_free(w->poller);
	OPENSSL_cleanse(w->key, sizeof(w->key));
	free(w);
}

const struct signing_key *key_watch_signer(const struct key_watch *w, int64_t now)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->key[i].signs_from <= now && w->key[i].expires_at > now)
			return &w->key[i];
	return NULL;
}

const struct signing_key *key_watch_find(const struct key_watch *w, int64_t id, int64_t now)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->key[i].id == id && w->key[i].expires_at > now)
			return &w->key[i];
	return NULL;
}

int await_key_watch_refresh(struct key_watch *w)
{
	int64_t now = clock_now_ms();

	if (w->refreshed_ms != 0 && now - w->refreshed_ms < REFRESH_MS)
		return 0;
	w->refreshed_ms = now;
	return await_poller(w->poller);
}
