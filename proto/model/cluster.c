/*
 * Computing, encoding and decoding the map.
 *
 * Rendezvous: a node's (or zone's) score for a partition is weight / -ln(u), where u in (0, 1)
 * is taken from SHA-256 of its name and the partition; the highest scores win. Only the keeper
 * computes, so floating point needs no agreement between machines.
 *
 * Encoded form, little-endian: "PHM1", R u8, spares u8, two zero bytes, then PARTITIONS rows of
 * R + spares u16, then CRC32C of all before it.
 */
#include "proto/model/cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/crc32c.h"
#include "proto/model/digest.h"

#define MAGIC "PHM1"
#define HEAD  8

struct candidate {
	const struct map_node *node;
	unsigned zone;
	double score;
	bool taken;
};

struct zone {
	const char *name;
	double weight;
	double score;
};

struct placement {
	struct candidate *nodes;
	struct zone *zones;
	unsigned *zone_order;
	size_t node_count;
	unsigned zone_count;
};

unsigned partition_of(const unsigned char sha256[32])
{
	return (unsigned)sha256[0] << 6 | sha256[1] >> 2;
}

unsigned map_default_replicas(unsigned nodes)
{
	return nodes < 3 ? nodes : 3;
}

unsigned map_write_quorum(unsigned replicas)
{
	return replicas < 2 ? replicas : 2;
}

static double score_of(const char *name, unsigned partition, double weight)
{
	unsigned char text[128], hash[SHA256_BYTES];
	size_t len = strnlen(name, sizeof(text) - 2);
	uint64_t n = 0;

	memcpy(text, name, len);
	text[len] = (unsigned char)(partition >> 8);
	text[len + 1] = (unsigned char)partition;
	sha256_of(text, len + 2, hash);
	for (int i = 0; i < 8; i++)
		n = n << 8 | hash[i];
	return weight / -log(((double)(n >> 11) + 0.5) / 9007199254740992.0);
}

static unsigned zone_of(struct placement *p, const char *name)
{
	for (unsigned z = 0; z < p->zone_count; z++)
		if (strcmp(p->zones[z].name, name) == 0)
			return z;
	p->zones[p->zone_count].name = name;
	return p->zone_count++;
}

static void placement_init(struct placement *p, const struct map_node *nodes, size_t count)
{
	p->node_count = count;
	p->zone_count = 0;
	p->nodes = xcalloc(count, sizeof(*p->nodes));
	p->zones = xcalloc(count, sizeof(*p->zones));
	p->zone_order = xcalloc(count, sizeof(*p->zone_order));
	for (size_t i = 0; i < count; i++) {
		assert(nodes[i].weight >= 1 && nodes[i].id != MAP_NODE_NONE);
		p->nodes[i].node = &nodes[i];
		p->nodes[i].zone = zone_of(p, nodes[i].zone);
		p->zones[p->nodes[i].zone].weight += nodes[i].weight;
	}
}

static void placement_fini(struct placement *p)
{
	free(p->nodes);
	free(p->zones);
	free(p->zone_order);
}

static void rank(struct placement *p, unsigned partition)
{
	for (size_t i = 0; i < p->node_count; i++) {
		struct candidate *c = &p->nodes[i];

		c->taken = false;
		c->score = score_of(c->node->uuid, partition, c->node->weight);
	}
	for (unsigned z = 0; z < p->zone_count; z++) {
		unsigned at = z;

		p->zones[z].score = score_of(p->zones[z].name, partition, p->zones[z].weight);
		while (at > 0 && p->zones[p->zone_order[at - 1]].score < p->zones[z].score) {
			p->zone_order[at] = p->zone_order[at - 1];
			at--;
		}
		p->zone_order[at] = z;
	}
}

static struct candidate *best_of_zone(struct placement *p, unsigned zone)
{
	struct candidate *best = NULL;

	for (size_t i = 0; i < p->node_count; i++) {
		struct candidate *c = &p->nodes[i];

		if (c->zone == zone && !c->taken && (best == NULL || c->score > best->score))
			best = c;
	}
	return best;
}

/* Round and round the zones in order of score; each gives its best node that is left. */
static void fill_row(struct placement *p, uint16_t *row, unsigned width)
{
	unsigned filled = 0;

	for (unsigned turn = 0; filled < width && turn < p->node_count * p->zone_count;
	     turn++) {
		struct candidate *c = best_of_zone(p, p->zone_order[turn % p->zone_count]);

		if (c == NULL)
			continue;
		c->taken = true;
		row[filled++] = c->node->id;
	}
	while (filled < width)
		row[filled++] = MAP_NODE_NONE;
}

static unsigned row_width(unsigned replicas)
{
	return replicas + MAP_SPARES;
}

int map_compute(const struct map_node *nodes, size_t count, unsigned replicas, int64_t epoch,
		struct cluster_map *out)
{
	struct placement p;

	assert(replicas >= 1 && replicas <= MAP_REPLICAS_MAX);
	if (count < replicas)
		return ERR_LIMIT;
	out->epoch = epoch;
	out->replicas = replicas;
	out->table = xcalloc((size_t)PARTITIONS * row_width(replicas), sizeof(uint16_t));
	placement_init(&p, nodes, count);
	for (unsigned part = 0; part < PARTITIONS; part++) {
		rank(&p, part);
		fill_row(&p, out->table + (size_t)part * row_width(replicas),
			 row_width(replicas));
	}
	placement_fini(&p);
	return 0;
}

void map_fini(struct cluster_map *m)
{
	free(m->table);
	m->table = NULL;
}

const uint16_t *map_row(const struct cluster_map *m, unsigned partition)
{
	assert(partition < PARTITIONS);
	return m->table + (size_t)partition * row_width(m->replicas);
}

bool map_is_member(const struct cluster_map *m, unsigned partition, uint16_t node)
{
	const uint16_t *row = map_row(m, partition);

	for (unsigned i = 0; i < m->replicas; i++)
		if (row[i] == node)
			return true;
	return false;
}

size_t map_encoded_size(unsigned replicas)
{
	return HEAD + (size_t)PARTITIONS * row_width(replicas) * 2 + 4;
}

static void put_le(unsigned char *p, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_le(const unsigned char *p, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint32_t)p[i] << (8 * i);
	return value;
}

void map_encode(const struct cluster_map *m, unsigned char *out)
{
	size_t cells = (size_t)PARTITIONS * row_width(m->replicas);

	memcpy(out, MAGIC, 4);
	out[4] = (unsigned char)m->replicas;
	out[5] = MAP_SPARES;
	out[6] = out[7] = 0;
	for (size_t i = 0; i < cells; i++)
		put_le(out + HEAD + 2 * i, m->table[i], 2);
	put_le(out + HEAD + 2 * cells, crc32c_add(0, out, HEAD + 2 * cells), 4);
}

int map_decode(const void *bytes, size_t len, int64_t epoch, struct cluster_map *out)
{
	const unsigned char *p = bytes;
	size_t cells;

	if (len < HEAD || memcmp(p, MAGIC, 4) != 0 || p[4] < 1 || p[4] > MAP_REPLICAS_MAX ||
	    p[5] != MAP_SPARES || len != map_encoded_size(p[4]))
		return ERR_CORRUPT;
	if (get_le(p + len - 4, 4) != crc32c_add(0, p, len - 4))
		return ERR_CORRUPT;
	cells = (size_t)PARTITIONS * row_width(p[4]);
	out->epoch = epoch;
	out->replicas = p[4];
	out->table = xcalloc(cells, sizeof(uint16_t));
	for (size_t i = 0; i < cells; i++)
		out->table[i] = (uint16_t)get_le(p + HEAD + 2 * i, 2);
	return 0;
}
