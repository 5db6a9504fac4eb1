-- What a page of a dry run says is what the page of the deletion would do, after all pages before it.
--
-- Nothing is remembered between pages but what the cursor holds: whether a version of an earlier page has gone is found
-- out again where it matters, which is for indexes that need one of this page, and for what goes along with them.

-- As in 0080, with what counts as deleted apart: only what goes now releases something.
CREATE FUNCTION versions_released(gone bigint[], without bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT k.id FROM unnest(gone) AS q(id)
	CROSS JOIN LATERAL (SELECT l.package_id, l.algorithm, l.digest FROM manifest_child l
		WHERE l.manifest_id = q.id OFFSET 0) c
	CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = c.package_id
		AND l.algorithm = c.algorithm AND l.digest = c.digest
		AND l.deleted_at IS NULL AND l.deferred_at IS NOT NULL LIMIT 1) k
	WHERE k.id <> ALL (gone) AND k.id <> ALL (without) AND NOT EXISTS (
		SELECT FROM versions_needing(ARRAY[k.id]) AS n(id) WHERE n.id <> ALL (gone) AND n.id <> ALL (without));
END $$;

-- As in 0080, by that.
CREATE OR REPLACE FUNCTION version_plan(in_package bigint, which bigint, mode smallint, anyway boolean, without bigint[],
			     OUT status smallint, OUT goes bigint[], OUT waits bigint[], OUT needs bigint[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
	most CONSTANT integer := 1000;
	more bigint[];
BEGIN
	goes := ARRAY[which];
	waits := '{}';
	needs := '{}';
	status := 1;
	PERFORM FROM manifest l WHERE l.id = which AND l.package_id = in_package AND l.deleted_at IS NULL
	AND (l.deferred_at IS NULL OR mode > 0) AND l.id <> ALL (without);
	IF NOT FOUND THEN
		goes := '{}';
		RETURN;
	END IF;
	status := 0;
	more := goes;
	WHILE mode = 2 AND cardinality(more) > 0 LOOP
		more := ARRAY(SELECT n.id FROM versions_needing(more) AS n(id)
			UNION SELECT r.id FROM versions_about(in_package, more) AS r(id)
			EXCEPT SELECT g.id FROM unnest(goes || without) AS g(id) LIMIT most + 1);
		goes := goes || more;
		IF cardinality(goes) > most THEN
			status := 4;
			goes := '{}';
			RETURN;
		END IF;
	END LOOP;
	IF mode < 2 THEN
		needs := ARRAY(SELECT n.id FROM versions_needing(goes) AS n(id)
			WHERE n.id <> ALL (without) ORDER BY n.id DESC LIMIT most);
	END IF;
	IF cardinality(needs) > 0 THEN
		IF mode = 0 THEN
			waits := goes;
		ELSE
			status := 2;
		END IF;
		goes := '{}';
	END IF;
	more := goes;
	WHILE cardinality(more) > 0 LOOP
		more := ARRAY(SELECT k.id FROM versions_released(goes, without) AS k(id));
		goes := goes || more;
	END LOOP;
	IF NOT anyway AND versions_last(in_package, goes || waits || without) THEN
		status := 3;
		goes := '{}';
		waits := '{}';
	END IF;
END $$;

DROP FUNCTION versions_released(bigint[]);

-- As in 0080, by the one index that knows subjects, and the one that knows names: others looked as good, and all of the
-- package was read for each version. At most 3,000 of each: whoever asks has enough of 1,000.
CREATE OR REPLACE FUNCTION versions_about(in_package bigint, ids bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET enable_sort = off SET enable_incremental_sort = off
SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT r.id FROM unnest(ids) AS q(id)
	CROSS JOIN LATERAL (SELECT l.algorithm, l.digest FROM manifest l WHERE l.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT l.id FROM manifest l
		WHERE l.package_id = in_package AND l.subject_algorithm = m.algorithm
		AND l.subject_digest BETWEEN m.digest AND m.digest AND l.deleted_at IS NULL
		ORDER BY l.subject_digest, l.id LIMIT 3000) r
	UNION
	SELECT t.manifest_id FROM unnest(ids) AS q(id)
	CROSS JOIN LATERAL (SELECT CASE l.algorithm WHEN 1 THEN 'sha256-' ELSE 'sha512-' END
		|| encode(l.digest, 'hex') AS name FROM manifest l WHERE l.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT l.manifest_id, l.name FROM tag l
		WHERE l.package_id = in_package AND l.name >= m.name AND l.name < m.name || '/'
		ORDER BY l.name LIMIT 3000) t
	WHERE NOT tag_counts(t.name) AND NOT EXISTS (SELECT FROM tag o
		WHERE o.manifest_id = t.manifest_id AND tag_counts(o.name));
END $$;

-- A deletion of many, and how far it has come. before: versions with this id and higher ones were looked at; kept_from:
-- the last one that was kept of those that are meant (NULL: none was); stayed: one that is the last with a tag, for which
-- something was refused (NULL: nothing was); spares: what is popular stays. The others as in versions_meant() of 0083
-- and version_plan().
CREATE TYPE deletion_course AS (package_id bigint, before bigint, older timestamptz, untagged boolean, patterns text[],
	kinds integer, unpulled timestamptz, mode smallint, kept_from bigint, stayed bigint, spares boolean);

-- Live versions that an index needs, or that another version is about.
CREATE FUNCTION versions_below(in_package bigint, which bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY SELECT m.id FROM (
		SELECT l.algorithm, l.digest FROM manifest_child l WHERE l.manifest_id = which
		UNION SELECT l.subject_algorithm, l.subject_digest FROM manifest l
			WHERE l.id = which AND l.subject_digest IS NOT NULL
		UNION SELECT CASE WHEN t.name LIKE 'sha256-%' THEN 1 ELSE 2 END,
			decode(substring(t.name FROM '^sha[0-9]+-([0-9a-f]+)'), 'hex')
			FROM tag t WHERE t.manifest_id = which AND NOT tag_counts(t.name) AND NOT EXISTS (
				SELECT FROM tag o WHERE o.manifest_id = which AND tag_counts(o.name))) d
	CROSS JOIN LATERAL (SELECT l.id, l.deleted_at FROM manifest l WHERE l.package_id = in_package
		AND l.algorithm = d.algorithm AND l.digest = d.digest LIMIT 1) m
	WHERE m.id <> which AND m.deleted_at IS NULL;
END $$;

-- The version, and all that are below it, step by step; tags can make them circles.
CREATE FUNCTION versions_down_from(in_package bigint, which bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY WITH RECURSIVE down(id) AS (
			SELECT which
		UNION
			SELECT b.id FROM down d CROSS JOIN LATERAL versions_below(in_package, d.id) AS b(id))
		SELECT d.id FROM down d LIMIT 10000;
END $$;

-- Was it looked at, and would it have gone but for indexes that need it?
CREATE FUNCTION version_passed(c deletion_course, which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN which >= c.before AND (c.kept_from IS NULL OR which < c.kept_from)
		AND which IS DISTINCT FROM c.stayed
		AND EXISTS (SELECT FROM versions_meant(c.package_id, which + 1, 1, c.older, c.untagged, c.patterns,
			c.kinds, c.unpulled) v WHERE v.id = which AND v.meant)
		AND NOT (c.spares AND version_popular(which))
		AND NOT (c.mode = 2 AND c.stayed IS NOT NULL	-- which would go along
			AND which IN (SELECT versions_down_from(c.package_id, c.stayed)));
END $$;

-- Would it have gone in a cascade (mode 2): itself, or with what it is about or needs?
CREATE FUNCTION version_swept(c deletion_course, which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM versions_down_from(c.package_id, which) AS d(id) WHERE version_passed(c, d.id));
END $$;

-- Would a live version have gone by now? One that indexes need goes with the last of them (mode 0), or if they have
-- gone before it was looked at (1). Indexes of indexes are followed 50 deep; beyond, they are supposed to stay.
CREATE FUNCTION version_foreseen(c deletion_course, which bigint, deep integer DEFAULT 0) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
	waits boolean := (SELECT m.deferred_at IS NOT NULL FROM manifest m WHERE m.id = which);
	other bigint;
BEGIN
	IF c.mode = 2 AND version_swept(c, which) THEN
		RETURN true;
	ELSIF deep = 50 OR (NOT waits AND (c.mode = 2 OR NOT version_passed(c, which))) THEN
		RETURN false;
	END IF;
	FOR other IN SELECT versions_needing(ARRAY[which]) LOOP
		IF c.mode = 1 AND NOT waits AND other < which THEN
			RETURN false;
		ELSIF NOT (CASE c.mode WHEN 2 THEN version_swept(c, other) ELSE version_foreseen(c, other, deep + 1) END) THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;

-- Those that have gone by now, of what version_plan() looks at for one of these.
CREATE FUNCTION versions_foreseen(c deletion_course, ids bigint[]) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	most CONSTANT integer := 10000;
	reached bigint[] := ids;
	more bigint[] := ids;
BEGIN
	IF c.before = 9223372036854775807 THEN
		RETURN '{}';	-- the first page
	ELSIF c.mode < 2 THEN
		reached := ARRAY(SELECT DISTINCT n.id FROM versions_needing(ids || ARRAY(
			SELECT k.id FROM unnest(ids) AS q(id)
			CROSS JOIN LATERAL (SELECT l.package_id, l.algorithm, l.digest FROM manifest_child l
				WHERE l.manifest_id = q.id OFFSET 0) l
			CROSS JOIN LATERAL (SELECT m.id FROM manifest m WHERE m.package_id = l.package_id
				AND m.algorithm = l.algorithm AND m.digest = l.digest
				AND m.deferred_at IS NOT NULL LIMIT 1) k)) AS n(id) LIMIT most);
	END IF;
	WHILE c.mode = 2 AND cardinality(more) > 0 AND cardinality(reached) < most LOOP
		more := ARRAY(SELECT n.id FROM versions_needing(more) AS n(id)
			UNION SELECT a.id FROM versions_about(c.package_id, more) AS a(id)
			EXCEPT SELECT g.id FROM unnest(reached) AS g(id) LIMIT most);
		reached := reached || more;
	END LOOP;
	RETURN ARRAY(SELECT r.id FROM unnest(reached) AS r(id) WHERE version_foreseen(c, r.id));
END $$;

-- A page of a dry run: as versions_meant() of 0083, but that what has gone by now needs nothing, and is not there.
-- Behind them rows with an id alone: what version_remove() is to be told to have gone.
CREATE FUNCTION versions_meant_then(c deletion_course, most integer)
RETURNS TABLE (id bigint, algorithm smallint, digest bytea, tags text, meant boolean)
LANGUAGE plpgsql STABLE ROWS 1000 AS $$
#variable_conflict use_column
DECLARE
	gone bigint[] := versions_foreseen(c, ARRAY(SELECT walk_versions(c.package_id, false, 0, c.before, most)));
BEGIN
	RETURN QUERY SELECT v.id, v.algorithm, v.digest, v.tags,
		v.meant AND v.id <> ALL (gone) AND (c.kinds & 4 = 0 OR gone = '{}' OR version_kinds(v.id) & c.kinds & ~4 <> 0
			OR EXISTS (SELECT FROM versions_needing(ARRAY[v.id]) AS n(id) WHERE n.id <> ALL (gone)))
	FROM versions_meant(c.package_id, c.before, most, c.older, c.untagged, c.patterns, c.kinds, c.unpulled) v;
	RETURN QUERY SELECT g, NULL::smallint, NULL::bytea, NULL, false FROM unnest(gone) g;
END $$;

-- Would its tags have gone by now?
CREATE FUNCTION version_untagged(c deletion_course, which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE c.mode WHEN 0 THEN version_passed(c, which) WHEN 1 THEN version_foreseen(c, which)
		ELSE version_swept(c, which) END;
END $$;

-- As versions_last() of 0080: when these go, and `lost` have lost their tags, is a version with a tag left? One of them;
-- NULL: those that go have no tags; a negative number: the id of the newest with one that goes. Looked for among the 500 tags that were set the longest ago and the 500
-- newest ones: when there are more and none of these tells, there is supposed to be one.
CREATE FUNCTION versions_left(c deletion_course, lost bigint[], going bigint[]) RETURNS bigint
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
		AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
		ORDER BY t.package_id DESC, t.updated_at LIMIT few);
	IF cardinality(old) = few THEN
		new := ARRAY(SELECT t.manifest_id FROM tag t WHERE t.package_id BETWEEN c.package_id AND c.package_id
			AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
			ORDER BY t.package_id, t.updated_at DESC LIMIT few);
	END IF;
	FOREACH which IN ARRAY old || new LOOP
		IF which <> ALL (lost) AND which <> ALL (going) AND NOT (which >= c.before AND version_untagged(c, which)) THEN
			RETURN which;
		END IF;
	END LOOP;
	RETURN CASE WHEN cardinality(old) = few THEN 9223372036854775807 ELSE -newest END;
END $$;
