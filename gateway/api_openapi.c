/* GET /api/v3/openapi.json: the document is made once in a process, when it is first asked for.
 */
#include <string.h>

#include "gateway/etag.h"
#include "gateway/handlers.h"
#include "gateway/openapi.h"
#include "gateway/reply.h"
#include "proto/base/log.h"
#include "proto/model/digest.h"

static struct {
	char *text; /* NULL: not made yet; kept until the process ends */
	size_t len;
	char digest[DIGEST_TEXT_MAX];
} document;

static int make_document(struct arena *a)
{
	struct digest digest;
	const char *why;
	json_t *json;
	int rc = openapi_merge(a, openapi_fragments, openapi_count, &json, &why);

	if (rc < 0) {
		log_error("the description of /api/v3 is broken", "why=\"%s\"", why);
		return ERR_CORRUPT;
	}
	json_object_set_new(json_object_get(json, "info"), "version",
			    json_string(PACKHOUSE_VERSION));
	document.text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (document.text == NULL)
		return ERR_CORRUPT;
	document.len = strlen(document.text);
	digest_of(DIGEST_SHA256, document.text, document.len, &digest);
	digest_text(&digest, document.digest);
	return 0;
}

int api_openapi_get(struct request *rq)
{
	int rc = document.text == NULL ? make_document(rq->arena) : 0;

	if (rc < 0)
		return give_up(rq, rc, "describing /api/v3");
	reply_header(rq, "ETag", "\"%s\"", document.digest);
	if (etag_listed(request_header(rq, "If-None-Match"), document.digest))
		return reply(rq, 304);
	return reply_bytes(rq, 200, "application/json; charset=utf-8", document.text,
			   document.len);
}
