/* Listening sockets from a list of addresses. IPv6 sockets take IPv6 only: the list says the
 * rest. */
#include "gateway/listen.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/filter.h>

#include "proto/base/log.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static int make_address(const char *host, int port, struct sockaddr_storage *ss, socklen_t *len)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		*len = sizeof(*in4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*in6);
		return 0;
	}
	return ERR_SYNTAX;
}

static int open_one(const char *host, int port)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int one = 1;
	int fd, rc;

	if (make_address(host, port, &ss, &len) < 0)
		return ERR_SYNTAX;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (rc == 0 && ss.ss_family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (rc == 0)
		rc = bind(fd, (struct sockaddr *)&ss, len);
	if (rc == 0)
		rc = listen(fd, BACKLOG);
	if (rc == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static bool family_missing(int rc)
{
	return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL;
}

int listen_open(const char *addresses, int port, struct listen_set *out)
{
	const char *at = addresses;
	int last = ERR_SYNTAX;

	out->count = 0;
	while (*at != '\0') {
		size_t len = strcspn(at, ", ");
		char host[64];

		if (len == 0) {
			at++;
			continue;
		}
		snprintf(host, sizeof(host), "%.*s", (int)len, at);
		at += len;
		last = out->count < LISTEN_MAX ? open_one(host, port) : ERR_LIMIT;
		if (last >= 0) {
			out->fd[out->count++] = last;
			continue;
		}
		log_line(family_missing(last) ? LOG_WARN : LOG_ERROR, "cannot listen",
			 "address=%s port=%d why=\"%s\"", host, port, err_text(last));
		if (!family_missing(last)) {
			listen_close(out);
			return last;
		}
	}
	return out->count > 0 ? 0 : last;
}

void listen_turn_away(const struct listen_set *s)
{
	enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 }; /* in a TCP header */
	static struct sock_filter drop_syn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	static const struct sock_fprog program = {
		.len = sizeof(drop_syn) / sizeof(drop_syn[0]),
		.filter = drop_syn,
	};

	for (unsigned i = 0; i < s->count; i++)
		if (setsockopt(s->fd[i], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			       sizeof(program)) < 0)
			log_warn("cannot turn new connections away", "why=\"%s\"",
				 err_text(-errno));
}

void listen_close(struct listen_set *s)
{
	for (unsigned i = 0; i < s->count; i++)
		close(s->fd[i]);
	s->count = 0;
}
