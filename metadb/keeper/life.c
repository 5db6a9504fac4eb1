/*
 * Where a keeper listens, and in which network of which start of which machine: whoever listens
 * there later knows that the one before does so no more, and a keeper does so until its end.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "metadb/keeper/keeper.h"
#include "proto/base/log.h"

#define BOOT_ID	 "/proc/sys/kernel/random/boot_id"
#define NETWORK	 "/proc/self/ns/net"
#define PART_MAX 64

static bool read_boot(char out[PART_MAX])
{
	FILE *f = fopen(BOOT_ID, "re");
	bool good = f != NULL && fgets(out, PART_MAX, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (good)
		out[strcspn(out, "\n")] = '\0';
	return good;
}

static bool read_network(char out[PART_MAX])
{
	ssize_t len = readlink(NETWORK, out, PART_MAX - 1);

	if (len < 0)
		return false;
	out[len] = '\0';
	return true;
}

void keeper_life_begin(struct keeper_life *life, const char *address)
{
	char boot[PART_MAX];
	char network[PART_MAX];

	if (getrandom(&life->incarnation, sizeof(life->incarnation), 0) !=
	    sizeof(life->incarnation))
		fatal("getrandom did not answer");
	if (read_boot(boot) && read_network(network))
		snprintf(life->place, sizeof(life->place), "%s %s %s", boot, network, address);
	else /* a place of our own: we take nobody's, and silence must tell */
		snprintf(life->place, sizeof(life->place), "%lld",
			 (long long)life->incarnation);
}
