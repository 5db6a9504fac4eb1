/*
 * /api/v3/repos/{owner}/{repo}/readme: the text that the pages of its packages show.
 *
 * GET has GitHub's shape of a file; PUT, which GitHub does by a commit, takes the same
 * `content`.
 */
#include <openssl/evp.h>
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_repository.h"
#include "gateway/auth.h"
#include "gateway/base64.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/utf8.h"
#include "gateway/worker.h"

#define RESOURCE "Readme"
#define NAME	 "README.md"

/* What git would call it. */
static const char *blob_sha(struct request *rq, const char *text, size_t len)
{
	char head[32];
	int head_len = snprintf(head, sizeof(head), "blob %zu", len);
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned digest_len = 0;
	char *out;

	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha1(), NULL) != 1 ||
	    EVP_DigestUpdate(c, head, (size_t)head_len + 1) != 1 ||
	    EVP_DigestUpdate(c, text, len) != 1 ||
	    EVP_DigestFinal_ex(c, digest, &digest_len) != 1)
		fatal("SHA-1 failed");
	EVP_MD_CTX_free(c);
	out = arena_alloc(rq->arena, 2 * (size_t)digest_len + 1);
	for (unsigned i = 0; i < digest_len; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
	return out;
}

static int reply_readme(struct request *rq, const char *text)
{
	const struct repository *r = rq->repository;
	const char *url = arena_printf(rq->arena, "%s/api/v3/repos/%s/%s/readme",
				       request_base_url(rq), r->owner.login, r->name);
	size_t len = strlen(text);
	json_t *json = json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:n, s:n, s:n, s:{s:s, s:n, s:n}}",
		"type", "file", "encoding", "base64", "size", (json_int_t)len, "name", NAME,
		"path", NAME, "content", base64_encode(rq->arena, BASE64_STANDARD, text, len),
		"sha", blob_sha(rq, text, len), "url", url, "git_url", "html_url",
		"download_url", "_links", "self", url, "git", "html");

	return api_json_reply(rq, 200, json);
}

int api_readme_get(struct request *rq)
{
	const char *text;
	int rc = await_repository_readme(rq->worker->metadb, rq->arena, rq->repository->id,
					 &text);

	if (rc == ERR_NOT_FOUND || (rc == 0 && *text == '\0'))
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "reading the readme") : reply_readme(rq, text);
}

/* Base64, as everybody writes it, with line ends in it. */
static const char *decode(struct request *rq, const char *content, int *status)
{
	char *plain = arena_alloc(rq->arena, strlen(content) + 1), *to = plain;
	struct slice out;

	for (; *content != '\0'; content++)
		if (strchr("\r\n\t ", *content) == NULL)
			*to++ = *content;
	if (base64_decode(rq->arena, BASE64_STANDARD, plain, (size_t)(to - plain), &out) < 0 ||
	    memchr(out.data, '\0', out.len) != NULL) {
		*status = api_json_invalid(rq, RESOURCE, "content", "invalid");
		return NULL;
	}
	if (out.len > REPOSITORY_README_MAX) {
		*status = api_json_invalid(rq, RESOURCE, "content", "too_long");
		return NULL;
	}
	if (!utf8_valid(out.data))
		*status = api_json_invalid(rq, RESOURCE, "content", "invalid");
	return out.data;
}

int api_readme_put(struct request *rq)
{
	struct repository_change change = {0};
	struct actor who = auth_actor(rq);
	const char *content;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	content = api_json_text(rq, body, RESOURCE, "content", false, &status);
	if (status == 0 && content == NULL)
		status = api_json_invalid(rq, RESOURCE, "content", "missing_field");
	if (status == 0)
		change.readme = decode(rq, content, &status);
	if (status != 0)
		return status;
	rc = await_repository_update(rq->worker->metadb, &who, rq->repository->id, &change);
	status = api_repository_refused(rq, rc, "writing the readme");
	return status != 0 ? status : reply_readme(rq, change.readme);
}
