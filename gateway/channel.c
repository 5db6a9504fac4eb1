/* Messages over a SOCK_SEQPACKET pair: one send, one message, one receive. */
#include "gateway/channel.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

int channel_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0
		       ? -errno
		       : 0;
}

int channel_send(int fd, enum channel_kind kind, const char *text, size_t len, int timeout_ms)
{
	char message[1 + CHANNEL_TEXT_MAX];
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (len > CHANNEL_TEXT_MAX)
		len = CHANNEL_TEXT_MAX;
	message[0] = (char)kind;
	memcpy(message + 1, text, len);
	for (;;) {
		if (send(fd, message, len + 1, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (poll(&p, 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
	}
}

int channel_receive(int fd, struct channel_message *out)
{
	char message[1 + CHANNEL_TEXT_MAX];
	ssize_t n = recv(fd, message, sizeof(message), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return ERR_PEER_GONE;
	out->kind = (enum channel_kind)message[0];
	out->len = (size_t)n - 1;
	memcpy(out->text, message + 1, out->len);
	out->text[out->len] = '\0';
	return 1;
}
