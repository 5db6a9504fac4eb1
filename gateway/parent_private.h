/* The inside of parent.c (workers' lives) and parent_probe.c (the private listener). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/channel.h"
#include "gateway/listen.h"
#include "gateway/worker.h"
#include "proto/base/loop.h"
#include "proto/base/probe.h"
#include "proto/base/settings.h"

struct parent;

/* A worker's place: slot and channel; whoever fills it changes when a worker dies. */
struct place {
	struct parent *parent;
	int index; /* 1… */
	pid_t pid; /* 0: nobody; `again` is running then, unless we stop */
	int channel;
	struct watch watch;
	char why[CHANNEL_TEXT_MAX + 1]; /* lines; empty: ready */
	int64_t started_ms;
	int64_t pause_ms; /* before the next one is started */
	struct timer again;
};

struct parent {
	struct loop *loop;
	const struct settings *set;
	struct listen_set listeners;
	struct worker_shared shared; /* workers inherit it */
	struct probe *probe;
	int signal_fd;
	struct watch signals;
	struct timer deadline; /* while stopping */
	bool stopping;
	int exit_code;
	unsigned count;
	struct place *place;
};

/* parent.c: take what a worker said, all that waits or one message. */
void parent_read_channel(struct place *p);
void parent_take_message(struct place *p, const struct channel_message *m);

/* parent_probe.c */
extern const struct probe_hooks parent_hooks;
