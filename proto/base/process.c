/* The pid file is written beside its place and renamed, so that nobody reads half a number. */
#include "proto/base/process.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/base/settings.h"

void process_log_open(const char *name)
{
	enum log_level level;

	if (log_level_parse(settings()->log_level, &level) < 0) {
		fprintf(stderr, "log.level: \"%s\" is none of debug, info, warn, error\n",
			settings()->log_level);
		exit(2);
	}
	log_open(name, level);
}

void process_tune_malloc(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

long process_raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 0;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		log_warn("cannot raise the limit of open files", "why=\"%s\"",
			 err_text(-errno));
	return (long)r.rlim_cur;
}

static int write_pidfile(const char *path)
{
	char beside[PATH_MAX];
	FILE *out;
	int rc = 0;

	snprintf(beside, sizeof(beside), "%s.new", path);
	out = fopen(beside, "we");
	if (out == NULL)
		return -errno;
	if (fprintf(out, "%ld\n", (long)getpid()) < 0)
		rc = -EIO;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(beside, path) < 0)
		rc = -errno;
	return rc;
}

int process_write_pidfile(void)
{
	const char *path = settings()->pidfile;
	int rc;

	if (path[0] == '\0')
		return 0;
	rc = write_pidfile(path);
	if (rc < 0)
		log_error("cannot write the pid file", "path=%s why=\"%s\"", path,
			  err_text(rc));
	return rc;
}

void process_remove_pidfile(void)
{
	if (settings()->pidfile[0] != '\0')
		(void)unlink(settings()->pidfile);
}
