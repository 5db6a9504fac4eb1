-- Walks end where what they look for ends.
--
-- A bound over several columns ends a scan of an index by its first column alone: (a, b) >= (x, y) does not end one that
-- comes from above before it has read all of x, however far below y. `a = ANY (ARRAY[x])` does what an equality does for
-- the bounds of the columns behind it, which must not name a again, or the scan does not begin where they say; and as
-- the order still names every column of the index, no other one serves (0088).

-- As in 0088.
CREATE OR REPLACE FUNCTION walk_versions(in_package bigint, gone boolean, kinds integer, before bigint, most bigint)
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
			WHERE m.package_id = ANY (ARRAY[in_package]) AND m.variety >= k::smallint
			AND (m.variety, m.id) < (k::smallint, before)
			AND m.deleted_at IS NULL AND m.deferred_at IS NULL
			ORDER BY m.package_id DESC, m.variety DESC, m.id DESC LIMIT most) w
		WHERE kinds & (1 << k) <> 0 ORDER BY w.id DESC LIMIT most;
	END IF;
END $$;

-- As in 0089.
CREATE OR REPLACE FUNCTION walk_namespace(in_namespace bigint, of_visibility integer, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p
	WHERE p.namespace_id = ANY (ARRAY[in_namespace]) AND p.visibility >= of_visibility::smallint
	AND (p.visibility, p.id) < (of_visibility::smallint, before)
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.namespace_id DESC, p.visibility DESC, p.id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION walk_granted(person bigint, in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_grant g
	WHERE g.account_id = ANY (ARRAY[person]) AND g.namespace_id >= in_namespace
	AND (g.namespace_id, g.package_id) < (in_namespace, before)
	ORDER BY g.account_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION walk_team(team bigint, in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_team g
	WHERE g.team_id = ANY (ARRAY[team]) AND g.namespace_id >= in_namespace
	AND (g.namespace_id, g.package_id) < (in_namespace, before)
	ORDER BY g.team_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION newest_given(person bigint, in_namespace bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_grant g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.account_id = ANY (ARRAY[person]) AND g.namespace_id BETWEEN in_namespace AND in_namespace
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.account_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION newest_of_team(team bigint, in_namespace bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_team g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.team_id = ANY (ARRAY[team]) AND g.namespace_id BETWEEN in_namespace AND in_namespace
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.team_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;
