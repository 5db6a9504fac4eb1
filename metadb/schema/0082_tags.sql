-- A package's tags: who set which one when, in two orders, page by page; and set without a push.

ALTER TABLE tag ADD COLUMN created_at timestamptz;	-- NULL: before anybody noted it
ALTER TABLE tag ALTER COLUMN created_at SET DEFAULT now();

-- With tag_newest of 0057: all tags by age.
CREATE INDEX tag_newest_aside ON tag (package_id, updated_at DESC)
WHERE name ~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)';

-- Those of one age stand in the order of their names. A page costs what stands before it.
CREATE FUNCTION tags_by_age(in_package bigint, oldest boolean, most bigint, skip bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	IF oldest THEN
		RETURN QUERY SELECT u.name FROM (
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
				ORDER BY t.updated_at, t.name DESC LIMIT most + skip)
			UNION ALL
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.name ~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
				ORDER BY t.updated_at, t.name DESC LIMIT most + skip)) u
		ORDER BY u.updated_at, u.name DESC LIMIT most OFFSET skip;
	ELSE
		RETURN QUERY SELECT u.name FROM (
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
				ORDER BY t.updated_at DESC, t.name LIMIT most + skip)
			UNION ALL
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.name ~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
				ORDER BY t.updated_at DESC, t.name LIMIT most + skip)) u
		ORDER BY u.updated_at DESC, u.name LIMIT most OFFSET skip;
	END IF;
END $$;

CREATE FUNCTION tags_by_name(in_package bigint, backwards boolean, most bigint, skip bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	IF backwards THEN
		RETURN QUERY SELECT t.name FROM tag t WHERE t.package_id = in_package
		ORDER BY t.name DESC LIMIT most OFFSET skip;
	ELSE
		RETURN QUERY SELECT t.name FROM tag t WHERE t.package_id = in_package
		ORDER BY t.name LIMIT most OFFSET skip;
	END IF;
END $$;

-- In the order of names[]. setter: NULL when the account is gone.
CREATE FUNCTION find_tags(in_package bigint, names text[])
RETURNS TABLE (name text, version bigint, algorithm smallint, digest bytea, created_at bigint, updated_at bigint,
	       setter bigint, login text)
LANGUAGE plpgsql STABLE ROWS 30 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT t.name, m.id, m.algorithm, m.digest, extract(epoch FROM t.created_at)::bigint,
		extract(epoch FROM t.updated_at)::bigint, a.id, a.login
	FROM unnest(names) WITH ORDINALITY AS q(name, ord)
	CROSS JOIN LATERAL (SELECT * FROM tag WHERE tag.package_id = in_package AND tag.name = q.name LIMIT 1) t
	CROSS JOIN LATERAL (SELECT l.id, l.algorithm, l.digest FROM manifest l WHERE l.id = t.manifest_id LIMIT 1) m
	LEFT JOIN LATERAL (SELECT l.id, l.login FROM account l WHERE l.id = t.updated_by
		AND l.deleted_at IS NULL LIMIT 1) a ON true
	ORDER BY q.ord;
END $$;

-- As a push of that manifest with this tag does (manifest_put() of 0058): the same row is written by the same
-- function, the same link is made by the same rules, the same is recorded. `which` or alg and dig: a version that is
-- there; own, pusher_role: as there. A label counts for whoever has pushed it himself: who tags what others pushed
-- does not give their repositories what he may. status: 0 done, 1 the package is gone, 2 no such version.
CREATE FUNCTION tag_put(who actor, in_package bigint, its_name text, which bigint, alg smallint, dig bytea,
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
