-- Indexes of which only a part is here, for who allows them (gateway.sparse_indexes).
--
--   child that is there      manifest_child, as ever: it is not deleted while the index lives
--   child that is not        manifest_absent, a note that holds nothing
--
-- A manifest that comes to be there, pushed or restored, turns the notes of it into children in the same transaction.
-- That no note stays behind at such a moment needs the two to wait for each other: an index inserts a row
-- for each child that it misses and takes it back at once, so a push of the same child waits for the index, and the
-- index for a push that came first. Deleted children are locked, for their restore or next push locks them, too.

CREATE TABLE manifest_absent (
	manifest_id bigint NOT NULL REFERENCES manifest ON DELETE CASCADE,
	package_id bigint NOT NULL,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (manifest_id, algorithm, digest)
);
CREATE INDEX manifest_absent_link ON manifest_absent (package_id, algorithm, digest);

-- Indexes that miss it have it as a child from now on.
CREATE FUNCTION child_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	PERFORM FROM manifest_absent a WHERE a.package_id = NEW.package_id
	AND a.algorithm = NEW.algorithm AND a.digest = NEW.digest LIMIT 1;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	ids := ARRAY(SELECT i.id FROM manifest i WHERE i.id IN (SELECT a.manifest_id FROM manifest_absent a
			WHERE a.package_id = NEW.package_id AND a.algorithm = NEW.algorithm
			AND a.digest = NEW.digest)
		ORDER BY i.package_id, i.algorithm, i.digest FOR KEY SHARE);
	DELETE FROM manifest_absent a WHERE a.manifest_id = ANY (ids)
	AND a.algorithm = NEW.algorithm AND a.digest = NEW.digest;
	INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
	SELECT id, NEW.package_id, NEW.algorithm, NEW.digest FROM unnest(ids) AS id;
	RETURN NULL;
END $$;
CREATE TRIGGER child_pushed AFTER INSERT ON manifest
FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION child_arrived();
CREATE TRIGGER child_restored AFTER UPDATE OF deleted_at ON manifest
FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL) EXECUTE FUNCTION child_arrived();

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

-- The children (sorted, distinct) of an index that manifest_put() has stored without any: those that are there, and
-- notes of the others. Also of one that was there before; it may have had, when it was deleted, some that are gone now.
CREATE FUNCTION index_children(index_id bigint, in_package bigint, algs smallint[], digs bytea[])
RETURNS void STRICT LANGUAGE plpgsql AS $$
DECLARE
	absent bigint[] := children_missing(in_package, algs, digs);
BEGIN
	IF cardinality(absent) > 0 THEN
		absent := children_absent(in_package, algs, digs, absent);
	END IF;
	DELETE FROM manifest_child c USING unnest(absent) AS n
	WHERE c.manifest_id = index_id AND c.algorithm = algs[n] AND c.digest = digs[n];
	INSERT INTO manifest_absent (manifest_id, package_id, algorithm, digest)
	SELECT index_id, in_package, algs[n], digs[n] FROM unnest(absent) AS n
	ON CONFLICT (manifest_id, algorithm, digest) DO NOTHING;
	INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
	SELECT index_id, in_package, c.alg, c.dig
	FROM unnest(algs, digs) WITH ORDINALITY AS c(alg, dig, n) WHERE c.n <> ALL (absent)
	ON CONFLICT (manifest_id, algorithm, digest) DO NOTHING;
END $$;
