/* packhouse-metadb: which subcommand, with which settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/keeper/keeper.h"
#include "metadb/keeper/sync.h"
#include "metadb/schema.h"
#include "proto/base/log.h"
#include "proto/base/process.h"
#include "proto/base/settings.h"

#define EXIT_USAGE 2

static const char usage[] =
	"packhouse-metadb COMMAND [--config FILE] [--key=value]…\n"
	"  migrate                   brings the database to this version\n"
	"  serve                     the keeper: storage daemons, epochs, keys\n"
	"  admin-token --login NAME  prints a new token of this site administrator\n"
	"  check [--sample N] [--json]  compares rows with rows and with copies; changes\n"
	"                            nothing; status 0 clean, 1 findings, 2 cannot check\n"
	"  sync (--file FILE | --url URL) [--org LOGIN] [--token-file FILE] [--dry-run]\n"
	"       [--prune] [--create-users]  gives organizations the members, teams and\n"
	"                            repositories of a file or of an API like GitHub's\n"
	"  adopt                     after a restore or a failover: this server is the truth\n";

static int complain(const char *what, const char *word)
{
	fprintf(stderr, "packhouse-metadb: %s%s; all commands: --help\n", what, word);
	return EXIT_USAGE;
}

/* What only some commands know; everything else on the command line is a setting. */
struct options {
	const char *login;
	const char *sample; /* partitions to look at, all without it */
	bool json;
	struct sync_options sync;
};

/* The value of --name VALUE or --name=VALUE at argv[*i], which then moves on; or NULL. */
static const char *take_value(const char *name, int argc, char **argv, int *i)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return argv[*i][len] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

/* One of sync's at argv[*i]? */
static bool take_sync(struct sync_options *o, int argc, char **argv, int *i)
{
	const struct {
		const char *name;
		const char **value;
	} values[] = {{"--file", &o->file},
		      {"--url", &o->url},
		      {"--token-file", &o->token_file},
		      {"--org", &o->organization}};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"--dry-run", &o->dry_run},
		     {"--prune", &o->prune},
		     {"--create-users", &o->create_users}};

	for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
		const char *value = take_value(values[k].name, argc, argv, i);

		if (value != NULL) {
			*values[k].value = value;
			return true;
		}
	}
	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
		if (strcmp(argv[*i], flags[k].name) == 0)
			return *flags[k].flag = true;
	}
	return false;
}

/* NULL, or what is wrong. */
static const char *check_sync(const struct sync_options *o)
{
	if ((o->file == NULL) == (o->url == NULL))
		return "sync needs either --file FILE or --url URL";
	if (o->url != NULL && strncmp(o->url, "http://", 7) != 0 &&
	    strncmp(o->url, "https://", 8) != 0)
		return "--url takes an http or https URL, as https://HOST/api/v3";
	return NULL;
}

/* Takes them out of the arguments, so that only settings are left. */
static void take_options(const char *command, int *argc, char **argv, struct options *o)
{
	bool login = strcmp(command, "admin-token") == 0;
	bool check = strcmp(command, "check") == 0;
	bool sync = strcmp(command, "sync") == 0;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		const char *value = NULL;

		if (sync && take_sync(&o->sync, *argc, argv, &i))
			continue;
		if (login && (value = take_value("--login", *argc, argv, &i)) != NULL)
			o->login = value;
		else if (check && (value = take_value("--sample", *argc, argv, &i)) != NULL)
			o->sample = value;
		else if (check && strcmp(argv[i], "--json") == 0)
			o->json = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
}

/* A number of partitions, 0 without one, -1 when it is none. */
static long sample_of(const char *text)
{
	char *end;
	long n;

	if (text == NULL)
		return 0;
	n = strtol(text, &end, 10);
	return *text == '\0' || *end != '\0' || n < 1 || n > PARTITIONS ? -1 : n;
}

static int migrate(void)
{
	return schema_migrate(settings()->database_url) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const char *command, const struct options *o)
{
	if (strcmp(command, "migrate") == 0)
		return migrate();
	if (strcmp(command, "serve") == 0)
		return keeper_serve();
	if (strcmp(command, "adopt") == 0)
		return keeper_adopt();
	if (strcmp(command, "check") == 0)
		return keeper_check(sample_of(o->sample), o->json);
	if (strcmp(command, "sync") == 0)
		return keeper_sync(&o->sync);
	return keeper_admin_token(o->login);
}

static bool known(const char *command)
{
	static const char *const commands[] = {"migrate", "serve", "admin-token",
					       "check",	  "sync",  "adopt"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(command, commands[i]) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	struct options options = {0};

	if (strncmp(command, "--", 2) == 0) {
		settings_load(argc, argv, usage); /* --help, --version, --dump, --check */
		return complain("the command must come first", "");
	}
	if (!known(command))
		return complain(command[0] == '\0' ? "a command is missing"
						   : "unknown command ",
				command);
	argc--;
	argv++;
	take_options(command, &argc, argv, &options);
	if (strcmp(command, "admin-token") == 0 && options.login == NULL)
		return complain("admin-token needs --login NAME", "");
	if (strcmp(command, "sync") == 0 && check_sync(&options.sync) != NULL)
		return complain(check_sync(&options.sync), "");
	if (sample_of(options.sample) < 0)
		return complain("--sample takes a number of partitions, not ", options.sample);
	if (settings_load(argc, argv, usage) > 1)
		return complain("unexpected argument ", argv[1]);
	if (settings()->database_url[0] == '\0')
		return complain("the setting database.url is empty", "");
	process_log_open("metadb");
	return run(command, &options);
}
