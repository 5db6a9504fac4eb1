/* base64url of "1:ID:WORD"; the first number is that of this format. */
#include "gateway/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base64.h"
#include "gateway/utf8.h"

#define FORMAT	   "1:"
#define TEXT_MAX   ((CURSOR_WORD_MAX + 24) * 4 / 3)
#define DIGITS_MAX 18

const char *cursor_print(struct arena *a, const struct cursor *c)
{
	const char *text = arena_printf(a, FORMAT "%lld:%s", (long long)c->id, c->word);

	return base64_encode(a, BASE64_URL, text, strlen(text));
}

int cursor_read(struct arena *a, const char *text, struct cursor *out)
{
	size_t len = strlen(text), digits;
	struct slice bytes;
	const char *plain;

	if (len == 0 || len > TEXT_MAX || base64_decode(a, BASE64_URL, text, len, &bytes) < 0)
		return ERR_SYNTAX;
	plain = arena_memdup(a, bytes.data, bytes.len);
	if (strlen(plain) != bytes.len || !utf8_valid(plain) ||
	    strncmp(plain, FORMAT, strlen(FORMAT)) != 0)
		return ERR_SYNTAX;
	plain += strlen(FORMAT);
	digits = strspn(plain, "0123456789");
	if (digits == 0 || digits > DIGITS_MAX || plain[digits] != ':' ||
	    strlen(plain + digits + 1) > CURSOR_WORD_MAX)
		return ERR_SYNTAX;
	*out = (struct cursor){strtoll(plain, NULL, 10), plain + digits + 1};
	return 0;
}
