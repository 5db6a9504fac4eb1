-- The commit point of a push: one call, one transaction.
--
-- Links of the blobs are locked in digest order before anything else; whoever collects a link locks
-- it, looks again in a new statement and deletes: a manifest either finds the link and keeps it,
-- or misses it and says so. Packages are published by their first manifest, and whoever pushed
-- that is the publisher and an admin.

-- Which of the wanted digests (sorted, distinct) are not there, as positions; those that are, are locked
-- in that order. A LATERAL (… LIMIT 1) is one index probe; a join could read all links of a package.
CREATE FUNCTION blobs_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
BEGIN
	SELECT array_agg(w.ord) INTO there
	FROM unnest(algs, digs) WITH ORDINALITY AS w(alg, dig, ord)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = in_package
		AND l.algorithm = w.alg AND l.digest = w.dig LIMIT 1 FOR KEY SHARE) locked;
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

CREATE FUNCTION children_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
BEGIN
	SELECT array_agg(w.ord) INTO there
	FROM unnest(algs, digs) WITH ORDINALITY AS w(alg, dig, ord)
	CROSS JOIN LATERAL (SELECT FROM manifest m WHERE m.package_id = in_package
		AND m.algorithm = w.alg AND m.digest = w.dig AND m.deleted_at IS NULL
		LIMIT 1 FOR KEY SHARE) locked;
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

-- First manifest: the pusher becomes publisher and admin. Two first pushes: the package's row
-- decides; the other pusher's rights must be checked anew.
CREATE FUNCTION package_publish(who actor, which bigint, its_name text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	UPDATE package SET published_at = now(), publisher_id = who.account_id
	WHERE id = which AND published_at IS NULL AND deleted_at IS NULL RETURNING * INTO p;
	IF FOUND THEN
		INSERT INTO package_grant (package_id, account_id, role)
		VALUES (which, who.account_id, 3)
		ON CONFLICT (package_id, account_id) DO UPDATE SET role = 3;
		PERFORM record(who, 'package.publish', p.namespace_id, which,
			       jsonb_build_object('name', its_name));
		RETURN true;
	END IF;
	SELECT * INTO p FROM package WHERE id = which AND deleted_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'package % is gone', which USING ERRCODE = 'PH404';
	END IF;
	IF p.publisher_id <> who.account_id THEN
		RAISE EXCEPTION 'package % was published by somebody else', which
			USING ERRCODE = 'PH409';
	END IF;
	RETURN false;
END $$;

-- Tags that really moved.
CREATE FUNCTION tags_move(who actor, in_package bigint, names text[], target bigint)
RETURNS text[] LANGUAGE sql AS $$
	WITH moved AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by)
		SELECT in_package, n, target, who.account_id
		FROM (SELECT DISTINCT n COLLATE "C" AS n FROM unnest(names) AS n ORDER BY 1) AS sorted
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target
		RETURNING name)
	SELECT coalesce(array_agg(name), '{}') FROM moved
$$;

-- The row of a manifest, with what it refers to; or the one that is there, also a deleted one.
CREATE FUNCTION manifest_store(m manifest, blob_algs smallint[], blob_digs bytea[],
			       child_algs smallint[], child_digs bytea[],
			       OUT its_id bigint, OUT created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	gone timestamptz;
BEGIN
	LOOP
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, artifact_type,
			size, config_algorithm, config_digest, subject_algorithm, subject_digest,
			annotations, pushed_by, bytes)
		VALUES (m.package_id, m.algorithm, m.digest, m.kind, m.media_type, m.artifact_type,
			m.size, m.config_algorithm, m.config_digest, m.subject_algorithm,
			m.subject_digest, m.annotations, m.pushed_by, m.bytes)
		ON CONFLICT (package_id, algorithm, digest) DO NOTHING
		RETURNING id INTO its_id;
		created := FOUND;
		EXIT WHEN created;
		SELECT id, deleted_at INTO its_id, gone FROM manifest
		WHERE package_id = m.package_id AND algorithm = m.algorithm AND digest = m.digest
		FOR NO KEY UPDATE;
		CONTINUE WHEN NOT FOUND;
		IF gone IS NOT NULL THEN
			UPDATE manifest SET deleted_at = NULL WHERE id = its_id;
			created := true;
		END IF;
		RETURN;
	END LOOP;
	INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest)
	SELECT its_id, m.package_id, b.alg, b.dig FROM unnest(blob_algs, blob_digs) AS b(alg, dig);
	INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
	SELECT its_id, m.package_id, c.alg, c.dig FROM unnest(child_algs, child_digs) AS c(alg, dig);
END $$;

-- status: 0 done, 1 something is missing (indexes, from 1, into the arrays that were given)
CREATE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	m manifest;
	moved text[];
BEGIN
	created := false;
	published := false;
	p := package_target(who, in_namespace, its_name, known, was_published);
	absent_blobs := blobs_missing(p.id, blob_algs, blob_digs);
	absent_children := children_missing(p.id, child_algs, child_digs);
	IF cardinality(absent_blobs) > 0 OR cardinality(absent_children) > 0 THEN
		status := 1;
		RETURN;
	END IF;
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
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
	m.pushed_by := who.account_id;
	m.bytes := its_bytes;
	SELECT s.its_id, s.created INTO manifest_id, created
	FROM manifest_store(m, blob_algs, blob_digs, child_algs, child_digs) AS s;
	moved := tags_move(who, p.id, tags, manifest_id);
	IF p.published_at IS NULL THEN
		published := package_publish(who, p.id, p.name);
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	package_id := p.id;
	status := 0;
END $$;
