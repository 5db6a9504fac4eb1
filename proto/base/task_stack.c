/*
 * A stack is one mapping: guard page, then the stack. Free ones are kept hot up to a number and
 * linked through their top words, which every task touches anyway.
 */
#include "proto/base/task_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#define KEEP_MAX 64

struct free_stack {
	struct free_stack *next;
};

static struct free_stack *kept;
static size_t kept_count;

static size_t guard_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct free_stack *link_of(void *stack)
{
	return (struct free_stack *)((char *)stack + TASK_STACK_SIZE -
				     sizeof(struct free_stack));
}

static void *stack_of(struct free_stack *link)
{
	return (char *)(link + 1) - TASK_STACK_SIZE;
}

static void unmap(void *stack)
{
	munmap((char *)stack - guard_size(), TASK_STACK_SIZE + guard_size());
}

void *task_stack_get(void)
{
	char *base;

	if (kept != NULL) {
		void *stack = stack_of(kept);

		kept = kept->next;
		kept_count--;
		return stack;
	}
	base = mmap(NULL, TASK_STACK_SIZE + guard_size(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	if (mprotect(base, guard_size(), PROT_NONE) < 0) {
		munmap(base, TASK_STACK_SIZE + guard_size());
		return NULL;
	}
	return base + guard_size();
}

void task_stack_put(void *stack)
{
	struct free_stack *link = link_of(stack);

	if (kept_count >= KEEP_MAX) {
		unmap(stack);
		return;
	}
	link->next = kept;
	kept = link;
	kept_count++;
}

void task_stack_trim(void)
{
	while (kept != NULL) {
		struct free_stack *next = kept->next;

		unmap(stack_of(kept));
		kept = next;
	}
	kept_count = 0;
}
