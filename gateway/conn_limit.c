/* Who has as many connections as he may gets no other; proxies stand for many. */
#include "gateway/conn_limit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "gateway/cidr.h"
#include "gateway/conn_counts.h"
#include "gateway/http_conn.h"
#include "gateway/worker.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

static bool is_proxy(const struct worker *w, const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	char host[INET6_ADDRSTRLEN];

	if (w->proxies->count == 0)
		return false;
	if (from->ss_family == AF_INET6)
		return inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)) != NULL &&
		       cidr_list_has(w->proxies, host);
	return inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)) != NULL &&
	       cidr_list_has(w->proxies, host);
}

static void tell(struct conn_limit *l, const struct client_net *net)
{
	char text[CLIENT_NET_TEXT_MAX];
	unsigned held;

	metric_inc(M_HTTP_TURNED_ADDRESS);
	if (log_pace_now(&l->told, &held))
		log_warn("too many connections from one address",
			 "address=%s limit=%u held_back=%u", client_net_text(net, text),
			 l->most, held);
}

static bool enter(void *arg, const struct sockaddr_storage *from, uint64_t *mark)
{
	struct conn_limit *l = arg;
	struct client_net net = client_net_of(from);
	uint64_t tag = conn_counts_tag(l->counts, &net);

	if (is_proxy(l->worker, from))
		return true;
	if (conn_counts_of(l->counts, tag) >= l->most) {
		tell(l, &net);
		return false;
	}
	conn_counts_add(l->counts, (unsigned)l->worker->index - 1, tag);
	*mark = tag;
	return true;
}

static void leave(void *arg, uint64_t mark)
{
	struct conn_limit *l = arg;

	conn_counts_drop(l->counts, (unsigned)l->worker->index - 1, mark);
}

void conn_limit_open(struct conn_limit *l, struct worker *w, struct conn_counts *counts)
{
	*l = (struct conn_limit){
		.worker = w,
		.counts = counts,
		.most = (unsigned)w->set->gateway_connections_per_address,
	};
	http_front_use_admission(w->front, &(struct http_admission){enter, leave, l});
}
