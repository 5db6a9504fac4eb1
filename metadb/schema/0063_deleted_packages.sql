-- The newest deleted package of a name that can be restored, and the caller's role on it: as on one that is there.
CREATE FUNCTION deleted_package(whose bigint, by_token bigint, in_namespace bigint, its_name text,
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
	ORDER BY l.id DESC LIMIT 1;
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
