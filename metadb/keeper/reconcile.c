/*
 * The one loop that heals everything: reconcile(partition).
 *
 *   claim ─▶ list every live node ─▶ rows, one statement ─▶ compare ─▶ orders ─▶ settle
 *     ▲                                                                            │
 *     └──── compared again until nothing is left to order: only that pays a debt ──┘
 *
 * A dispatcher claims a handful of rows and gives them to one of a few flights, tasks of their
 * own. Which partition is whole is never remembered here: what a flight did is proved by the
 * next comparison, so an order that was lost, or a copy that was purged while it was being
 * pulled, is met again.
 */
#include <stdlib.h>
#include <string.h>

#include "metadb/keeper/facts.h"
#include "metadb/keeper/keeper.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"
#include "storage/client/admin.h"

#define CLAIM_MAX FACTS_MAX
#define LEASE_MS  30000 /* longer work may be done twice, which harms nothing */
#define IDLE_MS	  500
#define AWAY_MS	  1000
#define PULL_MS	  60000

struct flight {
	struct keeper *keeper;
	struct task *task; /* NULL: it is free */
	struct partition_claim claim[CLAIM_MAX];
	size_t claims;
	/* while it runs */
	struct arena *arena;
	struct facts facts;
};

struct reconciler {
	struct keeper *keeper;
	int64_t slot_ms; /* when the rate allows the next claim */
	struct flight flight[RECONCILE_TASKS_MAX];
};

static int await_drops(struct flight *f, const struct comparison *c)
{
	struct wire_pair *pair = arena_alloc(f->arena, c->drops * sizeof(pair[0]) + 1);
	int result = 0;

	for (size_t at = 0; at < c->drops;) { /* a node's are together */
		uint16_t node = c->drop[at].node;
		size_t count = 0;
		int rc;

		for (; at < c->drops && c->drop[at].node == node; at++) {
			metric_inc(c->drop[at].extra ? M_KEEPER_EXTRA : M_KEEPER_GARBAGE);
			pair[count++] = c->drop[at].pair;
		}
		log_info("copies dropped", "node=%u partition=%u copies=%zu", node,
			 partition_of(pair[0].digest), count);
		await_failpoint(FP_DROP_BEFORE);
		rc = await_cluster_drop(&f->keeper->cluster, node, pair, count);
		if (rc < 0)
			result = rc;
		if (rc == -ECANCELED)
			break;
	}
	return result;
}

static int await_pulls(struct flight *f, const struct comparison *c)
{
	size_t made = 0;
	int result = 0;

	for (size_t i = 0; i < c->pulls; i++) {
		const struct compare_pull *p = &c->pull[i];
		int rc;

		await_failpoint(FP_PULL_ORDER);
		rc = await_store_pull(f->keeper->cluster.store, p->node, p->source, &p->pair,
				      PULL_MS);

		if (rc == -ECANCELED)
			return rc;
		metric_inc(rc == 0 ? M_KEEPER_PULLED : M_KEEPER_PULL_FAILED);
		made += rc == 0;
		if (rc < 0) {
			log_warn("a missing copy could not be made",
				 "node=%u from=%u partition=%u gen=%llu err=\"%s\"", p->node,
				 p->source, partition_of(p->pair.digest),
				 (unsigned long long)p->pair.gen, err_text(rc));
			result = rc;
		}
	}
	if (made > 0)
		log_info("missing copies made", "partition=%u copies=%zu foreign=%zu",
			 partition_of(c->pull[0].pair.digest), made, c->foreign);
	return result;
}

/*
 * No node listed any bytes of these chunks. Their rows may be younger than the lists, so the
 * nodes are listed again; if all of them answer and still nobody has one, it is lost.
 */
static int await_lost(struct flight *f, uint16_t part, const struct comparison *c)
{
	struct partition_pair *lost = arena_alloc(f->arena, c->suspects * sizeof(lost[0]) + 1);
	struct node_list *list;
	size_t count = 0;
	int rc;

	rc = await_cluster_list(&f->keeper->cluster, f->arena, &part, 1, f->facts.node,
				f->facts.nodes, &list);
	await_failpoint(FP_LOST_LISTED);
	if (rc < 0)
		return rc;
	for (size_t k = 0; k < f->facts.nodes; k++)
		if (!list[k].known)
			return ERR_UNAVAILABLE;
	for (size_t i = 0; i < c->suspects; i++) {
		const struct partition_pair *p = &c->suspect[i];
		bool found = false;

		for (size_t k = 0; k < f->facts.nodes && !found; k++)
			found = node_list_has(&list[k], p->digest, p->gen, true);
		if (!found)
			lost[count++] = *p;
	}
	if (count == 0)
		return 0;
	rc = await_blobs_mark_lost(f->keeper->db, lost, count);
	if (rc > 0)
		log_error("no good copy is left: blobs are lost until they are pushed again",
			  "partition=%u chunks=%zu blobs=%d gen=%llu", part, count, rc,
			  (unsigned long long)lost[0].gen);
	metric_add(M_KEEPER_LOST, rc > 0 ? rc : 0);
	/* of an open upload: its commit will show */
	return rc < 0 ? rc : rc == 0 ? ERR_UNAVAILABLE : 0;
}

/* Compare one partition and order what it lacks; the verdict, or -ECANCELED. */
static int await_partition(struct flight *f, size_t i)
{
	struct comparison c;
	int rc = 0;

	facts_compare(&f->facts, i, &f->keeper->cluster, f->arena, &c);
	metric_inc(M_KEEPER_COMPARED);
	if (comparison_whole(&c))
		return PARTITION_WHOLE;
	if (c.drops > 0)
		rc = await_drops(f, &c);
	if (rc != -ECANCELED && c.pulls > 0) {
		int pulled = await_pulls(f, &c);

		rc = pulled < 0 ? pulled : rc;
	}
	if (rc == 0 && c.suspects > 0)
		rc = c.all_known ? await_lost(f, f->facts.part[i], &c) : ERR_UNAVAILABLE;
	if (rc == -ECANCELED)
		return rc;
	if (rc < 0 || !c.members_known || c.drops + c.pulls + c.suspects == 0)
		return PARTITION_LATER;
	return PARTITION_MENDED;
}

static bool was_listed(const struct flight *f, size_t part, uint16_t node)
{
	for (size_t k = 0; k < f->facts.nodes; k++)
		if (f->facts.node[k] == node)
			return f->facts.list[part][k].known;
	return true; /* no node of ours any more: nothing to wait for */
}

static void note_verdict(struct flight *f, size_t part, int verdict)
{
	for (size_t i = 0; i < f->claims; i++) {
		struct partition_claim *claim = &f->claim[i];

		if (claim->part != f->facts.part[part])
			continue;
		claim->verdict = (enum partition_verdict)verdict;
		if (verdict == PARTITION_WHOLE && claim->node != 0 &&
		    !was_listed(f, part, claim->node))
			claim->verdict = PARTITION_LATER;
	}
}

static void await_flight(struct flight *f)
{
	int rc;

	await_failpoint(FP_CLAIMED);
	f->facts.parts = 0;
	for (size_t i = 0; i < f->claims; i++) {
		f->claim[i].verdict = PARTITION_LATER;
		facts_add(&f->facts, f->claim[i].part);
	}
	rc = await_facts(&f->facts, f->arena, &f->keeper->cluster, f->keeper->db);
	if (rc == ERR_NOT_ADOPTED)
		keeper_saw(f->keeper, &(struct wire_mark){.gen = f->facts.unknown_gen});
	for (size_t i = 0; i < f->facts.parts && rc >= 0; i++) {
		rc = await_partition(f, i);
		if (rc >= 0)
			note_verdict(f, i, rc);
	}
	if (rc == -ECANCELED)
		return; /* the claims end without us */
	await_failpoint(FP_SETTLE_BEFORE);
	rc = await_partitions_settle(f->keeper->db, f->claim, f->claims);
	await_failpoint(FP_SETTLE_DONE);
	if (rc < 0 && rc != -ECANCELED)
		log_warn("a comparison was not noted", "err=\"%s\"", err_text(rc));
}

static void TASK_ENTRY flight_main(void *arg)
{
	struct flight *f = arg;

	f->arena = arena_new();
	await_flight(f);
	arena_free(f->arena);
	f->task = NULL;
}

struct reconciler *reconciler_new(struct keeper *k)
{
	struct reconciler *r = xcalloc(1, sizeof(*r));

	r->keeper = k;
	for (size_t i = 0; i < RECONCILE_TASKS_MAX; i++)
		r->flight[i].keeper = k;
	return r;
}

void reconciler_free(struct reconciler *r)
{
	free(r);
}

static struct flight *free_flight(struct reconciler *r)
{
	for (int64_t i = 0; i < settings()->keeper_reconcile_tasks; i++)
		if (r->flight[i].task == NULL)
			return &r->flight[i];
	return NULL;
}

/* How long to sleep before the next claim, or -ECANCELED. */
static int64_t await_claim(struct reconciler *r, struct flight *f)
{
	struct keeper *k = r->keeper;
	int64_t now = clock_now_ms();
	struct arena *a = arena_new();
	struct partition_claim *claim;
	uint16_t *up;
	size_t ups = cluster_nodes_up(&k->cluster, a, &up);
	int rc = await_partitions_claim(k->db, a, up, ups, CLAIM_MAX, LEASE_MS,
					k->life.incarnation, &claim);

	if (rc > 0) {
		memcpy(f->claim, claim, (size_t)rc * sizeof(claim[0]));
		f->claims = (size_t)rc;
		f->task = task_spawn(k->loop, "flight", NULL, flight_main, f);
		r->slot_ms = (r->slot_ms > now ? r->slot_ms : now) +
			     rc * 1000 / settings()->keeper_reconcile_rate;
	}
	arena_free(a);
	if (rc == -ECANCELED)
		return rc;
	return rc < 0 ? AWAY_MS : rc == 0 ? IDLE_MS : 0;
}

void TASK_ENTRY keeper_reconcile(void *keeper)
{
	struct keeper *k = keeper;
	struct reconciler *r = k->reconciler;
	int64_t pause = AWAY_MS;

	while (pause >= 0 && !k->stopping) {
		struct flight *f = free_flight(r);

		if (!k->reachable || !k->adopted || map_watch_view(k->cluster.map) == NULL)
			pause = AWAY_MS;
		else if (f == NULL)
			pause = 5;
		else if (r->slot_ms > clock_now_ms())
			pause = r->slot_ms - clock_now_ms();
		else
			pause = await_claim(r, f);
		if (pause >= 0 && await_sleep(pause) < 0)
			pause = -ECANCELED;
	}
	for (size_t i = 0; i < RECONCILE_TASKS_MAX; i++)
		if (r->flight[i].task != NULL)
			task_cancel(r->flight[i].task);
	k->reconcile = NULL;
}
