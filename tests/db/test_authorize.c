/* What the caller may do, alone and in company; the upload that comes along. */
#include <stdlib.h>
#include <string.h>

#include "metadb/lookups.h"
#include "metadb/tokens.h"
#include "tests/db/harness.h"

enum { OWNER, MEMBER, STRANGER, PEOPLE };
static const char *const login[PEOPLE] = {"owner", "member", "stranger"};
static int64_t person[PEOPLE];
static struct credential credential[PEOPLE];
static int64_t token_id[PEOPLE];
static int64_t acme;

static struct credential by_hash(const char *text)
{
	struct credential c = {.form = CREDENTIAL_HASH};

	token_hash(text, strlen(text), c.hash);
	return c;
}

H_TEST(makes_people)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL, .scopes = SCOPE_WRITE_PACKAGES};
	struct arena *a = arena_new();
	char text[TOKEN_TEXT_LEN + 1];
	struct account org;
	struct token t;

	for (int i = 0; i < PEOPLE; i++) {
		person[i] = await_h_user(login[i]);
		wanted.account_id = person[i];
		assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), 0);
		credential[i] = by_hash(text);
		token_id[i] = t.id;
	}
	assert_int_equal(await_organization_create(h_db, a, NULL, "acme", NULL, "owner", &org),
			 0);
	acme = org.id;
	assert_int_equal(
		await_membership_set(h_db, NULL, acme, person[MEMBER], MEMBERSHIP_MEMBER), 0);
	arena_free(a);
}

/* One question that is asked alone, in twos and threes, and among many. */
struct question {
	const struct credential *credential;
	const char *namespace;
	const char *name;
	const char *upload;
	struct authorization z;
};

static void ask_question(void *arg)
{
	struct question *q = arg;

	memset(&q->z, 0, sizeof(q->z));
	assert_int_equal(
		await_authorize(h_db, q->credential, q->namespace, q->name, q->upload, &q->z),
		0);
}

static void check_same(const struct question *q, const struct authorization *alone)
{
	assert_int_equal(q->z.caller.state, alone->caller.state);
	assert_int_equal(q->z.caller.account_id, alone->caller.account_id);
	assert_int_equal(q->z.caller.token_id, alone->caller.token_id);
	assert_string_equal(q->z.caller.login, alone->caller.login);
	assert_int_equal(q->z.caller.scopes, alone->caller.scopes);
	assert_int_equal(q->z.caller.expires_at, alone->caller.expires_at);
	assert_int_equal(q->z.namespace_id, alone->namespace_id);
	assert_int_equal(q->z.package_id, alone->package_id);
	assert_int_equal(q->z.standing.role, alone->standing.role);
	assert_int_equal(q->z.standing.published, alone->standing.published);
	assert_int_equal(q->z.standing.visibility, alone->standing.visibility);
	assert_int_equal(q->z.standing.may_create, alone->standing.may_create);
	assert_memory_equal(&q->z.upload, &alone->upload, sizeof(alone->upload));
}

/* Each answer in a statement with others is the one it has alone. */
static void await_agree(struct question *q, size_t count, size_t at_once)
{
	struct authorization *alone = xcalloc(count, sizeof(*alone));

	for (size_t i = 0; i < count; i++) {
		ask_question(&q[i]);
		alone[i] = q[i].z;
	}
	for (size_t i = 0; i + at_once <= count; i++) {
		await_h_all(ask_question, q + i, sizeof(*q), at_once);
		for (size_t k = i; k < i + at_once; k++)
			check_same(&q[k], &alone[k]);
	}
	free(alone);
}

static void await_open(struct upload *of_member)
{
	struct package_target target = {.namespace_id = acme, .name = "open"};
	struct actor who = {.account_id = person[MEMBER]};

	assert_int_equal(await_upload_start(h_db, &who, &target, DIGEST_SHA256, of_member), 0);
}

static void await_packages(void)
{
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, published_at, "
		    "visibility, inherits) SELECT o.id, v.name, p.id, now(), v.visibility, "
		    "v.inherits FROM account o, account p, (VALUES ('shut', 0, false), "
		    "('inside', 1, false), ('public', 2, false), ('linked', 0, true)) "
		    "AS v(name, visibility, inherits) "
		    "WHERE o.login = 'acme' AND p.login = 'member'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 2 FROM package p, account a "
		    "WHERE p.name IN ('shut', 'inside', 'public', 'linked') "
		    "AND a.login IN ('member', 'stranger')");
}

H_TEST(few_and_many_lookups_agree)
{
	static const char *const name[] = {"open",   "shut",   "inside",
					   "public", "linked", "nothing"};
	static struct credential nobody = {.form = CREDENTIAL_NONE};
	static struct credential id, wrong;
	const struct credential *who[] = {&credential[OWNER],
					  &credential[MEMBER],
					  &credential[MEMBER],
					  &credential[STRANGER],
					  &id,
					  &nobody,
					  &wrong};
	enum { NAMES = sizeof(name) / sizeof(name[0]), CALLERS = sizeof(who) / sizeof(who[0]) };
	static struct question q[NAMES * CALLERS * 2];
	struct upload u;
	size_t n = 0;

	id = (struct credential){.form = CREDENTIAL_ID,
				 .token_id = token_id[MEMBER],
				 .account_id = person[MEMBER]};
	wrong = by_hash("ph_nonsense");
	await_open(&u);
	await_packages();
	for (int i = 0; i < NAMES; i++)
		for (int k = 0; k < CALLERS; k++) {
			q[n++] = (struct question){.credential = who[k],
						   .namespace = "acme",
						   .name = name[i],
						   .upload = k % 2 == 0 ? NULL : u.id};
			q[n++] = (struct question){.credential = who[k],
						   .namespace = k == 3 ? "stranger" : "nowhere",
						   .name = name[i],
						   .upload = u.id};
		}
	for (size_t at_once = 2; at_once <= 6; at_once++)
		await_agree(q, n, at_once);
	await_agree(q, n, n);
}

H_TEST(an_open_upload_comes_along)
{
	static const char *const nothing[] = {"../../etc",
					      "00000000-0000-0000-0000-000000000000"};
	struct upload_chunk chunk = h_chunk("along");
	struct authorization z;
	struct upload u, loaded;

	await_open(&u);
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "state", 5, NULL), 0);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, person[MEMBER], &loaded),
			 0);
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "open", u.id, &z),
			 0);
	assert_int_equal(z.upload.size, 5);
	assert_int_equal(z.upload.state_len, 5);
	assert_memory_equal(&z.upload, &loaded, sizeof(loaded));
	assert_int_equal(await_authorize(h_db, &credential[OWNER], "acme", "open", u.id, &z),
			 0);
	assert_int_equal(z.upload.gen, 0); /* somebody else's */
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "shut", u.id, &z),
			 0);
	assert_int_equal(z.upload.gen, 0); /* of another package */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "open",
						 nothing[i], &z),
				 0);
		assert_int_equal(z.upload.gen, 0);
		assert_int_equal(z.standing.role, ROLE_WRITE);
	}
	await_h_sql("UPDATE upload SET expires_at = now()");
	assert_int_equal(await_authorize(h_db, &credential[MEMBER], "acme", "open", u.id, &z),
			 0);
	assert_int_equal(z.upload.gen, 0);
	await_h_sql("DELETE FROM upload");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_people),
		cmocka_unit_test(few_and_many_lookups_agree),
		cmocka_unit_test(an_open_upload_comes_along),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
