/*
 * Two switches for the whole registry, thrown by a site admin.
 *
 * Read-only: users change nothing, they pull as always. Maintenance: users get nothing. Lookups
 * bring the mode along (struct caller), so that a change is seen by the next request of every
 * gateway and costs no request anything. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"

/* The stronger one counts. */
enum registry_mode { MODE_NORMAL = 0, MODE_READ_ONLY = 1, MODE_MAINTENANCE = 2 };

#define MODE_MESSAGE_MAX 500

struct mode_switch {
	bool on;
	const char *message; /* for users, "" when there is none */
};
struct registry_modes {
	struct mode_switch read_only;
	struct mode_switch maintenance;
};

/* Both switches, from PostgreSQL, batched; texts are in the arena. */
int await_modes(struct metadb *db, struct arena *a, struct registry_modes *out) MUST_CHECK;
/* MODE_READ_ONLY or MODE_MAINTENANCE on or off; message NULL: as it was. */
int await_mode_set(struct metadb *db, const struct actor *who, enum registry_mode which,
		   bool on, const char *message) MUST_CHECK;

enum registry_mode modes_in_force(const struct registry_modes *m);

/*
 * As this process has last seen it, by a lookup or by the watch of the cluster map (every two
 * seconds): for what must not ask. MODE_NORMAL until something was seen.
 */
enum registry_mode mode_seen(const struct metadb *db);
