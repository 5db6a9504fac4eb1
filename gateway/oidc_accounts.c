/* See oidc_accounts.h. */
#include "gateway/oidc_accounts.h"

#include <string.h>

#include "gateway/oidc_rules.h"
#include "gateway/strict_json.h"
#include "proto/model/name.h"

/* As api_json.h bounds them, in bytes. */
#define NAME_MAX_BYTES	255
#define EMAIL_MAX_BYTES 254
/* Of what is told of a login that is none. */
#define SHOWN_MAX 100

static bool keys_fine(const json_t *creates)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)creates, key, value) {
		if (strcmp(key, "match") != 0 && strcmp(key, "login") != 0 &&
		    strcmp(key, "name") != 0 && strcmp(key, "email") != 0)
			return false;
	}
	return json_is_object(creates);
}

static bool text_fine(const json_t *creates, const char *key, bool required)
{
	const json_t *value = json_object_get(creates, key);

	if (value == NULL)
		return !required;
	return json_is_string(value) && json_string_length(value) > 0 &&
	       json_string_length(value) <= OIDC_TEXT_MAX &&
	       oidc_template_fine(json_string_value(value));
}

int oidc_accounts_check(struct arena *a, const json_t *creates, const char **why)
{
	const char *login;

	(void)a;
	if (json_is_null(creates))
		return 0;
	*why = "creates is null, or an object of match, login, name and email";
	if (!keys_fine(creates))
		return ERR_SYNTAX;
	*why = "match names at least one claim, with the text or the texts that it may have";
	if (!oidc_match_fine(json_object_get(creates, "match")))
		return ERR_SYNTAX;
	*why = "login, name and email are texts, with {claim} for a claim's";
	if (!text_fine(creates, "login", true) || !text_fine(creates, "name", false) ||
	    !text_fine(creates, "email", false))
		return ERR_SYNTAX;
	*why = "the login of all of them would be the same: put a {claim} in it";
	login = strict_json_text(creates, "login");
	return strchr(login, '{') != NULL ? 0 : ERR_SYNTAX;
}

/* One that may be missing, or is left out when it is too long. */
static const char *extra(struct arena *a, const json_t *creates, const char *key,
			 const json_t *claims, size_t max)
{
	const char *template = strict_json_text(creates, key), *text;

	if (template == NULL)
		return "";
	text = oidc_filled_in(a, template, claims);
	return text == NULL || strlen(text) > max ? "" : text;
}

int oidc_accounts_apply(struct arena *a, const json_t *creates, const json_t *claims,
			struct oidc_person *out, const char **why)
{
	const char *text;

	*why = "no account is linked to who you are there, and its rules make none for you";
	if (!json_is_object(creates) ||
	    !oidc_match_fits(a, json_object_get(creates, "match"), claims))
		return ERR_NOT_FOUND;
	*why = "it does not say of what an account's login is made here";
	text = oidc_filled_in(a, strict_json_text(creates, "login"), claims);
	if (text == NULL)
		return ERR_SYNTAX;
	out->login = login_fold(a, text, strlen(text));
	*why = "the login that it gives you is none here: letters, digits and single hyphens "
	       "between them, 39 at most";
	if (!login_valid(out->login, strlen(out->login)))
		return ERR_SYNTAX;
	*why = arena_printf(a, "the login %.*s is reserved here", SHOWN_MAX, out->login);
	if (login_reserved(out->login))
		return ERR_SYNTAX;
	out->name = extra(a, creates, "name", claims, NAME_MAX_BYTES);
	out->email = extra(a, creates, "email", claims, EMAIL_MAX_BYTES);
	return 0;
}
