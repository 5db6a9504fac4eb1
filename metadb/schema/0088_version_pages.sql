-- Versions of a package that are of some kind, or have a tag or none: read on from one of them, or found by what they
-- are called.

-- The order names every column of the index, the bounds are rows, and nothing is sorted, so that no other index
-- serves: the one of ids alone looks as good to the planner, and reads everybody else's rows until it finds enough.

-- As in 0061: what is deferred (0080) is among the deleted ones, what was purged (0081) nowhere.
CREATE OR REPLACE FUNCTION list_versions(in_package bigint, gone boolean, most bigint, skip bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_incremental_sort = off
SET enable_bitmapscan = off AS $$
BEGIN
	IF gone THEN
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id BETWEEN in_package AND in_package
		AND (m.deleted_at IS NOT NULL OR m.deferred_at IS NOT NULL)
		AND m.deleted_at IS DISTINCT FROM to_timestamp(0)
		ORDER BY m.package_id DESC, m.id DESC LIMIT most OFFSET skip;
	ELSE
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id BETWEEN in_package AND in_package
		AND m.deleted_at IS NULL AND m.deferred_at IS NULL
		ORDER BY m.package_id DESC, m.id DESC LIMIT most OFFSET skip;
	END IF;
END $$;

-- Candidates, newest first, with ids less than `before`. kinds: bits 1 << variety, 0: all
CREATE FUNCTION walk_versions(in_package bigint, gone boolean, kinds integer, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_incremental_sort = off
SET enable_bitmapscan = off AS $$
BEGIN
	IF gone THEN
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id >= in_package
		AND (m.package_id, m.id) < (in_package, before)
		AND (m.deleted_at IS NOT NULL OR m.deferred_at IS NOT NULL)
		AND m.deleted_at IS DISTINCT FROM to_timestamp(0)
		ORDER BY m.package_id DESC, m.id DESC LIMIT most;
	ELSIF kinds = 0 THEN
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id >= in_package
		AND (m.package_id, m.id) < (in_package, before)
		AND m.deleted_at IS NULL AND m.deferred_at IS NULL
		ORDER BY m.package_id DESC, m.id DESC LIMIT most;
	ELSE
		RETURN QUERY SELECT w.id FROM generate_series(1, 5) k
		CROSS JOIN LATERAL (SELECT m.id FROM manifest m
			WHERE (m.package_id, m.variety) >= (in_package, k::smallint)
			AND (m.package_id, m.variety, m.id) < (in_package, k::smallint, before)
			AND m.deleted_at IS NULL AND m.deferred_at IS NULL
			ORDER BY m.package_id DESC, m.variety DESC, m.id DESC LIMIT most) w
		WHERE kinds & (1 << k) <> 0 ORDER BY w.id DESC LIMIT most;
	END IF;
END $$;

-- At most `most` of those with ids less than `before`, among the first `look` candidates. tagged: NULL: all.
-- next: where to go on, 0: there are no more. Where `tagged` fits few, a page has few and there is a next one.
CREATE FUNCTION page_versions(in_package bigint, gone boolean, kinds integer, tagged boolean, before bigint,
			      most bigint, look bigint, OUT ids bigint[], OUT next bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	sieved boolean := tagged IS NOT NULL OR (gone AND kinds <> 0);
	reach bigint := CASE WHEN sieved THEN look ELSE most + 1 END;
	seen bigint[] := ARRAY(SELECT walk_versions(in_package, gone, kinds, before, reach));
BEGIN
	ids := CASE WHEN NOT sieved THEN seen ELSE ARRAY(SELECT w.id
		FROM unnest(seen) WITH ORDINALITY AS w(id, ord)
		WHERE (tagged IS NULL OR tagged = EXISTS (SELECT FROM tag t WHERE t.manifest_id = w.id))
		AND (kinds = 0 OR NOT gone OR (SELECT kinds & (1 << coalesce(m.variety, m.kind))
			FROM manifest m WHERE m.id = w.id) <> 0)
		ORDER BY w.ord LIMIT most + 1) END;
	next := CASE WHEN cardinality(ids) > most THEN ids[most]
		WHEN cardinality(seen) = reach AND sieved THEN seen[reach] ELSE 0 END;
	ids := ids[:most];
END $$;

-- The live version that a tag (NULL) leads to, or that has a digest.
CREATE FUNCTION named_version(in_package bigint, its_tag text, alg smallint, dig bytea)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF its_tag IS NOT NULL THEN
		RETURN (SELECT t.manifest_id FROM tag t WHERE t.package_id = in_package AND t.name = its_tag);
	END IF;
	RETURN (SELECT m.id FROM (SELECT * FROM manifest l WHERE l.package_id = in_package
		AND l.algorithm = alg AND l.digest = dig LIMIT 1) m
		WHERE m.deleted_at IS NULL AND m.deferred_at IS NULL);
END $$;

-- How many there are, up to `most`.
CREATE FUNCTION count_versions(in_package bigint, gone boolean, most bigint)
RETURNS bigint LANGUAGE plpgsql STABLE SET enable_bitmapscan = off AS $$
BEGIN
	IF gone THEN
		RETURN (SELECT count(*) FROM (SELECT FROM manifest m WHERE m.package_id = in_package
			AND (m.deleted_at IS NOT NULL OR m.deferred_at IS NOT NULL)
			AND m.deleted_at IS DISTINCT FROM to_timestamp(0) LIMIT most) counted);
	END IF;
	RETURN (SELECT count(*) FROM (SELECT FROM manifest m WHERE m.package_id = in_package
		AND m.deleted_at IS NULL AND m.deferred_at IS NULL LIMIT most) counted);
END $$;

-- A numbered page. total: how many there are; -1: more than `reach`, and another page follows. Of what is filtered
-- those among the newest `reach` are shown.
CREATE FUNCTION numbered_versions(in_package bigint, gone boolean, kinds integer, tagged boolean, most bigint,
				  skip bigint, reach bigint, OUT ids bigint[], OUT total bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF kinds = 0 AND tagged IS NULL THEN
		ids := ARRAY(SELECT list_versions(in_package, gone, most + 1, skip));
		total := count_versions(in_package, gone, reach + 1);
		IF total > reach THEN
			total := CASE WHEN cardinality(ids) > most THEN -1 ELSE skip + cardinality(ids) END;
		END IF;
		ids := ids[:most];
		RETURN;
	END IF;
	SELECT p.ids INTO ids FROM page_versions(in_package, gone, kinds, tagged, 9223372036854775807,
		reach, reach) p;
	total := cardinality(ids);
	ids := ids[skip + 1:skip + most];
END $$;
