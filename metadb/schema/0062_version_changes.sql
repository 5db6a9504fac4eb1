-- Deleting versions by their id, and bringing them back.

-- Tags that clients make for signatures and referrers make no version a tagged one.
CREATE FUNCTION tag_counts(its_name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT its_name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
$$;

-- As manifest_delete() of 0020, and status 3: no tagged version would be left, and `anyway` is not said. Two that
-- delete the last two wait for each other's package row, and the second one looks at what the first one left.
CREATE FUNCTION version_delete(who actor, in_package bigint, which bigint, anyway boolean,
			       OUT status smallint, OUT needed_by_algorithm smallint, OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
DECLARE
	m record;
	tagged boolean;
BEGIN
	SELECT l.algorithm, l.digest INTO m FROM manifest l
	WHERE l.id = which AND l.package_id = in_package AND l.deleted_at IS NULL;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	BEGIN
		SELECT d.* INTO status, needed_by_algorithm, needed_by_digest
		FROM manifest_delete(who, in_package, m.algorithm, m.digest) d;
		IF status <> 0 OR anyway THEN
			RETURN;
		END IF;
		SELECT EXISTS (SELECT FROM unnest(l.deleted_tags) n WHERE tag_counts(n)) INTO tagged
		FROM manifest l WHERE l.id = which;
		IF tagged THEN
			PERFORM FROM package WHERE id = in_package FOR NO KEY UPDATE;
			PERFORM FROM tag t WHERE t.package_id = in_package
			AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)' LIMIT 1;
			IF NOT FOUND THEN
				RAISE EXCEPTION 'the last tagged version' USING ERRCODE = 'PH400';
			END IF;
		END IF;
	EXCEPTION WHEN SQLSTATE 'PH400' THEN
		status := 3;
	END;
END $$;

-- With what it needs: its children, and links that were deleted meanwhile. Its tags come back unless they lead
-- elsewhere now, and are as old as it is: it does not become the newest again. 0 done, 1 there is none to be restored
CREATE FUNCTION version_restore(who actor, in_package bigint, which bigint)
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
