/* Networks as address and length of the prefix. */
#include "gateway/cidr.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#define NET_TEXT_MAX 64

static int address_read(const char *text, struct cidr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->address) == 1) {
		out->bits = 32;
		return 0;
	}
	out->v6 = true;
	out->bits = 128;
	return inet_pton(AF_INET6, text, out->address) == 1 ? 0 : ERR_SYNTAX;
}

/* The first `bits` bits of both are the same. */
static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool zero_behind(const struct cidr *net)
{
	for (unsigned bit = net->bits; bit < (net->v6 ? 128 : 32); bit++)
		if ((net->address[bit / 8] & (0x80 >> bit % 8)) != 0)
			return false;
	return true;
}

static int net_read(const char *at, size_t len, struct cidr *out)
{
	char text[NET_TEXT_MAX];
	char *slash;
	size_t digits;

	if (len >= sizeof(text))
		return ERR_SYNTAX;
	memcpy(text, at, len);
	text[len] = '\0';
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (address_read(text, out) < 0)
		return ERR_SYNTAX;
	if (slash == NULL)
		return 0;
	digits = strspn(slash, "0123456789");
	if (digits == 0 || digits > 3 || slash[digits] != '\0' ||
	    strtoul(slash, NULL, 10) > out->bits)
		return ERR_SYNTAX;
	out->bits = (unsigned)strtoul(slash, NULL, 10);
	return zero_behind(out) ? 0 : ERR_SYNTAX;
}

int cidr_list_parse(const char *text, struct cidr_list *out)
{
	const char *at = text + strspn(text, " \t");

	out->count = 0;
	while (*at != '\0') {
		size_t len = strcspn(at, ", \t");
		int rc;

		if (out->count == CIDR_MAX)
			return ERR_LIMIT;
		rc = net_read(at, len, &out->net[out->count]);
		if (rc < 0)
			return rc;
		out->count++;
		at += len;
		at += strspn(at, " \t");
		if (*at != ',' && *at != '\0')
			return ERR_SYNTAX;
		at += *at == ',';
		at += strspn(at, " \t");
	}
	return 0;
}

bool cidr_list_has(const struct cidr_list *l, const char *host)
{
	struct cidr one;

	if (l->count == 0 || address_read(host, &one) < 0)
		return false;
	for (unsigned i = 0; i < l->count; i++)
		if (l->net[i].v6 == one.v6 &&
		    same_prefix(l->net[i].address, one.address, l->net[i].bits))
			return true;
	return false;
}
