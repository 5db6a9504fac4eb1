/* A few slots, found by the issuer's id; a new issuer takes the one that was filled first. */
#include "gateway/issuer_description.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/fetch.h"
#include "gateway/strict_json.h"
#include "proto/base/log.h"

#define DESCRIPTION_MAX	   (64 * 1024)
#define DESCRIPTION_VALUES 2000
#define SLOTS		   32

struct slot {
	int64_t issuer_id; /* 0: free */
	int64_t version;
	int64_t since_ms;
	char *authorization; /* NULL: it could not be had */
	char *token;
	bool post;
};

struct issuer_places {
	struct slot slot[SLOTS];
	unsigned next;
};

struct issuer_places *issuer_places_new(void)
{
	return xcalloc(1, sizeof(struct issuer_places));
}

static void empty(struct slot *s)
{
	free(s->authorization);
	free(s->token);
	memset(s, 0, sizeof(*s));
}

void issuer_places_free(struct issuer_places *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		empty(&p->slot[i]);
	free(p);
}

static struct slot *slot_of(struct issuer_places *p, int64_t issuer_id)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (p->slot[i].issuer_id == issuer_id)
			return &p->slot[i];
	return NULL;
}

/* What is known of that version of the issuer, and not too old. */
static const struct slot *known(const struct worker *w, const struct issuer *i)
{
	const struct slot *s = slot_of(w->issuer_places, i->id);
	int64_t life;

	if (s == NULL || s->version != i->version)
		return NULL;
	life = s->token != NULL ? w->set->gateway_issuer_keys_life
				: w->set->gateway_issuer_keys_pause;
	return clock_now_ms() - s->since_ms < life ? s : NULL;
}

/* out NULL: it could not be had. */
static void keep(struct worker *w, const struct issuer *i, const struct issuer_endpoints *out)
{
	struct issuer_places *p = w->issuer_places;
	struct slot *s = slot_of(p, i->id);

	if (s == NULL)
		s = &p->slot[p->next++ % SLOTS];
	empty(s);
	s->issuer_id = i->id;
	s->version = i->version;
	s->since_ms = clock_now_ms();
	if (out == NULL)
		return;
	s->authorization = xstrdup(out->authorization);
	s->token = xstrdup(out->token);
	s->post = out->post;
}

int await_issuer_description(struct worker *w, struct arena *a, const struct issuer *i,
			     json_t **out)
{
	size_t len = strlen(i->url);
	const char *slash = len > 0 && i->url[len - 1] == '/' ? "" : "/";
	const char *issuer, *why = "it is not the description of this issuer";
	struct slice text;
	int rc;

	rc = await_fetch(w, a,
			 arena_printf(a, "%s%s.well-known/openid-configuration", i->url, slash),
			 DESCRIPTION_MAX, &text);
	if (rc < 0)
		return rc;
	if (strict_json_object(a, text.data, text.len, DESCRIPTION_VALUES, out, &why) == 0) {
		issuer = strict_json_text(*out, "issuer");
		if (issuer != NULL && strcmp(issuer, i->url) == 0)
			return 0;
	}
	log_warn("an issuer's description is of no use", "issuer=\"%s\" why=\"%s\"", i->url,
		 why);
	return ERR_UNAVAILABLE;
}

/* Only in the form? Basic is what every server must know, and what goes where nothing is said.
 */
static bool posts_secret(const json_t *description)
{
	const json_t *list =
		json_object_get(description, "token_endpoint_auth_methods_supported");
	bool post = false;
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) {
		const char *name = json_is_string(one) ? json_string_value(one) : "";

		if (strcmp(name, "client_secret_basic") == 0)
			return false;
		if (strcmp(name, "client_secret_post") == 0)
			post = true;
	}
	return post;
}

static int await_described(struct worker *w, struct arena *a, const struct issuer *i,
			   struct issuer_endpoints *out)
{
	json_t *json;
	int rc = await_issuer_description(w, a, i, &json);

	if (rc < 0)
		return rc;
	out->authorization = strict_json_text(json, "authorization_endpoint");
	out->token = strict_json_text(json, "token_endpoint");
	out->post = posts_secret(json);
	if (out->authorization != NULL && out->token != NULL &&
	    fetch_url_fine(out->authorization) && fetch_url_fine(out->token))
		return 0;
	log_warn("an issuer's description does not say where to sign in", "issuer=\"%s\"",
		 i->url);
	return ERR_UNAVAILABLE;
}

int await_issuer_endpoints(struct worker *w, struct arena *a, const struct issuer *i,
			   const struct issuer_sign_in *s, struct issuer_endpoints *out)
{
	const struct slot *k;
	int rc;

	*out = (struct issuer_endpoints){s->authorization_url, s->token_url, false};
	if (*s->token_url != '\0')
		return 0;
	k = known(w, i);
	if (k != NULL && k->token == NULL)
		return ERR_UNAVAILABLE;
	if (k != NULL) {
		*out = (struct issuer_endpoints){arena_strdup(a, k->authorization),
						 arena_strdup(a, k->token), k->post};
		return 0;
	}
	rc = await_described(w, a, i, out);
	if (rc == 0 || rc == ERR_UNAVAILABLE)
		keep(w, i, rc == 0 ? out : NULL);
	return rc;
}
