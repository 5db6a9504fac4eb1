/*
 * One table of operations. Everything that is drawn (repository, size, which item) follows from
 * the seed of the operation: the same options and seed do the same work.
 */
#include "tests/bench/load/ops.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/transfer.h"

/* How the seeds of the parts of an operation differ. */
enum { PART_REPOSITORY = 10, PART_PICK, PART_CONFIG, PART_LAYER = 100 };

static struct repository *draw_repository(struct session *s, struct items *items, uint64_t seed)
{
	const struct options *o = s->options;
	char name[ITEMS_NAME];

	if (o->repositories == 1)
		snprintf(name, sizeof(name), "%s", o->repository);
	else
		snprintf(name, sizeof(name), "%s-%u", o->repository,
			 (unsigned)(data_seed(seed, PART_REPOSITORY) % o->repositories));
	return items_repository(items, name);
}

static struct item new_blob(struct session *s, struct repository *r, uint64_t seed)
{
	struct item item = {.kind = ITEM_BLOB, .repository = r, .seed = seed};
	uint64_t size = data_size(&s->options->sizes, seed);

	item.size = size;
	if (!s->options->hash_late)
		transfer_describe(s, &item, size);
	return item;
}

/* ---- blobs ---- */

static bool plan_push_blob(struct session *s, struct items *items, struct plan *p)
{
	p->item = new_blob(s, draw_repository(s, items, p->seed), p->seed);
	return true;
}

static int run_push_blob(struct session *s, struct items *items, struct plan *p)
{
	int rc = transfer_push(s, &p->item);

	if (rc == 0) {
		items_acknowledge(items, &p->item);
		p->bytes = p->item.size;
	}
	return rc;
}

static bool plan_old_blob(struct session *s, struct items *items, struct plan *p)
{
	(void)s;
	return items_pick(items, ITEM_BLOB, data_seed(p->seed, PART_PICK), &p->item);
}

static int run_pull_blob(struct session *s, struct items *items, struct plan *p)
{
	int rc = transfer_pull(s, &p->item);

	(void)items;
	p->bytes = rc == 0 ? p->item.size : 0;
	return rc;
}

static int run_head_blob(struct session *s, struct items *items, struct plan *p)
{
	int rc = transfer_head(s, &p->item);

	(void)items;
	if (rc == 0)
		return session_fail(s, STEP_HEAD_BLOB, ERR_NOT_FOUND, "404", "HEAD %s in %s",
				    p->item.digest, p->item.repository->name);
	return rc < 0 ? rc : 0;
}

/* ---- manifests ---- */

static json_t *descriptor(const char *type, const struct item *item)
{
	return json_pack("{s:s, s:I, s:s}", "mediaType", type, "size", (json_int_t)item->size,
			 "digest", item->digest);
}

/* blobs[0] is the configuration. The seed makes the manifest unlike any other. */
static char *write_manifest(const struct item *blobs, unsigned count, uint64_t seed)
{
	json_t *layers = json_array(), *root;
	char text[20], *out;

	for (unsigned i = 1; i < count; i++)
		json_array_append_new(
			layers,
			descriptor("application/vnd.oci.image.layer.v1.tar", &blobs[i]));
	snprintf(text, sizeof(text), "%016" PRIx64, seed);
	root = json_pack("{s:i, s:s, s:o, s:o, s:{s:s}}", "schemaVersion", 2, "mediaType",
			 "application/vnd.oci.image.manifest.v1+json", "config",
			 descriptor("application/vnd.oci.image.config.v1+json", &blobs[0]),
			 "layers", layers, "annotations", "load.seed", text);
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (out == NULL)
		fatal("a manifest cannot be written");
	return out;
}

/* Pushes a manifest that names these blobs, under a tag of its own. */
static int push_manifest(struct session *s, struct items *items, struct plan *p,
			 const struct item *blobs, unsigned count)
{
	char *text = write_manifest(blobs, count, p->seed);
	struct item *item = &p->item;
	int rc;

	*item = (struct item){.kind = ITEM_MANIFEST,
			      .repository = blobs[0].repository,
			      .size = strlen(text),
			      .seed = p->seed};
	snprintf(item->tag, sizeof(item->tag), "t-%016" PRIx64, p->seed);
	hash_reset(s->hash);
	hash_add(s->hash, text, item->size);
	hash_text(s->hash, item->digest);
	rc = transfer_push_manifest(s, item, text);
	if (rc == 0) {
		items_acknowledge(items, item);
		p->bytes += item->size;
	}
	free(text);
	return rc;
}

static bool plan_put_manifest(struct session *s, struct items *items, struct plan *p)
{
	p->item.repository = draw_repository(s, items, p->seed);
	return p->item.repository->base_count > 0;
}

static int run_put_manifest(struct session *s, struct items *items, struct plan *p)
{
	const struct repository *r = p->item.repository;

	return push_manifest(s, items, p, r->base, r->base_count);
}

static bool plan_old_manifest(struct session *s, struct items *items, struct plan *p)
{
	(void)s;
	return items_pick(items, ITEM_MANIFEST, data_seed(p->seed, PART_PICK), &p->item);
}

static int run_get_manifest(struct session *s, struct items *items, struct plan *p)
{
	int rc = transfer_pull_manifest(s, &p->item, s->options->by_digest, NULL);

	(void)items;
	p->bytes = rc == 0 ? p->item.size : 0;
	return rc;
}

/* ---- images ---- */

static void plan_blobs(struct session *s, struct repository *r, struct plan *p)
{
	p->layers[0] = (struct item){
		.kind = ITEM_CONFIG, .repository = r, .seed = data_seed(p->seed, PART_CONFIG)};
	transfer_describe(s, &p->layers[0], 0);
	for (unsigned i = 1; i <= s->options->layers; i++)
		p->layers[i] = new_blob(s, r, data_seed(p->seed, PART_LAYER + i));
	p->layer_count = s->options->layers + 1;
}

static bool plan_push_image(struct session *s, struct items *items, struct plan *p)
{
	plan_blobs(s, draw_repository(s, items, p->seed), p);
	return true;
}

/* Asks before it pushes, as docker does. */
static int push_missing(struct session *s, struct items *items, struct plan *p,
			struct item *item)
{
	int rc = s->options->hash_late && item->kind == ITEM_BLOB ? 0 : transfer_head(s, item);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = transfer_push(s, item);
	if (rc == 0) {
		items_acknowledge(items, item);
		p->bytes += item->size;
	}
	return rc;
}

static int run_push_image(struct session *s, struct items *items, struct plan *p)
{
	int rc = 0;

	for (unsigned i = 0; i < p->layer_count && rc == 0; i++)
		rc = push_missing(s, items, p, &p->layers[i]);
	return rc != 0 ? rc : push_manifest(s, items, p, p->layers, p->layer_count);
}

static int pull_named(struct session *s, const struct item *manifest, json_t *named,
		      struct plan *p)
{
	struct item item = {.kind = ITEM_CONFIG, .repository = manifest->repository};
	const char *digest = json_string_value(json_object_get(named, "digest"));
	int rc;

	if (digest == NULL)
		return session_fail(s, STEP_GET_MANIFEST, ERR_SYNTAX, "protocol",
				    "%s names a blob without a digest", manifest->digest);
	snprintf(item.digest, sizeof(item.digest), "%s", digest);
	item.size = (uint64_t)json_integer_value(json_object_get(named, "size"));
	rc = transfer_pull(s, &item);
	p->bytes += rc == 0 ? item.size : 0;
	return rc;
}

static int run_pull_image(struct session *s, struct items *items, struct plan *p)
{
	json_t *root, *layers;
	char *text;
	int rc = transfer_pull_manifest(s, &p->item, s->options->by_digest, &text);

	(void)items;
	if (rc != 0)
		return rc;
	p->bytes += p->item.size;
	root = json_loads(text, 0, NULL);
	free(text);
	layers = json_object_get(root, "layers");
	rc = pull_named(s, &p->item, json_object_get(root, "config"), p);
	for (size_t i = 0; i < json_array_size(layers) && rc == 0; i++)
		rc = pull_named(s, &p->item, json_array_get(layers, i), p);
	json_decref(root);
	return rc;
}

/* ---- preparation and verification ---- */

int ops_push_base(struct session *s, struct items *items, struct repository *r)
{
	struct plan plan = {.seed = data_seed(s->options->seed, strlen(r->name))};
	int rc = 0;

	plan_blobs(s, r, &plan);
	for (unsigned i = 0; i < plan.layer_count && rc == 0; i++)
		rc = push_missing(s, items, &plan, &plan.layers[i]);
	if (rc == 0) {
		memcpy(r->base, plan.layers, plan.layer_count * sizeof(r->base[0]));
		r->base_count = plan.layer_count;
	}
	return rc;
}

int ops_verify(struct session *s, const struct item *item)
{
	int rc;

	if (item->kind != ITEM_MANIFEST)
		return transfer_pull(s, item);
	rc = transfer_pull_manifest(s, item, true, NULL);
	if (rc == 0 && item->tag[0] != '\0')
		rc = transfer_pull_manifest(s, item, false, NULL);
	return rc;
}

static const struct operation OPERATIONS[] = {
	{"push-blob", NEEDS_NOTHING, plan_push_blob, run_push_blob},
	{"pull-blob", NEEDS_BLOBS, plan_old_blob, run_pull_blob},
	{"head-blob", NEEDS_BLOBS, plan_old_blob, run_head_blob},
	{"put-manifest", NEEDS_BASE, plan_put_manifest, run_put_manifest},
	{"get-manifest", NEEDS_MANIFESTS, plan_old_manifest, run_get_manifest},
	{"push-image", NEEDS_NOTHING, plan_push_image, run_push_image},
	{"pull-image", NEEDS_IMAGES, plan_old_manifest, run_pull_image},
};

const struct operation *ops_find(const char *name)
{
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++) {
		if (strcmp(OPERATIONS[i].name, name) == 0)
			return &OPERATIONS[i];
	}
	return NULL;
}

const char *ops_names(void)
{
	return "push-blob pull-blob head-blob put-manifest get-manifest push-image pull-image";
}
