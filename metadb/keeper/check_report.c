/* The same figures for people (what is wrong, and a last line) and for programs (JSON). */
#include "metadb/keeper/check.h"

struct line {
	const char *name;
	int64_t count;
	bool warning;
};
#define LINES_MAX (ROW_CHECKS_MAX + 12)

static int collect(const struct check_report *r, struct line line[LINES_MAX])
{
	const struct server_state *s = &r->server;
	int n = 0;

	for (int i = 0; i < r->rows; i++)
		line[n++] = (struct line){r->row[i].name, r->row[i].count, false};
	line[n++] = (struct line){"copy_missing", r->copy.missing, false};
	line[n++] = (struct line){"chunk_without_any_copy", r->copy.lost, false};
	line[n++] = (struct line){"copy_without_a_row", r->copy.garbage, false};
	line[n++] =
		(struct line){"copy_of_a_gen_that_was_never_given_out", r->copy.unknown, false};
	line[n++] = (struct line){"copy_at_a_node_that_is_no_member", r->copy.extra, false};
	line[n++] = (struct line){"postgresql_fsync_is_off", !s->fsync, false};
	line[n++] = (struct line){"postgresql_full_page_writes_is_off", !s->full_page_writes,
				  false};
	line[n++] = (struct line){"postgresql_is_not_the_adopted_one", !s->adopted, false};
	line[n++] =
		(struct line){"postgresql_is_older_than_storage_has_seen_it", s->behind, false};
	line[n++] = (struct line){"postgresql_has_no_synchronous_standby",
				  s->replicas >= 2 && !s->synchronous_standby, true};
	line[n++] = (struct line){"partition_owes_copies", s->owing, true};
	return n;
}

int64_t check_findings(const struct check_report *r)
{
	struct line line[LINES_MAX];
	int n = collect(r, line);
	int64_t findings = 0;

	for (int i = 0; i < n; i++)
		if (!line[i].warning)
			findings += line[i].count;
	return findings;
}

static void print_json(const struct check_report *r, const struct line *line, int n, FILE *out)
{
	fprintf(out,
		"{\"clean\": %s, \"findings\": %lld, \"epoch\": %lld, \"partitions\": %lld, "
		"\"copies\": %lld",
		check_findings(r) == 0 ? "true" : "false", (long long)check_findings(r),
		(long long)r->server.epoch, (long long)r->copy.partitions,
		(long long)r->copy.copies);
	for (int pass = 0; pass < 2; pass++) {
		fprintf(out, ", \"%s\": {", pass == 0 ? "checks" : "warnings");
		for (int i = 0, printed = 0; i < n; i++)
			if (line[i].warning == (pass == 1))
				fprintf(out, "%s\"%s\": %lld", printed++ > 0 ? ", " : "",
					line[i].name, (long long)line[i].count);
		fputs("}", out);
	}
	fputs("}\n", out);
}

void check_print(const struct check_report *r, bool json, FILE *out)
{
	struct line line[LINES_MAX];
	int n = collect(r, line);

	if (json) {
		print_json(r, line, n, out);
		return;
	}
	for (int i = 0; i < n; i++)
		if (line[i].count > 0)
			fprintf(out, "%-8s %s: %lld\n", line[i].warning ? "warning" : "FINDING",
				line[i].name, (long long)line[i].count);
	fprintf(out, "%lld findings; %lld partitions and %lld copies compared, epoch %lld\n",
		(long long)check_findings(r), (long long)r->copy.partitions,
		(long long)r->copy.copies, (long long)r->server.epoch);
}
