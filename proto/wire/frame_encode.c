/*
 * Plain structs to header frames.
 *
 * Everything of a message stands in one struct parts on the stack, the protobuf structs point
 * into it and into the caller's struct, and the packed bytes go to the arena: one allocation a
 * message.
 */
#include <assert.h>
#include <string.h>

#include "proto/wire/frame.h"
#include "proto/wire/store.pb-c.h"

/* protobuf-c wants char *, and writes nothing. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void fill_pair(Wire__Pair *to, const struct wire_pair *from)
{
	wire__pair__init(to);
	to->digest.data = (uint8_t *)(uintptr_t)from->digest;
	to->digest.len = sizeof(from->digest);
	to->gen = from->gen;
	to->len = from->len;
}

static void fill_pairs(Wire__Pairs *to, const struct wire_pairs *from)
{
	assert(from->count <= WIRE_PAIRS_MAX);
	wire__pairs__init(to);
	to->packed.data = (uint8_t *)(uintptr_t)from->packed;
	to->packed.len = (size_t)from->count * WIRE_PAIR_BYTES;
}

struct request_parts {
	Wire__Pair pair;
	Wire__Pairs pairs;
	union {
		Wire__Ping ping;
		Wire__Reserve reserve;
		Wire__Release release;
		Wire__Put put;
		Wire__Get get;
		Wire__Del del;
		Wire__List list;
		Wire__Pull pull;
		Wire__Verify verify;
		struct {
			Wire__Announce announce;
			Wire__Mark mark;
		};
	};
};

static Wire__Mark *fill_mark(Wire__Mark *to, const struct wire_mark *from)
{
	wire__mark__init(to);
	to->adoption = from->adoption;
	to->place = from->place;
	to->gen = from->gen;
	return to;
}

static void fill_announce(Wire__Announce *to, const struct wire_announce *from)
{
	wire__announce__init(to);
	to->uuid = text(from->uuid);
	to->name = text(from->name);
	to->zone = text(from->zone);
	to->control = text(from->control);
	to->bulk = text(from->bulk);
	to->cluster_uuid = text(from->cluster_uuid);
	to->incarnation = from->incarnation;
	to->state = from->state;
	to->total = from->total;
	to->used = from->used;
	to->free = from->free;
	to->bad = from->bad;
}

/* Requests of the bulk socket, and others about one pair. */
static void fill_chunk_request(Wire__Request *out, struct request_parts *p,
			       const struct wire_request *m)
{
	switch (m->op) {
	case WIRE_PUT:
		fill_pair(&p->pair, &m->put.pair);
		wire__put__init(&p->put);
		p->put.pair = &p->pair;
		p->put.ticket = m->put.ticket;
		out->body_case = WIRE__REQUEST__BODY_PUT;
		out->put = &p->put;
		break;
	case WIRE_GET:
		fill_pair(&p->pair, &m->get.pair);
		wire__get__init(&p->get);
		p->get.pair = &p->pair;
		p->get.offset = m->get.offset;
		p->get.length = m->get.length;
		out->body_case = WIRE__REQUEST__BODY_GET;
		out->get = &p->get;
		break;
	case WIRE_PULL:
		fill_pair(&p->pair, &m->pull.pair);
		wire__pull__init(&p->pull);
		p->pull.pair = &p->pair;
		p->pull.bulk = text(m->pull.bulk);
		out->body_case = WIRE__REQUEST__BODY_PULL;
		out->pull = &p->pull;
		break;
	default:
		assert(m->op == WIRE_VERIFY);
		fill_pair(&p->pair, &m->verify.pair);
		wire__verify__init(&p->verify);
		p->verify.pair = &p->pair;
		out->body_case = WIRE__REQUEST__BODY_VERIFY;
		out->verify = &p->verify;
		break;
	}
}

static void fill_request(Wire__Request *out, struct request_parts *p,
			 const struct wire_request *m)
{
	switch (m->op) {
	case WIRE_PING:
		wire__ping__init(&p->ping);
		p->ping.name = text(m->ping.name);
		p->ping.cluster_uuid = text(m->ping.cluster_uuid);
		out->body_case = WIRE__REQUEST__BODY_PING;
		out->ping = &p->ping;
		break;
	case WIRE_RESERVE:
		wire__reserve__init(&p->reserve);
		p->reserve.len = m->reserve.len;
		out->body_case = WIRE__REQUEST__BODY_RESERVE;
		out->reserve = &p->reserve;
		break;
	case WIRE_RELEASE:
		wire__release__init(&p->release);
		p->release.ticket = m->release.ticket;
		out->body_case = WIRE__REQUEST__BODY_RELEASE;
		out->release = &p->release;
		break;
	case WIRE_DEL:
		fill_pairs(&p->pairs, &m->del.pairs);
		wire__del__init(&p->del);
		p->del.pairs = &p->pairs;
		out->body_case = WIRE__REQUEST__BODY_DEL;
		out->del = &p->del;
		break;
	case WIRE_LIST:
		fill_pair(&p->pair, &m->list.after);
		wire__list__init(&p->list);
		p->list.partition = m->list.partition;
		p->list.partitions = m->list.partitions;
		p->list.limit = m->list.limit;
		p->list.after = &p->pair;
		out->body_case = WIRE__REQUEST__BODY_LIST;
		out->list = &p->list;
		break;
	case WIRE_ANNOUNCE:
		fill_announce(&p->announce, &m->announce);
		p->announce.mark = fill_mark(&p->mark, &m->announce.mark);
		out->body_case = WIRE__REQUEST__BODY_ANNOUNCE;
		out->announce = &p->announce;
		break;
	default:
		fill_chunk_request(out, p, m);
		break;
	}
}

void *frame_encode_request(struct arena *a, const struct wire_request *m, size_t *len)
{
	Wire__Request out = WIRE__REQUEST__INIT;
	struct request_parts parts;
	void *bytes;

	assert(m->op > 0 && m->op < WIRE_OP_END);
	assert(m->deadline_ms >= 1 && m->deadline_ms <= WIRE_DEADLINE_MAX_MS);
	out.version = WIRE_VERSION;
	out.id = m->id;
	out.epoch = m->epoch;
	out.deadline_ms = m->deadline_ms;
	out.rq = text(m->rq);
	fill_request(&out, &parts, m);

	*len = wire__request__get_packed_size(&out);
	bytes = arena_alloc(a, *len);
	wire__request__pack(&out, bytes);
	return bytes;
}

struct reply_parts {
	Wire__Pairs pairs;
	union {
		Wire__Pong pong;
		Wire__Reserved reserved;
		Wire__Got got;
		Wire__Listed listed;
		Wire__Verified verified;
		struct {
			Wire__Announced announced;
			Wire__Mark mark;
		};
	};
};

static void fill_pong(Wire__Pong *to, const struct wire_pong *from)
{
	wire__pong__init(to);
	to->uuid = text(from->uuid);
	to->cluster_uuid = text(from->cluster_uuid);
	to->state = from->state;
	to->total = from->total;
	to->used = from->used;
	to->free = from->free;
	to->incarnation = from->incarnation;
}

static void fill_got(Wire__Got *to, const struct wire_got *from)
{
	assert(from->crcs <= WIRE_CRC_MAX);
	wire__got__init(to);
	to->gen = from->gen;
	to->total = from->total;
	to->n_crc = from->crcs;
	to->crc = (uint32_t *)(uintptr_t)from->crc;
}

static void fill_reply(Wire__Reply *out, struct reply_parts *p, const struct wire_reply *m)
{
	switch (m->op) {
	case WIRE_PING:
		fill_pong(&p->pong, &m->pong);
		out->body_case = WIRE__REPLY__BODY_PONG;
		out->pong = &p->pong;
		break;
	case WIRE_RESERVE:
		wire__reserved__init(&p->reserved);
		p->reserved.ticket = m->reserved.ticket;
		out->body_case = WIRE__REPLY__BODY_RESERVED_ROOM;
		out->reserved_room = &p->reserved;
		break;
	case WIRE_GET:
		fill_got(&p->got, &m->got);
		out->body_case = WIRE__REPLY__BODY_GOT;
		out->got = &p->got;
		break;
	case WIRE_LIST:
		fill_pairs(&p->pairs, &m->listed.pairs);
		wire__listed__init(&p->listed);
		p->listed.pairs = &p->pairs;
		p->listed.partitions = m->listed.partitions;
		p->listed.more = m->listed.more;
		p->listed.incarnation = m->listed.incarnation;
		out->body_case = WIRE__REPLY__BODY_LISTED;
		out->listed = &p->listed;
		break;
	case WIRE_VERIFY:
		wire__verified__init(&p->verified);
		p->verified.dropped = m->verified.dropped;
		out->body_case = WIRE__REPLY__BODY_VERIFIED;
		out->verified = &p->verified;
		break;
	case WIRE_ANNOUNCE:
		wire__announced__init(&p->announced);
		p->announced.cluster_uuid = text(m->announced.cluster_uuid);
		p->announced.node_id = m->announced.node_id;
		p->announced.mark = fill_mark(&p->mark, &m->announced.mark);
		out->body_case = WIRE__REPLY__BODY_ANNOUNCED;
		out->announced = &p->announced;
		break;
	default: /* RELEASE, PUT, DEL, PULL: the status says all */
		break;
	}
}

void *frame_encode_reply(struct arena *a, const struct wire_reply *m, size_t *len)
{
	Wire__Reply out = WIRE__REPLY__INIT;
	struct reply_parts parts;
	void *bytes;

	assert(m->op > 0 && m->op < WIRE_OP_END);
	out.version = WIRE_VERSION;
	out.id = m->id;
	out.epoch = m->epoch;
	out.op = m->op;
	out.status = wire_status_encode(m->status);
	out.text = text(m->text);
	if (m->status == 0)
		fill_reply(&out, &parts, m);

	*len = wire__reply__get_packed_size(&out);
	bytes = arena_alloc(a, *len);
	wire__reply__pack(&out, bytes);
	return bytes;
}
