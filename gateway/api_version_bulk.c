/*
 * POST …/versions/delete: versions by conditions, each deleted as DELETE …/versions/ID does it,
 * in a transaction of its own. A request looks at one page, from the newest on, so that an
 * index goes before its children; `cursor` goes on behind it. A dry run tells what these pages
 * would do one after the other: what it has to know of those before stands in the cursor, or is
 * found out again by the database.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/api_download.h"
#include "gateway/api_json.h"
#include "gateway/api_version.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/version_deletes.h"
#include "metadb/version_query.h"
#include "proto/model/name.h"

#define PAGE_VERSIONS 1000
#define PATTERNS_MAX  20
#define WILDCARDS_MAX 8 /* of one pattern: comparing costs with each */
#define KEEP_MAX      1000000

struct bulk {
	struct version_query query;
	int64_t keep; /* the newest that are meant */
	int64_t kept; /* so far, on the pages before as well */
	struct version_removal removal;
	bool force;   /* also when no tagged version is left */
	bool insists; /* also on what is popular */
	bool guarded; /* there is something that is */
	struct version_matches page;
	const struct version_match *now;
	/* Of a dry run: what has gone, which of this page has lost its tags, and a version that
	 * has some, 0: not looked for yet. */
	struct version_ids gone, lost;
	int64_t left;
	json_t *deleted, *deferred, *refused;
};

static int invalid(struct request *rq, const char *field)
{
	return api_json_invalid(rq, "PackageVersion", field, "invalid");
}

static bool read_flag(struct request *rq, const json_t *body, const char *field, int *status)
{
	const json_t *value = json_object_get(body, field);

	if (*status == 0 && value != NULL && !json_is_boolean(value))
		*status = invalid(rq, field);
	return json_is_true(value);
}

static int64_t read_number(struct request *rq, const json_t *body, const char *field,
			   int64_t least, int64_t most, int64_t usual, int *status)
{
	const json_t *value = json_object_get(body, field);
	int64_t n = json_integer_value(value);

	if (value == NULL)
		return usual;
	if (*status == 0 && (!json_is_integer(value) || n < least || n > most))
		*status = invalid(rq, field);
	return n;
}

/* A glob of * and ? as LIKE has it; NULL when it is none of tags. */
static const char *like(struct arena *a, const char *glob)
{
	size_t len = strlen(glob), n = 0;
	char *out = arena_alloc(a, 2 * len + 1);
	int wild = 0;

	for (const char *c = glob; *c != '\0'; c++) {
		if (*c == '*' || *c == '?') {
			out[n++] = *c == '*' ? '%' : '_';
			wild++;
			continue;
		}
		if (strchr("_.-", *c) == NULL && !((*c | 32) >= 'a' && (*c | 32) <= 'z') &&
		    !(*c >= '0' && *c <= '9'))
			return NULL;
		if (*c == '_')
			out[n++] = '\\';
		out[n++] = *c;
	}
	out[n] = '\0';
	return len > 0 && len <= TAG_MAX && wild <= WILDCARDS_MAX ? out : NULL;
}

static int read_patterns(struct request *rq, const json_t *body, struct version_query *q)
{
	const json_t *list = json_object_get(body, "tags");
	size_t n = json_array_size(list);
	const char **patterns;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || n == 0 || n > PATTERNS_MAX || q->untagged)
		return invalid(rq, "tags");
	patterns = arena_alloc(rq->arena, n * sizeof(*patterns));
	for (size_t i = 0; i < n; i++) {
		const char *glob = json_string_value(json_array_get(list, i));

		patterns[i] = glob == NULL ? NULL : like(rq->arena, glob);
		if (patterns[i] == NULL)
			return invalid(rq, "tags");
	}
	q->patterns = patterns;
	q->patterns_count = n;
	return 0;
}

static int read_kinds(struct request *rq, const json_t *body, struct version_query *q)
{
	static const char *const words[] = {"image",	   "index",	"child",
					    "attestation", "signature", "artifact"};
	const size_t count = sizeof(words) / sizeof(words[0]);
	const json_t *list = json_object_get(body, "kinds");

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > count)
		return invalid(rq, "kinds");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		size_t k = 0;

		while (word != NULL && k < count && strcmp(word, words[k]) != 0)
			k++;
		if (word == NULL || k == count)
			return invalid(rq, "kinds");
		q->kinds |= 1u << k;
	}
	return 0;
}

/* ID.KEPT, of a dry run ID.KEPT.LAST-KEPT.STAYED, as end_page() makes it. */
static int read_cursor(struct request *rq, const json_t *body, struct bulk *b)
{
	int status = 0, end = 0, parts;
	const char *text =
		api_json_short_text(rq, body, "PackageVersion", "cursor", 80, &status);
	long long n[4] = {0};

	b->query.before = INT64_MAX;
	if (status != 0 || text == NULL)
		return status;
	parts = sscanf(text, "%18lld.%18lld%n.%18lld.%18lld%n", &n[0], &n[1], &end, &n[2],
		       &n[3], &end);
	if ((parts != 2 && parts != 4) || text[end] != '\0')
		return invalid(rq, "cursor");
	for (size_t i = 0; i < 4; i++)
		if (n[i] < 0)
			return invalid(rq, "cursor");
	b->query.before = n[0];
	b->kept = n[1];
	b->query.kept = n[2];
	b->query.stayed = n[3];
	return 0;
}

/* At least one condition: nobody deletes all by forgetting them. */
static int check_conditions(struct request *rq, const struct bulk *b)
{
	const struct version_query *q = &b->query;

	if (q->older != 0 || q->unpulled != 0 || q->untagged || q->patterns_count > 0 ||
	    q->kinds != 0 || b->keep > 0)
		return 0;
	return api_json_invalid(rq, "PackageVersion", "older_than", "missing_field");
}

static int read_query(struct request *rq, const json_t *body, struct bulk *b)
{
	int status = 0;
	const char *older =
		api_json_text(rq, body, "PackageVersion", "older_than", false, &status);
	const char *pulled =
		api_json_text(rq, body, "PackageVersion", "last_pulled_before", false, &status);
	const char *mode =
		api_json_text(rq, body, "PackageVersion", "dependents", false, &status);

	b->query.untagged = read_flag(rq, body, "untagged", &status);
	b->force = read_flag(rq, body, "force", &status);
	b->removal.dry = read_flag(rq, body, "dry_run", &status);
	b->insists = read_flag(rq, body, "popular", &status);
	b->keep = read_number(rq, body, "keep", 0, KEEP_MAX, 0, &status);
	b->query.limit = (int32_t)read_number(rq, body, "limit", 1, PAGE_VERSIONS,
					      PAGE_VERSIONS, &status);
	if (status == 0 && older != NULL && api_json_time_parse(older, &b->query.older) < 0)
		status = invalid(rq, "older_than");
	if (status == 0 && pulled != NULL &&
	    api_json_time_parse(pulled, &b->query.unpulled) < 0)
		status = invalid(rq, "last_pulled_before");
	if (status == 0)
		status = api_version_mode(rq, mode, &b->removal.mode);
	if (status == 0)
		status = read_patterns(rq, body, &b->query);
	if (status == 0)
		status = read_kinds(rq, body, &b->query);
	if (status == 0)
		status = read_cursor(rq, body, b);
	return status != 0 ? status : check_conditions(rq, b);
}

static void add_id(struct request *rq, struct version_ids *ids, int64_t id)
{
	if (ids->count == ids->room) {
		size_t room = ids->room * 2 + 64;
		int64_t *more = arena_alloc(rq->arena, room * sizeof(*more));

		if (ids->count > 0)
			memcpy(more, ids->id, ids->count * sizeof(*more));
		ids->id = more;
		ids->room = room;
	}
	ids->id[ids->count++] = id;
}

static bool loses_tags(const struct version_effect *e)
{
	return e->what == EFFECT_DELETED || e->what == EFFECT_DEFERRED;
}

/* Of a dry run: would no version with a tag be left? 1, 0, or the code of what is in the way.
 * Mostly the one that was found for the version before is still there. */
static int await_last(struct request *rq, struct bulk *b, const struct version_effects *found)
{
	struct version_ids going = {0};
	int64_t left;
	int rc;

	for (size_t i = 0; i < found->count; i++) {
		if (loses_tags(&found->effect[i]))
			add_id(rq, &going, found->effect[i].id);
		if (loses_tags(&found->effect[i]) && found->effect[i].id == b->left)
			b->left = 0;
	}
	if (!b->removal.dry || b->force || b->left != 0)
		return 0;
	rc = await_version_left(rq->worker->metadb, &b->query, &b->lost, &going, &left);
	if (rc < 0)
		return rc;
	if (left > 0)
		b->left = left;
	else if (left < 0)
		b->query.stayed = -left;
	return left < 0;
}

static void note_effects(struct request *rq, struct bulk *b,
			 const struct version_effects *found)
{
	json_t *part = api_version_effects_json(rq, found, EFFECT_DELETED);

	json_array_extend(b->deleted, part);
	json_decref(part);
	part = api_version_effects_json(rq, found, EFFECT_DEFERRED);
	json_array_extend(b->deferred, part);
	json_decref(part);
	for (size_t i = 0; b->removal.dry && i < found->count; i++) {
		if (found->effect[i].what == EFFECT_DELETED)
			add_id(rq, &b->gone, found->effect[i].id);
		if (loses_tags(&found->effect[i]))
			add_id(rq, &b->lost, found->effect[i].id);
	}
}

static void note_refused(struct request *rq, struct bulk *b, const char *reason)
{
	json_array_append_new(b->refused,
			      json_pack("{s:I, s:s, s:o, s:s}", "id", (json_int_t)b->now->id,
					"name", digest_str(rq->arena, &b->now->digest), "tags",
					api_version_words(b->now->tags), "reason", reason));
}

/* Is it, or what would go along, popular? 1, 0, or the code of what is in the way. */
static int await_popular(struct request *rq, const struct bulk *b)
{
	int64_t *ids;
	size_t count;

	if (!b->guarded)
		return 0;
	count = await_api_version_going(rq, &b->removal, &ids);
	return await_api_popular_stays(rq, ids, count, b->insists);
}

/* 0, or the code of what is in the way. What is gone by now is nobody's trouble. */
static int await_remove(struct request *rq, struct bulk *b)
{
	struct actor who = auth_actor(rq);
	struct version_effects found;
	int last, rc = await_version_remove(rq->worker->metadb, rq->arena, &who, &b->removal,
					    &found);

	if (rc == ERR_CONFLICT)
		note_refused(rq, b, "needed");
	else if (rc == VERSION_LAST)
		note_refused(rq, b, "last_tagged");
	else if (rc == VERSION_MANY)
		note_refused(rq, b, "too_many");
	if (rc != 0)
		return rc < 0 && rc != ERR_NOT_FOUND && rc != ERR_CONFLICT ? rc : 0;
	last = await_last(rq, b, &found);
	if (last == 0) {
		note_effects(rq, b, &found);
	} else if (last == 1) {
		note_refused(rq, b, "last_tagged");
	}
	return last < 0 ? last : 0;
}

static int await_one(struct request *rq, struct bulk *b)
{
	int rc;

	b->removal.id = b->now->id;
	b->removal.without = b->gone.id;
	b->removal.without_count = b->gone.count;
	rc = await_popular(rq, b);
	if (rc == 1)
		note_refused(rq, b, "popular");
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return await_remove(rq, b);
}

static int end_page(struct request *rq, struct bulk *b)
{
	const struct version_matches *page = &b->page;
	json_t *cursor = json_null();

	if (page->looked_at == b->query.limit && !b->removal.dry)
		cursor = json_sprintf("%lld.%lld", (long long)page->last, (long long)b->kept);
	else if (page->looked_at == b->query.limit)
		cursor = json_sprintf("%lld.%lld.%lld.%lld", (long long)page->last,
				      (long long)b->kept, (long long)b->query.kept,
				      (long long)b->query.stayed);
	return api_json_reply(rq, 200,
			      json_pack("{s:O, s:O, s:O, s:b, s:I, s:o}", "deleted", b->deleted,
					"deferred", b->deferred, "refused", b->refused,
					"dry_run", b->removal.dry, "looked_at",
					(json_int_t)page->looked_at, "cursor", cursor));
}

static int await_look(struct request *rq, struct bulk *b)
{
	struct version_query *q = &b->query;
	int rc;

	q->dry = b->removal.dry;
	q->mode = b->removal.mode;
	q->spares = b->guarded;
	b->removal.anyway = b->force || q->dry; /* await_last() knows it better */
	rc = await_version_query(rq->worker->metadb, rq->arena, q, &b->page);
	b->gone.id = b->page.gone;
	b->gone.count = b->gone.room = b->page.gone_count;
	return rc;
}

static int await_page(struct request *rq, struct bulk *b)
{
	int rc = await_api_popular_stays(rq, NULL, 0, b->insists);

	b->guarded = rc == 1;
	if (rc >= 0)
		rc = await_look(rq, b);
	for (size_t i = 0; rc == 0 && i < b->page.count; i++) {
		b->now = &b->page.match[i];
		if (b->kept < b->keep) {
			b->kept++;
			b->query.kept = b->now->id;
		} else {
			rc = await_one(rq, b);
		}
	}
	return rc < 0 ? give_up(rq, rc, "deleting versions") : end_page(rq, b);
}

int api_version_delete_many(struct request *rq)
{
	struct bulk b = {
		.query = {.package_id = rq->package_id},
		.removal = {.package_id = rq->package_id},
	};
	json_t *body;
	int status = await_api_json(rq, &body);

	if (status == 0)
		status = read_query(rq, body, &b);
	if (status != 0)
		return status;
	b.deleted = json_array();
	b.deferred = json_array();
	b.refused = json_array();
	status = await_page(rq, &b);
	json_decref(b.deleted);
	json_decref(b.deferred);
	json_decref(b.refused);
	return status;
}
