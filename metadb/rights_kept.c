/*
 * A table of a fixed number of places: what comes to a place that is taken replaces what is
 * there. Whoever makes others' names meet costs them a lookup.
 */
#include "metadb/rights_kept.h"

#include <stdlib.h>
#include <string.h>

#include "metadb/metadb_private.h"
#include "proto/base/loop.h"

#define SLOTS 1024

struct key {
	enum credential_form form;
	unsigned char hash[TOKEN_HASH_BYTES];
	int64_t token_id;
	int64_t account_id;
	char name[REPOSITORY_MAX + 1]; /* NAMESPACE/NAME */
};

struct kept {
	struct key key;
	struct authorization found;
	int64_t kept_ms;
	uint64_t losses;
	uint64_t serial; /* 0: nothing any more */
	bool adopted;
};

struct rights_kept {
	uint64_t serial; /* of the newest */
	struct kept *slot[SLOTS];
};

struct rights_kept *rights_kept_new(void)
{
	return xcalloc(1, sizeof(struct rights_kept));
}

void rights_kept_free(struct rights_kept *k)
{
	if (k == NULL)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		free(k->slot[i]);
	free(k);
}

/* False: too long to be one. Zeroed, so that keys compare as bytes. */
static bool make_key(const struct credential *c, const char *namespace, const char *name,
		     struct key *out)
{
	int len;

	memset(out, 0, sizeof(*out));
	out->form = c->form;
	if (c->form == CREDENTIAL_HASH)
		memcpy(out->hash, c->hash, sizeof(out->hash));
	if (c->form == CREDENTIAL_ID) {
		out->token_id = c->token_id;
		out->account_id = c->account_id;
	}
	len = snprintf(out->name, sizeof(out->name), "%s/%s", namespace, name);
	return len > 0 && (size_t)len < sizeof(out->name);
}

/* FNV-1a. */
static unsigned slot_of(const struct key *key)
{
	const unsigned char *bytes = (const unsigned char *)key;
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < offsetof(struct key, name) + strlen(key->name); i++)
		h = (h ^ bytes[i]) * 1099511628211u;
	return (unsigned)((h ^ (h >> 32)) % SLOTS);
}

static bool holds(const struct kept *kept, const struct key *key)
{
	return kept != NULL && kept->serial != 0 && memcmp(&kept->key, key, sizeof(*key)) == 0;
}

/* Whether changes to all that it was read from leave a trace in rights_change. */
static bool provable(const struct metadb *db, const struct authorization *a)
{
	return !db->options.pooled && a->seen.snapshot[0] != '\0' &&
	       a->caller.state == CALLER_ACTIVE && !a->caller.limited &&
	       a->caller.mode == MODE_NORMAL && a->standing.outside == OUTSIDE_NOT &&
	       a->standing.role >= ROLE_WRITE && a->package_id != 0 && a->moved_to[0] == '\0';
}

void rights_keep(struct metadb *db, const struct credential *c, const char *namespace,
		 const char *name, const struct authorization *a)
{
	struct rights_kept *k = db->rights;
	struct kept **place;
	struct key key;

	if (!make_key(c, namespace, name, &key))
		return;
	place = &k->slot[slot_of(&key)];
	if (!provable(db, a)) {
		if (holds(*place, &key))
			(*place)->serial = 0;
		return;
	}
	if (*place == NULL)
		*place = xmalloc(sizeof(**place));
	**place = (struct kept){
		.key = key,
		.found = *a,
		.kept_ms = clock_now_ms(),
		.losses = a->seen.losses,
		.serial = ++k->serial,
	};
	memset(&(*place)->found.upload, 0, sizeof((*place)->found.upload));
}

bool rights_recall(struct metadb *db, const struct credential *c, const char *namespace,
		   const char *name, struct authorization *out, struct rights_proof *proof)
{
	const struct kept *kept;
	struct key key;
	unsigned slot;

	if (!make_key(c, namespace, name, &key))
		return false;
	slot = slot_of(&key);
	kept = db->rights->slot[slot];
	if (!holds(kept, &key) || clock_now_ms() - kept->kept_ms >= RIGHTS_KEPT_MS ||
	    kept->losses != pg_pool_losses(db->pool))
		return false;
	*out = kept->found;
	*proof = (struct rights_proof){
		.seen = kept->found.seen,
		.until = kept->found.seen.at + RIGHTS_KEPT_MS / 1000,
		.token_id = kept->found.caller.token_id,
		.package_id = kept->found.package_id,
		.losses = kept->losses,
		.adopted = kept->adopted,
		.slot = slot,
		.serial = kept->serial,
	};
	if (kept->found.caller.expires_at != 0 && kept->found.caller.expires_at < proof->until)
		proof->until = kept->found.caller.expires_at;
	return true;
}

void rights_confirm(struct metadb *db, const struct rights_proof *proof)
{
	struct kept *kept = db->rights->slot[proof->slot];

	if (kept != NULL && kept->serial == proof->serial)
		kept->adopted = true;
}

void rights_bind(struct pg_tx *tx, struct pg_stmt *s, const struct rights_proof *proof)
{
	pg_bind_text(s, arena_strdup(s->arena, proof->seen.snapshot));
	pg_bind_int8(s, proof->until);
	pg_bind_int8(s, proof->token_id);
	pg_bind_int8(s, proof->package_id);
	pg_tx_only_while(tx, proof->losses);
}
