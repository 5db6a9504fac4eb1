-- Deleting by users: gone for everybody at once, kept as rows until the collector takes them.
--
-- A deleted manifest keeps its bytes, its references and the names of the tags it lost, so that it
-- can be restored until it is purged. What it refers to must stay with it: a link that is deleted is
-- hidden, and its row goes when no manifest, deleted ones included, needs it any more. Pushing the
-- bytes again brings a link back, pushing the manifest again brings the manifest back.
--
-- A server that was not adopted deletes nothing (deletion_check() calls adopted() of 0021).
--
-- Whoever deletes locks the row FOR UPDATE, which waits for pushes that hold it FOR KEY SHARE, and
-- looks in a NEW statement whether something live needs it.
ALTER TABLE manifest
	ADD COLUMN deleted_by bigint,			-- with deleted_at; the same for
	ADD COLUMN deleted_tags text[] COLLATE "C";	-- the tags that pointed at it
ALTER TABLE package_blob
	ADD COLUMN deleted_at timestamptz,		-- hidden
	ADD COLUMN IF NOT EXISTS review_at timestamptz DEFAULT now();

CREATE FUNCTION deletion_check() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
END $$;

-- status: 0 done, 1 no such manifest, 2 a live index needs it (needed_by: which)
CREATE FUNCTION manifest_delete(who actor, in_package bigint, alg smallint, dig bytea,
				OUT status smallint, OUT needed_by_algorithm smallint,
				OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
DECLARE
	its_id bigint;
	names text[];
BEGIN
	PERFORM deletion_check();
	SELECT m.id INTO its_id FROM manifest m WHERE m.package_id = in_package
	AND m.algorithm = alg AND m.digest = dig AND m.deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	SELECT i.algorithm, i.digest INTO needed_by_algorithm, needed_by_digest
	FROM manifest_child c JOIN manifest i ON i.id = c.manifest_id
	WHERE c.package_id = in_package AND c.algorithm = alg AND c.digest = dig
	AND i.deleted_at IS NULL ORDER BY i.id LIMIT 1;
	IF FOUND THEN
		status := 2;
		RETURN;
	END IF;
	PERFORM FROM tag WHERE manifest_id = its_id ORDER BY name FOR UPDATE;
	WITH gone AS (DELETE FROM tag WHERE manifest_id = its_id RETURNING name)
	SELECT coalesce(array_agg(name ORDER BY name), '{}') INTO names FROM gone;
	UPDATE manifest SET deleted_at = now(), deleted_by = who.account_id, deleted_tags = names
	WHERE id = its_id;
	PERFORM record(who, 'manifest.delete', (SELECT namespace_id FROM package WHERE id = in_package),
		       in_package, jsonb_build_object('tags', names, 'digest',
		       CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex')));
	status := 0;
END $$;

-- Only the name; the manifest stays. false: no such tag
CREATE FUNCTION tag_delete(who actor, in_package bigint, its_name text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	target bigint;
BEGIN
	PERFORM deletion_check();
	DELETE FROM tag WHERE package_id = in_package AND name = its_name
	RETURNING manifest_id INTO target;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM record(who, 'tag.delete', (SELECT namespace_id FROM package WHERE id = in_package),
		       in_package, (SELECT jsonb_build_object('tag', its_name, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END
		       || encode(m.digest, 'hex')) FROM manifest m WHERE m.id = target));
	RETURN true;
END $$;

-- The package's link; the blob goes with its last one. status: 0 done, 1 no such link, 2 a live
-- manifest needs it (needed_by: which). Ends the protection: whoever may delete takes the promise back.
CREATE FUNCTION link_delete(who actor, in_package bigint, alg smallint, dig bytea,
			    OUT status smallint, OUT needed_by_algorithm smallint,
			    OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM deletion_check();
	PERFORM FROM package_blob WHERE package_id = in_package AND algorithm = alg AND digest = dig
	AND deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	SELECT m.algorithm, m.digest INTO needed_by_algorithm, needed_by_digest
	FROM manifest_blob b JOIN manifest m ON m.id = b.manifest_id
	WHERE b.package_id = in_package AND b.algorithm = alg AND b.digest = dig
	AND m.deleted_at IS NULL ORDER BY m.id LIMIT 1;
	IF FOUND THEN
		status := 2;
		RETURN;
	END IF;
	UPDATE package_blob SET deleted_at = now(), protect_until = now(), review_at = now()
	WHERE package_id = in_package AND algorithm = alg AND digest = dig;
	PERFORM record(who, 'blob.delete', (SELECT namespace_id FROM package WHERE id = in_package),
		       in_package, jsonb_build_object('digest',
		       CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex')));
	status := 0;
END $$;

-- Bytes that were pushed again bring a deleted link back.
CREATE OR REPLACE FUNCTION link_protect(into_package bigint, alg smallint, dig bytea,
					protection interval)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO package_blob (package_id, algorithm, digest, protect_until, review_at)
	VALUES (into_package, alg, dig, now() + protection, now() + protection)
	ON CONFLICT (package_id, algorithm, digest)
	DO UPDATE SET protect_until = greatest(package_blob.protect_until, excluded.protect_until),
		review_at = coalesce(package_blob.review_at, excluded.review_at), deleted_at = NULL
$$;

-- As before, but deleted links are not there.
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
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

CREATE OR REPLACE FUNCTION find_blob(packages bigint[], algs smallint[], digs bytea[],
				     with_chunks boolean[])
RETURNS TABLE (ord bigint, gen bigint, size bigint, lost boolean, chunks bytea)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, b.gen, b.size, b.lost_at IS NOT NULL,
		CASE WHEN q.wanted AND b.size <= 67108864 THEN chunk_list(b.gen) END
	FROM unnest(packages, algs, digs, with_chunks)
		WITH ORDINALITY AS q(package_id, algorithm, digest, wanted, ord)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = q.package_id
		AND l.algorithm = q.algorithm AND l.digest = q.digest AND l.deleted_at IS NULL
		LIMIT 1) l
	CROSS JOIN LATERAL (SELECT * FROM blob
		WHERE blob.algorithm = q.algorithm AND blob.digest = q.digest LIMIT 1) b;
END $$;
