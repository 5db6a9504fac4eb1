-- The indexes of tags by age, cheaper for who sets one: each matched the name with a regular expression, for each tag.
-- That a tag is none by which people know a version (tag_counts() of 0062) is kept in its row instead. They stay two: one
-- without a condition would be taken for looking a tag up by its name, by plans that were made when packages had few.
ALTER TABLE tag ADD COLUMN aside boolean NOT NULL DEFAULT false;	-- NOT tag_counts(name); who sets it looks
UPDATE tag SET aside = true WHERE NOT tag_counts(name);
DROP INDEX tag_newest, tag_newest_aside;
CREATE INDEX tag_newest ON tag (package_id, updated_at DESC) WHERE NOT aside;
CREATE INDEX tag_newest_aside ON tag (package_id, updated_at DESC) WHERE aside;

-- As in 0096. Nearly always it is one, and says nothing of what has it (0107), nor is it set aside. The condition is
-- cheap, for each tag that is pushed is asked; tag_variety() and tag_counts() know.
CREATE OR REPLACE FUNCTION tags_move(who actor, in_package bigint, names text[], target bigint)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	moved_names text[];
BEGIN
	IF cardinality(names) = 1 AND length(names[1]) BETWEEN 1 AND 128 AND names[1] NOT LIKE 'sha%' THEN
		INSERT INTO tag (package_id, name, manifest_id, updated_by)
		VALUES (in_package, names[1], target, who.account_id)
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target;
		RETURN CASE WHEN FOUND THEN names ELSE '{}' END;
	ELSIF cardinality(names) = 0 THEN
		RETURN names;
	ELSIF EXISTS (SELECT FROM unnest(names) AS n WHERE (length(n) BETWEEN 1 AND 128) IS NOT TRUE) THEN
		RAISE EXCEPTION 'a tag has no name, or one of more than 128 characters'
			USING ERRCODE = 'check_violation';
	END IF;
	WITH moved AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by, aside)
		SELECT in_package, n, target, who.account_id, NOT tag_counts(n)
		FROM (SELECT DISTINCT n COLLATE "C" AS n FROM unnest(names) AS n ORDER BY 1) AS sorted
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target
		RETURNING name)
	SELECT coalesce(array_agg(name), '{}') INTO moved_names FROM moved;
	IF EXISTS (SELECT FROM unnest(moved_names) AS n WHERE n LIKE 'sha%.%') THEN
		PERFORM tags_say_what(target);
	END IF;
	RETURN moved_names;
END $$;

-- As in 0057.
CREATE OR REPLACE FUNCTION package_labels(which bigint, OUT manifest_id bigint, OUT description text,
			       OUT licenses text, OUT source text, OUT labels jsonb)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	SELECT t.manifest_id INTO package_labels.manifest_id FROM tag t WHERE t.package_id = which
	AND NOT t.aside
	ORDER BY t.updated_at DESC LIMIT 1;
	SELECT m.labels INTO package_labels.labels FROM manifest m WHERE m.id = package_labels.manifest_id;
	description := labels ->> 'org.opencontainers.image.description';
	licenses := labels ->> 'org.opencontainers.image.licenses';
	source := labels ->> 'org.opencontainers.image.source';
END $$;

-- As in 0080.
CREATE OR REPLACE FUNCTION versions_last(in_package bigint, gone bigint[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM tag t WHERE t.manifest_id = ANY (gone) AND tag_counts(t.name))
		AND NOT EXISTS (SELECT FROM tag t WHERE t.package_id = in_package
			AND NOT t.aside
			AND t.manifest_id <> ALL (gone));
END $$;

-- As in 0082.
CREATE OR REPLACE FUNCTION tags_by_age(in_package bigint, oldest boolean, most bigint, skip bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	IF oldest THEN
		RETURN QUERY SELECT u.name FROM (
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND NOT t.aside
				ORDER BY t.updated_at, t.name DESC LIMIT most + skip)
			UNION ALL
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.aside
				ORDER BY t.updated_at, t.name DESC LIMIT most + skip)) u
		ORDER BY u.updated_at, u.name DESC LIMIT most OFFSET skip;
	ELSE
		RETURN QUERY SELECT u.name FROM (
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND NOT t.aside
				ORDER BY t.updated_at DESC, t.name LIMIT most + skip)
			UNION ALL
			(SELECT t.name, t.updated_at FROM tag t WHERE t.package_id = in_package
				AND t.aside
				ORDER BY t.updated_at DESC, t.name LIMIT most + skip)) u
		ORDER BY u.updated_at DESC, u.name LIMIT most OFFSET skip;
	END IF;
END $$;

-- As in 0105.
CREATE OR REPLACE FUNCTION versions_left(c deletion_course, lost bigint[], going bigint[]) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
DECLARE
	few CONSTANT integer := 500;
	old bigint[];
	new bigint[];
	newest bigint;
	which bigint;
BEGIN
	newest := (SELECT max(q.id) FROM unnest(going) AS q(id) WHERE q.id <> ALL (lost) AND EXISTS (SELECT FROM tag t
		WHERE t.manifest_id = q.id AND tag_counts(t.name)));
	IF newest IS NULL THEN
		RETURN NULL;
	END IF;
	old := ARRAY(SELECT t.manifest_id FROM tag t WHERE t.package_id BETWEEN c.package_id AND c.package_id
		AND NOT t.aside
		ORDER BY t.package_id DESC, t.updated_at LIMIT few);
	IF cardinality(old) = few THEN
		new := ARRAY(SELECT t.manifest_id FROM tag t WHERE t.package_id BETWEEN c.package_id AND c.package_id
			AND NOT t.aside
			ORDER BY t.package_id, t.updated_at DESC LIMIT few);
	END IF;
	FOREACH which IN ARRAY old || new LOOP
		IF which <> ALL (lost) AND which <> ALL (going) AND NOT (which >= c.before AND version_untagged(c, which)) THEN
			RETURN which;
		END IF;
	END LOOP;
	RETURN CASE WHEN cardinality(old) = few THEN 9223372036854775807 ELSE -newest END;
END $$;

-- As in 0098.
CREATE OR REPLACE FUNCTION version_restore(who actor, in_package bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
	m manifest;
	names text[];
BEGIN
	PERFORM deletion_check();
	PERFORM deletions_lock(in_package);
	ids := ARRAY(WITH RECURSIVE needed(id) AS (
			SELECT l.id FROM manifest l WHERE l.id = which AND l.package_id = in_package
			AND (l.deleted_at > to_timestamp(0) OR l.deferred_at IS NOT NULL)
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
	PERFORM versions_lock(ids);
	SELECT * INTO m FROM manifest l WHERE l.id = which
	AND (l.deleted_at > to_timestamp(0) OR l.deferred_at IS NOT NULL);
	IF NOT FOUND THEN	-- collected, or pushed again
		RETURN 1;
	END IF;
	UPDATE package_blob l SET deleted_at = NULL FROM manifest_blob r
	WHERE r.manifest_id = ANY (ids) AND l.package_id = r.package_id AND l.algorithm = r.algorithm
	AND l.digest = r.digest AND l.deleted_at IS NOT NULL;
	WITH lost AS (	-- one version a name; which have none to give back that are live, for they keep what they lost once
		SELECT DISTINCT ON (t.name) t.name, l.id, l.pushed_by, l.created_at
		FROM manifest l CROSS JOIN LATERAL unnest(l.deleted_tags) AS t(name)
		WHERE l.id = ANY (ids) AND (l.deleted_at IS NOT NULL OR l.deferred_at IS NOT NULL)
		ORDER BY t.name, l.id <> which, l.id DESC),
	back AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at, aside)
		SELECT in_package, b.name, b.id, coalesce(who.account_id, b.pushed_by), b.created_at,
			NOT tag_counts(b.name)
		FROM lost b ORDER BY b.name
		ON CONFLICT (package_id, name) DO NOTHING RETURNING name, manifest_id)
	SELECT coalesce(array_agg(b.name ORDER BY b.name) FILTER (WHERE b.manifest_id = which), '{}')
	INTO names FROM back b;
	UPDATE manifest l SET deleted_at = NULL, deferred_at = NULL, deleted_by = NULL, deleted_tags = NULL
	WHERE l.id = ANY (ids) AND (l.deleted_at IS NOT NULL OR l.deferred_at IS NOT NULL);
	UPDATE version_count c SET counted_at = '-infinity' WHERE c.package_id = in_package;
	PERFORM record(who, 'manifest.restore', (SELECT p.namespace_id FROM package p WHERE p.id = in_package),
		       in_package, jsonb_build_object('tags', names, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex')));
	RETURN 0;
END $$;
