/*
 * SipHash-2-4: a hash whose collisions nobody finds who does not know its key. For tables whose
 * keys strangers choose. Pure; any thread.
 */
#pragma once

#include <stdint.h>

/* Of `count` 64-bit words, as if they stood in memory in little-endian order. */
uint64_t siphash(const uint64_t key[2], const uint64_t *word, unsigned count);
