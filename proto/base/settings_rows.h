/* Between settings.c (the table) and settings_load.c (the sources) only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

enum setting_kind {
	SETTING_KIND_INT,
	SETTING_KIND_SIZE,
	SETTING_KIND_TIME,
	SETTING_KIND_BOOL,
	SETTING_KIND_TEXT,
};

struct setting_row {
	const char *key;
	enum setting_kind kind;
	size_t offset;
	int64_t number;	  /* default of numbers and booleans */
	const char *text; /* default of texts */
	int64_t min;
	int64_t max;
	const char *doc;
};

extern const struct setting_row SETTING_ROWS[];
extern const size_t SETTING_ROW_COUNT;

void settings_reset(void);
const struct setting_row *setting_row_find(const char *key);
/* On failure a sentence is in why. */
int setting_row_set(const struct setting_row *row, const char *value, char *why,
		    size_t why_size) MUST_CHECK;
