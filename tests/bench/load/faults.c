/*
 * Failures are rare, or else slow: one lock and a linear search will do.
 */
#include "tests/bench/load/faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/report.h"

#define KINDS 128

struct faults {
	pthread_mutex_t lock;
	const char *expect;
	unsigned count;
	struct kind {
		struct fault first;
		uint64_t count;
		uint64_t with_retry_after; /* answers that said when to come again */
		bool expected;
	} kinds[KINDS + 1]; /* the last one: all others */
};

struct faults *faults_new(const char *expect)
{
	struct faults *f = xcalloc(1, sizeof(*f));

	f->expect = expect;
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void faults_free(struct faults *f)
{
	if (f == NULL)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

bool faults_is_expected(const struct faults *f, const struct fault *fault)
{
	const char *at = f->expect;
	char whole[128];

	snprintf(whole, sizeof(whole), "%s: %s", fault->where, fault->kind);
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, ",");

		if ((strlen(fault->kind) == len && strncmp(at, fault->kind, len) == 0) ||
		    (strlen(whole) == len && strncmp(at, whole, len) == 0))
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}

void faults_add(struct faults *f, const struct fault *fault)
{
	struct kind *k = f->kinds;

	pthread_mutex_lock(&f->lock);
	while (k < f->kinds + f->count &&
	       (k->first.where != fault->where || strcmp(k->first.kind, fault->kind) != 0))
		k++;
	if (k == f->kinds + f->count) {
		if (f->count < KINDS)
			f->count++;
		if (k->count == 0) {
			k->first = *fault;
			k->expected = k < &f->kinds[KINDS] && faults_is_expected(f, fault);
		}
	}
	k->count++;
	k->with_retry_after += fault->retry_after >= 0;
	pthread_mutex_unlock(&f->lock);
}

static uint64_t sum(struct faults *f, bool all)
{
	uint64_t n = 0;

	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i <= KINDS; i++)
		n += all || !f->kinds[i].expected ? f->kinds[i].count : 0;
	pthread_mutex_unlock(&f->lock);
	return n;
}

uint64_t faults_total(struct faults *f)
{
	return sum(f, true);
}

uint64_t faults_unexpected(struct faults *f)
{
	return sum(f, false);
}

static const char *name_of(const struct faults *f, const struct kind *k)
{
	return k == &f->kinds[KINDS] ? "others" : k->first.kind;
}

void faults_write_json(struct faults *f, FILE *out)
{
	const char *comma = "";

	fprintf(out, "\"errors\": [");
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i <= KINDS; i++) {
		const struct kind *k = &f->kinds[i];

		if (k->count == 0)
			continue;
		fprintf(out,
			"%s\n    {\"step\": \"%s\", \"kind\": \"%s\", \"count\": %" PRIu64
			", \"with_retry_after\": %" PRIu64 ", \"expected\": %s, \"example\": ",
			comma, k->first.where, name_of(f, k), k->count, k->with_retry_after,
			k->expected ? "true" : "false");
		report_write_string(out, k->first.example);
		fprintf(out, "}");
		comma = ",";
	}
	pthread_mutex_unlock(&f->lock);
	fprintf(out, "]");
}

void faults_write_text(struct faults *f, FILE *out)
{
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i <= KINDS; i++) {
		const struct kind *k = &f->kinds[i];

		if (k->count > 0)
			fprintf(out, "  %s: %s: %" PRIu64 " times%s, such as: %s\n",
				k->first.where, name_of(f, k), k->count,
				k->expected ? " (expected)" : "", k->first.example);
	}
	pthread_mutex_unlock(&f->lock);
}
