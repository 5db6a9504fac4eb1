/*
 * Links that are made anew again and again, as a client does with a daemon that is silent: the
 * old socket still ends on a thread of ZeroMQ when the next one begins.
 */
#include "proto/base/loop.h"
#include "proto/base/zsock.h"
#include "tests/net/net.h"

#define TIMES 2000

int main(void)
{
	const struct zsock_options options = {
		.send_hwm = 10, .recv_hwm = 10, .max_frame = 1024};
	const struct zsock_handler handler = {.on_message = NULL};
	struct loop *loop;
	struct buf_pool *pool;

	zsock_setup(1);
	loop = loop_new();
	pool = buf_pool_new(loop, 1 << 20);
	for (int i = 0; i < TIMES; i++) {
		struct zsock *z;

		CHECK(zsock_dealer(loop, pool, "127.0.0.1:1", &options, &handler, NULL, &z) ==
		      0);
		zsock_close(z);
	}
	zsock_teardown();
	buf_pool_free(pool);
	loop_free(loop);
	return 0;
}
