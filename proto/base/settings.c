/*
 * The table with its parsers and printers. A setting's kind is one row of functions, so that
 * parsing, limits and --dump need no switch.
 */
#include "proto/base/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/settings_rows.h"

static struct settings values;

const struct settings *settings(void)
{
	return &values;
}

const struct setting_row SETTING_ROWS[] = {
#define SETTING_INT(member, key, dflt, min, max, doc) \
	{key, SETTING_KIND_INT, offsetof(struct settings, member), dflt, NULL, min, max, doc},
#define SETTING_SIZE(member, key, dflt, min, max, doc) \
	{key, SETTING_KIND_SIZE, offsetof(struct settings, member), dflt, NULL, min, max, doc},
#define SETTING_TIME(member, key, dflt, min, max, doc) \
	{key, SETTING_KIND_TIME, offsetof(struct settings, member), dflt, NULL, min, max, doc},
#define SETTING_BOOL(member, key, dflt, doc) \
	{key, SETTING_KIND_BOOL, offsetof(struct settings, member), dflt, NULL, 0, 1, doc},
#define SETTING_TEXT(member, key, dflt, doc) \
	{key, SETTING_KIND_TEXT, offsetof(struct settings, member), 0, dflt, 0, 0, doc},
#include "proto/base/settings_table.h"
#undef SETTING_INT
#undef SETTING_SIZE
#undef SETTING_TIME
#undef SETTING_BOOL
#undef SETTING_TEXT
};
const size_t SETTING_ROW_COUNT = sizeof(SETTING_ROWS) / sizeof(SETTING_ROWS[0]);

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit SIZE_UNITS[] = {
	{"G", 1LL << 30}, {"M", 1LL << 20}, {"K", 1LL << 10}, {"", 1}, {NULL, 0}};
static const struct unit TIME_UNITS[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
					 {"s", 1000},	  {"ms", 1},	  {NULL, 0}};
static const struct unit NO_UNITS[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum setting_kind kind)
{
	if (kind == SETTING_KIND_SIZE)
		return SIZE_UNITS;
	return kind == SETTING_KIND_TIME ? TIME_UNITS : NO_UNITS;
}

static int parse_number(const struct unit *units, const char *text, int64_t *out)
{
	char *end;
	long long n;

	if (*text < '0' || *text > '9')
		return ERR_SYNTAX;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0)
		return ERR_LIMIT;
	/* 0 needs no unit. */
	if (n == 0 && *end == '\0') {
		*out = 0;
		return 0;
	}
	for (; units->suffix != NULL; units++) {
		if (strcmp(end, units->suffix) == 0) {
			if (__builtin_mul_overflow(n, (long long)units->factor, &n))
				return ERR_LIMIT;
			*out = n;
			return 0;
		}
	}
	return ERR_SYNTAX;
}

static void print_number(char *buf, size_t size, const struct unit *units, int64_t n)
{
	for (; units->suffix != NULL; units++) {
		if ((n != 0 && n % units->factor == 0) || units->factor == 1) {
			snprintf(buf, size, "%lld%s", (long long)(n / units->factor),
				 units->suffix);
			return;
		}
	}
}

static int complain(char *why, size_t size, int rc, const struct setting_row *row,
		    const char *value)
{
	char min[32], max[32];
	static const char *const WANTED[] = {
		[SETTING_KIND_INT] = "a whole number",
		[SETTING_KIND_SIZE] = "a size such as 512K, 64M or 10G",
		[SETTING_KIND_TIME] =
			"a time with its unit such as 500ms, 30s, 10m, 24h or 30d",
		[SETTING_KIND_BOOL] = "on or off",
		[SETTING_KIND_TEXT] = "a text",
	};

	if (rc == ERR_LIMIT) {
		print_number(min, sizeof(min), units_of(row->kind), row->min);
		print_number(max, sizeof(max), units_of(row->kind), row->max);
		snprintf(why, size, "%s = %s is out of range: from %s to %s", row->key, value,
			 min, max);
	} else {
		snprintf(why, size, "%s = %s: give %s", row->key, value, WANTED[row->kind]);
	}
	return rc;
}

static void *member_of(const struct setting_row *row)
{
	return (char *)&values + row->offset;
}

static int set_number(const struct setting_row *row, const char *value)
{
	int64_t n;
	int rc = parse_number(units_of(row->kind), value, &n);

	if (rc < 0)
		return rc;
	if (n < row->min || n > row->max)
		return ERR_LIMIT;
	*(int64_t *)member_of(row) = n;
	return 0;
}

static int set_bool(const struct setting_row *row, const char *value)
{
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return ERR_SYNTAX;
	*(bool *)member_of(row) = strcmp(value, "on") == 0;
	return 0;
}

static void set_text(const struct setting_row *row, const char *value)
{
	const char **member = member_of(row);

	if (*member != row->text)
		free((char *)*member);
	*member = xstrdup(value);
}

int setting_row_set(const struct setting_row *row, const char *value, char *why,
		    size_t why_size)
{
	int rc = 0;

	if (row->kind == SETTING_KIND_TEXT)
		set_text(row, value);
	else if (row->kind == SETTING_KIND_BOOL)
		rc = set_bool(row, value);
	else
		rc = set_number(row, value);
	return rc < 0 ? complain(why, why_size, rc, row, value) : 0;
}

const struct setting_row *setting_row_find(const char *key)
{
	for (size_t i = 0; i < SETTING_ROW_COUNT; i++)
		if (strcmp(SETTING_ROWS[i].key, key) == 0)
			return &SETTING_ROWS[i];
	return NULL;
}

static void set_default_text(const struct setting_row *row)
{
	const char **member = member_of(row);

	if (*member != row->text)
		free((char *)*member);
	*member = row->text;
}

void settings_reset(void)
{
	for (size_t i = 0; i < SETTING_ROW_COUNT; i++) {
		const struct setting_row *row = &SETTING_ROWS[i];

		if (row->kind == SETTING_KIND_TEXT)
			set_default_text(row);
		else if (row->kind == SETTING_KIND_BOOL)
			*(bool *)member_of(row) = row->number != 0;
		else
			*(int64_t *)member_of(row) = row->number;
	}
}

int settings_set(const char *key, const char *value, char *why, size_t why_size)
{
	const struct setting_row *row = setting_row_find(key);

	if (row == NULL) {
		snprintf(why, why_size, "%s is not a setting; --dump lists them all", key);
		return ERR_NOT_FOUND;
	}
	return setting_row_set(row, value, why, why_size);
}

static void print_value(char *buf, size_t size, const struct setting_row *row)
{
	if (row->kind == SETTING_KIND_TEXT)
		snprintf(buf, size, "%s", *(const char **)member_of(row));
	else if (row->kind == SETTING_KIND_BOOL)
		snprintf(buf, size, "%s", *(bool *)member_of(row) ? "on" : "off");
	else
		print_number(buf, size, units_of(row->kind), *(int64_t *)member_of(row));
}

static void print_limits(FILE *out, const struct setting_row *row)
{
	char min[32], max[32];

	if (row->kind == SETTING_KIND_TEXT || row->kind == SETTING_KIND_BOOL)
		return;
	print_number(min, sizeof(min), units_of(row->kind), row->min);
	print_number(max, sizeof(max), units_of(row->kind), row->max);
	fprintf(out, " (from %s to %s)", min, max);
}

void settings_dump(FILE *out)
{
	char value[1024];

	for (size_t i = 0; i < SETTING_ROW_COUNT; i++) {
		const struct setting_row *row = &SETTING_ROWS[i];

		print_value(value, sizeof(value), row);
		fprintf(out, "# %s", row->doc);
		print_limits(out, row);
		fprintf(out, "\n%s = %s\n\n", row->key, value);
	}
}
