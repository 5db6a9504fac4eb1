/*
 * The settings of all processes: one table, read from file, environment and flags.
 *
 * Later sources win: default, file (`key = value`, # comments), environment (PACKHOUSE_ and the
 * key in capitals, dots as underscores), flags (--key=value or --key value). The table is
 * proto/base/settings_table.h. Values are read as members: settings()->gateway_port.
 * Units: sizes take K, M, G (1024); times take ms, s, m, h, d and are kept in milliseconds.
 * Read once at start, before any thread; constant afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/err.h"

struct settings {
#define SETTING_INT(member, key, dflt, min, max, doc)  int64_t member;
#define SETTING_SIZE(member, key, dflt, min, max, doc) int64_t member;
#define SETTING_TIME(member, key, dflt, min, max, doc) int64_t member;
#define SETTING_BOOL(member, key, dflt, doc)	       bool member;
#define SETTING_TEXT(member, key, dflt, doc)	       const char *member;
#include "proto/base/settings_table.h"
#undef SETTING_INT
#undef SETTING_SIZE
#undef SETTING_TIME
#undef SETTING_BOOL
#undef SETTING_TEXT
};

const struct settings *settings(void);

/*
 * Read all sources. Handles --config FILE, --check (exit 0 when all is well), --dump (prints
 * every key with value, limits and doc; exits), --help and --version itself. What is wrong is
 * printed, one line a mistake, on stderr, and the process exits with 2. Flags end at the first
 * word that does not start with "--": such words stay in argv, from argv[1] on; their new argc
 * is returned.
 */
int settings_load(int argc, char **argv, const char *usage);

/* For tests and tools: one value as if given by a flag; ERR_NOT_FOUND or ERR_SYNTAX/ERR_LIMIT
 * with a sentence in why. */
int settings_set(const char *key, const char *value, char *why, size_t why_size) MUST_CHECK;
void settings_dump(FILE *out);
