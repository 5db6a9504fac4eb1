/* See jwt.h. JSON is parsed strictly: of two members with one name none is believed. */
#include "gateway/jwt.h"

#include <string.h>
#include <strings.h>

#include "gateway/base64.h"
#include "gateway/strict_json.h"

#define HEADER_VALUES_MAX 64
#define CLAIM_VALUES_MAX  1024
#define ISSUER_MAX	  1024
#define TIME_MAX	  (1LL << 53)

static const struct {
	const char *name;
	enum jwt_algorithm algorithm;
} algorithms[] = {{"RS256", JWT_RS256}, {"ES256", JWT_ES256}, {"EdDSA", JWT_EDDSA}};

int jwt_algorithm_parse(const char *name, enum jwt_algorithm *out)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strcmp(algorithms[i].name, name) == 0) {
			*out = algorithms[i].algorithm;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].name;
	return "";
}

/* The three parts; false when there are not three. */
static bool split(const char *text, size_t len, struct slice part[3])
{
	const char *end = text + len;

	for (int i = 0; i < 3; i++) {
		const char *dot = memchr(text, '.', (size_t)(end - text));

		if ((dot == NULL) != (i == 2))
			return false;
		part[i] = (struct slice){text, (size_t)((i == 2 ? end : dot) - text)};
		text = i == 2 ? end : dot + 1;
	}
	return true;
}

static int read_object(struct arena *a, struct slice part, size_t values, json_t **out)
{
	struct slice json;
	const char *why;

	if (base64_decode(a, BASE64_URL, part.data, part.len, &json) < 0)
		return ERR_SYNTAX;
	return strict_json_object(a, json.data, json.len, values, out, &why) < 0 ? ERR_SYNTAX
										 : 0;
}

/* A text member of at most `max` bytes; absent is fine and NULL. */
static bool read_text(const json_t *object, const char *name, size_t max, const char **out)
{
	const json_t *value = json_object_get(object, name);

	*out = json_string_value(value);
	return value == NULL || (*out != NULL && json_string_length(value) <= max);
}

static int read_header(const json_t *header, struct jwt *out, const char **why)
{
	const char *algorithm, *type;

	*why = "its algorithm is none of RS256, ES256 and EdDSA";
	if (!read_text(header, "alg", JWT_TEXT_MAX, &algorithm) || algorithm == NULL ||
	    jwt_algorithm_parse(algorithm, &out->algorithm) < 0)
		return ERR_SYNTAX;
	*why = "its header has what is not understood";
	if (!read_text(header, "typ", JWT_TEXT_MAX, &type) ||
	    (type != NULL && strcasecmp(type, "JWT") != 0) ||
	    !read_text(header, "kid", JWT_TEXT_MAX, &out->kid) ||
	    json_object_get(header, "crit") != NULL)
		return ERR_SYNTAX;
	return 0;
}

int jwt_parse(struct arena *a, const char *text, size_t len, struct jwt *out, const char **why)
{
	json_t *header, *claims;
	struct slice part[3];

	memset(out, 0, sizeof(*out));
	*why = "it is no JSON Web Token";
	if (len > JWT_MAX || !split(text, len, part) ||
	    read_object(a, part[0], HEADER_VALUES_MAX, &header) < 0 ||
	    base64_decode(a, BASE64_URL, part[2].data, part[2].len, &out->signature) < 0 ||
	    read_object(a, part[1], CLAIM_VALUES_MAX, &claims) < 0)
		return ERR_SYNTAX;
	out->signed_text = (struct slice){text, (size_t)(part[2].data - text) - 1};
	out->claims = claims;
	return read_header(header, out, why);
}

/* A time claim; absent is fine and false. */
static bool read_time(const json_t *claims, const char *name, int64_t *out, bool *there)
{
	const json_t *value = json_object_get(claims, name);
	double seconds = json_number_value(value);

	*there = value != NULL;
	if (value == NULL)
		return true;
	if (!json_is_number(value) || !(seconds >= 0 && seconds <= (double)TIME_MAX))
		return false;
	*out = json_is_integer(value) ? json_integer_value(value) : (int64_t)seconds;
	return true;
}

static bool has_audience(const json_t *aud, const char *wanted)
{
	size_t i;
	json_t *one;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), wanted) == 0;
	json_array_foreach(aud, i, one) {
		if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
			return true;
	}
	return false;
}

static int judge_times(const json_t *claims, int64_t now, const char **why)
{
	int64_t exp = 0, nbf = 0, iat = 0;
	bool has_exp, has_nbf, has_iat;

	*why = "one of exp, nbf and iat is no time, or exp or iat is missing";
	if (!read_time(claims, "exp", &exp, &has_exp) ||
	    !read_time(claims, "nbf", &nbf, &has_nbf) ||
	    !read_time(claims, "iat", &iat, &has_iat) || !has_exp || !has_iat)
		return ERR_DENIED;
	*why = "it has expired";
	if (exp + JWT_SKEW_S <= now)
		return ERR_DENIED;
	*why = "it is not valid yet";
	return nbf > now + JWT_SKEW_S || iat > now + JWT_SKEW_S ? ERR_DENIED : 0;
}

int jwt_judge(const struct jwt *t, const struct jwt_expected *e, const char **why)
{
	const char *issuer, *subject;

	*why = "its issuer is another one";
	if (!read_text(t->claims, "iss", ISSUER_MAX, &issuer) || issuer == NULL ||
	    strcmp(issuer, e->issuer) != 0)
		return ERR_DENIED;
	*why = "it is for another audience";
	if (!has_audience(json_object_get(t->claims, "aud"), e->audience))
		return ERR_DENIED;
	*why = "its subject is missing";
	if (!read_text(t->claims, "sub", JWT_TEXT_MAX, &subject) || subject == NULL ||
	    *subject == '\0')
		return ERR_DENIED;
	return judge_times(t->claims, e->now, why);
}

int jwt_judge_id(const struct jwt *t, const char *client_id, const char *nonce,
		 const char **why)
{
	const json_t *aud = json_object_get(t->claims, "aud");
	const json_t *azp = json_object_get(t->claims, "azp");
	const char *its_nonce = strict_json_text(t->claims, "nonce");

	*why = "it is for another sign-in";
	if (its_nonce == NULL || strcmp(its_nonce, nonce) != 0)
		return ERR_DENIED;
	*why = "it was issued to another client";
	if (azp == NULL)
		return json_is_array(aud) && json_array_size(aud) > 1 ? ERR_DENIED : 0;
	return json_is_string(azp) && strcmp(json_string_value(azp), client_id) == 0
		       ? 0
		       : ERR_DENIED;
}
