/* Addresses of source repositories: which are the same, and which are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/model/source_url.h"

static void expect(const char *text, const char *wanted)
{
	struct arena *a = arena_new();
	const char *out = NULL;
	int rc = source_url_normalise(a, text, strlen(text), &out);

	if (wanted == NULL && rc != ERR_SYNTAX)
		fail_msg("%s: %d", text, rc);
	if (wanted != NULL && (rc != 0 || strcmp(out, wanted) != 0))
		fail_msg("%s: %d, %s instead of %s", text, rc, out, wanted);
	arena_free(a);
}

static void the_same_repository(void **state)
{
	static const char *const ways[] = {
		"https://git.example/acme/web",
		"http://git.example/acme/web",
		"HTTPS://Git.Example/Acme/WEB",
		"https://git.example:443/acme/web",
		"https://git.example:0443/acme/web",
		"https://git.example:/acme/web",
		"https://git.example./acme/web",
		"http://git.example:80/acme/web.git",
		"http://git.example:443/acme/web",
		"ssh://git@git.example:443/acme/web",
		"https://git.example/acme/web.git/",
		"https://git.example/acme/web.GIT",
		"https://git.example/acme/web.git.git",
		"https://git.example/acme/web/.git",
		"https://git.example//acme///web//",
		"https://ada@git.example/acme/web",
		"https://ada:se@cret@git.example/acme/web",
		"https://git.example/acme/web?tab=readme",
		"https://git.example/acme/web.git#main:docs",
		"https://git.example/acme/%77e%62",
		"git://git.example/acme/web.git",
		"git://git.example:9418/acme/web",
		"ssh://git@git.example/acme/web.git",
		"ssh://git@git.example:22/acme/web",
		"git+https://git.example/acme/web.git",
		"git+ssh://git@git.example/acme/web.git",
		"git@git.example:acme/web.git",
		"git@GIT.example:/acme/web",
		"git@git.example:acme/web.git#v1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		expect(ways[i], "git.example/acme/web");
}

static void what_stays_apart(void **state)
{
	(void)state;
	expect("https://git.example:8443/acme/web", "git.example:8443/acme/web");
	expect("ssh://git.example:2222/acme/web", "git.example:2222/acme/web");
	expect("git@git.example:22/acme", "git.example/22/acme");
	expect("https://git.example/acme/web/tree/main", "git.example/acme/web/tree/main");
	expect("https://git.example/acme/web.github", "git.example/acme/web.github");
	expect("https://git.example/acme/a%2Fb", "git.example/acme/a%2fb");
	expect("https://git.example/acme/a%20b%3F%25", "git.example/acme/a%20b%3f%25");
	expect("https://git.example/acme/gr\xc3\xbcn", "git.example/acme/gr%c3%bcn");
	expect("https://git.example/acme/gr%C3%BCn", "git.example/acme/gr%c3%bcn");
	expect("https://git.example/~ada/x+y", "git.example/~ada/x+y");
	expect("https://[2001:DB8::1]/a/b", "[2001:db8::1]/a/b");
	expect("https://[2001:db8::1]:8443/a/b", "[2001:db8::1]:8443/a/b");
	expect("git@[::1]:a/b", "[::1]/a/b");
	expect("http://192.0.2.1:3000/a/b", "192.0.2.1:3000/a/b");
}

static void no_address(void **state)
{
	static const char *const texts[] = {
		"",
		"acme/web",
		"git.example/acme/web",
		"https:git.example/acme/web",
		"https:/git.example/acme/web",
		"https://",
		"https:///acme/web",
		"https://git.example",
		"https://git.example/",
		"https://git.example/.git",
		"https://git.example///",
		"https://git.example?/acme/web",
		"https://git.example:0/acme",
		"https://git.example:65536/acme",
		"https://git.example:99999999999999999999/acme",
		"https://git.example:https/acme",
		"https://git..example/acme",
		"https://git.example../acme",
		"https://.example/acme",
		"https://git example/acme",
		"https://git.example/ac me",
		"https://git.example/acme\n",
		"https://git.example/%0a",
		"https://git.example/%00",
		"https://git.example/%7f",
		"https://git.example/%",
		"https://git.example/%4",
		"https://git.example/%zz",
		"https://git.example/../web",
		"https://git.example/a/%2e%2e/b",
		"https://git.example/./web",
		"https://git.example/a/..git",
		"https://git.example/a/...git/",
		"https://git.example/a\\b",
		"https://[::1/acme",
		"https://[]/acme",
		"https://[::1]x/acme",
		"https://gr\xc3\xbcn.example/acme",
		"file:///acme/web",
		"ftp://git.example/acme/web",
		"javascript://git.example/acme/web",
		"mailto:ada@git.example",
		"git.example:acme/web",
		"@git.example:acme/web",
		"git@:acme/web",
		"git@git.example:",
		"git@git.example/acme/web",
		"C:\\acme\\web",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(texts[i], NULL);
}

static void limits(void **state)
{
	struct arena *a = arena_new();
	char text[SOURCE_URL_MAX + 2] = "https://git.example/";
	size_t at = strlen(text);
	const char *out;

	(void)state;
	memset(text + at, 'x', SOURCE_URL_MAX + 1 - at);
	assert_int_equal(source_url_normalise(a, text, SOURCE_URL_MAX, &out), 0);
	assert_int_equal(strlen(out), SOURCE_URL_MAX - strlen("https://"));
	assert_int_equal(source_url_normalise(a, text, SOURCE_URL_MAX + 1, &out), ERR_LIMIT);
	memset(text + at, '"', SOURCE_URL_MAX + 1 - at); /* which take three bytes each */
	assert_int_equal(source_url_normalise(a, text, SOURCE_URL_MAX, &out), ERR_LIMIT);
	assert_int_equal(source_url_normalise(a, "https://a.b/c\0d", 15, &out), ERR_SYNTAX);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_repository),
		cmocka_unit_test(what_stays_apart),
		cmocka_unit_test(no_address),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
