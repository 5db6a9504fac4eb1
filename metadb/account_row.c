/* A row of the table account. */
#include "metadb/account_row.h"

static void rules_take(struct pg_rows *r, int row, struct organization_rules *out)
{
	out->base_role = (int)pg_int(r, row, 10);
	out->members_create = pg_int(r, row, 11) != 0;
	out->visibilities = (unsigned)pg_int(r, row, 12);
	out->default_visibility = (enum visibility)pg_int(r, row, 13);
	out->default_inherits = pg_bool(r, row, 14);
	out->sso_required = pg_bool(r, row, 15);
}

void account_take(struct pg_rows *r, int row, struct arena *a, struct account *out)
{
	out->id = pg_int(r, row, 0);
	out->kind = (enum account_kind)pg_int(r, row, 1);
	out->login = arena_strdup(a, pg_text(r, row, 2));
	out->name = arena_strdup(a, pg_text(r, row, 3));
	out->email = arena_strdup(a, pg_text(r, row, 4));
	out->description = arena_strdup(a, pg_text(r, row, 5));
	out->site_admin = pg_bool(r, row, 6);
	out->suspended_at = pg_int(r, row, 7);
	out->created_at = pg_int(r, row, 8);
	out->updated_at = pg_int(r, row, 9);
	rules_take(r, row, &out->rules);
}
