/*
 * CRC32C (Castagnoli), as in iSCSI and RFC 3720: the checksum of stored and sent blocks.
 *
 * crc32c_add(0, …) starts; feeding parts one after the other gives the same as the whole:
 * crc32c_add(crc32c_add(0, a), b). Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c_add(uint32_t crc, const void *data, size_t len);

/* The two ways it is computed, for the test that they agree. Each may be called anywhere; the
 * first falls back to the second on a CPU without SSE4.2. */
uint32_t crc32c_add_hardware(uint32_t crc, const void *data, size_t len);
uint32_t crc32c_add_table(uint32_t crc, const void *data, size_t len);
