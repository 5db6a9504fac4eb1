-- Versions by conditions, also those that nobody pulls (0075).

-- As in 0083, which stays for programs that call it, with `unpulled`.
--
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
