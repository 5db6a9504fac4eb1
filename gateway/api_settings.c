/* The refusals of metadb/package_settings.h as answers of REST. */
#include "gateway/api_settings.h"

#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/reply.h"
#include "metadb/package_settings.h"

/* 422: the message itself says it, and the error names the field. */
static int refuse_field(struct request *rq, const char *field, const char *words)
{
	const char *errors = arena_printf(
		rq->arena,
		"[{\"resource\":\"Package\",\"field\":%s,\"code\":\"custom\",\"message\":%s}]",
		reply_json_string(rq->arena, field), reply_json_string(rq->arena, words));

	return refuse_api_errors(rq, 422, errors, "%s", words);
}

/* What belongs to whom, or is seen by whom: 422. */
static int refuse_place(struct request *rq, enum settings_refusal why,
			const struct settings_change *c)
{
	const char *words;

	switch (why) {
	case SETTINGS_OUTSIDER:
		words = arena_printf(rq->arena,
				     "%s does not belong to the organization %s, whose package "
				     "is not public",
				     c->subject, c->there);
		break;
	case SETTINGS_NO_TEAMS:
		words = "Teams have roles on packages of their organization only";
		break;
	case SETTINGS_ELSEWHERE:
		words = arena_printf(
			rq->arena,
			"The repository %s does not belong to %s, as the package does",
			c->subject, c->there);
		break;
	case SETTINGS_POLICY:
		words = arena_printf(rq->arena,
				     "The organization %s does not allow %s packages: an owner "
				     "can change its package settings",
				     c->there, visibility_name(c->visibility));
		break;
	case SETTINGS_NO_INTERNAL:
		words = "Only packages of organizations can be internal";
		break;
	case SETTINGS_ALIAS:
		words = "That name was another package's and leads to it";
		break;
	default:
		words = "The package is linked to no repository that it could inherit from";
		break;
	}
	return refuse_field(rq, c->field, words);
}

static int refuse_change(struct request *rq, enum settings_refusal why,
			 const struct settings_change *c)
{
	switch (why) {
	case SETTINGS_INHERITS:
		return refuse_api(rq, 409,
				  "The package inherits access from its repository: remove "
				  "inherited access first");
	case SETTINGS_UNKNOWN:
		return refuse_api(rq, 404, "Not Found");
	case SETTINGS_OWNERS_ONLY:
		return refuse_api(rq, 403, "What is public is made %s by an owner of %s only",
				  visibility_name(c->visibility), c->there);
	case SETTINGS_NO_WRITER:
		return refuse_api(rq, 403,
				  "This needs the role write on the repository %s: an admin "
				  "of the repository can give it to you",
				  c->subject);
	case SETTINGS_NO_CREATOR:
		return refuse_api(rq, 403,
				  "You may not create packages of %s: an owner of the "
				  "organization can allow it",
				  c->there);
	case SETTINGS_TAKEN:
		return api_json_invalid(rq, "Package", "name", "already_exists");
	default:
		return refuse_place(rq, why, c);
	}
}

int await_settings_end(struct request *rq, int rc, const struct settings_change *c)
{
	int status;

	if (rc == 0)
		return 0;
	if (rc > 0)
		return refuse_change(rq, (enum settings_refusal)rc, c);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	if (rc != ERR_CONFLICT)
		return give_up(rq, rc, c->doing);
	status = await_auth_again(rq);
	return status != 0 ? status : give_up(rq, ERR_UNAVAILABLE, c->doing);
}

int settings_role(struct request *rq, const json_t *body, enum role *out)
{
	int status = 0;
	const char *text = api_json_text(rq, body, "Package", "role", true, &status);

	if (status == 0 && role_parse(text, out) < 0)
		status = api_json_invalid(rq, "Package", "role", "invalid");
	return status;
}

int settings_flag(struct request *rq, const json_t *body, const char *field, bool *out)
{
	const json_t *value = json_object_get(body, field);

	if (value == NULL)
		return api_json_invalid(rq, "Package", field, "missing_field");
	if (!json_is_boolean(value))
		return api_json_invalid(rq, "Package", field, "invalid");
	*out = json_is_true(value);
	return 0;
}
