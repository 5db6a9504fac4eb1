/* The dashes stand before bytes 4, 6, 8 and 10. */
#include "storage/daemon/uuid.h"

#include <string.h>

static bool dash_before(unsigned byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *uuid_text(const unsigned char uuid[UUID_BYTES], char *text)
{
	static const unsigned char none[UUID_BYTES];
	static const char digits[] = "0123456789abcdef";
	char *to = text;

	if (memcmp(uuid, none, UUID_BYTES) != 0) {
		for (unsigned i = 0; i < UUID_BYTES; i++) {
			if (dash_before(i))
				*to++ = '-';
			*to++ = digits[uuid[i] >> 4];
			*to++ = digits[uuid[i] & 15];
		}
	}
	*to = '\0';
	return text;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *text, unsigned char uuid[UUID_BYTES])
{
	if (strlen(text) != UUID_TEXT - 1)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < UUID_BYTES; i++) {
		int high, low;

		if (dash_before(i) && *text++ != '-')
			return ERR_SYNTAX;
		high = digit_value(*text++);
		low = digit_value(*text++);
		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		uuid[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}
