-- Who may what on a package, changed by its admins.
--
-- Each change locks the package's row, which makes the changes of a package queue, and looks at everything
-- else in statements after that. Answers are those of enum settings_refusal (metadb/package_settings.h):
--   0 done                                    1 it inherits: its own list cannot be changed
--   2 no such account, team, repository, or grant to take back; or none that the actor may know of
--   3 of an organization's package that is not public: somebody, or a repository, of elsewhere
--   4 a user's package has no teams           5 it is linked to no repository

-- The package, locked, for somebody who is its admin: that was looked up before, and again here, since
-- whoever took it from him may have come first (PH409: look up again). Of accounts, packages and what hangs on
-- them it is the only row that is locked here.
CREATE FUNCTION package_lock(who actor, which bigint) RETURNS package LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	SELECT * INTO p FROM package WHERE id = which AND deleted_at IS NULL
	AND published_at IS NOT NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'package % is gone', which USING ERRCODE = 'PH404';
	END IF;
	IF (SELECT r.role FROM account a, account n, person_rights(a.id, a.organization_id, a.creators = 1, n.id,
		n.kind, n.creators, which, true, p.inherits, p.repository_id, p.visibility) r
	    WHERE a.id = who.account_id AND n.id = p.namespace_id) IS DISTINCT FROM 3 THEN
		RAISE EXCEPTION 'account % is no admin of package %', who.account_id, which
			USING ERRCODE = 'PH409';
	END IF;
	RETURN p;
END $$;

CREATE FUNCTION role_word(role smallint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT (ARRAY['none', 'read', 'write', 'admin'])[role + 1]
$$;

-- Does a grant count there? An organization's package that is not public is for its people only:
-- members, and robots of its own.
CREATE FUNCTION grant_counts(namespace bigint, visibility smallint, person bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN visibility = 2
		OR (SELECT n.kind = 1 FROM account n WHERE n.id = namespace)
		OR EXISTS (SELECT FROM membership m
			WHERE m.organization_id = namespace AND m.account_id = person)
		OR coalesce((SELECT r.organization_id = namespace FROM account r WHERE r.id = person),
			    false);
END $$;

-- May he know of it? Secret teams are known to their people and to owners.
CREATE FUNCTION repository_known(person bigint, which bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT r.visibility = 2 OR (r.visibility = 1 AND person IS NOT NULL)
		FROM repository r WHERE r.id = which AND r.deleted_at IS NULL), false)
		OR repository_role(person, which) > 0;
END $$;

CREATE FUNCTION team_known(person bigint, which bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT t.privacy = 2 FROM team t WHERE t.id = which), false)
		OR EXISTS (SELECT FROM team_path p JOIN team_member m ON m.team_id = p.team_id
			WHERE p.ancestor_id = which AND m.account_id = person)
		OR EXISTS (SELECT FROM team t JOIN membership m ON m.organization_id = t.organization_id
			WHERE t.id = which AND m.account_id = person AND m.role = 2);
END $$;

-- NULL: there is none of that name that he may know of. Any, when `anybody`.
CREATE FUNCTION repository_named(person bigint, its_owner text, its_name text, anybody boolean)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	found bigint;
BEGIN
	SELECT r.id INTO found FROM account o JOIN repository r ON r.owner_id = o.id
	WHERE o.login = its_owner AND o.deleted_at IS NULL AND r.key = lower(its_name)
	AND r.deleted_at IS NULL;
	RETURN CASE WHEN anybody OR repository_known(person, found) THEN found END;
END $$;

-- new_role 0 takes the grant back, which needs no membership.
CREATE FUNCTION package_grant_set(who actor, which bigint, its_login text, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	person bigint;
	old_role smallint;
BEGIN
	IF p.inherits THEN
		RETURN 1;
	END IF;
	SELECT a.id INTO person FROM account a
	WHERE a.login = its_login AND a.kind IN (1, 3) AND a.deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN 2;
	END IF;
	SELECT g.role INTO old_role FROM package_grant g
	WHERE g.package_id = which AND g.account_id = person;
	IF new_role = 0 THEN
		IF NOT FOUND THEN
			RETURN 2;
		END IF;
		DELETE FROM package_grant WHERE package_id = which AND account_id = person;
	ELSIF NOT grant_counts(p.namespace_id, p.visibility, person) THEN
		RETURN 3;
	ELSE
		INSERT INTO package_grant (package_id, account_id, role)
		VALUES (which, person, new_role)
		ON CONFLICT (package_id, account_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role IS DISTINCT FROM old_role THEN
		PERFORM record(who, 'package.access_set', p.namespace_id, which, jsonb_build_object(
			'name', p.name, 'account', person, 'login', its_login,
			'role', role_word(new_role)));
	END IF;
	RETURN 0;
END $$;

CREATE FUNCTION package_team_set(who actor, which bigint, its_slug text, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	its_team bigint;
	old_role smallint;
BEGIN
	IF (SELECT n.kind <> 2 FROM account n WHERE n.id = p.namespace_id) THEN
		RETURN 4;
	ELSIF p.inherits THEN
		RETURN 1;
	END IF;
	SELECT t.id INTO its_team FROM team t
	WHERE t.organization_id = p.namespace_id AND t.slug = its_slug;
	IF NOT FOUND THEN
		RETURN 2;
	END IF;
	SELECT g.role INTO old_role FROM package_team g
	WHERE g.package_id = which AND g.team_id = its_team;
	IF NOT FOUND AND (new_role = 0 OR NOT team_known(who.account_id, its_team)) THEN
		RETURN 2;
	ELSIF new_role = 0 THEN
		DELETE FROM package_team WHERE package_id = which AND team_id = its_team;
	ELSE
		INSERT INTO package_team (package_id, team_id, role)
		VALUES (which, its_team, new_role)
		ON CONFLICT (package_id, team_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role IS DISTINCT FROM old_role THEN
		PERFORM record(who, 'package.access_set', p.namespace_id, which, jsonb_build_object(
			'name', p.name, 'team', its_team, 'slug', its_slug,
			'role', role_word(new_role)));
	END IF;
	RETURN 0;
END $$;

-- Whoever ends the inheriting is the package's only direct admin: nobody keeps by accident what
-- he had through the repository.
CREATE FUNCTION package_sole_admin(which bigint, person bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM package_grant WHERE package_id = which AND account_id <> person;
	DELETE FROM package_team WHERE package_id = which;
	INSERT INTO package_grant (package_id, account_id, role) VALUES (which, person, 3)
	ON CONFLICT (package_id, account_id) DO UPDATE SET role = 3;
END $$;

-- Either way the rights of people and teams that were there are gone.
CREATE FUNCTION package_inherit_set(who actor, which bigint, is_on boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
BEGIN
	IF is_on AND NOT EXISTS (SELECT FROM repository r
		WHERE r.id = p.repository_id AND r.deleted_at IS NULL) THEN
		RETURN 5;
	ELSIF p.inherits = is_on THEN
		RETURN 0;
	END IF;
	IF is_on THEN
		DELETE FROM package_grant WHERE package_id = which;
		DELETE FROM package_team WHERE package_id = which;
	ELSE
		PERFORM package_sole_admin(which, who.account_id);
	END IF;
	UPDATE package SET inherits = is_on WHERE id = which;
	PERFORM record(who, 'package.inherit_set', p.namespace_id, which, jsonb_build_object(
		'name', p.name, 'inherits', is_on, 'repository', p.repository_id));
	RETURN 0;
END $$;

-- May a repository stand in the lists of what acts for repositories? The rule of grants.
CREATE FUNCTION repository_counts(namespace bigint, visibility smallint, which bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN visibility = 2
		OR (SELECT n.kind = 1 FROM account n WHERE n.id = namespace)
		OR (SELECT r.owner_id = namespace FROM repository r WHERE r.id = which);
END $$;

-- What workflows of a repository may do; 0: nothing any more. Independent of inheriting.
CREATE FUNCTION package_actions_set(who actor, which bigint, its_owner text, its_name text,
				    new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	repo bigint := repository_named(who.account_id, its_owner, its_name, new_role = 0);
	old_role smallint;
BEGIN
	SELECT l.role INTO old_role FROM package_actions l
	WHERE l.package_id = which AND l.repository_id = repo;
	IF repo IS NULL OR (new_role = 0 AND NOT FOUND) THEN
		RETURN 2;
	ELSIF new_role = 0 THEN
		DELETE FROM package_actions WHERE package_id = which AND repository_id = repo;
	ELSIF NOT repository_counts(p.namespace_id, p.visibility, repo) THEN
		RETURN 3;
	ELSE
		INSERT INTO package_actions (package_id, repository_id, role)
		VALUES (which, repo, new_role)
		ON CONFLICT (package_id, repository_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role IS DISTINCT FROM old_role THEN
		PERFORM record(who, 'package.actions_set', p.namespace_id, which, jsonb_build_object(
			'name', p.name, 'repository', repo, 'role', role_word(new_role)));
	END IF;
	RETURN 0;
END $$;

-- Whose codespaces may read it.
CREATE FUNCTION package_codespace_set(who actor, which bigint, its_owner text, its_name text,
				      is_on boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	repo bigint := repository_named(who.account_id, its_owner, its_name, NOT is_on);
BEGIN
	IF repo IS NULL THEN
		RETURN 2;
	ELSIF NOT is_on THEN
		DELETE FROM package_codespace WHERE package_id = which AND repository_id = repo;
		IF NOT FOUND THEN
			RETURN 2;
		END IF;
	ELSIF NOT repository_counts(p.namespace_id, p.visibility, repo) THEN
		RETURN 3;
	ELSE
		INSERT INTO package_codespace (package_id, repository_id) VALUES (which, repo)
		ON CONFLICT DO NOTHING;
		IF NOT FOUND THEN
			RETURN 0;
		END IF;
	END IF;
	PERFORM record(who, 'package.codespaces_set', p.namespace_id, which, jsonb_build_object(
		'name', p.name, 'repository', repo, 'role', role_word(is_on::integer::smallint)));
	RETURN 0;
END $$;
