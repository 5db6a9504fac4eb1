/*
 * One DEALER, its calls, and a scratch arena for each message.
 *
 * A reply that does not decode is dropped and logged: the call runs into its deadline, as if
 * the message had been lost on the way, which it might have been as well.
 */
#include "proto/wire/link.h"

#include <stdlib.h>
#include <string.h>

#include "proto/wire/frame.h"

struct link {
	struct calls calls;
	struct zsock *sock;
	struct loop *loop;
	struct link_options options;
	char address[WIRE_ADDRESS_MAX];
	bool closing;
};

static void on_message(void *arg, struct zmsg *msg)
{
	struct link *k = arg;
	struct arena *a = arena_new();
	struct wire_reply reply;
	int rc = frame_decode_reply(a, msg->head, msg->head_len, &reply);

	if (rc == 0) {
		if (!calls_match(&k->calls, &reply, msg) && k->options.on_late != NULL)
			k->options.on_late(k->options.arg, &reply);
	} else {
		log_warn("reply dropped", "peer=%s err=\"%s\"", k->address, err_text(rc));
		for (unsigned i = 0; i < msg->parts; i++)
			buf_unref(msg->part[i]);
	}
	arena_free(a);
}

static void on_link(void *arg, bool up)
{
	struct link *k = arg;

	if (!up)
		calls_fail_all(&k->calls, ERR_PEER_GONE);
	if (k->options.on_change != NULL)
		k->options.on_change(k->options.arg, up);
}

static void on_writable(void *arg)
{
	struct link *k = arg;

	if (k->options.on_writable != NULL)
		k->options.on_writable(k->options.arg);
}

int link_open(struct loop *l, struct buf_pool *pool, const char *address,
	      const struct link_options *o, struct link **out)
{
	static const struct zsock_handler handler = {on_message, on_link, on_writable};
	struct zsock_options options = {
		.send_hwm = o->hwm, .recv_hwm = o->hwm, .max_frame = o->max_frame};
	struct link *k;
	int rc;

	if (strlen(address) >= sizeof(k->address))
		return -EINVAL;
	k = xcalloc(1, sizeof(*k));
	k->loop = l;
	k->options = *o;
	memcpy(k->address, address, strlen(address) + 1);
	calls_init(&k->calls, l);
	rc = zsock_dealer(l, pool, address, &options, &handler, k, &k->sock);
	if (rc < 0) {
		calls_fini(&k->calls);
		free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void link_close(struct link *k)
{
	if (k == NULL)
		return;
	k->closing = true;
	calls_fail_all(&k->calls, ERR_PEER_GONE);
	zsock_close(k->sock);
	calls_fini(&k->calls);
	free(k);
}

bool link_up(const struct link *k)
{
	return !k->closing && zsock_up(k->sock);
}

const char *link_address(const struct link *k)
{
	return k->address;
}

int link_call(struct link *k, struct call *c, struct wire_request *req,
	      struct buf *const *parts, unsigned count, int64_t timeout_ms, call_done_fn *done)
{
	struct zmsg msg = {.parts = count};
	struct arena *a;
	int rc;

	assert(count <= ZMSG_PARTS && timeout_ms > 0);
	if (!link_up(k))
		return -EAGAIN;
	if (timeout_ms > WIRE_DEADLINE_MAX_MS)
		timeout_ms = WIRE_DEADLINE_MAX_MS;
	req->id = call_begin(&k->calls, c, req->op, clock_now_ms(), timeout_ms, done);
	req->deadline_ms = (uint32_t)timeout_ms;

	a = arena_new();
	msg.head = frame_encode_request(a, req, &msg.head_len);
	for (unsigned i = 0; i < count; i++)
		msg.part[i] = parts[i];
	rc = zsock_send(k->sock, &msg);
	if (rc < 0)
		call_cancel(&k->calls, c);
	arena_free(a);
	return rc;
}

void link_cancel(struct link *k, struct call *c)
{
	call_cancel(&k->calls, c);
}
