/*
 * Stacks of tasks: 256 KiB of lazily mapped memory above a guard page, kept for reuse.
 * One thread. Only task.c uses this.
 */
#pragma once

#include <stddef.h>

#include "proto/base/err.h"

#define TASK_STACK_SIZE ((size_t)256 * 1024)

/* Lowest usable address of TASK_STACK_SIZE bytes; NULL when the system gives no more. */
void *task_stack_get(void) MUST_CHECK;
void task_stack_put(void *stack);
/* Unmap those kept for reuse. */
void task_stack_trim(void);
