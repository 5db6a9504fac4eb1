/*
 * The one row of schema/0031: asked, changed, and what lookups have seen of it.
 *
 * In maintenance every request asks for it. So it is asked for in batches, as all that requests
 * ask for, and a registry that is taken out of use does not burden PostgreSQL the more.
 */
#include "metadb/modes.h"

#include "metadb/metadb_private.h"

struct modes_lookup {
	struct batch_item item;
	struct metadb *db;
	struct arena *arena;
	struct registry_modes *out;
};

/* An element a lookup, whatever it says. */
static void bind(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array v;

	(void)item;
	pg_array_init(&v, s->arena, PG_INT8, count);
	for (size_t i = 0; i < count; i++)
		pg_array_null(&v);
	pg_bind_array(s, &v);
}

static int take(struct batch_item *item, struct pg_rows *r, int row)
{
	struct modes_lookup *l = (struct modes_lookup *)item;

	l->out->read_only.on = pg_bool(r, row, 1);
	l->out->read_only.message = arena_strdup(l->arena, pg_text(r, row, 2));
	l->out->maintenance.on = pg_bool(r, row, 3);
	l->out->maintenance.message = arena_strdup(l->arena, pg_text(r, row, 4));
	(void)mode_take(l->db, r, row, 5);
	return 0;
}

const struct batch_kind lookup_modes_kind = {
	.what = "the registry's mode",
	.sql = "SELECT ord, read_only, read_only_message, maintenance, maintenance_message, "
	       "mode FROM unnest($1) WITH ORDINALITY AS q(nothing, ord), registry_mode "
	       "WHERE one",
	.max = 256,
	.bind = bind,
	.take = take,
};

int await_modes(struct metadb *db, struct arena *a, struct registry_modes *out)
{
	struct modes_lookup l = {.db = db, .arena = a, .out = out};

	return await_batch(db->modes, &l.item);
}

int await_mode_set(struct metadb *db, const struct actor *who, enum registry_mode which,
		   bool on, const char *message)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT registry_mode_set(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int2(s, (int)which);
	pg_bind_bool(s, on);
	pg_bind_text(s, message);
	rc = await_pg_tx(tx);
	arena_free(a);
	return rc;
}

enum registry_mode modes_in_force(const struct registry_modes *m)
{
	if (m->maintenance.on)
		return MODE_MAINTENANCE;
	return m->read_only.on ? MODE_READ_ONLY : MODE_NORMAL;
}

enum registry_mode mode_take(struct metadb *db, struct pg_rows *r, int row, int column)
{
	db->mode_seen = (enum registry_mode)pg_int(r, row, column);
	return db->mode_seen;
}

enum registry_mode mode_seen(const struct metadb *db)
{
	return db->mode_seen;
}
