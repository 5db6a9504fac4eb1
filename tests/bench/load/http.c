/*
 * Plain sockets that never block longer than poll() is told to. A server may answer before it
 * has read a whole body (413, 401, 503): that answer is looked for whenever sending would
 * block or has failed, and the connection is given up after it.
 */
#include "tests/bench/load/http.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER	   (256u << 10)
#define CHUNK_HEAD 8u /* "40000\r\n" and shorter */

/* Sending stopped because an answer is there already. */
#define EARLY 1

struct http_conn {
	const struct url *server;
	int fd;
	size_t start, end; /* of what was received and not consumed */
	uint64_t bytes;
	char excerpt[HTTP_EXCERPT + 1];
	char in[BUFFER], out[BUFFER + 2 * CHUNK_HEAD];
};

uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct http_conn *http_new(const struct url *server)
{
	struct http_conn *c = xmalloc(sizeof(*c));

	c->server = server;
	c->fd = -1;
	c->start = c->end = 0;
	c->bytes = 0;
	c->excerpt[0] = '\0';
	return c;
}

void http_close(struct http_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->start = c->end = 0;
}

void http_free(struct http_conn *c)
{
	if (c == NULL)
		return;
	http_close(c);
	free(c);
}

const char *http_excerpt(const struct http_conn *c)
{
	return c->excerpt;
}

uint64_t http_bytes(const struct http_conn *c)
{
	return c->bytes;
}

/* Waits for one of these events: what poll() saw, or -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_us(),
			 left = deadline > now ? (deadline - now) / 1000 + 1 : 0;
		int n;

		if (left == 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left > 1000000 ? 1000000 : (int)left);
		if (n > 0)
			return p.revents;
		if (n < 0 && errno != EINTR)
			return ERR_PEER_GONE;
	}
}

/* ---- connecting ---- */

static int connect_to(const struct addrinfo *address, uint64_t deadline)
{
	int one = 1, error = 0, rc;
	socklen_t size = sizeof(error);
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -ECONNREFUSED;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	rc = errno == EINPROGRESS ? wait_for(fd, POLLOUT, deadline) : -ECONNREFUSED;
	if (rc >= 0 && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0))
		rc = -ECONNREFUSED;
	if (rc >= 0)
		return fd;
	close(fd);
	return rc;
}

static int connect_conn(struct http_conn *c, uint64_t deadline)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
	int fd = -ECONNREFUSED;

	if (getaddrinfo(c->server->host, c->server->port, &hints, &list) != 0)
		return -ECONNREFUSED;
	for (a = list; a != NULL && fd == -ECONNREFUSED; a = a->ai_next)
		fd = connect_to(a, deadline);
	freeaddrinfo(list);
	if (fd < 0)
		return fd;
	c->fd = fd;
	c->start = c->end = 0;
	return 0;
}

/* A kept connection on which the server said something, or good-bye, is of no use. */
static int make_ready(struct http_conn *c, uint64_t deadline)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};

	if (c->fd >= 0 && (c->start != c->end || poll(&p, 1, 0) != 0))
		http_close(c);
	return c->fd >= 0 ? 0 : connect_conn(c, deadline);
}

/* ---- sending ---- */

static int send_bytes(struct http_conn *c, const char *bytes, size_t len, int flags,
		      uint64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL | flags);
		int rc;

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
			c->bytes += (uint64_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return EARLY; /* broken; its last words may be an answer */
		rc = wait_for(c->fd, POLLOUT | POLLIN, deadline);
		if (rc < 0)
			return rc;
		if (rc & POLLIN)
			return EARLY;
	}
	return 0;
}

/* The next piece of the body in c->out, behind room for a chunk's head. */
static size_t fill_piece(struct http_conn *c, const struct body *b, uint64_t at, size_t len)
{
	char *bytes = c->out + CHUNK_HEAD;

	if (b->kind == BODY_TEXT)
		memcpy(bytes, b->text + at, len);
	else
		data_fill(b->seed, b->offset + at, bytes, len);
	if (b->hash != NULL)
		hash_add(b->hash, bytes, len);
	return len;
}

static int send_body(struct http_conn *c, const struct body *b, uint64_t deadline)
{
	char *bytes = c->out + CHUNK_HEAD;
	int rc = 0;

	for (uint64_t at = 0; at < b->size && rc == 0;) {
		size_t len = fill_piece(
			c, b, at, b->size - at < BUFFER ? (size_t)(b->size - at) : BUFFER);
		bool last = at + len == b->size;
		char *from = bytes;
		size_t n = len;

		if (b->chunked) {
			char head[CHUNK_HEAD + 1];
			int h = snprintf(head, sizeof(head), "%zx\r\n", len);

			from = bytes - h;
			memcpy(from, head, (size_t)h);
			memcpy(bytes + len, "\r\n", 2);
			n = len + (size_t)h + 2;
		}
		rc = send_bytes(c, from, n, last && !b->chunked ? 0 : MSG_MORE, deadline);
		at += len;
	}
	if (rc == 0 && b->chunked)
		rc = send_bytes(c, "0\r\n\r\n", 5, 0, deadline);
	return rc;
}

static int send_request(struct http_conn *c, const struct http_request *r, uint64_t deadline)
{
	char head[PARSE_HEAD_MAX], length[64] = "";
	const struct body *b = &r->body;
	int n, rc;

	if (b->chunked)
		snprintf(length, sizeof(length), "Transfer-Encoding: chunked\r\n");
	else if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
		snprintf(length, sizeof(length), "Content-Length: %llu\r\n",
			 (unsigned long long)b->size);
	n = snprintf(head, sizeof(head),
		     "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: packhouse-load\r\n%s%s\r\n",
		     r->method, r->path, c->server->authority, r->headers, length);
	if (n < 0 || (size_t)n >= sizeof(head))
		return ERR_LIMIT;
	rc = send_bytes(c, head, (size_t)n, b->size > 0 || b->chunked ? MSG_MORE : 0, deadline);
	return rc != 0 || b->kind == BODY_NONE ? rc : send_body(c, b, deadline);
}

/* ---- receiving ---- */

/* At least one more byte, or why not. */
static int receive_more(struct http_conn *c, uint64_t deadline)
{
	if (c->start == c->end)
		c->start = c->end = 0;
	if (c->end == BUFFER) {
		if (c->start == 0)
			return ERR_PROTOCOL;
		memmove(c->in, c->in + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->end, BUFFER - c->end, 0);
		int rc;

		if (n > 0) {
			c->end += (size_t)n;
			c->bytes += (uint64_t)n;
			return 0;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return ERR_PEER_GONE;
		rc = wait_for(c->fd, POLLIN, deadline);
		if (rc < 0)
			return rc;
	}
}

/* The final head; 1xx are skipped. */
static int receive_head(struct http_conn *c, uint64_t deadline, struct head *head)
{
	for (;;) {
		size_t len = head_length(c->in + c->start, c->end - c->start);
		int rc;

		if (len == 0) {
			if (c->end - c->start >= PARSE_HEAD_MAX)
				return ERR_PROTOCOL;
			rc = receive_more(c, deadline);
			if (rc != 0)
				return rc;
			continue;
		}
		rc = head_parse(c->in + c->start, len, head);
		c->start += len;
		if (rc != 0)
			return ERR_PROTOCOL;
		if (head->status >= 200)
			return 0;
	}
}

static void take_excerpt(struct http_conn *c, const char *bytes, size_t len)
{
	size_t at = strlen(c->excerpt);

	for (; len > 0 && at < HTTP_EXCERPT; len--, bytes++)
		c->excerpt[at++] = *bytes >= ' ' && *bytes <= '~' ? *bytes : ' ';
	c->excerpt[at] = '\0';
}

static void pour(struct sink *s, const char *bytes, size_t len)
{
	size_t room = s->keep_max - s->kept, n = len < room ? len : room;

	if (n > 0)
		memcpy(s->keep + s->kept, bytes, n);
	s->kept += n;
	if (s->hash != NULL)
		hash_add(s->hash, bytes, len);
	if (s->compare && !s->differs)
		s->differs = !data_matches(s->seed, s->offset + s->total, bytes, len);
	s->total += len;
}

static int receive_bytes(struct http_conn *c, uint64_t len, uint64_t deadline,
			 struct sink *sink)
{
	while (len > 0) {
		size_t have = c->end - c->start;

		if (have == 0) {
			int rc = receive_more(c, deadline);

			if (rc != 0)
				return rc;
			continue;
		}
		have = have < len ? have : (size_t)len;
		if (sink != NULL)
			pour(sink, c->in + c->start, have);
		else
			take_excerpt(c, c->in + c->start, have);
		c->start += have;
		len -= have;
	}
	return 0;
}

/* A line of the chunked coding, without CR LF, into line. */
static int receive_line(struct http_conn *c, uint64_t deadline, char *line, size_t size)
{
	for (;;) {
		char *from = c->in + c->start,
		     *end = memmem(from, c->end - c->start, "\r\n", 2);
		int rc;

		if (end != NULL && (size_t)(end - from) < size) {
			memcpy(line, from, (size_t)(end - from));
			line[end - from] = '\0';
			c->start += (size_t)(end - from) + 2;
			return 0;
		}
		if (end != NULL || c->end - c->start >= size)
			return ERR_PROTOCOL;
		rc = receive_more(c, deadline);
		if (rc != 0)
			return rc;
	}
}

static int receive_chunks(struct http_conn *c, uint64_t deadline, struct sink *sink)
{
	char line[1024], *end;
	unsigned long long len;
	int rc;

	for (;;) {
		rc = receive_line(c, deadline, line, sizeof(line));
		if (rc != 0)
			return rc;
		errno = 0;
		len = strtoull(line, &end, 16);
		if (end == line || errno != 0 || (*end != '\0' && *end != ';'))
			return ERR_PROTOCOL;
		if (len == 0)
			break;
		rc = receive_bytes(c, len, deadline, sink);
		if (rc == 0)
			rc = receive_line(c, deadline, line, 3);
		if (rc != 0)
			return rc;
		if (line[0] != '\0')
			return ERR_PROTOCOL;
	}
	do {
		rc = receive_line(c, deadline, line, sizeof(line));
	} while (rc == 0 && line[0] != '\0');
	return rc;
}

static int receive_body(struct http_conn *c, const char *method, uint64_t deadline,
			struct head *head, struct sink *sink)
{
	int rc;

	if (strcmp(method, "HEAD") == 0 || head->status == 204 || head->status == 304)
		return 0;
	if (head->chunked)
		return receive_chunks(c, deadline, sink);
	if (head->has_length)
		return receive_bytes(c, head->length, deadline, sink);
	head->close = true;
	rc = receive_bytes(c, UINT64_MAX, deadline, sink);
	return rc == ERR_PEER_GONE ? 0 : rc;
}

int http_exchange(struct http_conn *c, const struct http_request *request, uint64_t deadline,
		  struct head *head, struct sink *sink)
{
	int sent, rc = make_ready(c, deadline);

	c->excerpt[0] = '\0';
	if (rc != 0)
		return rc;
	sent = send_request(c, request, deadline);
	rc = sent < 0 ? sent : receive_head(c, deadline, head);
	if (rc == 0)
		rc = receive_body(c, request->method, deadline, head,
				  head->status / 100 == 2 ? sink : NULL);
	if (rc != 0 || sent == EARLY || head->close)
		http_close(c);
	return rc;
}
