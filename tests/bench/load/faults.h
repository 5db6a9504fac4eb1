/*
 * Every kind of failure of a run, with its count and one example. Nothing is left out: kinds
 * beyond the table's room are counted together. Any thread.
 */
#pragma once

#include <stdio.h>

#include "tests/bench/load/session.h"

struct faults;
/* expect: comma-separated kinds ("503,broken,refused"), each alone or as "STEP: KIND"; NULL for
 * none.
 */
struct faults *faults_new(const char *expect);
void faults_free(struct faults *f);

void faults_add(struct faults *f, const struct fault *fault);
uint64_t faults_unexpected(struct faults *f);
uint64_t faults_total(struct faults *f);
/* Whether the list of expected kinds names this one. */
bool faults_is_expected(const struct faults *f, const struct fault *fault);

/* The member "errors" of a JSON object, without comma; the human lines. */
void faults_write_json(struct faults *f, FILE *out);
void faults_write_text(struct faults *f, FILE *out);
