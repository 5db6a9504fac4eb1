/*
 * bytes_per_second counts the wall clock, so what a client does between operations (computing
 * digests of what it will push) is in it; bytes_per_busy_second counts only the time within
 * operations, times connections: that one compares registries.
 */
#include "tests/bench/load/report.h"

#include <inttypes.h>
#include <sys/resource.h>

void report_write_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static double ms(uint64_t us)
{
	return (double)us / 1000;
}

static void write_hist(FILE *out, const struct hist *h)
{
	fprintf(out,
		"{\"count\": %" PRIu64 ", \"mean\": %.3f, \"p50\": %.3f, \"p90\": %.3f, "
		"\"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f}",
		h->count, h->count == 0 ? 0 : ms(h->sum_us) / (double)h->count,
		ms(hist_at(h, 0.5)), ms(hist_at(h, 0.9)), ms(hist_at(h, 0.99)),
		ms(hist_at(h, 0.999)), ms(h->max_us));
}

static void write_steps(const struct report *r, FILE *out)
{
	const char *comma = "";

	fprintf(out, "  \"requests_ms\": {");
	for (unsigned i = 0; i < STEPS; i++) {
		if (r->steps[i].count == 0)
			continue;
		fprintf(out, "%s\n    \"%s\": ", comma, step_name((enum step)i));
		write_hist(out, &r->steps[i]);
		comma = ",";
	}
	if (r->tokens.count > 0) {
		fprintf(out, "%s\n    \"GET token\": ", comma);
		write_hist(out, &r->tokens);
	}
	fprintf(out, "},\n");
}

static double own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void report_write(const struct report *r)
{
	double seconds = (double)r->elapsed_us / 1e6;
	double busy = (double)r->latency.sum_us / 1e6 / r->options->connections;
	double rate = seconds > 0 ? (double)r->operations / seconds : 0;

	printf("{\"tool\": \"packhouse-load\", \"version\": 1, \"workload\": \"%s\", \"url\": ",
	       r->options->workload);
	report_write_string(stdout, r->options->urls[0].authority);
	printf(",\n  \"connections\": %u, \"rate\": %.3f, \"seed\": %" PRIu64
	       ", \"seconds\": %.3f,\n",
	       r->options->connections, r->options->rate, r->options->seed, seconds);
	printf("  \"operations\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"unexpected_errors\": %" PRIu64 ", \"retried\": %" PRIu64
	       ", \"late\": %" PRIu64 ",\n",
	       r->operations, r->failed, faults_unexpected(r->faults), r->retried, r->late);
	printf("  \"bytes\": %" PRIu64 ", \"wire_bytes\": %" PRIu64
	       ", \"operations_per_second\": %.3f,\n",
	       r->payload, r->wire, rate);
	printf("  \"bytes_per_second\": %.0f, \"bytes_per_busy_second\": %.0f, "
	       "\"client_cpu_seconds\": %.3f,\n",
	       seconds > 0 ? (double)r->payload / seconds : 0,
	       busy > 0 ? (double)r->payload / busy : 0, own_cpu());
	printf("  \"latency_ms\": ");
	write_hist(stdout, &r->latency);
	printf(",\n");
	write_steps(r, stdout);
	printf("  ");
	faults_write_json(r->faults, stdout);
	printf("}\n");
	fprintf(stderr,
		"%s: %" PRIu64 " done, %" PRIu64 " failed in %.2f s: %.1f/s, %.1f MB/s; "
		"p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
		r->options->workload, r->operations, r->failed, seconds, rate,
		seconds > 0 ? (double)r->payload / seconds / 1e6 : 0,
		ms(hist_at(&r->latency, 0.5)), ms(hist_at(&r->latency, 0.99)),
		ms(r->latency.max_us));
	faults_write_text(r->faults, stderr);
}
