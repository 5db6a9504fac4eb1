/* GET /v2/: "this is a registry, and it knows you". Anonymous callers got their 401 before. */
#include "gateway/handlers.h"
#include "gateway/reply.h"

int v2_base_get(struct request *rq)
{
	return reply_bytes(rq, 200, "application/json", "{}", 2);
}
