-- A name that only a push without a manifest has is free for the package that had it; of several the one comes back that
-- was deleted last.

-- As in 0043. What nobody can see, blobs of a push that is not over or was given up, is in nobody's way: it goes. Who
-- publishes it meanwhile was faster.
CREATE OR REPLACE FUNCTION package_restore(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package;
	begun bigint;
BEGIN
	SELECT * INTO p FROM package WHERE id = which;
	IF NOT FOUND OR p.deleted_at IS NULL THEN
		RETURN 1;
	END IF;
	PERFORM FROM account WHERE id = p.namespace_id AND deleted_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	SELECT l.id INTO begun FROM package l WHERE l.namespace_id = p.namespace_id AND l.name = p.name
	AND l.deleted_at IS NULL AND l.published_at IS NULL FOR UPDATE;
	IF FOUND THEN
		PERFORM package_delete(who, begun);
	END IF;
	UPDATE package SET deleted_at = NULL, deleted_by = NULL, collect_at = NULL
	WHERE id = which AND deleted_at IS NOT NULL AND NOT emptied;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'package % is gone', which USING ERRCODE = 'PH404';
	END IF;
	PERFORM record(who, 'package.restore', p.namespace_id, which,
		       jsonb_build_object('name', p.name));
	RETURN 0;
EXCEPTION
	WHEN SQLSTATE 'PH404' THEN
		RETURN 1;
	WHEN unique_violation OR SQLSTATE 'PH409' THEN	-- it was taken, or leads to another one
		RETURN 2;
END $$;

CREATE INDEX package_gone_named ON package (namespace_id, name, deleted_at)
	WHERE deleted_at IS NOT NULL AND NOT emptied AND published_at IS NOT NULL;

-- As in 0063: of the package of a name that was deleted last, which may be an older one that had been restored.
CREATE OR REPLACE FUNCTION deleted_package(whose bigint, by_token bigint, in_namespace bigint, its_name text,
				OUT id bigint, OUT role smallint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	p package;
	n record;
	a record;
	t record;
BEGIN
	SELECT * INTO p FROM package l WHERE l.namespace_id = in_namespace AND l.name = its_name
	AND l.deleted_at IS NOT NULL AND NOT l.emptied AND l.published_at IS NOT NULL
	ORDER BY l.deleted_at DESC LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT l.kind, l.creators INTO n FROM account l WHERE l.id = in_namespace;
	SELECT k.kind, k.repository_id INTO t FROM token k WHERE k.id = by_token;
	IF t.repository_id IS NOT NULL THEN
		SELECT r.role INTO role FROM repository_rights(t.repository_id, t.kind, in_namespace,
			n.creators, p.id, true, p.inherits, p.repository_id) r;
	ELSE
		SELECT l.organization_id, l.creators INTO a FROM account l WHERE l.id = whose;
		SELECT r.role INTO role FROM person_rights(whose, a.organization_id, a.creators = 1,
			in_namespace, n.kind, n.creators, p.id, true, p.inherits, p.repository_id,
			p.visibility) r;
	END IF;
	id := p.id;
END $$;
