/* adopt: an operator's word that this server is the truth, after a restore or a failover. */
#include <stdio.h>
#include <stdlib.h>

#include "metadb/collect.h"
#include "metadb/keeper/keeper.h"
#include "proto/base/log.h"
#include "proto/base/task.h"

struct errand {
	struct metadb *db;
	bool ended;
	int rc;
};

static void TASK_ENTRY errand_main(void *arg)
{
	struct errand *e = arg;

	e->rc = await_cluster_adopt(e->db);
	e->ended = true;
}

int keeper_adopt(void)
{
	struct metadb_options options;
	struct errand e = {0};
	struct loop *loop;

	log_open("metadb", LOG_WARN);
	metadb_options_load(&options, "packhouse-metadb adopt");
	options.connections = 1;
	loop = loop_new();
	e.db = metadb_open(loop, &options);
	if (task_spawn(loop, "adopt", NULL, errand_main, &e) == NULL)
		fatal("no room for a task");
	while (!e.ended)
		loop_turn(loop, 1000);
	metadb_close(e.db);
	loop_free(loop);
	if (e.rc < 0) {
		fprintf(stderr, "packhouse-metadb: adopt: %s\n", err_text(e.rc));
		return EXIT_FAILURE;
	}
	puts(e.rc == 1 ? "adopted: everything is compared now"
		       : "nothing to do: this PostgreSQL is the adopted one");
	return EXIT_SUCCESS;
}
