/*
 * Reading the sources in their order. Every mistake is printed, not only the first, so that an
 * operator needs one round to mend a file.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/settings.h"
#include "proto/base/settings_rows.h"

#define WHY_MAX	   512
#define EXIT_USAGE 2

struct reading {
	int mistakes;
	const char *config;
	bool check;
	bool dump;
};

extern char **environ;

static void mistake(struct reading *r, const char *place, const char *why)
{
	fprintf(stderr, "%s: %s\n", place, why);
	r->mistakes++;
}

static void apply(struct reading *r, const char *place, const char *key, const char *value)
{
	char why[WHY_MAX];

	if (settings_set(key, value, why, sizeof(why)) < 0)
		mistake(r, place, why);
}

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

static void read_line(struct reading *r, const char *place, char *line)
{
	char *text = trim(line);
	char *equals;

	if (*text == '\0' || *text == '#')
		return;
	equals = strchr(text, '=');
	if (equals == NULL) {
		mistake(r, place, "write it as `key = value`");
		return;
	}
	*equals = '\0';
	apply(r, place, trim(text), trim(equals + 1));
}

static void read_file(struct reading *r)
{
	FILE *in = fopen(r->config, "re");
	char place[WHY_MAX];
	char *line = NULL;
	size_t size = 0;

	if (in == NULL) {
		mistake(r, r->config, err_text(-errno));
		return;
	}
	for (int number = 1; getline(&line, &size, in) >= 0; number++) {
		snprintf(place, sizeof(place), "%s:%d", r->config, number);
		read_line(r, place, line);
	}
	if (ferror(in))
		mistake(r, r->config, err_text(-errno));
	free(line);
	fclose(in);
}

/* PACKHOUSE_GATEWAY_PORT → gateway.port; the first underscore of the rest is the dot, if any.
 */
static const struct setting_row *row_of_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < SETTING_ROW_COUNT; i++) {
		const char *key = SETTING_ROWS[i].key;
		size_t n = 0;

		for (; n < len && key[n] != '\0'; n++) {
			char wanted =
				key[n] == '.' ? '_' : (char)toupper((unsigned char)key[n]);

			if (name[n] != wanted)
				break;
		}
		if (n == len && key[n] == '\0')
			return &SETTING_ROWS[i];
	}
	return NULL;
}

static void read_environment(struct reading *r)
{
	static const char PREFIX[] = "PACKHOUSE_";

	for (char **v = environ; *v != NULL; v++) {
		const char *name = *v + sizeof(PREFIX) - 1;
		const char *equals = strchr(*v, '=');
		const struct setting_row *row;
		char why[WHY_MAX], place[WHY_MAX];

		if (equals == NULL || strncmp(*v, PREFIX, sizeof(PREFIX) - 1) != 0)
			continue;
		/* Others of this name are not ours: PACKHOUSE_URL and the like are for people.
		 */
		row = row_of_variable(name, (size_t)(equals - name));
		if (row == NULL)
			continue;
		snprintf(place, sizeof(place), "environment, %.*s", (int)(equals - *v), *v);
		if (setting_row_set(row, equals + 1, why, sizeof(why)) < 0)
			mistake(r, place, why);
	}
}

struct flag {
	char key[64];
	const char *value; /* NULL for a switch */
};

/* Splits argv[i]; returns how many words it took. */
static int split_flag(int argc, char **argv, int i, struct flag *f)
{
	const char *text = argv[i] + 2;
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);

	snprintf(f->key, sizeof(f->key), "%.*s", (int)len, text);
	f->value = equals != NULL ? equals + 1 : NULL;
	if (f->value != NULL ||
	    (setting_row_find(f->key) == NULL && strcmp(f->key, "config") != 0))
		return 1;
	f->value = i + 1 < argc ? argv[i + 1] : NULL;
	return f->value != NULL ? 2 : 1;
}

static bool take_switch(struct reading *r, const struct flag *f, const char *usage)
{
	if (strcmp(f->key, "help") == 0) {
		printf("%s\nAny setting as --key=value; --config FILE, --check, --dump.\n",
		       usage);
		exit(0);
	}
	if (strcmp(f->key, "version") == 0) {
		puts("packhouse " PACKHOUSE_VERSION);
		exit(0);
	}
	if (strcmp(f->key, "check") == 0)
		r->check = true;
	else if (strcmp(f->key, "dump") == 0)
		r->dump = true;
	else
		return false;
	return true;
}

/* First pass: only --config and the switches; second pass: the settings. */
static int read_flags(struct reading *r, int argc, char **argv, const char *usage, bool values)
{
	int i = 1;

	while (i < argc && strncmp(argv[i], "--", 2) == 0) {
		struct flag f;
		int words = split_flag(argc, argv, i, &f);

		i += words;
		if (strcmp(f.key, "config") == 0)
			r->config = f.value;
		else if (take_switch(r, &f, usage) || !values)
			continue;
		else if (f.value == NULL)
			mistake(r, f.key,
				setting_row_find(f.key) != NULL
					? "the flag needs a value"
					: "no such flag; --help and --dump list them all");
		else
			apply(r, "command line", f.key, f.value);
	}
	return i;
}

int settings_load(int argc, char **argv, const char *usage)
{
	struct reading r = {0};
	int rest;

	settings_reset();
	read_flags(&r, argc, argv, usage, false);
	if (r.config != NULL)
		read_file(&r);
	read_environment(&r);
	rest = read_flags(&r, argc, argv, usage, true);
	if (r.mistakes > 0)
		exit(EXIT_USAGE);
	if (r.dump)
		settings_dump(stdout);
	if (r.dump || r.check)
		exit(0);
	for (int i = rest; i < argc; i++)
		argv[1 + i - rest] = argv[i];
	return 1 + argc - rest;
}
