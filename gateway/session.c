/* See session.h. */
#include "gateway/session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "gateway/auth.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/tokens.h"

#define RANDOM_BYTES 32

/* All but those of a site admin: who needs them makes himself a token. */
#define SCOPES                                                                         \
	(SCOPE_WRITE_PACKAGES | SCOPE_DELETE_PACKAGES | SCOPE_ADMIN_ORG | SCOPE_USER | \
	 SCOPE_REPO)

bool session_over_https(struct request *rq)
{
	return strncmp(request_base_url(rq), "https://", 8) == 0;
}

static const char *cookie_name(struct request *rq)
{
	return session_over_https(rq) ? "__Host-packhouse" : "packhouse";
}

static bool text_shaped(const char *text, size_t len)
{
	if (len != SESSION_TEXT_LEN || text[0] != 's')
		return false;
	return strspn(text + 1, "0123456789abcdef") >= SESSION_TEXT_LEN - 1;
}

/* The value of a cookie in `a=b; c=d`; NULL: it is not there. */
static const char *find_cookie(const char *list, const char *name, size_t *len)
{
	size_t n = strlen(name);

	while (*list != '\0') {
		list += strspn(list, "; ");
		if (strncmp(list, name, n) == 0 && list[n] == '=') {
			*len = strcspn(list + n + 1, "; ");
			return list + n + 1;
		}
		list += strcspn(list, ";");
	}
	return NULL;
}

/* Of a request that changes something. */
static bool is_ours(struct request *rq)
{
	const char *site = request_header(rq, "Sec-Fetch-Site");
	const char *origin = request_header(rq, "Origin");

	if (site != NULL)
		return strcmp(site, "same-origin") == 0;
	return origin != NULL && strcmp(origin, request_base_url(rq)) == 0;
}

const char *session_find_cookie(struct request *rq, const char *name, size_t *len)
{
	const char *list = request_header(rq, "Cookie");

	return list == NULL ? NULL : find_cookie(list, name, len);
}

void session_presented(struct request *rq, struct credential *out)
{
	const char *text;
	size_t len;

	if (rq->surface == SURFACE_REGISTRY)
		return;
	text = session_find_cookie(rq, cookie_name(rq), &len);
	if (text == NULL || !text_shaped(text, len))
		return;
	if ((rq->head->method & (METHOD_GET | METHOD_HEAD)) == 0 && !is_ours(rq))
		return;
	out->form = CREDENTIAL_HASH;
	token_hash(text, len, out->hash);
}

bool session_origin_fine(struct request *rq)
{
	return (request_header(rq, "Sec-Fetch-Site") == NULL &&
		request_header(rq, "Origin") == NULL) ||
	       is_ours(rq);
}

void session_random(char *text, size_t digits)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char random[RANDOM_BYTES];

	if (RAND_bytes(random, sizeof(random)) != 1)
		fatal("no random bytes for a session");
	for (size_t i = 0; i < digits / 2; i++) {
		text[2 * i] = hex[random[i] >> 4];
		text[1 + 2 * i] = hex[random[i] & 15];
	}
	text[digits] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
}

void session_text_make(char text[SESSION_TEXT_LEN + 1])
{
	text[0] = 's';
	session_random(text + 1, SESSION_TEXT_LEN - 1);
}

void session_cookie(struct request *rq, const char *text)
{
	reply_header(rq, "Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s",
		     cookie_name(rq), text == NULL ? "" : text,
		     session_over_https(rq) ? "; Secure" : "",
		     text == NULL ? "; Max-Age=0" : "");
}

int await_session_admit(struct request *rq)
{
	struct registry_modes now;
	int rc, status = rate_limit(rq, 0);

	if (status != 0)
		return status;
	rc = await_modes(rq->worker->metadb, rq->arena, &now);
	if (rc < 0)
		return give_up(rq, rc, "looking up the registry's mode");
	return await_request_mode(rq, modes_in_force(&now));
}

/* Of a proxy that does not say for whom it speaks, its own. */
static const char *address_of(struct request *rq)
{
	const char *client = request_client(rq);

	return client != NULL ? client : request_peer(rq);
}

/* Visible ASCII of the agent's name. */
static const char *agent_of(struct request *rq)
{
	const char *agent = request_header(rq, "User-Agent");
	char *text = arena_alloc(rq->arena, SESSION_AGENT_MAX + 1);
	size_t n = 0;

	for (; agent != NULL && *agent != '\0' && n < SESSION_AGENT_MAX; agent++)
		if (*agent >= ' ' && *agent <= '~')
			text[n++] = *agent;
	return text;
}

struct session_new session_wanted(struct request *rq)
{
	return (struct session_new){
		.address = address_of(rq),
		.agent = agent_of(rq),
		.scopes = SCOPES,
		.idle_ms = rq->worker->set->gateway_session_idle,
		.life_ms = rq->worker->set->gateway_session_life,
	};
}
