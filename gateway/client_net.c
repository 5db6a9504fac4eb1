/* Addresses as two words; what does not tell clients apart is zero. */
#include "gateway/client_net.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#define MAPPED ((uint64_t)0xffff << 32) /* ::ffff:0.0.0.0, its second word */

static struct client_net of_v4(const struct in_addr *in)
{
	return (struct client_net){{0, MAPPED | ntohl(in->s_addr)}};
}

static struct client_net of_v6(const struct in6_addr *in6)
{
	struct client_net n;

	memcpy(n.word, in6->s6_addr, sizeof(n.word));
	n.word[0] = be64toh(n.word[0]);
	n.word[1] = IN6_IS_ADDR_V4MAPPED(in6) ? be64toh(n.word[1]) : 0;
	return n;
}

struct client_net client_net_of(const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET6)
		return of_v6(&((const struct sockaddr_in6 *)from)->sin6_addr);
	return of_v4(&((const struct sockaddr_in *)from)->sin_addr);
}

int client_net_parse(const char *host, struct client_net *out)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, host, &in) == 1)
		*out = of_v4(&in);
	else if (inet_pton(AF_INET6, host, &in6) == 1)
		*out = of_v6(&in6);
	else
		return ERR_SYNTAX;
	return 0;
}

const char *client_net_text(const struct client_net *n, char buf[CLIENT_NET_TEXT_MAX])
{
	uint64_t first = htobe64(n->word[0]);
	struct in_addr in = {htonl((uint32_t)n->word[1])};
	char prefix[INET6_ADDRSTRLEN];
	struct in6_addr in6 = {0};

	if (n->word[1] != 0)
		return inet_ntop(AF_INET, &in, buf, CLIENT_NET_TEXT_MAX);
	memcpy(in6.s6_addr, &first, sizeof(first));
	if (inet_ntop(AF_INET6, &in6, prefix, sizeof(prefix)) != NULL)
		snprintf(buf, CLIENT_NET_TEXT_MAX, "%s/64", prefix);
	return buf;
}
