-- Indexes of which only a part is here, for who allows them (gateway.sparse_indexes).
--
--   child that is there      manifest_child, as ever: it is not deleted while the index lives
--   child that is not        manifest_absent, a note that holds nothing
--
-- Whoever makes a manifest be there, by pushing or restoring it, turns the notes of it into children in the same
-- transaction. That no note stays behind at such a moment needs the two to wait for each other: an index inserts
-- a row for each child that it misses and takes it back at once, so a push of the same child waits for the index, and the
-- index for a push that came first. Deleted children are locked, for their restore or next push locks them, too.

CREATE TABLE manifest_absent (
	manifest_id bigint NOT NULL REFERENCES manifest ON DELETE CASCADE,
	package_id bigint NOT NULL,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (manifest_id, algorithm, digest)
);
CREATE INDEX manifest_absent_link ON manifest_absent (package_id, algorithm, digest);

-- Which of these children (positions) are still not there when nobody pushes or restores them, and nobody will before
-- this transaction ends.
CREATE FUNCTION children_absent(in_package bigint, algs smallint[], digs bytea[], missed bigint[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	WITH held AS (
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, pushed_by, bytes,
			deleted_at)
		SELECT in_package, algs[n], digs[n], 1, '', 0, 0, '', now()
		FROM unnest(missed) AS n ORDER BY n
		ON CONFLICT (package_id, algorithm, digest) DO NOTHING RETURNING id)
	SELECT array_agg(id) INTO ids FROM held;
	DELETE FROM manifest WHERE id = ANY (ids);
	PERFORM FROM unnest(missed) AS n
	CROSS JOIN LATERAL (SELECT FROM manifest m WHERE m.package_id = in_package
		AND m.algorithm = algs[n] AND m.digest = digs[n] LIMIT 1 FOR SHARE) locked;
	RETURN children_missing(in_package, algs, digs);
END $$;

-- An index does without these children.
CREATE FUNCTION children_forgo(index_id bigint, in_package bigint, algs smallint[], digs bytea[], absent bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM manifest_child c USING unnest(absent) AS n
	WHERE c.manifest_id = index_id AND c.algorithm = algs[n] AND c.digest = digs[n];
	INSERT INTO manifest_absent (manifest_id, package_id, algorithm, digest)
	SELECT index_id, in_package, algs[n], digs[n] FROM unnest(absent) AS n
	ON CONFLICT (manifest_id, algorithm, digest) DO NOTHING;
END $$;

-- A manifest that was not there is: indexes that miss it have it as a child from now on.
CREATE FUNCTION child_arrived(in_package bigint, alg smallint, dig bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	PERFORM FROM manifest_absent a
	WHERE a.package_id = in_package AND a.algorithm = alg AND a.digest = dig LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	ids := ARRAY(SELECT i.id FROM manifest i WHERE i.id IN (SELECT a.manifest_id FROM manifest_absent a
			WHERE a.package_id = in_package AND a.algorithm = alg AND a.digest = dig)
		ORDER BY i.package_id, i.algorithm, i.digest FOR KEY SHARE);
	DELETE FROM manifest_absent a WHERE a.manifest_id = ANY (ids) AND a.algorithm = alg AND a.digest = dig;
	INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
	SELECT id, in_package, alg, dig FROM unnest(ids) AS id;
END $$;

-- As in 0058. sparse: children may be absent.
CREATE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[], its_labels jsonb, its_source text, own text, pusher_role smallint,
	image_algs smallint[], image_digs bytea[], sparse boolean,
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	m manifest;
	moved text[];
	agreed record;
	here_algs smallint[];
	here_digs bytea[];
BEGIN
	created := false;
	published := false;
	p := package_target(who, in_namespace, its_name, known, was_published);
	absent_blobs := blobs_missing(p.id, blob_algs, blob_digs);
	absent_children := children_missing(p.id, child_algs, child_digs);
	IF cardinality(absent_blobs) > 0 OR (cardinality(absent_children) > 0 AND NOT sparse) THEN
		status := 1;
		RETURN;
	END IF;
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	here_algs := child_algs;
	here_digs := child_digs;
	IF cardinality(absent_children) > 0 THEN
		absent_children := children_absent(p.id, child_algs, child_digs, absent_children);
		SELECT coalesce(array_agg(child_algs[n]), '{}'), coalesce(array_agg(child_digs[n]), '{}')
		INTO here_algs, here_digs FROM generate_series(1, cardinality(child_digs)) AS n
		WHERE n <> ALL (absent_children);
	END IF;
	m.package_id := p.id;
	m.algorithm := alg;
	m.digest := dig;
	m.kind := its_kind;
	m.media_type := its_type;
	m.artifact_type := its_artifact_type;
	m.size := length(its_bytes);
	m.config_algorithm := config_alg;
	m.config_digest := config_dig;
	m.subject_algorithm := subject_alg;
	m.subject_digest := subject_dig;
	m.annotations := its_annotations;
	m.labels := its_labels;
	m.source := its_source;
	m.pushed_by := who.account_id;
	m.bytes := its_bytes;
	IF cardinality(image_digs) > 0 THEN
		SELECT * INTO agreed FROM labels_agreed(p.id, image_algs, image_digs);
		m.labels := coalesce(agreed.labels || its_labels, agreed.labels, its_labels);
		m.source := coalesce(its_source, agreed.source);
	END IF;
	SELECT s.its_id, s.created INTO manifest_id, created
	FROM manifest_store(m, blob_algs, blob_digs, here_algs, here_digs) AS s;
	IF cardinality(absent_children) > 0 THEN
		PERFORM children_forgo(manifest_id, p.id, child_algs, child_digs, absent_children);
		absent_children := '{}';
	END IF;
	IF created THEN
		PERFORM child_arrived(p.id, alg, dig);
	END IF;
	moved := tags_move(who, p.id, tags, manifest_id);
	IF p.published_at IS NULL THEN
		published := package_publish(who, p.id, p.name);
		IF published THEN
			pusher_role := 3;
			PERFORM package_of_workflow(who, p);
		END IF;
	END IF;
	IF cardinality(tags) > 0 AND (p.tagged_at IS NULL
	   OR (m.source IS NOT NULL AND p.repository_id IS NULL AND p.unlinked_at IS NULL)) THEN
		PERFORM package_settle(who, p, m.source, own, pusher_role);
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	package_id := p.id;
	status := 0;
END $$;

-- For programs that do not know of sparse indexes yet.
CREATE OR REPLACE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[], its_labels jsonb, its_source text, own text, pusher_role smallint,
	image_algs smallint[], image_digs bytea[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
BEGIN
	SELECT f.* INTO status, manifest_id, package_id, created, published, absent_blobs, absent_children
	FROM manifest_put(who, in_namespace, its_name, known, was_published, alg, dig, its_kind,
		its_type, its_artifact_type, config_alg, config_dig, subject_alg, subject_dig,
		its_annotations, its_bytes, blob_algs, blob_digs, child_algs, child_digs, tags,
		its_labels, its_source, own, pusher_role, image_algs, image_digs, false) f;
END $$;

-- As in 0062; indexes that miss one of these have it again.
CREATE OR REPLACE FUNCTION version_restore(who actor, in_package bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
	m manifest;
	names text[];
BEGIN
	PERFORM deletion_check();
	ids := ARRAY(WITH RECURSIVE needed(id) AS (
			SELECT l.id FROM manifest l WHERE l.id = which AND l.package_id = in_package
			AND l.deleted_at IS NOT NULL
		UNION
			SELECT k.id FROM needed n
			CROSS JOIN LATERAL (SELECT * FROM manifest_child
				WHERE manifest_child.manifest_id = n.id OFFSET 0) c
			CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = c.package_id
				AND l.algorithm = c.algorithm AND l.digest = c.digest LIMIT 1) k)
		SELECT n.id FROM needed n);
	IF cardinality(ids) = 0 THEN
		RETURN 1;
	END IF;
	PERFORM FROM package_blob l
	WHERE l.deleted_at IS NOT NULL AND (l.package_id, l.algorithm, l.digest) IN (
		SELECT r.package_id, r.algorithm, r.digest FROM manifest_blob r WHERE r.manifest_id = ANY (ids))
	ORDER BY l.package_id, l.algorithm, l.digest FOR NO KEY UPDATE;
	PERFORM FROM manifest l WHERE l.id = ANY (ids)
	ORDER BY l.package_id, l.algorithm, l.digest FOR UPDATE;
	SELECT * INTO m FROM manifest l WHERE l.id = which AND l.deleted_at IS NOT NULL;
	IF NOT FOUND THEN	-- collected, or restored by somebody else
		RETURN 1;
	END IF;
	UPDATE package_blob l SET deleted_at = NULL FROM manifest_blob r
	WHERE r.manifest_id = ANY (ids) AND l.package_id = r.package_id AND l.algorithm = r.algorithm
	AND l.digest = r.digest AND l.deleted_at IS NOT NULL;
	UPDATE manifest l SET deleted_at = NULL, deleted_by = NULL, deleted_tags = NULL
	WHERE l.id = ANY (ids) AND l.deleted_at IS NOT NULL;
	PERFORM child_arrived(l.package_id, l.algorithm, l.digest) FROM manifest l WHERE l.id = ANY (ids);
	WITH back AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at)
		SELECT in_package, n, which, coalesce(who.account_id, m.pushed_by), m.created_at
		FROM unnest(m.deleted_tags) n ORDER BY n
		ON CONFLICT (package_id, name) DO NOTHING RETURNING name)
	SELECT coalesce(array_agg(b.name ORDER BY b.name), '{}') INTO names FROM back b;
	PERFORM record(who, 'manifest.restore', (SELECT p.namespace_id FROM package p WHERE p.id = in_package),
		       in_package, jsonb_build_object('tags', names, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex')));
	RETURN 0;
END $$;
