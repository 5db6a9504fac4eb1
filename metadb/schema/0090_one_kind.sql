-- What a version is, is decided in one place (0087), and what a package says also where a tag is set without a push.

-- As in 0083, by what was decided when it was pushed, and 32 artifact. What nobody has looked at yet is an image,
-- as lists show it (version_facts()), unless its bytes say that it is about others. Tags that older clients give count.
CREATE OR REPLACE FUNCTION version_kinds(which bigint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
	m record;
	kinds integer;
BEGIN
	SELECT l.variety, coalesce(l.variety, version_variety(l.kind, l.artifact_type,
		coalesce(first_layer_type(l.bytes), ''), l.annotations)) AS what
	INTO m FROM manifest l WHERE l.id = which;
	IF m.what = 4 OR EXISTS (SELECT FROM tag t WHERE t.manifest_id = which AND NOT tag_counts(t.name)
		AND (t.name LIKE '%.att' OR t.name LIKE '%.sbom')) THEN
		kinds := 8;
	ELSIF m.what = 5 OR EXISTS (SELECT FROM tag t WHERE t.manifest_id = which AND NOT tag_counts(t.name)
		AND t.name LIKE '%.sig') THEN
		kinds := 16;
	ELSE
		kinds := CASE WHEN m.what = 2 THEN 2 WHEN m.variety = 3 THEN 32 ELSE 1 END;
	END IF;
	IF EXISTS (SELECT FROM versions_needing(ARRAY[which])) THEN
		kinds := kinds | 4;
	END IF;
	RETURN kinds;
END $$;

-- As in 0082, with what the package says, as a push has it (manifest_put() of 0087).
CREATE OR REPLACE FUNCTION tag_put(who actor, in_package bigint, its_name text, which bigint, alg smallint, dig bytea,
			own text, pusher_role smallint, OUT status smallint, OUT created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	m record;
	moved text[];
BEGIN
	status := 1;
	created := false;
	SELECT * INTO p FROM package l WHERE l.id = in_package AND l.deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF which IS NULL THEN
		which := (SELECT l.id FROM manifest l WHERE l.package_id = in_package
			AND l.algorithm = alg AND l.digest = dig);
	END IF;
	SELECT l.id, l.algorithm, l.digest, CASE WHEN l.pushed_by = who.account_id THEN l.source END AS source,
		l.labels ->> 'org.opencontainers.image.description' AS description
	INTO m FROM manifest l
	WHERE l.id = which AND l.package_id = in_package AND l.deleted_at IS NULL AND l.deferred_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		status := 2;
		RETURN;
	END IF;
	status := 0;
	created := NOT EXISTS (SELECT FROM tag t WHERE t.package_id = in_package AND t.name = its_name);
	moved := tags_move(who, in_package, ARRAY[its_name], m.id);
	IF cardinality(moved) > 0 AND tag_counts(its_name) AND m.description IS DISTINCT FROM p.description THEN
		UPDATE package SET description = m.description WHERE id = p.id;
	END IF;
	IF p.tagged_at IS NULL
	   OR (m.source IS NOT NULL AND p.repository_id IS NULL AND p.unlinked_at IS NULL) THEN
		PERFORM package_settle(who, p, m.source, own, pusher_role);
	END IF;
	IF cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex'),
			'tags', moved, 'created', false));
	END IF;
END $$;
