/* Times as REST writes and reads them. */
#include "gateway/api_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *api_json_time(struct arena *a, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "1970-01-01T00:00:00Z";
	return arena_strdup(a, text);
}

int api_json_time_parse(const char *text, int64_t *out)
{
	int year, month, day, hour, minute, second, used = 0, zone_h, zone_m;
	long offset = 0;
	struct tm tm = {0};
	char sign;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
		   &second, &used) != 6)
		return ERR_SYNTAX;
	text += used;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (sscanf(text, "%c%2d:%2d%n", &sign, &zone_h, &zone_m, &used) == 3 &&
	    (sign == '+' || sign == '-') && text[used] == '\0')
		offset = (sign == '-' ? -1 : 1) * (zone_h * 3600L + zone_m * 60L);
	else if (strcmp(text, "Z") != 0)
		return ERR_SYNTAX;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return ERR_SYNTAX;
	tm = (struct tm){.tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = minute,
			 .tm_sec = second};
	*out = (int64_t)timegm(&tm) - offset;
	return 0;
}
