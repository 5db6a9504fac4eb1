/* The file is looked at anew at each arrival and every few milliseconds of a pause. */
#include "proto/base/failpoint.h"

#ifdef PACKHOUSE_FAILPOINTS

#	include <fcntl.h>
#	include <limits.h>
#	include <pthread.h>
#	include <signal.h>
#	include <stdio.h>
#	include <stdlib.h>
#	include <string.h>
#	include <unistd.h>

#	include "proto/base/log.h"
#	include "proto/base/loop.h"
#	include "proto/base/task.h"

#	define LOOK_MS 5

/* clang-format off */
#define FAILPOINT(id, name, help) name,
static const char *const NAMES[] = {
#include "proto/base/failpoint_table.h"
};
#undef FAILPOINT
/* clang-format on */

enum kind { NOTHING, MARK, PAUSE, CRASH, ERROR };

struct action {
	enum kind kind;
	int code;
	bool once;
	char path[PATH_MAX]; /* whose end is the end of a pause */
};

static const char *folder;
static pthread_once_t looked = PTHREAD_ONCE_INIT;

static void look(void)
{
	const char *text = getenv("PACKHOUSE_FAILPOINTS");

	if (text != NULL && text[0] != '\0')
		folder = text;
}

/* "gateway-1" is the name of gateway-1/2, too. */
static bool is_mine(const char *process)
{
	size_t len = strlen(process);
	const char *mine = log_proc();

	return strncmp(mine, process, len) == 0 && (mine[len] == '\0' || mine[len] == '/');
}

static void parse(char *line, struct action *out)
{
	static const char *const words[] = {"", "mark", "pause", "crash", "error"};
	char *save = NULL;
	char *word = strtok_r(line, " \n", &save);

	for (int i = MARK; word != NULL && i <= ERROR; i++)
		if (strcmp(word, words[i]) == 0)
			out->kind = (enum kind)i;
	if (out->kind == NOTHING)
		return;
	while ((word = strtok_r(NULL, " \n", &save)) != NULL) {
		if (strcmp(word, "once") == 0)
			out->once = true;
		else if (strcmp(word, "by") != 0)
			out->code = out->kind == ERROR ? (int)strtol(word, NULL, 10) : 0;
		else if ((word = strtok_r(NULL, " \n", &save)) == NULL || !is_mine(word))
			out->kind = NOTHING;
	}
}

static void leave_mark(const char *name)
{
	char path[PATH_MAX], line[256];
	int fd, len;

	snprintf(path, sizeof(path), "%s/%s.reached", folder, name);
	len = snprintf(line, sizeof(line), "%d %s %s\n", (int)getpid(), log_proc(), log_rq());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		log_warn("mark of a failpoint not left", "point=%s err=\"%s\"", name,
			 err_text(-errno));
	if (fd >= 0)
		close(fd);
}

/* What a test wants to happen here: carried out, but for a pause and an error. */
static void arrive(enum failpoint where, struct action *out)
{
	const char *name = NAMES[where];
	char line[128];
	ssize_t len;
	int fd;

	memset(out, 0, sizeof(*out));
	pthread_once(&looked, look);
	if (folder == NULL)
		return;
	snprintf(out->path, sizeof(out->path), "%s/%s", folder, name);
	fd = open(out->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	parse(line, out);
	if (out->kind != NOTHING && out->once) {
		char taken[PATH_MAX + 8];

		snprintf(taken, sizeof(taken), "%s.taken", out->path);
		if (rename(out->path, taken) < 0)
			out->kind = NOTHING; /* somebody else was first */
		snprintf(out->path, sizeof(out->path), "%s", taken);
	}
	if (out->kind == NOTHING) {
		out->code = 0;
		return;
	}
	leave_mark(name);
	if (out->kind == CRASH)
		kill(getpid(), SIGKILL);
}

static bool is_paused(const struct action *a, int64_t until_ms)
{
	return a->kind == PAUSE && access(a->path, F_OK) == 0 && clock_now_ms() < until_ms;
}

int failpoint(enum failpoint where)
{
	int64_t until = clock_now_ms() + FAILPOINT_PAUSE_MS;
	struct action a;

	arrive(where, &a);
	while (is_paused(&a, until))
		usleep(LOOK_MS * 1000);
	return a.code;
}

int await_failpoint(enum failpoint where)
{
	int64_t until = clock_now_ms() + FAILPOINT_PAUSE_MS;
	struct action a;

	arrive(where, &a);
	while (is_paused(&a, until)) {
		int rc = await_sleep(LOOK_MS);

		if (rc < 0)
			return rc;
	}
	return a.code;
}

#endif
