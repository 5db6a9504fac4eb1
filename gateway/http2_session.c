/*
 * Frames of HTTP/2, with nghttp2 1.52: nothing else knows it.
 *
 * What we ask of it, and why:
 * - No automatic window: bytes are given back when tasks have used them.
 * - RFC 7540's tree of priorities is off (it can be made to cost); every stream is served in
 *   turns, whatever the client asks for (RFC 9218 "incremental").
 * - A frame of DATA is not copied: nghttp2 makes its head, we lend its bytes (http2_out.c).
 * - Fields that are not well-formed make a stream malformed; by itself it would drop them.
 *
 * What it bounds by itself: frames of CONTINUATION of a head (8), settings of a frame (32),
 * acknowledgements that wait to be sent (1,000), a field (64 KiB), streams that the client
 * resets (1,000 and 33 a second). Everything else is http2_calm.h, and the number of tasks,
 * which counts those whose streams were reset as well.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "gateway/http2_private.h"
#include "gateway/http_print.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define ANSWER_FIELDS 48
/* Compressed fields may unfold to much more: whoever goes so far means it. */
#define HEAD_ANGER (4 * HTTP_HEAD_MAX)

static struct http2_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* Reading */

static bool begins_request(const nghttp2_frame *frame)
{
	return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	static const nghttp2_extpri in_turns = {NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
	struct http2 *h = arg;

	http2_head_drop(&h->head);
	http2_head_begin(&h->head);
	if (begins_request(frame) && nghttp2_session_change_extpri_stream_priority(
					     session, frame->hd.stream_id, &in_turns, 1) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	h->head_since_ms = clock_now_ms();
	h->head_id = frame->hd.stream_id;
	return 0;
}

/* Fields of a request, or behind its body: those are counted and not kept. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct http2 *h = arg;

	(void)session, (void)flags;
	if (h->head.arena == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (begins_request(frame)) {
		http2_head_add(&h->head, (struct slice){(const char *)name, name_len},
			       (struct slice){(const char *)value, value_len});
		if (h->head.bytes <= HEAD_ANGER)
			return 0;
		calm_spend(&h->calm, CALM_MOST);
	} else {
		h->head.bytes += name_len + value_len;
		if (h->head.bytes <= BODY_TRAILERS_MAX)
			return 0;
	}
	http2_head_drop(&h->head);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
			     const uint8_t *name, size_t name_len, const uint8_t *value,
			     size_t value_len, uint8_t flags, void *arg)
{
	(void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len;
	(void)flags, (void)arg;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void end_body(nghttp2_session *session, const nghttp2_frame *frame)
{
	struct http2_stream *s = stream_of(session, frame->hd.stream_id);

	if (s == NULL || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return;
	s->ended = true;
	s->unseen = 0;
	http2_stream_wake(s);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h = arg;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		h->head_since_ms = 0;
		if (begins_request(frame))
			http2_request(h, frame->hd.stream_id,
				      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0);
		http2_head_drop(&h->head);
		end_body(session, frame);
		break;
	case NGHTTP2_DATA:
		end_body(session, frame);
		break;
	case NGHTTP2_SETTINGS:
		h->greeted = true;
		break;
	default:
		break;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t len, void *arg)
{
	struct http2_stream *s = stream_of(session, id);
	struct http2 *h = arg;

	(void)flags;
	h->last_data = id;
	if (s != NULL) {
		calm_earn(&h->calm, CALM_FRAME);
		calm_earn_bytes(&h->calm, len);
		http2_stream_data(s, data, len);
	} else if (nghttp2_session_consume_connection(session, len) != 0) {
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct http2_stream *s = stream_of(session, id);
	struct http2 *h = arg;

	/* A head that was being read and is not well-formed. */
	if (h->head_since_ms != 0 && h->head_id == id) {
		h->head_since_ms = 0;
		http2_head_drop(&h->head);
	}
	if (s != NULL && s->ended && s->end_out)
		calm_earn(&h->calm, CALM_ANSWERED);
	else if (s != NULL || code != NGHTTP2_NO_ERROR)
		calm_spend(&h->calm, CALM_RESET);
	if (s == NULL)
		return 0;
	s->open = false;
	if (!s->ended || !s->end_out)
		http2_stream_lost(s);
	else
		http2_stream_wake(s);
	if (s->stream.task == NULL && s->in_out == 0)
		http2_stream_free(s);
	return 0;
}

/* Writing */

static ssize_t data_length(nghttp2_session *session, uint8_t type, int32_t id,
			   int32_t connection_window, int32_t stream_window, uint32_t most,
			   void *arg)
{
	(void)session, (void)type, (void)id, (void)connection_window, (void)stream_window;
	(void)arg;
	return most < HTTP2_DATA_MAX ? (ssize_t)most : HTTP2_DATA_MAX;
}

static ssize_t take_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct http2_stream *s = stream_of(session, id);

	(void)buf, (void)source, (void)arg;
	if (s == NULL || s->cut)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (s->parts_len == 0 && s->left == 0) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		return 0;
	}
	if (s->parts_len == 0) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len > s->parts_len)
		len = s->parts_len;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if ((int64_t)len == s->left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

/* The frame that take_data() has promised: into h->out, which has room for one more. */
static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
		     size_t len, nghttp2_data_source *source, void *arg)
{
	struct http2_stream *s = stream_of(session, frame->hd.stream_id);
	struct http2 *h = arg;

	(void)source;
	if (s == NULL || s->cut || s->parts_len < len)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	http2_out_text(h->out, head, HTTP2_FRAME_HEAD);
	http2_out_parts(h->out, s, len);
	s->left -= (int64_t)len;
	calm_earn_bytes(&h->calm, len);
	return http2_out_full(h->out) ? NGHTTP2_ERR_PAUSE : 0;
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	bool head = frame->hd.type == NGHTTP2_HEADERS;
	struct http2_stream *s = NULL;

	(void)arg;
	if (head || frame->hd.type == NGHTTP2_DATA)
		s = stream_of(session, frame->hd.stream_id);
	if (s == NULL)
		return 0;
	if (head) {
		s->head_out = s->head_out || s->head_given;
		s->stream.bytes_out += (int64_t)frame->hd.length;
	}
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		s->end_out = true;
	http2_stream_wake(s);
	/* Nobody will read the rest of what a request without a task brings. */
	if (s->end_out && !s->ended && s->stream.task == NULL)
		http2_session_reset(s, false);
	return 0;
}

void http2_session_gather(struct http2 *h)
{
	const uint8_t *data;
	ssize_t n;

	while (!http2_out_full(h->out)) {
		n = nghttp2_session_mem_send(h->session, &data);
		if (n < 0)
			http2_session_end(h, false);
		if (n <= 0)
			break;
		http2_out_text(h->out, data, (size_t)n);
	}
}

/* Life */

static void set_callbacks(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
	nghttp2_session_callbacks_set_data_source_read_length_callback(c, data_length);
	nghttp2_session_callbacks_set_send_data_callback(c, send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
}

void http2_session_open(struct http2 *h, unsigned streams)
{
	static nghttp2_session_callbacks *callbacks; /* the same for all, for ever */
	static nghttp2_option *option;
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	if (callbacks == NULL) {
		if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
		    nghttp2_option_new(&option) != 0)
			fatal("out of memory");
		set_callbacks(callbacks);
		nghttp2_option_set_no_auto_window_update(option, 1);
	}
	if (nghttp2_session_server_new2(&h->session, callbacks, h, option) != 0 ||
	    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
				    sizeof(settings) / sizeof(settings[0])) != 0)
		fatal("out of memory");
}

void http2_session_close(struct http2 *h)
{
	http2_head_drop(&h->head);
	nghttp2_session_del(h->session);
	h->session = NULL;
}

void http2_session_feed(struct http2 *h, const char *data, size_t len)
{
	ssize_t n;

	calm_tick(&h->calm, clock_now_ms());
	calm_watch(&h->calm, data, len);
	n = nghttp2_session_mem_recv(h->session, (const uint8_t *)data, len);
	if (n == NGHTTP2_ERR_NOMEM)
		fatal("out of memory");
	if (n < 0)
		http2_session_end(h, n == NGHTTP2_ERR_FLOODED);
	else if (calm_is_over(&h->calm) ||
		 nghttp2_session_get_outbound_queue_size(h->session) > HTTP2_QUEUE_MAX)
		http2_session_end(h, true);
}

bool http2_session_wants(const struct http2 *h)
{
	return nghttp2_session_want_write(h->session) != 0;
}

bool http2_session_over(const struct http2 *h)
{
	return nghttp2_session_want_read(h->session) == 0 &&
	       nghttp2_session_want_write(h->session) == 0;
}

void http2_session_end(struct http2 *h, bool angry)
{
	if (angry && h->ending_since_ms == 0) {
		h->angry = true;
		metric_inc(M_HTTP2_FLOODED);
		log_info("connection ended: its client keeps us busy with nothing", "remote=%s",
			 h->conn->remote);
	}
	if (h->ending_since_ms == 0)
		h->ending_since_ms = clock_now_ms();
	(void)nghttp2_session_terminate_session(h->session, angry ? NGHTTP2_ENHANCE_YOUR_CALM
								  : NGHTTP2_NO_ERROR);
}

void http2_session_notice(struct http2 *h)
{
	(void)nghttp2_submit_shutdown_notice(h->session);
}

void http2_session_refuse(struct http2 *h)
{
	(void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(h->session),
				    NGHTTP2_NO_ERROR, NULL, 0);
}

/* Streams */

void http2_session_consumed(struct http2_stream *s, size_t len)
{
	if (!s->http2->lost && len > 0)
		(void)nghttp2_session_consume(s->http2->session, s->id, len);
}

bool http2_session_widen(struct http2_stream *s)
{
	nghttp2_session *session = s->http2->session;

	if (!s->open || s->ended || (s->unseen >= 0 && s->unseen <= HTTP2_WINDOW_CLOSED))
		return false;
	(void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
						    HTTP2_WINDOW_CONN);
	(void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, s->id,
						    HTTP2_WINDOW_STREAM);
	return true;
}

static nghttp2_nv field(const char *name, const char *value)
{
	/* Texts that never come again would only push others out of the client's table. */
	static const char *const fleeting[] = {"X-Request-Id", "Docker-Content-Digest",
					       "Docker-Upload-UUID", "Content-Range"};
	nghttp2_nv nv = {(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			 strlen(value), NGHTTP2_NV_FLAG_NONE};

	for (size_t i = 0; i < sizeof(fleeting) / sizeof(fleeting[0]); i++)
		if (strcmp(name, fleeting[i]) == 0)
			nv.flags = NGHTTP2_NV_FLAG_NO_INDEX;
	return nv;
}

int http2_session_respond(struct http2_stream *s, const struct reply_head *head)
{
	static const nghttp2_data_provider provider = {.read_callback = take_data};
	nghttp2_nv nv[ANSWER_FIELDS + 3];
	char status[8], length[24];
	size_t count = 0;
	int rc;

	if (head->count > ANSWER_FIELDS) {
		log_error("head of an answer is too large", "status=%d", head->status);
		return ERR_LIMIT;
	}
	snprintf(status, sizeof(status), "%d", head->status);
	snprintf(length, sizeof(length), "%lld", (long long)head->length);
	nv[count++] = field(":status", status);
	nv[count++] = field("date", http_date());
	if (!http_status_body_less(head->status)) {
		if (head->length >= 0)
			nv[count++] = field("content-length", length);
		if (!s->body_less)
			s->left = head->length >= 0  ? head->length
				  : s->parts_len > 0 ? INT64_MAX
						     : 0;
	}
	for (unsigned i = 0; i < head->count; i++)
		nv[count++] = field(head->fields[i].name, head->fields[i].value);
	rc = nghttp2_submit_response(s->http2->session, s->id, nv, count,
				     s->left > 0 ? &provider : NULL);
	s->head_given = true;
	return rc == 0 ? 0 : ERR_PEER_GONE;
}

void http2_session_say_continue(struct http2_stream *s)
{
	const nghttp2_nv nv = field(":status", "100");

	if (s->open)
		(void)nghttp2_submit_headers(s->http2->session, NGHTTP2_FLAG_NONE, s->id, NULL,
					     &nv, 1, NULL);
}

void http2_session_resume(struct http2_stream *s)
{
	if (!s->deferred || (s->parts_len == 0 && s->left > 0))
		return;
	s->deferred = false;
	(void)nghttp2_session_resume_data(s->http2->session, s->id);
}

bool http2_session_shut(const struct http2_stream *s)
{
	return nghttp2_session_get_remote_window_size(s->http2->session) <= 0 ||
	       nghttp2_session_get_stream_remote_window_size(s->http2->session, s->id) <= 0;
}

void http2_session_reset(struct http2_stream *s, bool failed)
{
	if (s->open)
		(void)nghttp2_submit_rst_stream(s->http2->session, NGHTTP2_FLAG_NONE, s->id,
						failed ? NGHTTP2_INTERNAL_ERROR
						       : NGHTTP2_NO_ERROR);
}

void http2_session_forget(struct http2_stream *s)
{
	nghttp2_session *session = s->http2->session;

	if (!s->http2->lost && s->inbox.len > 0)
		(void)nghttp2_session_consume_connection(session, s->inbox.len);
	if (s->open)
		(void)nghttp2_session_set_stream_user_data(session, s->id, NULL);
	s->open = false;
}

void http2_session_bind(struct http2_stream *s)
{
	(void)nghttp2_session_set_stream_user_data(s->http2->session, s->id, s);
}

void http2_session_turn_away(struct http2 *h, int32_t id)
{
	(void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id,
					NGHTTP2_REFUSED_STREAM);
}
