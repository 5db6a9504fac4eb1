-- Packages that were deleted as a whole are taken apart when nobody can restore them any more: their tags go, and
-- their manifests are deleted as by hand, at the time at which the package was. From there on everything is as in
-- 0022. Nothing of this happens when the package is deleted: that is one row, however much it holds.
--
-- A push that was on its way when the package was deleted may still add to it. So a package is looked at once more,
-- later than any statement can take.

-- One package: at most `most` of its manifests, an index before its children. How many packages were looked at,
-- and how many manifests were deleted.
CREATE FUNCTION packages_collect(trash interval, most integer, OUT seen bigint, OUT gone bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	ids bigint[];
BEGIN
	seen := 0;
	gone := 0;
	IF NOT adopted() THEN
		RETURN;
	END IF;
	SELECT * INTO p FROM package WHERE collect_at <= now() - trash
	ORDER BY collect_at LIMIT 1 FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	seen := 1;
	IF NOT p.emptied THEN
		UPDATE package SET emptied = true WHERE id = p.id;
	END IF;
	ids := ARRAY(SELECT m.id FROM manifest m WHERE m.package_id = p.id AND m.deleted_at IS NULL
		AND NOT EXISTS (SELECT FROM manifest_child c JOIN manifest i ON i.id = c.manifest_id
			WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm
			AND c.digest = m.digest AND i.deleted_at IS NULL)
		ORDER BY m.algorithm, m.digest LIMIT most FOR UPDATE OF m);
	gone := cardinality(ids);
	IF gone > 0 THEN
		DELETE FROM tag WHERE manifest_id = ANY (ids);
		UPDATE manifest SET deleted_at = p.deleted_at, deleted_by = p.deleted_by, deleted_tags = '{}'
		WHERE id = ANY (ids);
	ELSE
		UPDATE package SET collect_at = CASE WHEN p.deleted_at > now() - interval '10 minutes'
			THEN greatest(p.deleted_at, now() - trash) + interval '10 minutes' END
		WHERE id = p.id;
	END IF;
END $$;
