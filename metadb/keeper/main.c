/* packhouse-metadb: which subcommand, with which settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/keeper/keeper.h"
#include "metadb/schema.h"
#include "proto/base/log.h"
#include "proto/base/settings.h"

#define EXIT_USAGE 2

static const char usage[] =
	"packhouse-metadb COMMAND [--config FILE] [--key=value]…\n"
	"  migrate                   brings the database to this version\n"
	"  serve                     the keeper: storage daemons, epochs, keys\n"
	"  admin-token --login NAME  prints a new token of this site administrator\n";

static int complain(const char *what, const char *word)
{
	fprintf(stderr, "packhouse-metadb: %s%s; commands: migrate, serve, admin-token\n", what,
		word);
	return EXIT_USAGE;
}

/* Takes --login NAME or --login=NAME out of the arguments, so that only settings are left. */
static const char *take_login(int *argc, char **argv)
{
	const char *login = NULL;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (strncmp(argv[i], "--login=", 8) == 0)
			login = argv[i] + 8;
		else if (strcmp(argv[i], "--login") == 0 && i + 1 < *argc)
			login = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return login;
}

static int migrate(void)
{
	return schema_migrate(settings()->database_url) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const char *command, const char *login)
{
	if (strcmp(command, "migrate") == 0)
		return migrate();
	if (strcmp(command, "serve") == 0)
		return keeper_serve();
	return keeper_admin_token(login);
}

static void open_log(void)
{
	enum log_level level;

	if (log_level_parse(settings()->log_level, &level) < 0) {
		fprintf(stderr, "packhouse-metadb: log.level: debug, info, warn or error\n");
		exit(EXIT_USAGE);
	}
	log_open("metadb", level);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	const char *login = NULL;
	bool known = strcmp(command, "migrate") == 0 || strcmp(command, "serve") == 0 ||
		     strcmp(command, "admin-token") == 0;

	if (strncmp(command, "--", 2) == 0) {
		settings_load(argc, argv, usage); /* --help, --version, --dump, --check */
		return complain("the command must come first", "");
	}
	if (!known)
		return complain(command[0] == '\0' ? "a command is missing"
						   : "unknown command ",
				command);
	argc--;
	argv++;
	if (strcmp(command, "admin-token") == 0) {
		login = take_login(&argc, argv);
		if (login == NULL)
			return complain("admin-token needs --login NAME", "");
	}
	if (settings_load(argc, argv, usage) > 1)
		return complain("unexpected argument ", argv[1]);
	if (settings()->database_url[0] == '\0')
		return complain("the setting database.url is empty", "");
	open_log();
	return run(command, login);
}
