/*
 * People, organizations and what they own, for the tests of packages' settings: each program
 * has them once. cmocka_unit_test(makes_people_teams_and_repositories) comes first.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "metadb/package_settings.h"
#include "tests/db/harness.h"

static struct actor owner;  /* of acme and of globex */
static struct actor member; /* of acme */
static struct actor outsider;
static int64_t acme, globex;

static void await_sql(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void await_sql(const char *fmt, ...)
{
	struct arena *a = arena_new();
	char text[1024];
	va_list args;

	va_start(args, fmt);
	assert_true(vsnprintf(text, sizeof(text), fmt, args) < (int)sizeof(text));
	va_end(args);
	await_h_sql(arena_strdup(a, text));
	arena_free(a);
}

static int64_t await_count(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int64_t await_count(const char *fmt, ...)
{
	struct arena *a = arena_new();
	char text[1024];
	va_list args;
	int64_t n;

	va_start(args, fmt);
	assert_true(vsnprintf(text, sizeof(text), fmt, args) < (int)sizeof(text));
	va_end(args);
	n = await_h_int(arena_strdup(a, text));
	arena_free(a);
	return n;
}

static int64_t await_organization(const char *login)
{
	struct arena *a = arena_new();
	struct account org;
	int64_t id;

	assert_int_equal(await_organization_create(h_db, a, &owner, login, NULL, "owner", &org),
			 0);
	id = org.id;
	arena_free(a);
	return id;
}

H_TEST(makes_people_teams_and_repositories)
{
	owner.account_id = await_h_user("owner");
	member.account_id = await_h_user("member");
	outsider.account_id = await_h_user("outsider");
	acme = await_organization("acme");
	globex = await_organization("globex");
	assert_int_equal(
		await_membership_set(h_db, &owner, acme, member.account_id, MEMBERSHIP_MEMBER),
		0);
	await_sql("INSERT INTO account (kind, login, organization_id) VALUES (3, 'acme+ci', "
		  "%lld), (3, 'globex+ci', %lld)",
		  (long long)acme, (long long)globex);
	await_sql("INSERT INTO team (organization_id, slug, name, privacy) VALUES "
		  "(%lld, 'web', 'Web', 2), (%lld, 'dark', 'Dark', 1), (%lld, 'ops', 'Ops', 2)",
		  (long long)acme, (long long)acme, (long long)globex);
	await_sql(
		"INSERT INTO repository (owner_id, name, visibility) VALUES "
		"(%lld, 'Site', 0), (%lld, 'docs', 0), (%lld, 'open', 2), (%lld, 'closed', 0)",
		(long long)acme, (long long)acme, (long long)globex, (long long)globex);
}

/* A published package of the member's, in that namespace. */
static int64_t await_package(int64_t namespace, const char *name, enum visibility visibility)
{
	struct arena *a = arena_new();
	int64_t id;

	await_sql("INSERT INTO package (namespace_id, name, visibility, publisher_id, "
		  "published_at) VALUES (%lld, '%s', %d, %lld, now())",
		  (long long)namespace, name, visibility, (long long)member.account_id);
	id = await_count("SELECT id FROM package WHERE namespace_id = %lld AND name = '%s' "
			 "AND deleted_at IS NULL",
			 (long long)namespace, name);
	await_sql("INSERT INTO package_grant (package_id, account_id, role) "
		  "VALUES (%lld, %lld, 3)",
		  (long long)id, (long long)member.account_id);
	arena_free(a);
	return id;
}

/* The direct role on the package; 0: none. */
static __attribute__((unused)) int64_t await_granted(int64_t package, const char *login)
{
	return await_count("SELECT coalesce((SELECT g.role FROM package_grant g "
			   "JOIN account a ON a.id = g.account_id "
			   "WHERE g.package_id = %lld AND a.login = '%s'), 0)::int",
			   (long long)package, login);
}

static __attribute__((unused)) int64_t await_events(int64_t package, const char *action)
{
	int64_t events = await_count("SELECT count(*) FROM event WHERE package_id = %lld "
				     "AND action = '%s'",
				     (long long)package, action);

	assert_int_equal(await_count("SELECT count(*) FROM audit WHERE package_id = %lld "
				     "AND action = '%s' AND actor_id IS NOT NULL",
				     (long long)package, action),
			 events);
	return events;
}
