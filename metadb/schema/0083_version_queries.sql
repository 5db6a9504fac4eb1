-- Versions by conditions, for deleting many at a time.

-- The media type of a manifest's first layer; NULL for none, and where this server cannot read it.
CREATE FUNCTION first_layer_type(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN convert_from(bytes, 'UTF8')::json #>> '{layers,0,mediaType}';
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;

-- By what was decided when it was pushed (0087). Bits: 1 image, 2 index, 4 a live index needs it, 8 attestation,
-- 16 signature, 32 artifact. What nobody has looked at yet is an image, as lists show it, unless its bytes say that it
-- is about others. Tags that older clients give count.
CREATE FUNCTION version_kinds(which bigint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
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

-- The next `most` live versions with ids below `before`, the newest first, and which of them are meant: untouched
-- since `older` (pushed, and each tag set, before it), neither pulled nor pushed since `unpulled`, of one of these
-- kinds (0: any), without tags, with tags that are all LIKE one of the patterns. NULL: no condition.
CREATE FUNCTION versions_meant(in_package bigint, before bigint, most integer, older timestamptz, untagged boolean,
			       patterns text[], kinds integer, unpulled timestamptz)
RETURNS TABLE (id bigint, algorithm smallint, digest bytea, tags text, meant boolean)
LANGUAGE plpgsql STABLE ROWS 1000 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT m.id, m.algorithm, m.digest, to_json(t.names[1:1000])::text,
		(older IS NULL OR greatest(m.created_at, t.newest) < older)
		AND (NOT untagged OR t.names IS NULL)
		AND (patterns IS NULL OR (t.names IS NOT NULL AND NOT EXISTS (
			SELECT FROM unnest(t.names) AS n(name) WHERE NOT n.name LIKE ANY (patterns))))
		AND (unpulled IS NULL OR greatest(m.created_at, (SELECT v.last_at FROM download_version v
			WHERE v.manifest_id = m.id)) < unpulled)
		AND (kinds = 0 OR version_kinds(m.id) & kinds <> 0)
	FROM (SELECT l.id, l.algorithm, l.digest, l.created_at FROM manifest l WHERE l.package_id = in_package
		AND l.deleted_at IS NULL AND l.deferred_at IS NULL AND l.id < before ORDER BY l.id DESC LIMIT most) m
	CROSS JOIN LATERAL (SELECT array_agg(g.name::text ORDER BY g.name) AS names, max(g.updated_at) AS newest
		FROM tag g WHERE g.manifest_id = m.id) t
	ORDER BY m.id DESC;
END $$;
