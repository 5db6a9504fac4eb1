/*
 * The command: what is wanted is gathered first, whole; then each organization is compared and
 * changed, one transaction a change, so that it may be stopped anywhere and run again.
 */
#include "metadb/keeper/sync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/accounts.h"
#include "metadb/keeper/sync_source.h"
#include "proto/base/log.h"
#include "proto/base/task.h"
#include "proto/model/name.h"

#define TOKEN_FILE_MAX 512
#define TOKEN_VARIABLE "PACKHOUSE_SYNC_TOKEN"

/* A part of the command that needs the database, as a task on a loop of its own. */
struct errand {
	struct sync *s;
	int (*await_run)(struct sync *);
	bool ended;
	int rc;
};

static void TASK_ENTRY errand_main(void *arg)
{
	struct errand *e = arg;

	e->rc = e->await_run(e->s);
	e->ended = true;
}

static int with_database(struct sync *s, int (*await_run)(struct sync *))
{
	struct errand e = {.s = s, .await_run = await_run};
	struct metadb_options options;
	struct loop *loop = loop_new();

	metadb_options_load(&options, "packhouse-metadb sync");
	options.connections = 1;
	s->db = metadb_open(loop, &options);
	if (task_spawn(loop, "sync", NULL, errand_main, &e) == NULL)
		fatal("no room for a task");
	while (!e.ended)
		loop_turn(loop, 1000);
	metadb_close(s->db);
	loop_free(loop);
	return e.rc;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "packhouse-metadb: sync: %s: %s\n", what, why);
	return -EINVAL;
}

bool sync_tell(struct sync *s, enum sync_kind kind, const char *fmt, ...)
{
	static const char *const words[] = {"add", "change", "remove", "skip"};
	size_t *const counts[] = {&s->added, &s->changed, &s->removed, &s->skipped};
	va_list args;

	printf("%s ", words[kind]);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	++*counts[kind];
	return kind != SYNC_SKIP && !s->options->dry_run;
}

/* Is this the first time that nobody of that login was found? */
static bool first_time(struct sync *s, const char *login)
{
	for (size_t i = 0; i < s->unknowns; i++)
		if (strcmp(s->unknown[i], login) == 0)
			return false;
	if (s->unknowns % 64 == 0) {
		const char **more =
			arena_alloc(s->arena, (s->unknowns + 64) * sizeof(*s->unknown));

		if (s->unknowns > 0)
			memcpy(more, s->unknown, s->unknowns * sizeof(*more));
		s->unknown = more;
	}
	s->unknown[s->unknowns++] = login;
	return true;
}

static int await_user(struct sync *s, const char *login, int64_t *id)
{
	size_t len = strlen(login);
	bool first = first_time(s, login);
	struct account a;
	int rc;

	if (!s->options->create_users || !login_valid(login, len) || login_reserved(login)) {
		if (first)
			sync_tell(s, SYNC_SKIP, "user %s: there is none", login);
		return ERR_NOT_FOUND;
	}
	if (!first || !sync_tell(s, SYNC_ADD, "user %s", login))
		return 0;
	rc = await_user_create(s->db, s->arena, NULL, login, NULL, NULL, &a);
	*id = rc == 0 ? a.id : 0;
	return rc;
}

int await_sync_person(struct sync *s, const char *login, int64_t *id)
{
	struct account a;
	int rc = await_account_by_login(s->db, s->arena, login, &a);

	*id = 0;
	if (rc == ERR_NOT_FOUND)
		return await_user(s, login, id);
	if (rc == 0 && a.kind == ACCOUNT_ORGANIZATION) {
		sync_tell(s, SYNC_SKIP, "user %s: it is an organization", login);
		return ERR_NOT_FOUND;
	}
	if (rc == 0)
		*id = a.id;
	return rc;
}

static int await_organization(struct sync *s, const struct wanted_organization *w)
{
	struct organization_rows rows;
	struct account org;
	int rc = await_account_by_login(s->db, s->arena, w->login, &org);

	if (rc == ERR_NOT_FOUND || (rc == 0 && org.kind != ACCOUNT_ORGANIZATION)) {
		sync_tell(s, SYNC_SKIP, "organization %s: there is none", w->login);
		return 0;
	}
	if (rc == 0)
		rc = await_organization_rows(s->db, s->arena, org.id, &rows);
	if (rc == 0)
		rc = await_sync_members(s, org.id, w, &rows);
	if (rc == 0)
		rc = await_sync_teams(s, org.id, w, &rows);
	if (rc == 0 && !s->options->dry_run)
		rc = await_organization_rows(s->db, s->arena, org.id, &rows);
	return rc < 0 ? rc : await_sync_repositories(s, org.id, w, &rows);
}

static int await_apply(struct sync *s)
{
	const char *only = s->options->organization;
	bool found = only == NULL;
	int rc = 0;

	for (size_t i = 0; i < s->wanted.organizations && rc == 0; i++) {
		if (only != NULL && strcmp(s->wanted.organization[i].login, only) != 0)
			continue;
		found = true;
		rc = await_organization(s, &s->wanted.organization[i]);
	}
	return rc == 0 && !found ? ERR_NOT_FOUND : rc;
}

/* A whole file, at most `max` bytes. */
static int read_file(struct arena *a, const char *path, size_t max, struct slice *out)
{
	FILE *file = fopen(path, "re");
	char *data;

	if (file == NULL)
		return complain(path, strerror(errno));
	data = xmalloc(max + 1);
	arena_defer(a, free, data);
	*out = (struct slice){data, fread(data, 1, max + 1, file)};
	if (ferror(file) != 0 || out->len > max) {
		fclose(file);
		return complain(path, out->len > max ? "is too long" : "cannot be read");
	}
	fclose(file);
	data[out->len] = '\0';
	return 0;
}

static int use(struct sync *s, const char *where, const json_t *document)
{
	const char *why;

	if (wanted_read(s->arena, document, &s->wanted, &why) < 0)
		return complain(where, why);
	return 0;
}

static int gather_file(struct sync *s)
{
	const char *path = s->options->file, *why;
	struct slice text;
	json_t *document;
	int rc = read_file(s->arena, path, SYNC_FILE_MAX, &text);

	if (rc < 0)
		return rc;
	if (wanted_parse(s->arena, text.data, text.len, &document, &why) < 0)
		return complain(path, why);
	return use(s, path, document);
}

/* From the file, or the environment; *out NULL when there is none. */
static int read_token(struct sync *s, const char **out)
{
	const char *path = s->options->token_file;
	struct slice text;
	int rc;

	*out = getenv(TOKEN_VARIABLE);
	if (path != NULL) {
		rc = read_file(s->arena, path, TOKEN_FILE_MAX, &text);
		if (rc < 0)
			return rc;
		*out = arena_memdup(s->arena, text.data, strcspn(text.data, "\r\n"));
	}
	if (*out != NULL &&
	    strspn(*out, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != strlen(*out))
		return complain(path == NULL ? TOKEN_VARIABLE : path, "is no token");
	return 0;
}

static int await_logins(struct sync *s)
{
	return await_organization_logins(s->db, s->arena, &s->login, &s->logins);
}

static int gather_from(struct sync *s, struct fetch *f, json_t *organizations)
{
	int rc = 0;

	for (size_t i = 0; i < s->logins && rc == 0; i++) {
		rc = sync_source_add(f, s->arena, s->login[i], organizations);
		if (rc == ERR_NOT_FOUND && s->options->organization == NULL) {
			sync_tell(s, SYNC_SKIP, "organization %s: the API does not know it",
				  s->login[i]);
			rc = 0;
		}
	}
	return rc < 0 ? complain(s->options->url, fetch_why(f)) : 0;
}

static int gather_api(struct sync *s)
{
	json_t *organizations = json_array(), *document;
	const char *token;
	struct fetch *f;
	int rc = read_token(s, &token);

	if (rc == 0 && s->options->organization != NULL) {
		s->login = arena_alloc(s->arena, sizeof(*s->login));
		s->login[s->logins++] = s->options->organization;
	} else if (rc == 0) {
		rc = with_database(s, await_logins);
		if (rc < 0)
			rc = complain("listing organizations", err_text(rc));
	}
	if (rc < 0) {
		json_decref(organizations);
		return rc;
	}
	f = fetch_open(s->options->url, token);
	rc = gather_from(s, f, organizations);
	fetch_close(f);
	document = json_pack("{s:i, s:o}", "format", 1, "organizations", organizations);
	if (rc == 0)
		rc = use(s, s->options->url, document);
	json_decref(document);
	return rc;
}

int keeper_sync(const struct sync_options *o)
{
	struct sync s = {.arena = arena_new()};
	struct sync_options folded = *o;
	int rc;

	s.options = &folded;
	if (o->organization != NULL)
		folded.organization =
			login_fold(s.arena, o->organization, strlen(o->organization));
	log_open("metadb", LOG_WARN);
	rc = o->file != NULL ? gather_file(&s) : gather_api(&s);
	if (rc == 0) {
		rc = with_database(&s, await_apply);
		if (rc < 0)
			complain(rc == ERR_NOT_FOUND ? o->organization : "the database",
				 rc == ERR_NOT_FOUND ? "is not listed" : err_text(rc));
		printf("%s%zu added, %zu changed, %zu removed, %zu skipped\n",
		       o->dry_run ? "dry run, nothing was written: " : "", s.added, s.changed,
		       s.removed, s.skipped);
	}
	arena_free(s.arena);
	return rc < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
