/*
 * Six bits a character, four characters for three bytes:
 *
 *   aaaaaa aabbbb bbbbcc cccccc
 *
 * A rest of one byte takes two characters, of two bytes three; the unused low bits are zero.
 */
#include "gateway/base64.h"

#include <stdint.h>
#include <string.h>

static const char letters[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int value_of(enum base64_alphabet alphabet, char c)
{
	const char *at = c == '\0' ? NULL : strchr(letters[alphabet], c);

	return at == NULL ? -1 : (int)(at - letters[alphabet]);
}

/* Padding is right when it fills the last group of four. */
static int strip_padding(const char *text, size_t *len)
{
	size_t pads = 0;

	while (*len > 0 && pads < 2 && text[*len - 1] == '=') {
		(*len)--;
		pads++;
	}
	if (pads > 0 && (*len + pads) % 4 != 0)
		return ERR_SYNTAX;
	return *len % 4 == 1 ? ERR_SYNTAX : 0;
}

int base64_decode(struct arena *a, enum base64_alphabet alphabet, const char *text, size_t len,
		  struct slice *out)
{
	unsigned char *bytes;
	uint32_t bits = 0;
	size_t n = 0;
	int held = 0;

	if (alphabet == BASE64_STANDARD && strip_padding(text, &len) < 0)
		return ERR_SYNTAX;
	if (len % 4 == 1)
		return ERR_SYNTAX;
	bytes = arena_alloc(a, len / 4 * 3 + 4);
	for (size_t i = 0; i < len; i++) {
		int value = value_of(alphabet, text[i]);

		if (value < 0)
			return ERR_SYNTAX;
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[n++] = (unsigned char)(bits >> held);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return ERR_SYNTAX;
	*out = (struct slice){(const char *)bytes, n};
	return 0;
}

const char *base64_encode(struct arena *a, enum base64_alphabet alphabet, const void *data,
			  size_t len)
{
	const unsigned char *in = data;
	const char *abc = letters[alphabet];
	char *text = arena_alloc(a, (len + 2) / 3 * 4 + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t rest = len - i;
		uint32_t group = (uint32_t)in[i] << 16;

		if (rest > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (rest > 2)
			group |= in[i + 2];
		text[n++] = abc[group >> 18];
		text[n++] = abc[group >> 12 & 63];
		if (rest > 1)
			text[n++] = abc[group >> 6 & 63];
		if (rest > 2)
			text[n++] = abc[group & 63];
	}
	while (alphabet == BASE64_STANDARD && n % 4 != 0)
		text[n++] = '=';
	return text;
}
