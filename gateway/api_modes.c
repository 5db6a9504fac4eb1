/*
 * /api/v3/manage/v1/maintenance, in the shape of GitHub Enterprise's, and …/read-only, alike,
 * which GitHub lacks. A switch is thrown for the registry as a whole: the list of nodes that
 * GitHub Enterprise answers has one element.
 */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/map_watch.h"

#define RESOURCE "Maintenance"

/* One of the two switches as users of REST know it. */
struct lever {
	enum registry_mode mode;
	const char *name;
	const char *message_field;
};
static const struct lever maintenance = {
	MODE_MAINTENANCE,
	"Maintenance",
	"maintenance_mode_message",
};
static const struct lever read_only = {
	MODE_READ_ONLY,
	"Read-only",
	"read_only_mode_message",
};

/* What both answers begin with: which registry it is. */
static json_t *which_registry(struct request *rq)
{
	const struct cluster_view *view = map_watch_view(rq->worker->map);

	return json_pack("{s:s, s:s}", "hostname", rq->head->host.data, "uuid",
			 view != NULL ? view->cluster_uuid : "");
}

static int reply_one(struct request *rq, json_t *one)
{
	json_t *list = json_array();

	json_array_append_new(list, one);
	return api_json_reply(rq, 200, list);
}

static int await_show(struct request *rq, const struct lever *l)
{
	const struct mode_switch *s;
	struct registry_modes now;
	json_t *json;
	int rc;

	rc = await_modes(rq->worker->metadb, rq->arena, &now);
	if (rc < 0)
		return give_up(rq, rc, "looking up the registry's mode");
	s = l->mode == MODE_MAINTENANCE ? &now.maintenance : &now.read_only;
	json = which_registry(rq);
	json_object_set_new(json, "status", json_string(s->on ? "on" : "off"));
	json_object_set_new(json, "scheduled_time", json_null());
	json_object_set_new(json, "connection_services", json_array());
	json_object_set_new(json, "can_unset_maintenance", json_true());
	json_object_set_new(json, "ip_exception_list", json_array());
	json_object_set_new(json, l->message_field, json_string(s->message));
	return reply_one(rq, json);
}

/* Nothing can be set for later, or for some addresses only. 0, or the status of a refusal. */
static int refuse_the_rest(struct request *rq, const json_t *body)
{
	const json_t *list = json_object_get(body, "ip_exception_list");
	int status = 0;
	const char *when = api_json_text(rq, body, RESOURCE, "when", false, &status);

	if (status != 0)
		return status;
	if (when != NULL && strcmp(when, "now") != 0)
		return api_json_invalid(rq, RESOURCE, "when", "invalid");
	if (list != NULL && !json_is_null(list) &&
	    (!json_is_array(list) || json_array_size(list) > 0))
		return api_json_invalid(rq, RESOURCE, "ip_exception_list", "invalid");
	return 0;
}

static int await_set(struct request *rq, const struct lever *l)
{
	struct actor who = auth_actor(rq);
	const json_t *enabled;
	const char *message;
	json_t *body, *json;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = refuse_the_rest(rq, body);
	if (status != 0)
		return status;
	enabled = json_object_get(body, "enabled");
	if (!json_is_boolean(enabled))
		return api_json_invalid(rq, RESOURCE, "enabled",
					enabled == NULL ? "missing_field" : "invalid");
	message = api_json_text(rq, body, RESOURCE, l->message_field, false, &status);
	if (status != 0)
		return status;
	if (message != NULL && strlen(message) > MODE_MESSAGE_MAX)
		return api_json_invalid(rq, RESOURCE, l->message_field, "too_long");
	rc = await_mode_set(rq->worker->metadb, &who, l->mode, json_is_true(enabled), message);
	if (rc < 0)
		return give_up(rq, rc, "changing the registry's mode");
	json = which_registry(rq);
	json_object_set_new(json, "message",
			    json_sprintf("%s mode %s", l->name,
					 json_is_true(enabled) ? "enabled" : "disabled"));
	return reply_one(rq, json);
}

int api_maintenance_get(struct request *rq)
{
	return await_show(rq, &maintenance);
}

int api_maintenance_set(struct request *rq)
{
	return await_set(rq, &maintenance);
}

int api_read_only_get(struct request *rq)
{
	return await_show(rq, &read_only);
}

int api_read_only_set(struct request *rq)
{
	return await_set(rq, &read_only);
}
