-- Lists that grow without bound: a page costs a page, however long the list is. A plan that sorts looks
-- cheaper for packages of ordinary size and would read all of a large one, so sorting is off here: what
-- is left is to walk the index from where the page begins.

CREATE FUNCTION list_tags(in_package bigint, after text, most bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY SELECT tag.name FROM tag WHERE tag.package_id = in_package AND tag.name > after
	ORDER BY tag.name LIMIT most;
END $$;

-- Referrers: manifests whose subject is a digest (OCI distribution-spec, "Listing Referrers").
--
-- The row of a manifest is the entry of the list: it comes and goes with the manifest's transaction,
-- in whatever order subject and referrer are pushed. What an older client lists in its fallback tag
-- (sha256-HEX) was pushed with its subject, so it is an entry as well.
CREATE INDEX manifest_referrers ON manifest (package_id, subject_algorithm, subject_digest, id)
	WHERE subject_digest IS NOT NULL AND deleted_at IS NULL;
DROP INDEX manifest_subject;

-- A page in the order of pushing: after the id `after`, at most `most` rows, and none behind those whose
-- manifests have `room` bytes together: annotations are no longer than their manifest, and their text is
-- only read for rows of the page. its_type: NULL for all, '' for those without a type. `more`: there
-- are others behind. Each table is reached through a LATERAL (… LIMIT 1), see 0009.
CREATE FUNCTION find_referrers(in_package bigint, alg smallint, dig bytea, its_type text,
			       after bigint, most integer, room bigint)
RETURNS TABLE (id bigint, algorithm smallint, digest bytea, media_type text, size integer,
	       artifact_type text, annotations text, more boolean)
LANGUAGE plpgsql STABLE ROWS 10 SET enable_sort = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT m.id, m.algorithm, m.digest, m.media_type, m.size, m.artifact_type,
		m.annotations::text, p.place < p.found
	FROM (SELECT s.id, row_number() OVER w AS place, count(*) OVER () AS found,
			sum(s.size) OVER w - s.size AS before
		FROM (SELECT r.id, r.size FROM manifest r WHERE r.package_id = in_package
			AND r.subject_algorithm = alg AND r.subject_digest = dig
			AND r.deleted_at IS NULL AND r.id > after
			AND (its_type IS NULL OR coalesce(r.artifact_type, '') = its_type)
			ORDER BY r.id LIMIT most + 1) s
		WINDOW w AS (ORDER BY s.id)) p
	CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = p.id LIMIT 1) m
	WHERE p.place <= most AND p.before < room
	ORDER BY p.id;
END $$;
