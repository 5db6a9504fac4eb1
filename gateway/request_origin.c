/*
 * Under which URL the client reached us: the setting, a trusted proxy's word, or Host. And from
 * which address.
 */
#include <string.h>

#include "gateway/cidr.h"
#include "gateway/client_net.h"
#include "gateway/forwarded.h"
#include "gateway/request.h"
#include "gateway/worker.h"
#include "proto/base/address.h"
#include "proto/model/source_url.h"

static bool from_trusted_proxy(const struct request *rq)
{
	struct address peer;

	return rq->worker->proxies != NULL && rq->worker->proxies->count > 0 &&
	       address_parse(rq->stream->remote, &peer) == 0 &&
	       cidr_list_has(rq->worker->proxies, peer.host);
}

const char *request_origin(struct request *rq)
{
	const char *url = rq->worker->set->gateway_public_url;
	size_t len = strlen(url);
	struct forwarded said = {0};

	while (len > 0 && url[len - 1] == '/')
		len--;
	if (len > 0)
		return arena_memdup(rq->arena, url, len);
	if (from_trusted_proxy(rq))
		forwarded_read(rq->arena, request_last_header(rq, "Forwarded"),
			       request_last_header(rq, "X-Forwarded-Proto"),
			       request_last_header(rq, "X-Forwarded-Host"), &said);
	if (said.scheme == NULL && said.host == NULL)
		return "";
	if (said.scheme == NULL)
		said.scheme = rq->stream->secure ? "https" : "http";
	if (said.host == NULL)
		said.host = rq->head->host.data;
	return arena_printf(rq->arena, "%s://%s", said.scheme, said.host);
}

const char *request_base_url(struct request *rq)
{
	const char *origin = request_origin(rq);

	if (*origin != '\0')
		return origin;
	return arena_printf(rq->arena, "%s://%s", rq->stream->secure ? "https" : "http",
			    rq->head->host.data);
}

const char *request_peer(struct request *rq)
{
	struct address peer;

	if (address_parse(rq->stream->remote, &peer) < 0)
		return "";
	return arena_strdup(rq->arena, peer.host);
}

const char *request_client(struct request *rq)
{
	struct client_net net;
	const char *client;

	if (!from_trusted_proxy(rq))
		client = request_peer(rq);
	else
		client = forwarded_client(rq->arena, request_last_header(rq, "Forwarded"),
					  request_last_header(rq, "X-Forwarded-For"));
	return client != NULL && client_net_parse(client, &net) == 0 ? client : NULL;
}

const char *request_own_source(struct request *rq)
{
	const char *url =
		arena_printf(rq->arena, "%s/%s", request_base_url(rq), rq->repo.namespace);
	const char *source;

	return source_url_normalise(rq->arena, url, strlen(url), &source) < 0 ? NULL : source;
}
