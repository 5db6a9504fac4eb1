/* admin-token: the account, then the token; on stdout the token and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/accounts.h"
#include "metadb/keeper/keeper.h"
#include "metadb/tokens.h"
#include "proto/base/log.h"
#include "proto/base/task.h"
#include "proto/model/access.h"
#include "proto/model/name.h"

struct errand {
	struct metadb *db;
	const char *login;
	char text[TOKEN_TEXT_LEN + 1];
	bool ended;
	int rc;
};

static int await_errand(struct errand *e, struct arena *a)
{
	struct token_new wanted = {
		.kind = TOKEN_PERSONAL,
		.scopes = SCOPE_SITE_ADMIN,
		.note = "made by packhouse-metadb admin-token",
	};
	struct account account;
	struct token token;
	int rc;

	rc = await_site_admin_ensure(e->db, a, e->login, &account);
	if (rc < 0)
		return rc;
	wanted.account_id = account.id;
	return await_token_create(e->db, a, NULL, &wanted, e->text, &token);
}

static void TASK_ENTRY errand_main(void *arg)
{
	struct errand *e = arg;
	struct arena *a = arena_new();

	e->rc = await_errand(e, a);
	arena_free(a);
	e->ended = true;
}

static int complain(const struct errand *e)
{
	const char *why = err_text(e->rc);

	if (e->rc == ERR_CONFLICT)
		why = "there is an organization of that name";
	if (e->rc == ERR_NOT_FOUND)
		why = "the account is suspended";
	fprintf(stderr, "packhouse-metadb: admin-token for %s: %s\n", e->login, why);
	return EXIT_FAILURE;
}

int keeper_admin_token(const char *login)
{
	struct arena *a = arena_new();
	struct errand e = {.login = login_fold(a, login, strlen(login))};
	struct metadb_options options;
	struct loop *loop;

	if (!login_valid(e.login, strlen(e.login)) || login_reserved(e.login)) {
		fprintf(stderr,
			"packhouse-metadb: --login %s: a login has 1 to %d of a-z, 0-9 and "
			"single dashes inside, and is no word that paths need\n",
			login, LOGIN_MAX);
		arena_free(a);
		return 2;
	}
	log_open("metadb", LOG_WARN);
	metadb_options_load(&options, "packhouse-metadb admin-token");
	options.connections = 1;
	loop = loop_new();
	e.db = metadb_open(loop, &options);
	if (task_spawn(loop, "admin-token", NULL, errand_main, &e) == NULL)
		fatal("no room for a task");
	while (!e.ended)
		loop_turn(loop, 1000);
	metadb_close(e.db);
	loop_free(loop);
	arena_free(a);
	if (e.rc < 0)
		return complain(&e);
	return puts(e.text) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
