/*
 * What proxies say about a request: the first byte says which header the rest is. What is
 * believed goes into URLs of ours, so it must be a scheme and a host and nothing else. The same
 * bytes as a list of networks.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/cidr.h"
#include "gateway/client_net.h"
#include "gateway/forwarded.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_forwarded(struct arena *a, unsigned char which, const char *text)
{
	const char *client = forwarded_client(a, which % 2 == 0 ? text : NULL, text);
	struct client_net net;
	struct forwarded f;

	if (client != NULL)
		(void)client_net_parse(client, &net);
	forwarded_read(a, which % 3 == 0 ? text : NULL, which % 3 == 1 ? text : NULL,
		       which % 3 == 2 ? text : NULL, &f);
	assert(f.scheme == NULL || strcmp(f.scheme, "http") == 0 ||
	       strcmp(f.scheme, "https") == 0);
	assert(f.host == NULL || (f.host[0] != '\0' && strlen(f.host) <= 255 &&
				  strpbrk(f.host, "/\\@?#%\"' \t\r\n<>") == NULL));
}

static void check_networks(const char *text)
{
	struct cidr_list list;

	if (cidr_list_parse(text, &list) < 0)
		return;
	assert(list.count <= CIDR_MAX);
	for (unsigned i = 0; i < list.count; i++)
		assert(list.net[i].bits <= (list.net[i].v6 ? 128 : 32));
	(void)cidr_list_has(&list, "192.0.2.7");
	(void)cidr_list_has(&list, "2001:db8::7");
	(void)cidr_list_has(&list, text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct arena *a = arena_new();
	char *text;

	if (size > 0) {
		text = arena_memdup(a, data + 1, size - 1);
		check_forwarded(a, data[0], text);
		check_networks(text);
	}
	arena_free(a);
	return 0;
}
