/*
 * packhouse-load WORKLOAD --url URL … : load for any OCI registry, and proof that what it
 * acknowledged is there.
 */
#include "tests/bench/load/run.h"

#include <string.h>

int main(int argc, char **argv)
{
	static struct options options;

	options_read(&options, argc, argv);
	return strcmp(options.workload, "verify") == 0 ? run_verify(&options)
						       : run_workload(&options);
}
