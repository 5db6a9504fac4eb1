/*
 * What the database tests are made of: a database of its own for each program, tasks that run
 * to their end, and plain SQL beside the functions under test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metadb/accounts.h"
#include "metadb/lookups.h"
#include "metadb/metadb.h"
#include "metadb/uploads.h"
#include "proto/base/task.h"

extern struct loop *h_loop;
#define H_CONNECTIONS 6 /* of h_db at most */
extern struct metadb *h_db;
extern const char *h_url; /* of this program's database */

/* cmocka group fixtures: a new, migrated database and a handle on it; and the end of both. */
int h_setup(void **state);
int h_teardown(void **state);
/* Only the (empty) database, no handle. */
int h_setup_empty(void **state);

/* Run fn in a task until it returned; other tasks go on meanwhile. An assertion in it counts.
 */
void h_run(void (*fn)(void *), void *arg);
/* A test is one task: use as cmocka_unit_test(name) with H_TEST(name) { … }. */
#define H_TEST(name)                        \
	static void name##_body(void *arg); \
	static void name(void **state)      \
	{                                   \
		(void)state;                \
		h_run(name##_body, NULL);   \
	}                                   \
	static void name##_body(void *arg __attribute__((unused)))

/* Start several tasks at once with elements of an array, and wait for all of them (in a task).
 */
void await_h_all(void (*fn)(void *), void *args, size_t size, size_t count);

/* Plain SQL without parameters, from a task: rows are dropped; the first column as a number. */
void await_h_sql(const char *sql);
int64_t await_h_int(const char *sql);
/* The plan of a statement as one text, from the arena. */
const char *await_h_plan(struct arena *a, const char *sql);
struct pg_tx;
/* Runs a statement that answers a page of `rows`, in a transaction that was begun; no more rows
 * are touched than `most`. */
void await_h_cheap(struct pg_tx *tx, const char *sql, int rows, int64_t most);

/* Fixtures for what most tests need, made by plain SQL or the functions under test. */
int64_t await_h_user(const char *login);
int64_t await_h_repository(int64_t owner, const char *name);
struct digest h_digest(const char *text);
/* A chunk whose content is that text. */
struct upload_chunk h_chunk(const char *text);
/* The package NAMESPACE/NAME with a blob of that text; answers the package's id. */
int64_t await_h_blob(int64_t user, const char *name, const char *text);
