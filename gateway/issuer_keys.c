/*
 * A short list, searched from its start; the one that was not used for longest goes when it is
 * full. While one task fetches an issuer's keys the others that want them wait for it.
 */
#include "gateway/issuer_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "gateway/fetch.h"
#include "gateway/issuer_description.h"
#include "gateway/strict_json.h"
#include "proto/base/log.h"
#include "proto/base/task.h"

#define ISSUERS_MAX   64
#define STALE_MS      (24 * 3600 * 1000LL)
#define FETCHES	      2 /* for one token, at most */
#define FETCH_WAIT_MS (4 * FETCH_TIMEOUT_MS)

struct queued {
	struct waiter waiter;
	LIST_ENTRY(queued) link;
};

struct entry {
	int64_t id; /* of the issuer */
	int64_t version;
	struct jwks *set; /* NULL: none yet */
	int64_t fetched_ms;
	int64_t tried_ms; /* 0: never */
	bool busy;	  /* some task fetches */
	unsigned users;	  /* tasks that hold it */
	LIST_HEAD(, queued) waiting;
	TAILQ_ENTRY(entry) link;
};

struct issuer_keys {
	TAILQ_HEAD(entry_list, entry) entries; /* the last used first */
	unsigned count;
};

struct issuer_keys *issuer_keys_new(void)
{
	struct issuer_keys *k = xcalloc(1, sizeof(*k));

	TAILQ_INIT(&k->entries);
	return k;
}

static void drop(struct issuer_keys *k, struct entry *e)
{
	TAILQ_REMOVE(&k->entries, e, link);
	jwks_free(e->set);
	free(e);
	k->count--;
}

void issuer_keys_free(struct issuer_keys *k)
{
	struct entry *e;

	if (k == NULL)
		return;
	while ((e = TAILQ_FIRST(&k->entries)) != NULL)
		drop(k, e);
	free(k);
}

/* One that nobody holds makes room. */
static void make_room(struct issuer_keys *k)
{
	struct entry *e;

	TAILQ_FOREACH_REVERSE(e, &k->entries, entry_list, link)
	{
		if (k->count < ISSUERS_MAX)
			return;
		if (e->users == 0) {
			drop(k, e);
			return;
		}
	}
}

static struct entry *entry_for(struct issuer_keys *k, const struct issuer *i)
{
	struct entry *e;

	TAILQ_FOREACH(e, &k->entries, link) {
		if (e->id == i->id)
			break;
	}
	if (e == NULL) {
		make_room(k);
		e = xcalloc(1, sizeof(*e));
		e->id = i->id;
		LIST_INIT(&e->waiting);
		k->count++;
	} else {
		TAILQ_REMOVE(&k->entries, e, link);
	}
	TAILQ_INSERT_HEAD(&k->entries, e, link);
	if (e->version != i->version) {
		jwks_free(e->set);
		e->set = NULL;
		e->tried_ms = 0;
		e->version = i->version;
	}
	return e;
}

/* Where the issuer's own description says that its keys are. */
static int await_keys_url(struct worker *w, struct arena *a, const struct issuer *i,
			  const char **out)
{
	json_t *json;
	int rc = await_issuer_description(w, a, i, &json);

	if (rc < 0)
		return rc;
	*out = strict_json_text(json, "jwks_uri");
	if (*out != NULL)
		return 0;
	log_warn("an issuer's description names no keys", "issuer=\"%s\"", i->url);
	return ERR_UNAVAILABLE;
}

static int await_keys_text(struct worker *w, struct arena *a, const struct issuer *i,
			   struct slice *out)
{
	const char *url = i->jwks_url;
	int rc;

	if (*i->jwks != '\0') {
		*out = (struct slice){i->jwks, strlen(i->jwks)};
		return 0;
	}
	if (*url == '\0') {
		rc = await_keys_url(w, a, i, &url);
		if (rc < 0)
			return rc;
	}
	return await_fetch(w, a, url, JWKS_TEXT_MAX, out);
}

static void wake_all(struct entry *e)
{
	struct queued *q;

	while ((q = LIST_FIRST(&e->waiting)) != NULL) {
		LIST_REMOVE(q, link);
		waiter_done(&q->waiter, 0);
	}
}

/* The only task that does this for the entry at a time. */
static int await_load(struct worker *w, const struct issuer *i, struct entry *e)
{
	struct arena *a = arena_new();
	const char *why = "";
	struct jwks *set;
	struct slice text;
	int rc;

	e->busy = true;
	e->tried_ms = clock_now_ms();
	rc = await_keys_text(w, a, i, &text);
	if (rc == 0 && jwks_parse(a, text.data, text.len, &set, &why) < 0) {
		log_warn("an issuer's keys are of no use", "issuer=\"%s\" why=\"%s\"", i->url,
			 why);
		rc = ERR_UNAVAILABLE;
	}
	arena_free(a);
	if (rc == 0 && e->version == i->version) {
		jwks_free(e->set);
		e->set = set;
		e->fetched_ms = clock_now_ms();
	} else if (rc == 0) {
		jwks_free(set); /* the issuer was changed meanwhile */
	}
	e->busy = false;
	wake_all(e);
	return rc;
}

/* Another task fetches: wait until it has done. */
static int await_other(struct entry *e)
{
	struct queued q;
	int rc;

	waiter_init(&q.waiter);
	LIST_INSERT_HEAD(&e->waiting, &q, link);
	rc = task_wait(&q.waiter, "an issuer's keys", FETCH_WAIT_MS);
	if (!q.waiter.done)
		LIST_REMOVE(&q, link);
	return rc == -ETIMEDOUT ? ERR_UNAVAILABLE : rc;
}

/* Are there keys that may be used without asking again? */
static bool fresh(const struct worker *w, const struct issuer *i, const struct entry *e)
{
	return e->set != NULL && (*i->jwks != '\0' || clock_now_ms() - e->fetched_ms <
							      w->set->gateway_issuer_keys_life);
}

/* Was it asked for so short a time ago that it is not asked again? */
static bool pausing(const struct worker *w, const struct entry *e)
{
	return e->tried_ms != 0 &&
	       clock_now_ms() - e->tried_ms < w->set->gateway_issuer_keys_pause;
}

static int await_signed(struct worker *w, const struct issuer *i, const struct jwt *t,
			struct entry *e)
{
	int rc = ERR_NOT_FOUND;

	for (int n = 0; n < FETCHES; n++) {
		if (fresh(w, i, e))
			rc = jwks_verify(e->set, t);
		if (rc != ERR_NOT_FOUND || (e->set != NULL && *i->jwks != '\0'))
			return rc;
		if (e->busy)
			rc = await_other(e);
		else if (pausing(w, e))
			break;
		else
			rc = await_load(w, i, e);
		if (rc == -ECANCELED)
			return rc;
		rc = ERR_NOT_FOUND;
	}
	if (e->set == NULL || clock_now_ms() - e->fetched_ms > STALE_MS)
		return ERR_UNAVAILABLE;
	return jwks_verify(e->set, t);
}

int await_issuer_signed(struct worker *w, const struct issuer *i, const struct jwt *t,
			const char **why)
{
	struct entry *e = entry_for(w->issuer_keys, i);
	int rc;

	e->users++;
	rc = await_signed(w, i, t, e);
	e->users--;
	*why = rc == ERR_NOT_FOUND ? "its issuer has no such key" : "its signature is wrong";
	return rc == ERR_NOT_FOUND ? ERR_DENIED : rc;
}
