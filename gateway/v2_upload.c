/*
 * Blob uploads (OCI distribution-spec, "Pushing blobs").
 *
 *   POST ──▶ session ──PATCH*──▶ session ──PUT ?digest──▶ blob
 *   POST ?digest ─────────────────────────────────────▶ blob
 *
 * A session belongs to its package and to its caller: its id alone opens nothing. It stands at
 * a byte that is recorded and durable; each request goes on from there or is told where that is
 * (416, Range). The bytes go through gateway/upload_stream.h.
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/chunk_fill.h"
#include "gateway/handlers.h"
#include "gateway/mount.h"
#include "gateway/range.h"
#include "gateway/rehash.h"
#include "gateway/reply.h"
#include "gateway/upload_stream.h"
#include "gateway/worker.h"
#include "metadb/blobs.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/client/client.h"

/*
 * Where the session goes on. An empty one says 0-0: the grammar has no way to say "nothing".
 * With `v`, how far the client knows it to be, whoever has brought it there needs not look.
 */
static void describe(struct request *rq, const struct upload *u)
{
	reply_header(rq, "Location", "%s/v2/%s/blobs/uploads/%s?v=%lld", request_origin(rq),
		     rq->repo.full, u->id, (long long)u->version);
	reply_header(rq, "Range", "0-%llu",
		     (unsigned long long)(u->size == 0 ? 0 : u->size - 1));
	reply_header(rq, "Docker-Upload-UUID", "%s", u->id);
}

static int reply_blob(struct request *rq, const struct digest *d)
{
	const char *text = digest_str(rq->arena, d);

	reply_header(rq, "Location", "%s/v2/%s/blobs/%s", request_origin(rq), rq->repo.full,
		     text);
	reply_header(rq, "Docker-Content-Digest", "%s", text);
	return reply(rq, 201);
}

/* Somebody else wrote to the session meanwhile: say where it stands now. */
static int await_refuse_place(struct request *rq, const struct upload *u)
{
	struct upload now;
	int rc;

	rc = await_upload_load(rq->worker->metadb, u->id, rq->package_id,
			       rq->caller->account_id, &now);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL);
	if (rc < 0)
		return give_up(rq, rc, "reading the upload");
	describe(rq, &now);
	return refuse(rq, RANGE_INVALID, "the upload stands at byte %llu",
		      (unsigned long long)now.size);
}

static int refuse_size(struct request *rq)
{
	return refuse(rq, SIZE_INVALID, "a blob has at most %lld bytes",
		      (long long)rq->worker->set->gateway_blob_max);
}

/*
 * Remembered rights do not hold any more, or do not suffice: he may push, and the session
 * stands where it was thought to? 0, the status of an answer, ERR_CONFLICT: elsewhere, or
 * ERR_NOT_FOUND: it is gone.
 */
static int await_look_again(struct request *rq, const struct upload *u)
{
	int status = await_auth_again(rq);

	if (status != 0)
		return status;
	if (rq->upload == NULL)
		return ERR_NOT_FOUND;
	return rq->upload->version == u->version ? 0 : ERR_CONFLICT;
}

/* What was sent cannot become a blob. 0, or the status of an answer. */
static int await_end(struct request *rq, const struct upload *u)
{
	int rc = await_upload_cancel(rq->worker->metadb, u->id, rq->package_id,
				     rq->caller->account_id);

	return rc < 0 && rc != ERR_NOT_FOUND ? give_up(rq, rc, "ending the upload") : 0;
}

/*
 * What is over a limit can never become a blob: the session goes at once. `size` is known. An
 * answer's status, or ERR_NOT_FOUND: it was gone before.
 */
static int await_refuse_limit(struct request *rq, const struct upload *u, uint64_t size)
{
	int status = rq->proof != NULL ? await_look_again(rq, u) : 0;

	/* Elsewhere it is longer still. */
	if (status == 0 || status == ERR_CONFLICT)
		status = await_end(rq, u);
	if (status != 0)
		return status;
	if (size > (uint64_t)rq->worker->set->gateway_blob_max)
		return refuse_size(rq);
	return refuse(
		rq, SIZE_INVALID,
		"a blob has at most %lld chunks: one for each %zu bytes, and one more for "
		"each request it is pushed in",
		(long long)rq->worker->set->gateway_blob_chunks, (size_t)CHUNK_MAX);
}

/* The client was too slow. What is durable is recorded, and the session goes on from there. */
static int refuse_slow(struct request *rq, const struct upload *u)
{
	const struct settings *set = rq->worker->set;
	int64_t until = rq->stream->read_until_ms;
	bool whole = until != 0 && clock_now_ms() >= until;

	describe(rq, u);
	return refuse(rq, TIMEOUT,
		      whole ? "a request of an upload may take %lld s; it goes on at byte %llu"
			    : "no byte came for %lld s; the upload goes on at byte %llu",
		      (long long)(whole ? set->gateway_upload_timeout
					: set->gateway_progress_timeout) /
			      1000,
		      (unsigned long long)u->size);
}

/* Nothing about it would be refused, as the session is known to stand. */
static bool fits(struct request *rq, const struct upload *u)
{
	const char *text = request_header(rq, "Content-Range");
	uint64_t max = (uint64_t)rq->worker->set->gateway_blob_max;
	int64_t length = request_body_length(rq);
	struct byte_range range;

	if (text != NULL && (content_range_parse(text, strlen(text), &range) < 0 ||
			     (uint64_t)range.first != u->size ||
			     (length >= 0 && length != range.last - range.first + 1)))
		return false;
	return length <= 0 || u->size + (uint64_t)length <= max;
}

/*
 * A client that does not go on with the Location it was given last may name a session as it
 * stood before: what is remembered of that does not do when it does not fit. 0 and rq->upload,
 * which may be NULL then; or the status of a refusal.
 */
static int await_fit(struct request *rq)
{
	return rq->proof == NULL || fits(rq, rq->upload) ? 0 : await_auth_again(rq);
}

/* Content-Range must begin where the session stands. 0, or the status of a refusal. */
static int await_check_range(struct request *rq, const struct upload *u)
{
	const char *text = request_header(rq, "Content-Range");
	int64_t length = request_body_length(rq);
	struct byte_range range;

	if (text == NULL)
		return 0;
	if (content_range_parse(text, strlen(text), &range) < 0)
		return refuse_with(rq, 400, BLOB_UPLOAD_INVALID, NULL,
				   "Content-Range must be first-last");
	if ((uint64_t)range.first != u->size)
		return await_refuse_place(rq, u);
	if (length >= 0 && length != range.last - range.first + 1)
		return refuse_with(rq, 400, SIZE_INVALID, NULL,
				   "Content-Range and Content-Length disagree");
	return 0;
}

/* Content-Range and Content-Length must fit the session. 0, or the status of a refusal. */
static int await_check_place(struct request *rq, const struct upload *u)
{
	int64_t length = request_body_length(rq);
	int status = await_check_range(rq, u);

	if (status != 0)
		return status;
	if (length > 0 &&
	    u->size + (uint64_t)length > (uint64_t)rq->worker->set->gateway_blob_max)
		return await_refuse_limit(rq, u, u->size + (uint64_t)length);
	return 0;
}

/* What was received into the row; then the rights are proved. 0, the status of an answer, or an
 * error: also those of await_look_again(). */
static int await_record(struct request *rq, const struct upload *u, struct upload_stream *s)
{
	int rc = await_upload_stream_record(s);

	/* Nothing came, so nothing was recorded and nothing proved. */
	if (rc == ERR_STALE_RIGHTS || (rc == 0 && rq->proof != NULL)) {
		rc = await_look_again(rq, u);
		if (rc == 0)
			rc = await_upload_stream_record(s);
	}
	return rc;
}

/*
 * Body into storage; what is durable by then stays. 0, the status of an answer, or what
 * await_look_again() says.
 */
static int await_receive(struct request *rq, const struct upload *u, struct upload_stream *s)
{
	uint64_t max = (uint64_t)rq->worker->set->gateway_blob_max;
	int rc, kept;

	rc = await_upload_stream_body(s, max);
	if (rc == ERR_STALE_RIGHTS) {
		rc = await_look_again(rq, u);
		if (rc != 0)
			return rc;
		rc = await_upload_stream_body(s, max);
	}
	if (rc == 0 || rc == ERR_CONFLICT)
		return rc;
	if (rc == -ECANCELED)
		return give_up(rq, rc, "receiving the blob");
	if (rc == ERR_LIMIT)
		return await_refuse_limit(rq, u, upload_stream_size(s));
	kept = await_record(rq, u, s);
	if (kept > 0)
		return kept;
	if (kept < 0 && kept != rc)
		log_info("rest of an upload not recorded", "why=\"%s\"", err_text(kept));
	if (kept == 0 && rc == -ETIMEDOUT && rq->fault == rc)
		return refuse_slow(rq, u);
	return give_up(rq, rc, "receiving the blob");
}

/*
 * The end of a session: what was received becomes the blob, if it has the digest. An answer's
 * status, ERR_CONFLICT: it stands elsewhere, or ERR_NOT_FOUND: it was gone before.
 */
static int await_finish(struct request *rq, struct upload *u, struct upload_stream *s,
			const struct digest *d)
{
	struct upload_commit done;
	struct digest actual;
	int rc, status;

	rc = await_upload_stream_commit(s, d, &actual, &done);
	/* A wrong digest of what is remembered says little. */
	if (rc == ERR_STALE_RIGHTS || (rc == ERR_BAD_DIGEST && rq->proof != NULL)) {
		status = await_look_again(rq, u);
		if (status != 0)
			return status;
		rc = await_upload_stream_commit(s, d, &actual, &done);
	}
	if (rc == 0)
		return reply_blob(rq, d);
	if (rc == ERR_CONFLICT)
		return rc;
	if (rc == ERR_LIMIT)
		return await_refuse_limit(rq, u, upload_stream_size(s));
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL);
	if (rc != ERR_BAD_DIGEST)
		return give_up(rq, rc, "finishing the upload");
	status = await_end(rq, u);
	if (status != 0)
		return status;
	return refuse(rq, DIGEST_INVALID, "the uploaded content is %s",
		      digest_str(rq->arena, &actual));
}

/* Take the body and finish: POST ?digest and PUT. As await_finish(). */
static int await_take_all(struct request *rq, struct upload *u, const struct digest *d)
{
	struct upload_stream *s;
	int status = 0, rc = 0;

	if (u->algorithm != d->algorithm && rq->proof != NULL)
		status = await_look_again(rq, u);
	if (status != 0)
		return status;
	if (u->algorithm != d->algorithm)
		rc = await_rehash(rq, u, d->algorithm);
	if (rc == ERR_CONFLICT)
		return rc;
	s = upload_stream_new(rq, u);
	if (rc == 0)
		rc = upload_stream_begin(s, d->algorithm);
	if (rc < 0)
		return give_up(rq, rc, "resuming the upload");
	status = await_receive(rq, u, s);
	return status != 0 ? status : await_finish(rq, u, s, d);
}

/* The digest parameter: 0, or the status of a refusal; *given tells whether there is one. */
static int read_digest(struct request *rq, bool *given, struct digest *out)
{
	const char *text = request_query(rq, "digest");

	*given = text != NULL;
	if (text != NULL && digest_parse(text, strlen(text), out) < 0)
		return refuse(rq, DIGEST_INVALID, "this is not a digest that is known here");
	return 0;
}

/*
 * POST ?mount: the status of an answer, or 0: the blob has to be sent, in the session that
 * begins now; *d tells for which kind of digest.
 */
static int await_try_mount(struct request *rq, struct digest *d)
{
	const char *text = request_query(rq, "mount");
	int rc;

	if (text == NULL)
		return 0;
	if (digest_parse(text, strlen(text), d) < 0)
		return refuse(rq, DIGEST_INVALID, "this is not a digest that is known here");
	rc = await_mount(rq, d);
	if (rc == 0)
		return reply_blob(rq, d);
	/* With ERR_CONFLICT the start of the session asks for the caller's rights anew. */
	if (rc == ERR_NOT_FOUND || rc == ERR_CONFLICT)
		return 0;
	return give_up(rq, rc, "mounting the blob");
}

static int await_start(struct request *rq, enum digest_algorithm algorithm, struct upload *out)
{
	struct package_target target = auth_target(rq);
	struct actor who = auth_actor(rq);

	return await_upload_start(rq->worker->metadb, &who, &target, algorithm, out);
}

int v2_upload_start(struct request *rq)
{
	const char *asked = request_query(rq, "digest-algorithm");
	struct digest d = {.algorithm = DIGEST_SHA256};
	struct upload u;
	bool whole;
	int rc, status;

	rc = read_digest(rq, &whole, &d);
	if (rc == 0 && !whole)
		rc = await_try_mount(rq, &d);
	if (rc != 0)
		return rc;
	if (!whole && asked != NULL && strcmp(asked, "sha512") == 0)
		d.algorithm = DIGEST_SHA512;
	else if (!whole && asked != NULL && strcmp(asked, "sha256") != 0)
		return refuse(rq, DIGEST_INVALID, "digests are sha256 or sha512 here");
	if (whole && request_body_length(rq) > rq->worker->set->gateway_blob_max)
		return refuse_size(rq);
	/* Say it before the client sends its bytes, and leave no session behind. */
	if (!store_client_writable(rq->worker->store))
		return give_up(rq, ERR_UNAVAILABLE, "finding a quorum of storage daemons");
	rc = await_start(rq, d.algorithm, &u);
	if (rc == ERR_CONFLICT || rc == ERR_STALE_RIGHTS) {
		status = await_auth_again(rq);
		if (status != 0)
			return status;
		rc = await_start(rq, d.algorithm, &u);
	}
	if (rc == 0)
		auth_proved(rq);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, NAME_UNKNOWN, NULL);
	if (rc < 0)
		return give_up(rq, rc == ERR_CONFLICT ? ERR_UNAVAILABLE : rc,
			       "starting the upload");
	await_failpoint(FP_UPLOAD_STARTED);
	rq->package_id = u.package_id;
	if (whole) {
		status = await_take_all(rq, &u, &d);
		return status == ERR_CONFLICT ? await_refuse_place(rq, &u) : status;
	}
	describe(rq, &u);
	return reply(rq, 202);
}

int v2_upload_status(struct request *rq)
{
	if (rq->upload == NULL)
		return refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL);
	describe(rq, rq->upload);
	return reply(rq, 204);
}

/* PATCH, with what is known of the session. As await_finish(). */
static int await_patch(struct request *rq)
{
	struct upload *u = rq->upload;
	struct upload_stream *s;
	int rc, status;

	status = await_check_place(rq, u);
	if (status != 0)
		return status;
	s = upload_stream_new(rq, u);
	rc = upload_stream_begin(s, u->algorithm);
	if (rc < 0)
		return give_up(rq, rc, "resuming the upload");
	status = await_receive(rq, u, s);
	if (status != 0)
		return status;
	rc = await_record(rq, u, s);
	if (rc > 0 || rc == ERR_CONFLICT || rc == ERR_NOT_FOUND)
		return rc;
	if (rc == ERR_LIMIT)
		return await_refuse_limit(rq, u, upload_stream_size(s));
	if (rc < 0)
		return give_up(rq, rc, "recording the upload");
	describe(rq, u);
	return reply(rq, 202);
}

/* PUT, with what is known of the session. As await_finish(). */
static int await_put(struct request *rq, const struct digest *d)
{
	int status = await_check_place(rq, rq->upload);

	return status != 0 ? status : await_take_all(rq, rq->upload, d);
}

/* With a digest: PUT. As await_finish(). */
static int await_with(struct request *rq, const struct digest *d)
{
	if (rq->upload == NULL)
		return ERR_NOT_FOUND;
	return d == NULL ? await_patch(rq) : await_put(rq, d);
}

/* The same, if need be with the session looked up. */
static int await_go_on(struct request *rq, const struct digest *d)
{
	int status = await_fit(rq);
	bool recalled = rq->proof != NULL;

	if (status == 0)
		status = await_with(rq, d);
	/* As long as nothing of the body was read nothing is lost by looking where it stands.
	 */
	if (status == ERR_CONFLICT && recalled && rq->stream->bytes_in == 0) {
		status = await_auth_again(rq);
		if (status == 0)
			status = await_with(rq, d);
	}
	return status == ERR_CONFLICT ? await_refuse_place(rq, rq->upload) : status;
}

int v2_upload_patch(struct request *rq)
{
	int status = await_go_on(rq, NULL);

	return status == ERR_NOT_FOUND ? refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL) : status;
}

/* The session is gone: fine if that is because this very request was done before. */
static int await_repeated(struct request *rq, const struct digest *d)
{
	struct blob_info blob;
	int rc = await_blob_promise(rq->worker->metadb, rq->package_id, d, &blob);

	if (rc == 0)
		return reply_blob(rq, d);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL);
	return give_up(rq, rc, "looking up the blob");
}

int v2_upload_put(struct request *rq)
{
	struct digest d;
	bool given;
	int status;

	status = read_digest(rq, &given, &d);
	if (status != 0)
		return status;
	if (!given)
		return refuse(rq, DIGEST_INVALID, "the digest parameter is missing");
	status = await_go_on(rq, &d);
	return status == ERR_NOT_FOUND ? await_repeated(rq, &d) : status;
}

int v2_upload_cancel(struct request *rq)
{
	int rc = await_upload_cancel(rq->worker->metadb, request_param(rq, "session"),
				     rq->package_id, rq->caller->account_id);

	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UPLOAD_UNKNOWN, NULL);
	return rc < 0 ? give_up(rq, rc, "ending the upload") : reply(rq, 204);
}
