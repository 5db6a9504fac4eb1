/* Numbers and flags out of the query. */
#include "gateway/api_query.h"

#include <string.h>

#include "gateway/api_json.h"

/* "" is none. ERR_SYNTAX. */
static int number_read(const char *text, int64_t max, int64_t *out)
{
	int64_t n = 0;

	if (*text == '\0')
		return ERR_SYNTAX;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n <= max ? n * 10 + (*text - '0') : n;
	*out = n <= max ? n : max;
	return *text == '\0' ? 0 : ERR_SYNTAX;
}

int api_query_number(struct request *rq, const char *resource, const char *name, int64_t max,
		     int64_t *out)
{
	const char *text = request_query(rq, name);

	if (text == NULL || number_read(text, max, out) == 0)
		return 0;
	return api_json_invalid(rq, resource, name, "invalid");
}

int api_query_flag(struct request *rq, const char *resource, const char *name, bool *out)
{
	const char *text = request_query(rq, name);
	bool is_true = text != NULL && strcmp(text, "true") == 0;

	if (text == NULL)
		return 0;
	if (!is_true && strcmp(text, "false") != 0)
		return api_json_invalid(rq, resource, name, "invalid");
	*out = is_true;
	return 0;
}
