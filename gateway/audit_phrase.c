/* Term by term; a value becomes what the database compares with. */
#include "gateway/audit_phrase.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api_time.h"

#define DAY 86400

/* A moment: when it begins, and when what it names is over. */
struct moment {
	int64_t first, end;
};

static int read_moment(const char *text, struct moment *out)
{
	char whole[32];
	bool day = strlen(text) == 10;

	if (day) {
		snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		text = whole;
	}
	if (api_json_time_parse(text, &out->first) < 0)
		return ERR_SYNTAX;
	out->end = out->first + (day ? DAY : 1);
	return 0;
}

static void narrow(struct audit_phrase *p, int64_t since, int64_t until)
{
	if (since != 0 && since > p->since)
		p->since = since;
	if (until != 0 && (p->until == 0 || until < p->until))
		p->until = until;
}

/* FROM..TO, either may be `*`. */
static int read_range(struct arena *a, const char *text, const char *dots,
		      struct audit_phrase *out)
{
	const char *from = arena_memdup(a, text, (size_t)(dots - text));
	struct moment first = {0, 0}, last = {0, 0};

	if (strcmp(from, "*") != 0 && read_moment(from, &first) < 0)
		return ERR_SYNTAX;
	if (strcmp(dots + 2, "*") != 0 && read_moment(dots + 2, &last) < 0)
		return ERR_SYNTAX;
	narrow(out, first.first, last.end);
	return 0;
}

static int read_created(struct arena *a, const char *text, struct audit_phrase *out)
{
	const char *dots = strstr(text, "..");
	size_t sign = strspn(text, "<>=");
	struct moment m;

	if (dots != NULL)
		return read_range(a, text, dots, out);
	if (read_moment(text + sign, &m) < 0)
		return ERR_SYNTAX;
	if (sign == 0)
		narrow(out, m.first, m.end);
	else if (strncmp(text, ">=", sign) == 0 && sign == 2)
		narrow(out, m.first, 0);
	else if (strncmp(text, "<=", sign) == 0 && sign == 2)
		narrow(out, 0, m.end);
	else if (sign == 1 && *text == '>')
		narrow(out, m.end, 0);
	else if (sign == 1 && *text == '<')
		narrow(out, 0, m.first);
	else
		return ERR_SYNTAX;
	return 0;
}

static const char *read_action(struct arena *a, const char *text)
{
	return strchr(text, '.') != NULL ? text : arena_printf(a, "%s.", text);
}

/* One term. */
static int take(struct arena *a, const char *key, const char *value, struct audit_phrase *out,
		const char **why)
{
	const struct {
		const char *key;
		const char **to;
	} known[] = {
		{"actor", &out->actor}, {"action", &out->action},   {"org", &out->org},
		{"user", &out->org},	{"package", &out->package}, {"repo", &out->repository},
	};

	if (strcmp(key, "created") == 0 && read_created(a, value, out) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(key, known[i].key) != 0)
			continue;
		if (*known[i].to != NULL) {
			*why = arena_printf(a, "the phrase says twice what %s: is", key);
			return ERR_SYNTAX;
		}
		*known[i].to = strcmp(key, "action") == 0 ? read_action(a, value) : value;
		return 0;
	}
	*why = strcmp(key, "created") == 0
		       ? arena_printf(a, "the phrase has no time that is known here: %s", value)
		       : arena_printf(a,
				      "the phrase has a qualifier that is not known here: %s",
				      key);
	return ERR_SYNTAX;
}

/* The value that begins at *at, to a blank or a closing quote; NULL: it does not end. */
static const char *read_value(struct arena *a, const char **at)
{
	bool quoted = **at == '"';
	const char *from = *at + quoted;
	size_t len = strcspn(from, quoted ? "\"" : " \t");

	if (quoted && from[len] == '\0')
		return NULL;
	*at = from + len + quoted;
	return len == 0 ? NULL : arena_memdup(a, from, len);
}

int audit_phrase_parse(struct arena *a, const char *text, struct audit_phrase *out,
		       const char **why)
{
	memset(out, 0, sizeof(*out));
	if (strlen(text) > AUDIT_PHRASE_MAX) {
		*why = arena_printf(a, "the phrase has at most %d bytes", AUDIT_PHRASE_MAX);
		return ERR_SYNTAX;
	}
	for (const char *at = text + strspn(text, " \t"); *at != '\0';
	     at += strspn(at, " \t")) {
		size_t len = strcspn(at, ": \t\"");
		const char *key = arena_memdup(a, at, len), *value;

		if (len == 0 || at[len] != ':') {
			*why = "the phrase has words without a qualifier";
			return ERR_SYNTAX;
		}
		at += len + 1;
		value = read_value(a, &at);
		if (value == NULL) {
			*why = arena_printf(a, "the phrase has no value for %s:", key);
			return ERR_SYNTAX;
		}
		if (take(a, key, value, out, why) < 0)
			return ERR_SYNTAX;
	}
	return 0;
}
