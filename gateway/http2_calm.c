/* A token bucket, and a walk over the heads of frames. The prices are in the header. */
#include "gateway/http2_calm.h"

#include <string.h>

#define PREFACE	   24 /* RFC 9113 §3.4 */
#define DATA	   0
#define END_STREAM 1

void calm_init(struct calm *c, int64_t now_ms)
{
	*c = (struct calm){.left = CALM_MOST, .at_ms = now_ms, .skip = PREFACE};
}

void calm_earn(struct calm *c, int64_t tokens)
{
	if (tokens > CALM_MOST)
		tokens = CALM_MOST;
	c->left += tokens;
	if (c->left > CALM_MOST)
		c->left = CALM_MOST;
}

void calm_spend(struct calm *c, int64_t tokens)
{
	/* Who is over stays over until he has earned: deeper he need not fall. */
	if (c->left >= 0)
		c->left -= tokens;
}

static void pay_for(struct calm *c)
{
	const unsigned char *h = c->head;

	c->skip = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
	c->head_len = 0;
	if (h[3] != DATA || (h[4] & END_STREAM) == 0)
		calm_spend(c, CALM_FRAME);
}

void calm_watch(struct calm *c, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len > 0) {
		bool inside = c->skip > 0;
		size_t n = inside ? c->skip : sizeof(c->head) - c->head_len;

		if (n > len)
			n = len;
		if (inside) {
			c->skip -= n;
		} else {
			memcpy(c->head + c->head_len, at, n);
			c->head_len += (unsigned)n;
		}
		at += n;
		len -= n;
		if (c->head_len == sizeof(c->head))
			pay_for(c);
	}
}

void calm_tick(struct calm *c, int64_t now_ms)
{
	int64_t passed = now_ms - c->at_ms;
	int64_t tokens = passed / (1000 / CALM_PER_SECOND);

	if (passed >= 60000)
		tokens = CALM_MOST;
	if (tokens <= 0)
		return;
	c->at_ms = passed >= 60000 ? now_ms : c->at_ms + tokens * (1000 / CALM_PER_SECOND);
	calm_earn(c, tokens);
}

void calm_earn_bytes(struct calm *c, size_t bytes)
{
	c->bytes += bytes;
	calm_earn(c, (int64_t)(c->bytes / CALM_EARNING));
	c->bytes %= CALM_EARNING;
}

bool calm_is_over(const struct calm *c)
{
	return c->left < 0;
}
