/* packhouse-gateway: the front of the registry. See gateway/README.md. */
#include <stdio.h>

#include "gateway/cidr.h"
#include "gateway/fetch.h"
#include "gateway/parent.h"
#include "proto/base/log.h"
#include "proto/base/process.h"
#include "proto/base/settings.h"

static const char USAGE[] = "usage: packhouse-gateway [--config FILE] [--KEY=VALUE]...\n"
			    "Serves the registry's users on gateway.bind and gateway.port.\n"
			    "  --check   read the settings and say what is wrong\n"
			    "  --dump    print all settings with their meaning\n";

/* Besides its connections a worker needs files for database, storage and itself. */
#define OTHER_FILES 500

int main(int argc, char **argv)
{
	struct cidr_list proxies;
	long files;

	process_tune_malloc();
	if (settings_load(argc, argv, USAGE) > 1) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (cidr_list_parse(settings()->gateway_trusted_proxies, &proxies) < 0) {
		fprintf(stderr,
			"gateway.trusted_proxies must be up to %d addresses or networks "
			"(10.0.0.0/8), separated by commas\n",
			CIDR_MAX);
		return 2;
	}
	process_log_open(settings()->gateway_name);
	files = process_raise_file_limit();
	if (files < settings()->gateway_connections + OTHER_FILES)
		log_warn("too few open files allowed for gateway.connections",
			 "limit=%ld connections=%lld", files,
			 (long long)settings()->gateway_connections);
	fetch_setup();
	return parent_run();
}
