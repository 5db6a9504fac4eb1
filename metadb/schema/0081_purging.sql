-- Deleted for good: an owner ends the time in which something can be restored. Rows and bytes go by the ordinary
-- collecting (0022, 0045), which takes what was deleted at the beginning of time at once; no list and no restore finds
-- that any more.

ALTER TABLE package ADD COLUMN purged_at timestamptz;

-- The user himself, an organization's owners; no workflow.
CREATE FUNCTION may_purge(who actor, namespace bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (namespace = who.account_id OR EXISTS (SELECT FROM membership m WHERE m.organization_id = namespace
			AND m.account_id = who.account_id AND m.role = 2))
		AND NOT EXISTS (SELECT FROM token t WHERE t.id = who.token_id AND t.repository_id IS NOT NULL);
END $$;

-- status: 0 done, 1 no such deleted version, 2 refused, 3 an index that is there or can be restored (needed_by) needs it
CREATE FUNCTION version_purge(who actor, in_package bigint, which bigint, OUT status smallint,
			      OUT needed_by_algorithm smallint, OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
DECLARE
	namespace bigint := (SELECT p.namespace_id FROM package p WHERE p.id = in_package);
	m record;
BEGIN
	PERFORM deletion_check();
	PERFORM deletions_lock(in_package);
	SELECT l.algorithm, l.digest, l.deleted_tags INTO m FROM manifest l
	WHERE l.id = which AND l.package_id = in_package
	AND (l.deleted_at > to_timestamp(0) OR l.deferred_at IS NOT NULL) FOR UPDATE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	ELSIF NOT may_purge(who, namespace) THEN
		status := 2;
		RETURN;
	END IF;
	SELECT i.algorithm, i.digest INTO needed_by_algorithm, needed_by_digest FROM manifest_child c
	CROSS JOIN LATERAL (SELECT l.id, l.algorithm, l.digest, l.deleted_at FROM manifest l
		WHERE l.id = c.manifest_id LIMIT 1) i
	WHERE c.package_id = in_package AND c.algorithm = m.algorithm AND c.digest = m.digest
	AND (i.deleted_at IS NULL OR i.deleted_at > to_timestamp(0)) ORDER BY i.id LIMIT 1;
	IF FOUND THEN
		status := 3;
		RETURN;
	END IF;
	UPDATE manifest l SET deleted_at = to_timestamp(0) WHERE l.id = which;
	PERFORM record(who, 'manifest.purge', namespace, in_package, jsonb_build_object('tags', m.deleted_tags, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex')));
	status := 0;
END $$;

-- 0 done, 1 there is no such package to be restored, 2 refused
CREATE FUNCTION package_purge(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	PERFORM deletion_check();
	SELECT * INTO p FROM package l WHERE l.id = which AND l.deleted_at IS NOT NULL AND NOT l.emptied
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF NOT may_purge(who, p.namespace_id) THEN
		RETURN 2;
	END IF;
	UPDATE package SET emptied = true, purged_at = now(), collect_at = to_timestamp(0) WHERE id = which;
	PERFORM record(who, 'package.purge', p.namespace_id, which, jsonb_build_object('name', p.name));
	RETURN 0;
END $$;

-- As in 0045. What was purged goes at once, with the versions that were deleted before; and is looked at once more
-- as well.
CREATE OR REPLACE FUNCTION packages_collect(trash interval, most integer, OUT seen bigint, OUT gone bigint)
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
	ids := ARRAY(SELECT m.id FROM manifest m WHERE m.package_id = p.id
		AND (m.deleted_at IS NULL OR (p.purged_at IS NOT NULL AND m.deleted_at > to_timestamp(0)))
		AND NOT EXISTS (SELECT FROM manifest_child c JOIN manifest i ON i.id = c.manifest_id
			WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm
			AND c.digest = m.digest AND i.deleted_at IS NULL)
		ORDER BY m.algorithm, m.digest LIMIT most FOR UPDATE OF m);
	gone := cardinality(ids);
	IF gone > 0 THEN
		DELETE FROM tag WHERE manifest_id = ANY (ids);
		UPDATE manifest SET deferred_at = NULL, deleted_by = p.deleted_by, deleted_tags = '{}',
			deleted_at = CASE WHEN p.purged_at IS NULL THEN p.deleted_at ELSE to_timestamp(0) END
		WHERE id = ANY (ids);
	ELSE
		UPDATE package SET collect_at = CASE WHEN p.deleted_at > now() - interval '10 minutes'
			THEN CASE WHEN p.purged_at IS NULL THEN greatest(p.deleted_at, now() - trash)
				ELSE now() - trash END + interval '10 minutes' END
		WHERE id = p.id;
	END IF;
END $$;

