/*
 * Two SHA-256 states over the same bytes, for little more than the price of one.
 *
 * An upload needs the digest of its blob and of each chunk. Both see the same 64-byte blocks,
 * so the message schedule is computed once, and the rounds of the two states, which depend on
 * nothing of each other, fill the gaps that one stream's latency leaves. Needs the CPU's SHA
 * instructions; without them hash twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Can this CPU? Any thread. */
bool sha256_pair_possible(void);
/* Compress `blocks` × 64 bytes into both states (FIPS 180-4, 6.2.2). Only where possible. */
void sha256_pair_add(uint32_t a[8], uint32_t b[8], const unsigned char *data, size_t blocks);
