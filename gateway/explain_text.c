/*
 * The roles come from the database's own decision (metadb/explain.h); here are only words. A
 * way that gives less than was decided, or does not count, is told all the same.
 */
#include "gateway/explain_text.h"

#include <string.h>

/* "team web of acme", and which of his own is below it. */
static const char *team_text(struct arena *a, const struct explanation *e,
			     const struct reason *r)
{
	const char *text = arena_printf(a, "team %s of %s", r->through, e->namespace.login);

	if (strcmp(r->through, r->team) == 0)
		return text;
	return arena_printf(a, "%s, above the team %s", text, r->team);
}

static const char *reason_text(struct arena *a, const struct explanation *e,
			       const struct reason *r)
{
	switch (r->kind) {
	case REASON_OWNER:
		return e->account.id == e->namespace.id
			       ? "the package is in the account's own namespace"
			       : arena_printf(a, "owner of %s", e->namespace.login);
	case REASON_GRANT:
		return "granted directly";
	case REASON_TEAM:
		return team_text(a, e, r);
	case REASON_REPOSITORY:
		return arena_printf(a, "through repository %s, with the role %s there",
				    e->repository, r->repository_role);
	case REASON_REPOSITORY_TEAM:
		return arena_printf(a, "%s, through repository %s, with the role %s there",
				    team_text(a, e, r), e->repository, r->repository_role);
	case REASON_BASE:
		return arena_printf(a,
				    "member of %s, whose members have the role %s on "
				    "repository %s",
				    e->namespace.login, r->repository_role, e->repository);
	}
	return "";
}

/* Grants on an organization's package are for its own people while it is not public. */
static bool counts(const struct explanation *e, const struct reason *r)
{
	return r->kind != REASON_GRANT || e->insider || e->visibility == VISIBILITY_PUBLIC;
}

static void add(struct explain_text *out, enum role role, bool effective, const char *text)
{
	out->line[out->count++] =
		(struct explain_line){.role = role, .effective = effective, .text = text};
}

static const char *nothing_text(struct arena *a, const struct explanation *e, bool names)
{
	const char *visibility = visibility_name(e->visibility);

	if (e->account.suspended_at != 0)
		return "the account is suspended";
	if (!e->insider)
		return arena_printf(a, "not a member of %s, the package is %s",
				    e->namespace.login, visibility);
	if (!e->inherits)
		return arena_printf(a, "nothing was granted, the package is %s", visibility);
	return arena_printf(a,
			    "no role on the repository%s%s, from which access is inherited, "
			    "and the package is %s",
			    names && *e->repository != '\0' ? " " : "",
			    names ? e->repository : "", visibility);
}

void explain_person(struct arena *a, const struct explanation *e, bool names,
		    struct explain_text *out)
{
	bool active = e->account.suspended_at == 0;

	memset(out, 0, sizeof(*out));
	out->role = e->role;
	out->line = arena_alloc(a, (e->count + 1) * sizeof(*out->line));
	for (size_t i = 0; i < e->count; i++) {
		const struct reason *r = &e->reason[i];
		const char *text = reason_text(a, e, r);
		bool fine = active && counts(e, r);

		if (!active)
			text = arena_printf(a, "%s, but the account is suspended", text);
		else if (!fine)
			text = arena_printf(
				a, "%s, but not a member of %s, and the package is %s", text,
				e->namespace.login, visibility_name(e->visibility));
		add(out, r->role, fine, text);
	}
	if (e->visibility == VISIBILITY_PUBLIC)
		add(out, ROLE_READ, true, "the package is public");
	else if (e->visibility == VISIBILITY_INTERNAL && active)
		add(out, ROLE_READ, true, "the package is internal, for every account");
	for (size_t i = 0; i < out->count && out->sentence == NULL; i++) {
		const struct explain_line *l = &out->line[i];

		if (l->effective && l->role >= e->role) {
			out->role = l->role;
			out->sentence = arena_printf(a, "%s: %s", role_name(l->role), l->text);
		}
	}
	if (out->sentence == NULL)
		out->sentence = arena_printf(a, "%s: %s", role_name(out->role),
					     nothing_text(a, e, names));
}

static const char *state_text(enum caller_state state)
{
	switch (state) {
	case CALLER_EXPIRED:
		return "the token has expired";
	case CALLER_REVOKED:
		return "the token was revoked";
	case CALLER_SUSPENDED:
		return "the account of the token is suspended";
	default:
		return "the account of the token is gone";
	}
}

static const char *allowed_text(struct arena *a, const struct token_explanation *t,
				enum action action)
{
	const struct standing *s = &t->standing;

	if (s->role >= action_role(action))
		return arena_printf(a, "by the role %s", role_name(s->role));
	return arena_printf(a, "the package is %s", visibility_name(s->visibility));
}

const char *explain_action(struct arena *a, const struct token_explanation *t,
			   enum action action, const char *namespace, bool *allowed)
{
	enum verdict verdict = access_decide(&t->standing, action, false);
	char scopes[128];

	*allowed = false;
	if (t->state != CALLER_ACTIVE)
		return state_text(t->state);
	if (action == ACTION_SETTINGS && *t->repository != '\0')
		return "tokens that act for a repository change no settings";
	*allowed = verdict == VERDICT_ALLOWED;
	if (*allowed)
		return allowed_text(a, t, action);
	if (t->standing.outside == OUTSIDE_LIMITS)
		return "the token is limited to other packages";
	if (t->standing.outside == OUTSIDE_SSO)
		return arena_printf(a,
				    "the token is not authorized for the single sign-on of %s",
				    namespace);
	if (verdict == VERDICT_SCOPE)
		return arena_printf(a, "the token does not have the scope %s",
				    scope_names(action_scopes(action), scopes, sizeof(scopes)));
	return arena_printf(a, "this needs the role %s, and it has the role %s",
			    role_name(action_role(action)), role_name(t->standing.role));
}
