-- Who may see a package, and which repository it is linked to. Answers as in 0053, and
--    6 the repository belongs to somebody else than the package
--    7 the organization's rules do not allow that visibility    8 internal: organizations' packages only
--    9 only owners make what was public private                10 it takes the role write on the repository

CREATE FUNCTION visibility_word(visibility smallint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT (ARRAY['private', 'internal', 'public'])[visibility + 1]
$$;

-- May a package in that namespace be as visible as that? 0, 7 or 8
CREATE FUNCTION visibility_refusal(namespace bigint, visibility smallint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT CASE WHEN n.kind <> 2 AND visibility = 1 THEN 8
		WHEN (n.visibilities >> visibility) & 1 = 0 THEN 7 ELSE 0 END
		FROM account n WHERE n.id = namespace);
END $$;

-- The user whose namespace it is, or an owner of the organization.
CREATE FUNCTION namespace_owned(namespace bigint, person bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(namespace = person, false) OR EXISTS (SELECT FROM membership m
		WHERE m.organization_id = namespace AND m.account_id = person AND m.role = 2);
END $$;

-- Lists of an organization's package that is not public hold nothing of other namespaces.
CREATE FUNCTION package_drop_foreign(which bigint, namespace bigint, visibility smallint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM package_actions l WHERE l.package_id = which
	AND NOT repository_counts(namespace, visibility, l.repository_id);
	DELETE FROM package_codespace l WHERE l.package_id = which
	AND NOT repository_counts(namespace, visibility, l.repository_id);
END $$;

-- Grants of outsiders stay, and count again when it is public again: find_authorization() looks. What acts for a
-- repository has no membership that could be looked at, so foreign repositories leave the lists.
CREATE FUNCTION package_visibility_set(who actor, which bigint, wanted smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	refused smallint;
BEGIN
	IF p.visibility = wanted THEN
		RETURN 0;
	END IF;
	refused := visibility_refusal(p.namespace_id, wanted);
	IF refused <> 0 THEN
		RETURN refused;
	ELSIF p.visibility = 2 AND NOT namespace_owned(p.namespace_id, who.account_id) THEN
		RETURN 9;
	END IF;
	UPDATE package SET visibility = wanted WHERE id = which;
	PERFORM package_drop_foreign(which, p.namespace_id, wanted);
	PERFORM record(who, 'package.visibility_set', p.namespace_id, which, jsonb_build_object(
		'name', p.name, 'visibility', visibility_word(wanted),
		'before', visibility_word(p.visibility)));
	RETURN 0;
END $$;

-- The link ends, and with it what it gave: the access of people, while that is inherited, and the
-- repository's line in the list of workflows. Answers what the row is now.
CREATE FUNCTION package_link_end(who actor, p package) RETURNS package LANGUAGE plpgsql AS $$
DECLARE
	was bigint := p.repository_id;
BEGIN
	IF p.inherits THEN
		PERFORM package_sole_admin(p.id, who.account_id);
	END IF;
	DELETE FROM package_actions WHERE package_id = p.id AND repository_id = was;
	UPDATE package SET repository_id = NULL, linked_by = NULL, linked_at = NULL, inherits = false
	WHERE id = p.id RETURNING * INTO p;
	PERFORM record(who, 'package.unlink', p.namespace_id, p.id, jsonb_build_object(
		'name', p.name, 'repository', was));
	RETURN p;
END $$;

-- Somebody's word: an admin of the package who may write to the repository, as a label needs it. Its
-- workflows get the role admin. Inheriting is switched on apart. Another repository's link ends.
CREATE FUNCTION package_link(who actor, which bigint, its_owner text, its_name text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	repo bigint := repository_named(who.account_id, its_owner, its_name, false);
BEGIN
	IF repo IS NULL THEN
		RETURN 2;
	ELSIF (SELECT r.owner_id <> p.namespace_id FROM repository r WHERE r.id = repo) THEN
		RETURN 6;
	ELSIF repository_role(who.account_id, repo) < 3 THEN
		RETURN 10;
	ELSIF p.repository_id IS NOT NULL AND p.repository_id <> repo THEN
		p := package_link_end(who, p);
	END IF;
	IF p.linked_by IS DISTINCT FROM 3 THEN
		UPDATE package SET repository_id = repo, linked_by = 3, linked_at = now()
		WHERE id = which;
		INSERT INTO package_actions (package_id, repository_id, role) VALUES (which, repo, 3)
		ON CONFLICT (package_id, repository_id) DO UPDATE SET role = 3;
		PERFORM record(who, 'package.link', p.namespace_id, which, jsonb_build_object(
			'name', p.name, 'repository', repo, 'by', 'word'));
	END IF;
	RETURN 0;
END $$;

CREATE FUNCTION package_unlink(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
BEGIN
	IF p.repository_id IS NULL THEN
		RETURN 5;
	END IF;
	PERFORM package_link_end(who, p);
	RETURN 0;
END $$;
