/*
 * What the private listener tells about all workers.
 *
 * A dump of tasks has to be asked for: the workers are asked at once, then their pieces are
 * collected until all have ended or DUMP_MS are over. The parent's loop stands still meanwhile,
 * which harms nobody: it serves no user.
 */
#include <poll.h>
#include <string.h>

#include "gateway/parent_private.h"
#include "proto/base/metrics.h"

#define DUMP_MS 1000
#define SEND_MS 50

/* A worker's reasons, a line each; whether it serves all the same. */
static bool print_reasons(const struct place *w, FILE *out)
{
	static const char reads_only[] = CHANNEL_READS_ONLY;
	bool serves = true;

	for (const char *at = w->why; *at != '\0';) {
		size_t len = strcspn(at, "\n");

		fprintf(out, "worker %d: %.*s\n", w->index, (int)len, at);
		serves = serves && strncmp(at, reads_only, sizeof(reads_only) - 1) == 0;
		at += len + (at[len] == '\n');
	}
	return serves;
}

static bool ready(void *arg, FILE *why)
{
	struct parent *p = arg;
	bool all = !p->stopping;

	if (p->stopping)
		fprintf(why, "stopping\n");
	for (unsigned i = 0; i < p->count; i++)
		all = print_reasons(&p->place[i], why) && all;
	return all;
}

static void metrics(void *arg, FILE *out)
{
	(void)arg;
	metrics_print(out, "packhouse_gateway");
}

/* One worker's dump; false when it did not end in time. */
static bool collect(struct place *w, int64_t until_ms, FILE *out)
{
	struct channel_message m;
	int64_t left;
	int rc;

	for (;;) {
		rc = channel_receive(w->channel, &m);
		if (rc < 0)
			return false;
		if (rc > 0 && m.kind == CHANNEL_DUMP_END)
			return true;
		if (rc > 0 && m.kind == CHANNEL_DUMP)
			fwrite(m.text, 1, m.len, out);
		else if (rc > 0)
			parent_take_message(w, &m);
		left = until_ms - clock_now_ms();
		if (left <= 0)
			return false;
		if (rc == 0) {
			struct pollfd wait = {.fd = w->channel, .events = POLLIN};

			(void)poll(&wait, 1, (int)left);
		}
	}
}

static void tasks(void *arg, FILE *out)
{
	struct parent *p = arg;
	int64_t until_ms = clock_now_ms() + DUMP_MS;

	for (unsigned i = 0; i < p->count; i++) {
		struct place *w = &p->place[i];

		if (w->pid != 0 && channel_send(w->channel, CHANNEL_DUMP, "", 0, SEND_MS) < 0)
			fprintf(out, "worker %d takes no messages\n", w->index);
	}
	for (unsigned i = 0; i < p->count; i++) {
		struct place *w = &p->place[i];

		fprintf(out, "worker %d, pid %d\n", w->index, (int)w->pid);
		if (w->pid != 0 && !collect(w, until_ms, out))
			fprintf(out, "(not all was told in time)\n");
	}
}

const struct probe_hooks parent_hooks = {
	.ready = ready,
	.metrics = metrics,
	.tasks = tasks,
};
