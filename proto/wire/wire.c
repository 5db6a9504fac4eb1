/* Names and status numbers. The numbers are for ever; enum err may be renumbered. */
#include "proto/wire/wire.h"

#include "proto/wire/frame.h"

static const char *const op_names[WIRE_OP_END] = {
	[WIRE_PING] = "ping",	    [WIRE_RESERVE] = "reserve", [WIRE_PUT] = "put",
	[WIRE_GET] = "get",	    [WIRE_DEL] = "del",		[WIRE_LIST] = "list",
	[WIRE_PULL] = "pull",	    [WIRE_VERIFY] = "verify",	[WIRE_ANNOUNCE] = "announce",
	[WIRE_RELEASE] = "release",
};

static const struct {
	unsigned status;
	int code;
} statuses[] = {
	{0, 0},
	{1, ERR_UNAVAILABLE},
	{2, ERR_NOT_FOUND},
	{3, ERR_CONFLICT},
	{4, ERR_CORRUPT},
	{5, ERR_BAD_DIGEST},
	{6, ERR_STALE_EPOCH},
	{7, ERR_FULL},
	{8, ERR_POISONED},
	{9, ERR_PROTOCOL},
	{10, ERR_LIMIT},
	{11, ERR_DENIED},
	{12, ERR_PEER_GONE},
	{13, -ETIMEDOUT},
	{14, -EIO},
};

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

const char *wire_op_name(enum wire_op op)
{
	if (op <= 0 || op >= WIRE_OP_END)
		return "unknown";
	return op_names[op];
}

unsigned wire_status_encode(int code)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return wire_status_encode(ERR_UNAVAILABLE);
}

int wire_status_decode(unsigned status)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (statuses[i].status == status)
			return statuses[i].code;
	return ERR_UNAVAILABLE;
}
