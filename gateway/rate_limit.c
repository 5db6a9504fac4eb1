/* One charge a request, and what its answer says about it: IETF's fields, or GitHub's. */
#include "gateway/rate_limit.h"

#include <string.h>
#include <time.h>

#include "gateway/client_net.h"
#include "gateway/rate_table.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/base/log.h"
#include "proto/base/log_pace.h"
#include "proto/base/metrics.h"

/* Whoever stands behind a trusted proxy is who it says; when it says nothing, nobody. */
static bool client_of(struct request *rq, struct client_net *out)
{
	const char *client = request_client(rq);

	return client != NULL && client_net_parse(client, out) == 0;
}

int64_t rate_seconds(int64_t ms)
{
	return (ms + 999) / 1000;
}

static void say_state(struct request *rq, const struct rate_state *s)
{
	int64_t full = rate_seconds(s->full_after_ms);

	if (rq->surface == SURFACE_REST) {
		reply_header(rq, "X-RateLimit-Limit", "%u", s->limit);
		reply_header(rq, "X-RateLimit-Remaining", "%u", s->remaining);
		reply_header(rq, "X-RateLimit-Used", "%u", s->limit - s->remaining);
		reply_header(rq, "X-RateLimit-Reset", "%lld", (long long)(time(NULL) + full));
		reply_header(rq, "X-RateLimit-Resource", "core");
		return;
	}
	reply_header(rq, "RateLimit-Limit", "%u", s->limit);
	reply_header(rq, "RateLimit-Remaining", "%u", s->remaining);
	reply_header(rq, "RateLimit-Reset", "%lld", (long long)full);
	reply_header(rq, "RateLimit-Policy", "%u;w=%d", s->limit, RATE_WINDOW_MS / 1000);
}

static void tell(const struct rate_client *c, const char *who)
{
	static struct log_pace pace;
	unsigned held;

	metric_inc(c->kind == RATE_CALLER ? M_RATE_CALLER : M_RATE_ADDRESS);
	if (log_pace_now(&pace, &held))
		log_warn("too many requests a minute", "%s held_back=%u", who, held);
}

static int charge(struct request *rq, const struct rate_client *c, unsigned limit,
		  const char *who, const char *words)
{
	struct rate_state s;
	bool fine = rate_charge(rq->worker->rates, c, limit, clock_now_us(), &s);

	say_state(rq, &s);
	if (fine)
		return 0;
	tell(c, who);
	reply_header(rq, "Retry-After", "%lld", (long long)rate_seconds(s.retry_after_ms));
	return refuse_by_surface(rq, TOOMANYREQUESTS,
				 "too many requests: %s may make %u a minute", words, limit);
}

/* Whose bucket it is, and its size. False: no limit is kept for him. */
static bool bucket_of(struct request *rq, int64_t account, struct rate_client *c,
		      unsigned *limit)
{
	const struct settings *set = rq->worker->set;
	struct client_net net;

	*limit = (unsigned)(account != 0 ? set->gateway_rate_per_caller
					 : set->gateway_rate_per_address);
	*c = (struct rate_client){RATE_CALLER, {(uint64_t)account, 0}};
	if (*limit == 0 || account != 0)
		return *limit != 0;
	if (!client_of(rq, &net))
		return false;
	*c = (struct rate_client){RATE_ADDRESS, {net.word[0], net.word[1]}};
	return true;
}

int rate_limit(struct request *rq, int64_t account)
{
	char text[CLIENT_NET_TEXT_MAX];
	struct client_net net;
	struct rate_client c;
	unsigned limit;

	if (rq->counted || !bucket_of(rq, account, &c, &limit))
		return 0;
	rq->counted = true;
	if (account != 0)
		return charge(rq, &c, limit,
			      arena_printf(rq->arena, "account=%lld", (long long)account),
			      "an account");
	net = (struct client_net){{c.word[0], c.word[1]}};
	return charge(rq, &c, limit,
		      arena_printf(rq->arena, "address=%s", client_net_text(&net, text)),
		      "without a valid credential an address");
}

bool rate_limit_state(struct request *rq, int64_t account, struct rate_state *out)
{
	struct rate_client c;
	unsigned limit;

	if (!bucket_of(rq, account, &c, &limit))
		return false;
	rate_look(rq->worker->rates, &c, limit, clock_now_us(), out);
	say_state(rq, out);
	return true;
}
