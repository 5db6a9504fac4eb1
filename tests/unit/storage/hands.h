/*
 * A world moved by hand: one operation at a time, on keys by their number, with cmocka's
 * assertions. For tests of named cases; the random ones use world.h.
 */
#pragma once

#include "storage/daemon/chores.h"
#include "tests/unit/storage/world.h"

/* Numbers of keys of the world (world.c): two gens a digest. */
#define KEY(digest) ((digest)*WORLD_GENS)
#define SMALL	    KEY(7)  /* 4095 bytes */
#define MIDDLE	    KEY(14) /* 200000 bytes */
#define LARGE	    KEY(16) /* 4 MiB */
#define FIRST	    KEY(20) /* from here on: some thousand bytes each */

int hand_commit(struct world *w, enum store_op_kind kind, int n);
void hand_put(struct world *w, int n);
void hand_delete(struct world *w, int n);
/* 0 and the right bytes, or why not. What is bad is dropped. */
int hand_get(struct world *w, int n);
/* The power goes, nothing unsynced survives, the index is lost if asked to; start. */
void hand_crash(struct world *w, bool lose_index);
/* The same after whatever happened to the disk. */
void hand_start(struct world *w);
/* Let the next record begin a new segment. */
void hand_begin_segment(struct world *w);
/* Segment 1 holds FIRST, alive, and MIDDLE and MIDDLE + 1, dead; segment 2 is begun. */
void hand_make_victim(struct world *w);
/* FIRST lies dead in segment 1, which is full enough to stay; its DEL lies in segment 2, with
 * SMALL, dead, and SMALL + 1, alive; segment 3 is begun. */
void hand_make_hidden_put(struct world *w);
struct store_stats hand_stats(struct world *w);
bool hand_segment_exists(struct world *w, uint64_t id);
/* Where the n-th record (0, 1, …) of a segment begins. */
uint64_t hand_record(struct world *w, uint64_t segment, int n);
void hand_flip(struct world *w, uint64_t segment, uint64_t offset);

/* Chores without a rate. Calls of `before_commit` come before compaction's groups. */
struct hand_chores {
	struct world *w;
	void (*before_commit)(struct hand_chores *h);
	bool (*pace)(struct hand_chores *h, uint64_t bytes); /* NULL: no rate */
	bool overtaken;					     /* every operation, by others */
	struct chores_report report;
	uint64_t bytes; /* paced */
	int found_bad;
};

/* One call; and calls until there is nothing to do, or an error. */
int hand_compact_once(struct hand_chores *h, unsigned percent);
int hand_compact(struct hand_chores *h, unsigned percent);
int hand_scrub(struct hand_chores *h, int64_t age_s, int64_t now_s);
