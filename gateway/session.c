/* See session.h. */
#include "gateway/session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/tokens.h"

#define RANDOM_BYTES 32

static bool over_https(struct request *rq)
{
	return strncmp(request_base_url(rq), "https://", 8) == 0;
}

static const char *cookie_name(struct request *rq)
{
	return over_https(rq) ? "__Host-packhouse" : "packhouse";
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

void session_presented(struct request *rq, struct credential *out)
{
	const char *list = request_header(rq, "Cookie"), *text;
	size_t len;

	if (list == NULL || rq->surface == SURFACE_REGISTRY)
		return;
	text = find_cookie(list, cookie_name(rq), &len);
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

void session_text_make(char text[SESSION_TEXT_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[RANDOM_BYTES];

	if (RAND_bytes(random, sizeof(random)) != 1)
		fatal("no random bytes for a session");
	text[0] = 's';
	for (size_t i = 0; i < sizeof(random); i++) {
		text[1 + 2 * i] = digits[random[i] >> 4];
		text[2 + 2 * i] = digits[random[i] & 15];
	}
	text[SESSION_TEXT_LEN] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
}

void session_cookie(struct request *rq, const char *text)
{
	reply_header(rq, "Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s",
		     cookie_name(rq), text == NULL ? "" : text,
		     over_https(rq) ? "; Secure" : "", text == NULL ? "; Max-Age=0" : "");
}
