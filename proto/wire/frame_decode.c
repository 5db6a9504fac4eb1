/*
 * Header frames to plain structs, every number and length checked.
 *
 * protobuf-c unpacks into the arena (its frees do nothing); what it found is then copied field
 * by field into the plain struct. Texts are taken only if they are printable ASCII without
 * spaces or quotes and fit, so that they may stand in a log line and in an address as they are.
 * Nothing is allocated in proportion to a number in the message, only to its length.
 */
#include <string.h>

#include "proto/model/cluster.h"
#include "proto/wire/frame.h"
#include "proto/wire/store.pb-c.h"

static void *on_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void on_free(void *arena, void *memory)
{
	(void)arena;
	(void)memory;
}

static bool version_ok(uint32_t version)
{
	return version >= WIRE_VERSION_MIN && version <= WIRE_VERSION + 1;
}

/* A word: no spaces, quotes or control characters. */
static bool take_word(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (from[i] <= ' ' || from[i] > '~' || from[i] == '"' || from[i] == '\\')
			return false;
	memcpy(to, from, len + 1);
	return true;
}

#define TAKE(to, from) take_word((to), sizeof(to), (from))

/* Free text of a failure: cut and cleaned, never a reason to refuse. */
static void take_text(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i] != '\0'; i++)
		to[i] = from[i] < ' ' || from[i] > '~' || from[i] == '"' ? '?' : from[i];
	to[i] = '\0';
}

static bool take_pair(struct wire_pair *to, const Wire__Pair *from)
{
	if (from == NULL || from->digest.len != sizeof(to->digest) ||
	    from->len > WIRE_CHUNK_MAX)
		return false;
	memcpy(to->digest, from->digest.data, sizeof(to->digest));
	to->gen = from->gen;
	to->len = from->len;
	return true;
}

static bool take_pairs(struct wire_pairs *to, const Wire__Pairs *from)
{
	if (from == NULL || from->packed.len % WIRE_PAIR_BYTES != 0 ||
	    from->packed.len > (size_t)WIRE_PAIRS_MAX * WIRE_PAIR_BYTES)
		return false;
	to->packed = from->packed.data;
	to->count = (unsigned)(from->packed.len / WIRE_PAIR_BYTES);
	for (unsigned i = 0; i < to->count; i++)
		if (wire_pair_at(to, i).len > WIRE_CHUNK_MAX)
			return false;
	return true;
}

static bool take_put(struct wire_put *to, const Wire__Put *from)
{
	to->ticket = from->ticket;
	return take_pair(&to->pair, from->pair) &&
	       (to->ticket != 0 || to->pair.len <= WIRE_INLINE_MAX);
}

static bool take_get(struct wire_get *to, const Wire__Get *from)
{
	to->offset = from->offset;
	to->length = from->length;
	return take_pair(&to->pair, from->pair) && to->offset <= WIRE_CHUNK_MAX &&
	       to->offset % WIRE_BLOCK == 0 && to->length <= WIRE_PIECE_MAX &&
	       to->offset + to->length <= WIRE_CHUNK_MAX;
}

static bool take_list(struct wire_list *to, const Wire__List *from)
{
	to->partition = from->partition;
	to->partitions = from->partitions == 0 ? 1 : from->partitions;
	to->limit = from->limit;
	return take_pair(&to->after, from->after) && to->partition < PARTITIONS &&
	       to->partitions <= PARTITIONS - to->partition && to->limit >= 1 &&
	       to->limit <= WIRE_PAIRS_MAX;
}

/* A peer one version older sends none. */
static bool take_mark(struct wire_mark *to, const Wire__Mark *from)
{
	if (from == NULL)
		return true;
	to->adoption = from->adoption;
	to->place = from->place;
	to->gen = from->gen;
	return to->adoption >= 0 && to->place >= 0 && to->gen >= 0;
}

static bool take_announce(struct wire_announce *to, const Wire__Announce *from)
{
	to->incarnation = from->incarnation;
	to->state = from->state;
	to->total = from->total;
	to->used = from->used;
	to->free = from->free;
	to->bad = from->bad;
	return take_mark(&to->mark, from->mark) && TAKE(to->uuid, from->uuid) &&
	       TAKE(to->name, from->name) && TAKE(to->zone, from->zone) &&
	       TAKE(to->control, from->control) && TAKE(to->bulk, from->bulk) &&
	       TAKE(to->cluster_uuid, from->cluster_uuid);
}

static bool take_request(struct wire_request *out, const Wire__Request *m)
{
	switch (m->body_case) {
	case WIRE__REQUEST__BODY_PING:
		out->op = WIRE_PING;
		return TAKE(out->ping.name, m->ping->name) &&
		       TAKE(out->ping.cluster_uuid, m->ping->cluster_uuid);
	case WIRE__REQUEST__BODY_RESERVE:
		out->op = WIRE_RESERVE;
		out->reserve.len = m->reserve->len;
		return out->reserve.len <= WIRE_CHUNK_MAX;
	case WIRE__REQUEST__BODY_RELEASE:
		out->op = WIRE_RELEASE;
		out->release.ticket = m->release->ticket;
		return true;
	case WIRE__REQUEST__BODY_PUT:
		out->op = WIRE_PUT;
		return take_put(&out->put, m->put);
	case WIRE__REQUEST__BODY_GET:
		out->op = WIRE_GET;
		return take_get(&out->get, m->get);
	case WIRE__REQUEST__BODY_DEL:
		out->op = WIRE_DEL;
		return take_pairs(&out->del.pairs, m->del->pairs);
	case WIRE__REQUEST__BODY_LIST:
		out->op = WIRE_LIST;
		return take_list(&out->list, m->list);
	case WIRE__REQUEST__BODY_PULL:
		out->op = WIRE_PULL;
		return take_pair(&out->pull.pair, m->pull->pair) &&
		       TAKE(out->pull.bulk, m->pull->bulk);
	case WIRE__REQUEST__BODY_VERIFY:
		out->op = WIRE_VERIFY;
		return take_pair(&out->verify.pair, m->verify->pair);
	case WIRE__REQUEST__BODY_ANNOUNCE:
		out->op = WIRE_ANNOUNCE;
		return take_announce(&out->announce, m->announce);
	default:
		return false;
	}
}

int frame_decode_request(struct arena *a, const void *bytes, size_t len,
			 struct wire_request *out)
{
	ProtobufCAllocator allocator = {on_alloc, on_free, a};
	Wire__Request *m = wire__request__unpack(&allocator, len, bytes);

	memset(out, 0, sizeof(*out));
	if (m == NULL || !version_ok(m->version) || m->epoch < 0 || m->deadline_ms < 1 ||
	    m->deadline_ms > WIRE_DEADLINE_MAX_MS || !TAKE(out->rq, m->rq))
		return ERR_PROTOCOL;
	out->id = m->id;
	out->epoch = m->epoch;
	out->deadline_ms = m->deadline_ms;
	return take_request(out, m) ? 0 : ERR_PROTOCOL;
}

static bool take_pong(struct wire_pong *to, const Wire__Pong *from)
{
	to->state = from->state;
	to->total = from->total;
	to->used = from->used;
	to->free = from->free;
	to->incarnation = from->incarnation;
	return TAKE(to->uuid, from->uuid) && TAKE(to->cluster_uuid, from->cluster_uuid);
}

static bool take_got(struct wire_got *to, const Wire__Got *from)
{
	if (from->n_crc > WIRE_CRC_MAX || from->total > WIRE_CHUNK_MAX)
		return false;
	to->gen = from->gen;
	to->total = from->total;
	to->crcs = (unsigned)from->n_crc;
	if (from->n_crc > 0)
		memcpy(to->crc, from->crc, from->n_crc * sizeof(to->crc[0]));
	return true;
}

static bool take_listed(struct wire_listed *to, const Wire__Listed *from)
{
	to->partitions = from->partitions == 0 ? 1 : from->partitions;
	to->more = from->more;
	to->incarnation = from->incarnation;
	return take_pairs(&to->pairs, from->pairs);
}

/* The part that a reply of this operation must have, if any. */
static Wire__Reply__BodyCase body_of(enum wire_op op)
{
	switch (op) {
	case WIRE_PING:
		return WIRE__REPLY__BODY_PONG;
	case WIRE_RESERVE:
		return WIRE__REPLY__BODY_RESERVED_ROOM;
	case WIRE_GET:
		return WIRE__REPLY__BODY_GOT;
	case WIRE_LIST:
		return WIRE__REPLY__BODY_LISTED;
	case WIRE_VERIFY:
		return WIRE__REPLY__BODY_VERIFIED;
	case WIRE_ANNOUNCE:
		return WIRE__REPLY__BODY_ANNOUNCED;
	default:
		return WIRE__REPLY__BODY__NOT_SET;
	}
}

static bool take_reply(struct wire_reply *out, const Wire__Reply *m)
{
	Wire__Reply__BodyCase needed = body_of(out->op);

	if (needed == WIRE__REPLY__BODY__NOT_SET)
		return true;
	if (m->body_case != needed)
		return false;
	switch (out->op) {
	case WIRE_PING:
		return take_pong(&out->pong, m->pong);
	case WIRE_RESERVE:
		out->reserved.ticket = m->reserved_room->ticket;
		return out->reserved.ticket != 0;
	case WIRE_GET:
		return take_got(&out->got, m->got);
	case WIRE_LIST:
		return take_listed(&out->listed, m->listed);
	case WIRE_VERIFY:
		out->verified.dropped = m->verified->dropped;
		return true;
	default:
		out->announced.node_id = m->announced->node_id;
		return take_mark(&out->announced.mark, m->announced->mark) &&
		       TAKE(out->announced.cluster_uuid, m->announced->cluster_uuid);
	}
}

int frame_decode_reply(struct arena *a, const void *bytes, size_t len, struct wire_reply *out)
{
	ProtobufCAllocator allocator = {on_alloc, on_free, a};
	Wire__Reply *m = wire__reply__unpack(&allocator, len, bytes);

	memset(out, 0, sizeof(*out));
	if (m == NULL || !version_ok(m->version) || m->epoch < 0 || m->op < 1 ||
	    m->op >= WIRE_OP_END)
		return ERR_PROTOCOL;
	out->op = (enum wire_op)m->op;
	out->id = m->id;
	out->epoch = m->epoch;
	out->status = wire_status_decode(m->status);
	take_text(out->text, sizeof(out->text), m->text);
	if (out->status != 0)
		return 0;
	return take_reply(out, m) ? 0 : ERR_PROTOCOL;
}
