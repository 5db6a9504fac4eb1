/*
 * As docker does, what the first challenge says (realm, service) is taken to hold for all; a
 * token for another repository is then asked for without being refused first. One thread
 * fetches a repository's token while the others that need it wait for its lock.
 */
#include "tests/bench/load/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/hist.h"

struct auth {
	const struct options *options;
	pthread_mutex_t lock; /* of what follows */
	struct challenge challenge;
	struct hist latencies;
};

struct auth *auth_new(const struct options *options)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->options = options;
	pthread_mutex_init(&a->lock, NULL);
	if (options->basic)
		a->challenge.scheme = SCHEME_BASIC;
	return a;
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static void write_basic(const struct options *o, char header[AUTH_HEADER_MAX])
{
	char plain[2048], coded[4096];
	int n = snprintf(plain, sizeof(plain), "%s:%s", o->user == NULL ? "" : o->user,
			 o->password == NULL ? "" : o->password);

	header[0] = '\0';
	if (o->user == NULL && o->password == NULL)
		return;
	base64_write(plain, n < (int)sizeof(plain) ? (size_t)n : sizeof(plain) - 1, coded);
	snprintf(header, AUTH_HEADER_MAX, "Authorization: Basic %s\r\n", coded);
}

/* Under the repository's lock. */
static int fetch_token(struct auth *a, const struct challenge *ch, const char *scope,
		       uint64_t deadline, struct token *token, char *why)
{
	char header[AUTH_HEADER_MAX], answer[16384], text[AUTH_HEADER_MAX - 64];
	struct sink sink = {.keep = answer, .keep_max = sizeof(answer)};
	struct http_request request = {.method = "GET", .headers = header};
	uint64_t begin = clock_us();
	struct url realm;
	struct head head;
	struct http_conn *c;
	unsigned life;
	int rc = url_parse(ch->realm, &realm);

	if (rc == 0 && ch->service[0] != '\0')
		rc = url_add_query(realm.path, sizeof(realm.path), "service", ch->service);
	if (rc == 0)
		rc = url_add_query(realm.path, sizeof(realm.path), "scope", scope);
	if (rc != 0)
		return rc;
	write_basic(a->options, header);
	request.path = realm.path;
	c = http_new(&realm);
	rc = http_exchange(c, &request, deadline, &head, &sink);
	if (rc == 0 && head.status != 200) {
		snprintf(why, HTTP_EXCERPT, "%d %s", head.status, http_excerpt(c));
		rc = ERR_DENIED;
	}
	http_free(c);
	if (rc == 0)
		rc = token_parse(answer, sink.kept, text, sizeof(text), &life) == 0
			     ? 0
			     : ERR_PROTOCOL;
	if (rc != 0)
		return rc;
	free(token->text);
	token->text = xstrdup(text);
	/* Early enough for an operation that has just begun to finish with it. */
	token->refresh_us = begin + (uint64_t)life * 1000000 * 2 / 3;
	pthread_mutex_lock(&a->lock);
	hist_add(&a->latencies, clock_us() - begin);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

int auth_header(struct auth *a, struct repository *r, bool push, uint64_t deadline,
		char header[AUTH_HEADER_MAX], char why[HTTP_EXCERPT + 1])
{
	struct token *token = push ? &r->push : &r->pull;
	struct challenge challenge;
	char scope[ITEMS_NAME + 64];
	int rc = 0;

	header[0] = why[0] = '\0';
	if (a->options->token != NULL) {
		snprintf(header, AUTH_HEADER_MAX, "Authorization: Bearer %s\r\n",
			 a->options->token);
		return 0;
	}
	pthread_mutex_lock(&a->lock);
	challenge = a->challenge;
	pthread_mutex_unlock(&a->lock);
	if (challenge.scheme == SCHEME_BASIC)
		write_basic(a->options, header);
	if (challenge.scheme != SCHEME_BEARER)
		return 0;
	snprintf(scope, sizeof(scope), "repository:%s:%s", r->name,
		 push ? "pull,push" : "pull");
	pthread_mutex_lock(&r->lock);
	if (token->text == NULL || clock_us() >= token->refresh_us)
		rc = fetch_token(a, &challenge, scope, deadline, token, why);
	if (rc == 0)
		snprintf(header, AUTH_HEADER_MAX, "Authorization: Bearer %s\r\n", token->text);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

bool auth_challenged(struct auth *a, struct repository *r, bool push, const char *header,
		     const char *challenge)
{
	struct token *token = push ? &r->push : &r->pull;
	struct challenge said;
	bool news;

	if (a->options->token != NULL || challenge_parse(challenge, &said) != 0)
		return false;
	pthread_mutex_lock(&a->lock);
	news = a->challenge.scheme != said.scheme || header[0] == '\0';
	if (a->challenge.scheme != said.scheme)
		a->challenge = said;
	pthread_mutex_unlock(&a->lock);
	if (news || said.scheme != SCHEME_BEARER)
		return news;
	/* The token was refused: once more with a fresh one, unless another thread has it. */
	pthread_mutex_lock(&r->lock);
	if (token->text != NULL && strstr(header, token->text) != NULL) {
		free(token->text);
		token->text = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	return true;
}

void auth_latencies(struct auth *a, struct hist *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->latencies;
	pthread_mutex_unlock(&a->lock);
}
