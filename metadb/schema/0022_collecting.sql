-- Letting go of what nobody needs any more, in steps that each stand alone:
--
--   upload ──24 h without progress──▶ instance dead
--   manifest, deleted ──window──▶ row gone; its links are to be reviewed
--   link ──unprotected, in no manifest──▶ row gone; its blob is to be reviewed
--   blob ──without a link──▶ row gone, instance dead
--   instance, dead ──window──▶ its pairs deleted on every node ──▶ chunk rows and instance gone
--
-- Whoever collects locks the row, looks again in a NEW statement, and deletes. Batches are in order
-- of the keys, rows that somebody holds are left for later, and each function works on one kind of
-- row, so that the lock order of everything else is kept.

-- A link is looked at when its protection ends and when a manifest that needed it went.
CREATE INDEX package_blob_review ON package_blob (review_at) WHERE review_at IS NOT NULL;
DROP INDEX package_blob_protect;
CREATE INDEX manifest_deleted ON manifest (deleted_at) WHERE deleted_at IS NOT NULL;

-- Blobs that lost a link.
CREATE TABLE blob_review (
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (algorithm, digest)
);

-- An append moves expires_at, so it and this wait for each other's row, and the second one sees.
CREATE FUNCTION uploads_expire(most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	gens bigint[];
BEGIN
	WITH late AS (
		SELECT id FROM upload WHERE expires_at <= now()
		ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED
	), gone AS (
		DELETE FROM upload u USING late WHERE u.id = late.id RETURNING u.gen
	)
	SELECT array_agg(gen) INTO gens FROM gone;
	UPDATE instance SET dead_at = now() WHERE gen = ANY (gens);
	RETURN coalesce(cardinality(gens), 0);
END $$;

-- Manifests deleted for longer than `trash`, unless a tag or an index (deleted ones, too) needs
-- them: an index lets its children go in the next round.
CREATE FUNCTION manifests_collect(trash interval, most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	IF NOT adopted() THEN
		RETURN 0;
	END IF;
	ids := ARRAY(SELECT m.id FROM manifest m WHERE m.deleted_at <= now() - trash
		AND NOT EXISTS (SELECT FROM manifest_child c WHERE c.package_id = m.package_id
			AND c.algorithm = m.algorithm AND c.digest = m.digest)
		ORDER BY m.deleted_at LIMIT most);
	IF cardinality(ids) = 0 THEN
		RETURN 0;
	END IF;
	PERFORM FROM package_blob l
	WHERE (l.package_id, l.algorithm, l.digest) IN (
		SELECT r.package_id, r.algorithm, r.digest FROM manifest_blob r
		WHERE r.manifest_id = ANY (ids))
	ORDER BY l.package_id, l.algorithm, l.digest FOR NO KEY UPDATE;
	ids := ARRAY(SELECT m.id FROM manifest m WHERE m.id = ANY (ids)
		ORDER BY m.package_id, m.algorithm, m.digest FOR UPDATE SKIP LOCKED);
	ids := ARRAY(SELECT m.id FROM manifest m
		WHERE m.id = ANY (ids) AND m.deleted_at <= now() - trash
		AND NOT EXISTS (SELECT FROM tag t WHERE t.manifest_id = m.id)
		AND NOT EXISTS (SELECT FROM manifest_child c WHERE c.package_id = m.package_id
			AND c.algorithm = m.algorithm AND c.digest = m.digest));
	UPDATE package_blob l SET review_at = now() FROM manifest_blob r
	WHERE r.manifest_id = ANY (ids) AND l.package_id = r.package_id
	AND l.algorithm = r.algorithm AND l.digest = r.digest;
	DELETE FROM manifest WHERE id = ANY (ids);
	RETURN cardinality(ids);
END $$;

-- Links whose protection is over and that no manifest needs. What a manifest needs leaves the
-- list of reviews until that manifest goes. How many were looked at.
CREATE FUNCTION links_collect(most integer, OUT seen bigint, OUT gone bigint)
LANGUAGE plpgsql AS $$
DECLARE
	packages bigint[];
	algs smallint[];
	digs bytea[];
BEGIN
	seen := 0;
	gone := 0;
	IF NOT adopted() THEN
		RETURN;
	END IF;
	WITH due AS (
		SELECT package_id, algorithm, digest FROM package_blob
		WHERE review_at <= now() ORDER BY review_at LIMIT most
	), locked AS (
		SELECT l.package_id, l.algorithm, l.digest FROM package_blob l
		JOIN due USING (package_id, algorithm, digest)
		ORDER BY l.package_id, l.algorithm, l.digest FOR UPDATE OF l SKIP LOCKED
	)
	SELECT count(*), array_agg(package_id), array_agg(algorithm), array_agg(digest)
	INTO seen, packages, algs, digs FROM locked;
	WITH freed AS (
		DELETE FROM package_blob l USING unnest(packages, algs, digs) AS k(package_id, algorithm, digest)
		WHERE l.package_id = k.package_id AND l.algorithm = k.algorithm AND l.digest = k.digest
		AND l.protect_until <= now()
		AND NOT EXISTS (SELECT FROM manifest_blob r WHERE r.package_id = k.package_id
			AND r.algorithm = k.algorithm AND r.digest = k.digest)
		RETURNING l.algorithm, l.digest
	), noted AS (
		INSERT INTO blob_review (algorithm, digest)
		SELECT DISTINCT algorithm, digest FROM freed ORDER BY 1, 2
		ON CONFLICT (algorithm, digest) DO UPDATE SET digest = excluded.digest
	)
	SELECT count(*) INTO gone FROM freed;
	UPDATE package_blob l SET review_at = CASE WHEN NOT EXISTS (
			SELECT FROM manifest_blob r WHERE r.package_id = k.package_id
			AND r.algorithm = k.algorithm AND r.digest = k.digest)
		THEN greatest(l.protect_until, now()) END
	FROM unnest(packages, algs, digs) AS k(package_id, algorithm, digest)
	WHERE l.package_id = k.package_id AND l.algorithm = k.algorithm AND l.digest = k.digest;
END $$;

-- Blobs whose last link went. One that somebody holds (a commit of the same digest) stays on the list.
CREATE FUNCTION blobs_collect(most integer, OUT seen bigint, OUT gone bigint)
LANGUAGE plpgsql AS $$
DECLARE
	algs smallint[];
	digs bytea[];
	locked_algs smallint[];
	locked_digs bytea[];
	gens bigint[];
BEGIN
	seen := 0;
	gone := 0;
	IF NOT adopted() THEN
		RETURN;
	END IF;
	SELECT count(*), array_agg(algorithm), array_agg(digest) INTO seen, algs, digs
	FROM (SELECT algorithm, digest FROM blob_review ORDER BY algorithm, digest LIMIT most
		FOR UPDATE SKIP LOCKED) AS q;
	SELECT array_agg(algorithm), array_agg(digest) INTO locked_algs, locked_digs
	FROM (SELECT b.algorithm, b.digest FROM blob b
		JOIN unnest(algs, digs) AS k(algorithm, digest) USING (algorithm, digest)
		ORDER BY b.algorithm, b.digest FOR UPDATE OF b SKIP LOCKED) AS q;
	WITH freed AS (
		DELETE FROM blob b USING unnest(locked_algs, locked_digs) AS k(algorithm, digest)
		WHERE b.algorithm = k.algorithm AND b.digest = k.digest
		AND NOT EXISTS (SELECT FROM package_blob l
			WHERE l.algorithm = k.algorithm AND l.digest = k.digest)
		RETURNING b.gen
	)
	SELECT array_agg(gen) INTO gens FROM freed;
	UPDATE instance SET dead_at = now() WHERE gen = ANY (gens);
	gone := coalesce(cardinality(gens), 0);
	DELETE FROM blob_review q USING (
		SELECT * FROM unnest(locked_algs, locked_digs)
		UNION ALL
		SELECT k.algorithm, k.digest FROM unnest(algs, digs) AS k(algorithm, digest)
		WHERE NOT EXISTS (SELECT FROM blob b
			WHERE b.algorithm = k.algorithm AND b.digest = k.digest)
	) AS k(algorithm, digest)
	WHERE q.algorithm = k.algorithm AND q.digest = k.digest;
END $$;

-- The pairs of instances that have been dead for `trash`: whole instances, about `most` pairs. An
-- instance without chunks has one row without a digest. A dead instance never lives again, so
-- nothing is locked while the nodes delete.
CREATE FUNCTION purge_list(trash interval, most bigint)
RETURNS TABLE (gen bigint, part smallint, digest bytea) LANGUAGE sql STABLE AS $$
	SELECT t.gen, c.part, c.digest FROM (
		SELECT s.gen, sum(s.chunks) OVER (ORDER BY s.dead_at, s.gen) - s.chunks AS before FROM (
			SELECT i.gen, i.dead_at,
				(SELECT count(*) FROM chunk c WHERE c.gen = i.gen) AS chunks
			FROM instance i WHERE i.dead_at <= now() - trash
			ORDER BY i.dead_at, i.gen LIMIT 200) s) t
	LEFT JOIN chunk c ON c.gen = t.gen
	WHERE t.before < most AND adopted()
	ORDER BY t.gen, c.idx
$$;

-- All nodes were asked to delete the pairs of these gens; debts are of nodes that did not say yes.
CREATE FUNCTION purge_finish(gens bigint[], owing_parts smallint[], owing_nodes integer[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT adopted() THEN
		RETURN 0;
	END IF;
	PERFORM FROM instance i WHERE i.gen = ANY (gens) AND i.dead_at IS NOT NULL
	ORDER BY i.gen FOR UPDATE;
	DELETE FROM chunk c USING instance i
	WHERE c.gen = ANY (gens) AND i.gen = c.gen AND i.dead_at IS NOT NULL;
	DELETE FROM instance i WHERE i.gen = ANY (gens) AND i.dead_at IS NOT NULL;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF cardinality(owing_parts) > 0 THEN
		PERFORM owes_add(owing_parts, owing_nodes);
	END IF;
	RETURN n;
END $$;
