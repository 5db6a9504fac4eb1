-- The functions behind a push, cheaper. They do and answer what they did.
--
-- A function in LANGUAGE sql that cannot be merged into its caller is parsed and planned anew at each
-- call; in PL/pgSQL its plans are kept. Work on empty arrays is left out. A commit takes
-- the upload's row away at once instead of changing it first.

CREATE OR REPLACE FUNCTION adopted() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT c.adopted_system = s.system_identifier
		AND c.adopted_timeline = server_timeline()
		FROM cluster c, pg_control_system() s);
END $$;

CREATE OR REPLACE FUNCTION record(who actor, what text, in_namespace bigint, in_package bigint,
				  how jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO audit (action, actor_id, token_id, namespace_id, package_id, request_id,
			   remote, detail)
	VALUES (what, who.account_id, who.token_id, in_namespace, in_package, who.request_id,
		who.remote, how);
	INSERT INTO event (action, actor_id, namespace_id, package_id, detail)
	VALUES (what, who.account_id, in_namespace, in_package, how);
END $$;

CREATE OR REPLACE FUNCTION owes_add(parts smallint[], nodes integer[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO partition_owes (part, node)
	SELECT DISTINCT o.part, o.node FROM unnest(parts, nodes) AS o(part, node) ORDER BY 1, 2
	ON CONFLICT (part, node) DO UPDATE SET stamp = nextval('partition_owes_stamp');
END $$;

-- As in 0023.
CREATE OR REPLACE FUNCTION link_protect(into_package bigint, alg smallint, dig bytea,
					protection interval)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO package_blob AS l (package_id, algorithm, digest, protect_until, review_at)
	VALUES (into_package, alg, dig, now() + protection * 2, now() + protection * 2)
	ON CONFLICT (package_id, algorithm, digest)
	DO UPDATE SET protect_until = excluded.protect_until,
		review_at = coalesce(l.review_at, excluded.review_at), deleted_at = NULL
	WHERE l.deleted_at IS NOT NULL OR promise_due(l.protect_until, protection);
END $$;

-- An upload lives for `life` after its last progress, and up to a quarter longer: as long as the time
-- need not move, an append changes no index of the table.
CREATE OR REPLACE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
	p := package_target(who, in_namespace, its_name, known, was_published);
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (p.id, who.account_id, who.token_id, gen, alg, now() + life * 1.25)
	RETURNING upload.id::text INTO upload_id;
	package_id := p.id;
END $$;

-- The compare-and-set: the version decides who appends, in one statement with the chunk rows.
-- NULL: the upload is gone or somebody else was faster.
CREATE OR REPLACE FUNCTION upload_append(its_id uuid, its_version bigint, new_state bytea, life interval,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[])
RETURNS upload LANGUAGE plpgsql AS $$
DECLARE
	n integer := cardinality(digests);
	u upload;
BEGIN
	WITH changed AS (
		UPDATE upload SET version = version + 1, state = new_state,
			chunks = chunks + n,
			expires_at = CASE WHEN expires_at < now() + life
				THEN now() + life * 1.25 ELSE expires_at END,
			size = size + (SELECT coalesce(sum(l), 0) FROM unnest(lens) AS l)
		WHERE id = its_id AND version = its_version
		RETURNING *
	), appended AS (
		INSERT INTO chunk (gen, idx, part, len, epoch, digest)
		SELECT changed.gen, changed.chunks - n + c.ord - 1, c.part, c.len, c.epoch, c.digest
		FROM changed, unnest(parts, digests, lens, epochs) WITH ORDINALITY
			AS c(part, digest, len, epoch, ord)
	)
	SELECT * INTO u FROM changed;
	IF FOUND AND cardinality(owing_parts) > 0 THEN
		PERFORM owes_add(owing_parts, owing_nodes);
	END IF;
	RETURN u;
END $$;

-- status: 0 done, 1 done before (a lost answer), 2 somebody else was faster, 3 no such upload.
-- As in 0006; the compare-and-set is the statement that takes the upload away.
CREATE OR REPLACE FUNCTION upload_commit(its_id uuid, its_version bigint, into_package bigint,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[],
			      alg smallint, dig bytea, protection interval,
			      OUT status smallint, OUT gen bigint, OUT existed boolean)
LANGUAGE plpgsql AS $$
DECLARE
	u upload;
	seen record;
	stale smallint[];
BEGIN
	existed := false;
	WITH taken AS (
		DELETE FROM upload WHERE id = its_id AND version = its_version RETURNING *
	), appended AS (
		INSERT INTO chunk (gen, idx, part, len, epoch, digest)
		SELECT taken.gen, taken.chunks + c.ord - 1, c.part, c.len, c.epoch, c.digest
		FROM taken, unnest(parts, digests, lens, epochs) WITH ORDINALITY
			AS c(part, digest, len, epoch, ord)
	)
	SELECT * INTO u FROM taken;
	IF u.id IS NULL THEN
		PERFORM 1 FROM upload WHERE id = its_id AND package_id = into_package;
		IF FOUND THEN
			status := 2;
			RETURN;
		END IF;
		SELECT b.gen INTO gen FROM package_blob l JOIN blob b USING (algorithm, digest)
		WHERE l.package_id = into_package AND l.algorithm = alg AND l.digest = dig;
		status := CASE WHEN FOUND THEN 1 ELSE 3 END;
		existed := FOUND;
		RETURN;
	END IF;
	IF u.package_id <> into_package THEN
		RAISE EXCEPTION 'upload % is of another package', its_id USING ERRCODE = 'PH404';
	END IF;
	u.chunks := u.chunks + cardinality(digests);
	SELECT count(*) AS n, min(idx) AS low, max(idx) AS high, coalesce(sum(len), 0) AS bytes
	INTO seen FROM chunk c WHERE c.gen = u.gen;
	u.size := u.size + (SELECT coalesce(sum(l), 0) FROM unnest(lens) AS l);
	IF seen.n <> u.chunks OR seen.bytes <> u.size
	   OR (u.chunks > 0 AND (seen.low <> 0 OR seen.high <> u.chunks - 1)) THEN
		RAISE EXCEPTION 'upload %: % chunks % to % of % bytes, expected % and %', its_id,
			seen.n, seen.low, seen.high, seen.bytes, u.chunks, u.size
			USING ERRCODE = 'PH500';
	END IF;
	gen := blob_adopt(alg, dig, u.gen, u.size);
	existed := gen <> u.gen;
	PERFORM link_protect(into_package, alg, dig, protection);
	IF NOT existed THEN
		-- A map that changed under the upload: compare those partitions as a whole.
		SELECT array_agg(DISTINCT c.part) INTO stale FROM chunk c
		WHERE c.gen = u.gen AND c.epoch <> (SELECT max(epoch) FROM cluster_map);
		owing_nodes := owing_nodes || array_fill(0, ARRAY[coalesce(cardinality(stale), 0)]);
		owing_parts := owing_parts || coalesce(stale, '{}');
		IF cardinality(owing_parts) > 0 THEN
			PERFORM owes_add(owing_parts, owing_nodes);
		END IF;
	END IF;
	status := 0;
END $$;

-- As in 0020. As a rule all are there, and nothing has to be subtracted.
CREATE OR REPLACE FUNCTION blobs_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
BEGIN
	SELECT array_agg(w.ord) INTO there
	FROM unnest(algs, digs) WITH ORDINALITY AS w(alg, dig, ord)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = in_package
		AND l.algorithm = w.alg AND l.digest = w.dig AND l.deleted_at IS NULL
		LIMIT 1 FOR KEY SHARE) locked;
	IF cardinality(there) = cardinality(digs) THEN
		RETURN '{}';
	END IF;
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

CREATE OR REPLACE FUNCTION children_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
BEGIN
	IF cardinality(digs) = 0 THEN
		RETURN '{}';
	END IF;
	SELECT array_agg(w.ord) INTO there
	FROM unnest(algs, digs) WITH ORDINALITY AS w(alg, dig, ord)
	CROSS JOIN LATERAL (SELECT FROM manifest m WHERE m.package_id = in_package
		AND m.algorithm = w.alg AND m.digest = w.dig AND m.deleted_at IS NULL
		LIMIT 1 FOR KEY SHARE) locked;
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

-- Tags that really moved.
CREATE OR REPLACE FUNCTION tags_move(who actor, in_package bigint, names text[], target bigint)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	moved_names text[] := '{}';
BEGIN
	IF cardinality(names) = 0 THEN
		RETURN moved_names;
	END IF;
	WITH moved AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by)
		SELECT in_package, n, target, who.account_id
		FROM (SELECT DISTINCT n COLLATE "C" AS n FROM unnest(names) AS n ORDER BY 1) AS sorted
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target
		RETURNING name)
	SELECT coalesce(array_agg(name), '{}') INTO moved_names FROM moved;
	RETURN moved_names;
END $$;

-- The row of a manifest, with what it refers to; or the one that is there, also a deleted one.
CREATE OR REPLACE FUNCTION manifest_store(m manifest, blob_algs smallint[], blob_digs bytea[],
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
	IF cardinality(child_digs) > 0 THEN
		INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
		SELECT its_id, m.package_id, c.alg, c.dig
		FROM unnest(child_algs, child_digs) AS c(alg, dig);
	END IF;
END $$;
