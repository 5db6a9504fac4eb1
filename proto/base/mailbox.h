/*
 * Mail from other threads to a loop.
 *
 * Post a letter from any thread; fn gets it on the loop's thread, in order of posting per
 * thread. The letter is embedded in the sender's struct, which must stay alive until fn has it,
 * and is in one mailbox at a time.
 */
#pragma once

#include "proto/base/loop.h"

struct letter {
	struct letter *next;
};

struct mailbox;

struct mailbox *mailbox_new(struct loop *l, void (*fn)(void *arg, struct letter *), void *arg);
void mailbox_post(struct mailbox *m, struct letter *letter);
/* No thread may post any more. Letters not yet delivered are delivered first. */
void mailbox_free(struct mailbox *m);
