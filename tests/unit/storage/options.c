/* Environment variables, and a handler that names the seed when an assertion of the store
 * fails. */
#include "tests/unit/storage/options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char last_words[64];

uint64_t option(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

void option_running_seed(uint64_t seed)
{
	snprintf(last_words, sizeof(last_words), "aborted with seed %llu\n",
		 (unsigned long long)seed);
}

static void on_abort(int signal_number)
{
	ssize_t written = write(STDERR_FILENO, last_words, strlen(last_words));

	(void)written;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

void option_report_aborts(void)
{
	signal(SIGABRT, on_abort);
}
