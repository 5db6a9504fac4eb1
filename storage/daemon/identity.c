/*
 * Text, so that people can read it; the last line guards the others:
 *
 *	packhouse-disk 1
 *	node 32 hex digits
 *	cluster 32 hex digits
 *	name storage-1
 *	crc32c 8 hex digits
 */
#include "storage/daemon/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/crc32c.h"

#define FILE_NAME    "identity"
#define FILE_MAX     512
#define HEX_SIZE     (2 * STORE_UUID_SIZE)
#define FORMAT_HEAD  "packhouse-disk "
#define FORMAT_LINE  FORMAT_HEAD "1\n"
#define CRC_LINE_LEN (sizeof("crc32c 01234567\n") - 1)

static void uuid_hex(const unsigned char uuid[STORE_UUID_SIZE], char out[HEX_SIZE + 1])
{
	for (int i = 0; i < STORE_UUID_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", uuid[i]);
}

static bool uuid_parse(const char *hex, unsigned char out[STORE_UUID_SIZE])
{
	if (strspn(hex, "0123456789abcdef") != HEX_SIZE)
		return false;
	for (int i = 0; i < STORE_UUID_SIZE; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	return true;
}

static uint32_t text_crc(const char *text, size_t len)
{
	return crc32c_add(0, text, len);
}

int identity_load(struct disk *d, struct store_identity *out)
{
	char text[FILE_MAX + 1], node[HEX_SIZE + 1], cluster[HEX_SIZE + 1];
	size_t len, body;
	unsigned crc;
	int rc = d->ops->load(d, FILE_NAME, text, FILE_MAX, &len);

	if (rc < 0)
		return rc == -ENOENT ? ERR_NOT_FOUND : rc == -EFBIG ? ERR_CORRUPT : rc;
	text[len] = 0;
	body = len < CRC_LINE_LEN ? 0 : len - CRC_LINE_LEN;
	if (sscanf(text + body, "crc32c %8x\n", &crc) != 1 || crc != text_crc(text, body))
		return ERR_CORRUPT;
	if (strncmp(text, FORMAT_LINE, strlen(FORMAT_LINE)) != 0)
		return strncmp(text, FORMAT_HEAD, strlen(FORMAT_HEAD)) == 0 ? -EPROTO
									    : ERR_CORRUPT;
	memset(out, 0, sizeof(*out));
	text[body] = 0;
	/* The name is last and may be empty. */
	if (sscanf(text + strlen(FORMAT_LINE), "node %32s\ncluster %32s\nname %64[^\n]", node,
		   cluster, out->name) < 2 ||
	    !uuid_parse(node, out->node) || !uuid_parse(cluster, out->cluster))
		return ERR_CORRUPT;
	return 0;
}

int identity_save(struct disk *d, const struct store_identity *id)
{
	char text[FILE_MAX], node[HEX_SIZE + 1], cluster[HEX_SIZE + 1];
	int len;

	uuid_hex(id->node, node);
	uuid_hex(id->cluster, cluster);
	len = snprintf(text, sizeof(text), FORMAT_LINE "node %s\ncluster %s\nname %s\n", node,
		       cluster, id->name);
	len += snprintf(text + len, sizeof(text) - (size_t)len, "crc32c %08x\n",
			text_crc(text, (size_t)len));
	return d->ops->save(d, FILE_NAME, text, (size_t)len);
}

void identity_make(struct disk *d, const char *name, struct store_identity *out)
{
	memset(out, 0, sizeof(*out));
	d->ops->random(d, out->node, sizeof(out->node));
	out->node[6] = (out->node[6] & 0x0f) | 0x40;
	out->node[8] = (out->node[8] & 0x3f) | 0x80;
	snprintf(out->name, sizeof(out->name), "%s", name);
}
