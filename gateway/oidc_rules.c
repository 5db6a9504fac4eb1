/* See oidc_rules.h. */
#include "gateway/oidc_rules.h"

#include <string.h>

#include "gateway/strict_json.h"
#include "proto/model/name.h"

#define REPOSITORY_NAME_MAX 100

bool oidc_pattern_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* A step of a JSON pointer, with ~1 for / and ~0 for ~; advances *at to what follows it. */
static const char *pointer_step(struct arena *a, const char **at)
{
	size_t len = strcspn(*at + 1, "/");
	char *step = arena_memdup(a, *at + 1, len), *to = step;

	for (const char *from = step; *from != '\0'; from++) {
		if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
			*to++ = *++from == '0' ? '~' : '/';
		else
			*to++ = *from;
	}
	*to = '\0';
	*at += 1 + len;
	return step;
}

/* The claim of that name or pointer; NULL: it is not there. */
static const json_t *claim_of(struct arena *a, const json_t *claims, const char *name)
{
	if (*name != '/')
		return json_object_get(claims, name);
	while (claims != NULL && *name != '\0')
		claims = json_object_get(claims, pointer_step(a, &name));
	return claims;
}

/* A simple value as text; NULL: it is none. */
static const char *text_of(struct arena *a, const json_t *value)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		return arena_printf(a, "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return NULL;
}

/* Does one text fit a pattern, or one of a list? */
static bool text_fits(const json_t *wanted, const char *text)
{
	size_t i;
	json_t *one;

	if (text == NULL)
		return false;
	if (json_is_string(wanted))
		return oidc_pattern_fits(json_string_value(wanted), text);
	json_array_foreach(wanted, i, one) {
		if (oidc_pattern_fits(json_string_value(one), text))
			return true;
	}
	return false;
}

static bool claim_fits(struct arena *a, const json_t *wanted, const json_t *claim)
{
	size_t i;
	json_t *one;

	if (!json_is_array(claim))
		return text_fits(wanted, text_of(a, claim));
	json_array_foreach(claim, i, one) {
		if (text_fits(wanted, text_of(a, one)))
			return true;
	}
	return false;
}

const char *oidc_claim_text(struct arena *a, const json_t *claims, const char *name)
{
	return text_of(a, claim_of(a, claims, name));
}

bool oidc_match_fits(struct arena *a, const json_t *match, const json_t *claims)
{
	const char *name;
	json_t *wanted;

	json_object_foreach((json_t *)match, name, wanted) {
		if (!claim_fits(a, wanted, claim_of(a, claims, name)))
			return false;
	}
	return json_object_size(match) > 0;
}

const char *oidc_filled_in(struct arena *a, const char *template, const json_t *claims)
{
	const char *made = "";

	while (*template != '\0') {
		size_t len = strcspn(template, "{");
		const char *end = strchr(template + len, '}'), *text = "";

		made = arena_printf(a, "%s%.*s", made, (int)len, template);
		template += len;
		if (*template == '{') {
			const char *name =
				arena_memdup(a, template + 1, (size_t)(end - template) - 1);

			text = oidc_claim_text(a, claims, name);
			template = end + 1;
		}
		if (text == NULL || strlen(made) + strlen(text) > OIDC_TEXT_MAX)
			return NULL;
		made = arena_printf(a, "%s%s", made, text);
	}
	return made;
}

/* As the table of repositories has it. */
static bool repository_name_fine(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= REPOSITORY_NAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 &&
	       strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       len;
}

/* OWNER/NAME taken apart. */
static int read_repository(struct arena *a, const char *text, struct oidc_grant *out)
{
	const char *slash = strchr(text, '/');

	if (slash == NULL)
		return ERR_SYNTAX;
	out->owner = login_fold(a, text, (size_t)(slash - text));
	out->repository = slash + 1;
	return login_valid(out->owner, strlen(out->owner)) &&
			       repository_name_fine(out->repository)
		       ? 0
		       : ERR_SYNTAX;
}

int oidc_rules_apply(struct arena *a, const json_t *rules, const json_t *claims,
		     struct oidc_grant *out)
{
	size_t i;
	json_t *rule;

	json_array_foreach(rules, i, rule) {
		const char *text;

		if (!oidc_match_fits(a, json_object_get(rule, "match"), claims))
			continue;
		text = oidc_filled_in(a, strict_json_text(rule, "repository"), claims);
		out->write = strcmp(strict_json_text(rule, "packages"), "write") == 0;
		return text == NULL ? ERR_SYNTAX : read_repository(a, text, out);
	}
	return ERR_NOT_FOUND;
}

static bool short_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0 &&
	       json_string_length(value) <= OIDC_TEXT_MAX;
}

static bool condition_fine(const json_t *wanted)
{
	size_t i;
	json_t *one;

	if (!json_is_array(wanted))
		return short_text(wanted);
	json_array_foreach(wanted, i, one) {
		if (!short_text(one))
			return false;
	}
	return i > 0 && i <= OIDC_CONDITIONS_MAX;
}

bool oidc_match_fine(const json_t *match)
{
	const char *name;
	json_t *wanted;

	if (!json_is_object(match) || json_object_size(match) == 0 ||
	    json_object_size(match) > OIDC_CONDITIONS_MAX)
		return false;
	json_object_foreach((json_t *)match, name, wanted) {
		if (*name == '\0' || strlen(name) > OIDC_TEXT_MAX || !condition_fine(wanted))
			return false;
	}
	return true;
}

bool oidc_template_fine(const char *template)
{
	while (*template != '\0') {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;

		if (*template == '}' ||
		    (*template == '{' && (end == NULL || end == template + 1)))
			return false;
		template = end == NULL ? template + 1 : end + 1;
	}
	return true;
}

/* With a letter for each {claim} it is an OWNER/NAME. */
static bool template_fine(struct arena *a, const json_t *value)
{
	const char *text = json_string_value(value);
	struct oidc_grant grant;
	char *plain, *to;
	bool whole = false;

	if (!short_text(value) || !oidc_template_fine(text))
		return false;
	to = plain = arena_alloc(a, strlen(text) + 4);
	while (*text != '\0') {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;

		*to++ = end == NULL ? *text : 'x';
		whole = end != NULL && to == plain + 1 && end[1] == '\0';
		text = end == NULL ? text + 1 : end + 1;
	}
	*to = '\0';
	/* One claim alone may be the whole of it, as GitHub's `repository`. */
	return whole || read_repository(a, plain, &grant) == 0;
}

static bool keys_fine(const json_t *rule)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)rule, name, value) {
		if (strcmp(name, "match") != 0 && strcmp(name, "repository") != 0 &&
		    strcmp(name, "packages") != 0)
			return false;
	}
	return json_is_object(rule);
}

int oidc_rules_check(struct arena *a, const json_t *rules, const char **why)
{
	size_t i;
	json_t *rule;

	*why = arena_printf(a, "rules must be a list of at most %d", OIDC_RULES_MAX);
	if (!json_is_array(rules) || json_array_size(rules) > OIDC_RULES_MAX)
		return ERR_SYNTAX;
	json_array_foreach(rules, i, rule) {
		const char *packages = strict_json_text(rule, "packages");

		*why = arena_printf(a,
				    "rule %zu: it is an object of match, repository and "
				    "packages",
				    i + 1);
		if (!keys_fine(rule))
			return ERR_SYNTAX;
		*why = arena_printf(a,
				    "rule %zu: match names at least one claim, with the text "
				    "or the texts that it may have",
				    i + 1);
		if (!oidc_match_fine(json_object_get(rule, "match")))
			return ERR_SYNTAX;
		*why = arena_printf(
			a, "rule %zu: repository is OWNER/NAME or has {claim} in it", i + 1);
		if (!template_fine(a, json_object_get(rule, "repository")))
			return ERR_SYNTAX;
		*why = arena_printf(a, "rule %zu: packages is read or write", i + 1);
		if (packages == NULL ||
		    (strcmp(packages, "read") != 0 && strcmp(packages, "write") != 0))
			return ERR_SYNTAX;
	}
	return 0;
}
