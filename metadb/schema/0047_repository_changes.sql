-- Repositories come, change, go to somebody else, and go. Answers are those of enum repository_refusal
-- (metadb/repositories.h):
--   0 done                                   1 its owner has one of that name
--   2 another repository has that source     3 internal: repositories of organizations only
--   4 the actor may create none there        5 no such account
--   6 he is its owner                        7 the team is another organization's
-- A repository that is not there (any more) raises PH404.

-- Of the project; `url` is where the source is.
ALTER TABLE repository ADD COLUMN homepage text NOT NULL DEFAULT '';
CREATE INDEX token_repository ON token (repository_id) WHERE repository_id IS NOT NULL;

-- Locked, before packages. FOR UPDATE also keeps off whoever is about to refer to it with a foreign key.
CREATE FUNCTION repository_lock(which bigint) RETURNS repository LANGUAGE plpgsql AS $$
DECLARE
	r repository;
BEGIN
	SELECT * INTO r FROM repository WHERE id = which AND deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'repository % is gone', which USING ERRCODE = 'PH404';
	END IF;
	RETURN r;
END $$;

-- A package is linked to a repository that is there, and its namespace's. Whoever deletes or transfers the
-- repository meanwhile is waited for, or waits and then sees the link.
CREATE FUNCTION package_link_there() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM repository r WHERE r.id = NEW.repository_id AND r.deleted_at IS NULL
	AND r.owner_id = NEW.namespace_id FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'repository % is not there to be linked', NEW.repository_id
			USING ERRCODE = 'PH409';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER package_link_new BEFORE INSERT ON package
FOR EACH ROW WHEN (NEW.repository_id IS NOT NULL) EXECUTE FUNCTION package_link_there();
CREATE TRIGGER package_link_changed BEFORE UPDATE OF repository_id ON package
FOR EACH ROW WHEN (NEW.repository_id IS NOT NULL AND NEW.repository_id IS DISTINCT FROM OLD.repository_id)
EXECUTE FUNCTION package_link_there();

CREATE FUNCTION repository_visibility_word(visibility smallint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT (ARRAY['private', 'internal', 'public'])[visibility + 1]
$$;

CREATE FUNCTION repository_role_word(role smallint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT (ARRAY['none', 'read', 'triage', 'write', 'maintain', 'admin'])[role + 1]
$$;

-- Which of the unique names it was that is taken.
CREATE FUNCTION repository_taken(its_constraint text) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE its_constraint WHEN 'repository_source_pkey' THEN 2 ELSE 1 END::smallint
$$;

-- Where may he have repositories? His own, his organizations', and the program itself everywhere.
CREATE FUNCTION repository_may_own(who actor, owner bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN who.account_id IS NULL OR who.account_id = owner OR EXISTS (SELECT FROM membership m
		WHERE m.organization_id = owner AND m.account_id = who.account_id);
END $$;

CREATE FUNCTION repository_source_set(which bigint, its_source text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM repository_source WHERE repository_id = which AND source <> its_source;
	IF its_source <> '' AND NOT EXISTS (SELECT FROM repository_source
		WHERE repository_id = which AND source = its_source) THEN
		INSERT INTO repository_source (source, repository_id) VALUES (its_source, which);
	END IF;
END $$;

CREATE FUNCTION repository_create(who actor, owner bigint, its_name text, its_visibility smallint,
				  its_description text, its_homepage text, its_url text, its_source text,
				  OUT status smallint, OUT id bigint)
LANGUAGE plpgsql AS $$
DECLARE
	owner_kind smallint;
	broken text;
BEGIN
	SELECT a.kind INTO owner_kind FROM account a WHERE a.id = owner AND a.kind IN (1, 2)
	AND a.deleted_at IS NULL FOR KEY SHARE;
	status := CASE WHEN owner_kind IS NULL THEN 5
		WHEN NOT repository_may_own(who, owner) THEN 4
		WHEN owner_kind = 1 AND its_visibility = 1 THEN 3 ELSE 0 END;
	IF status <> 0 THEN
		RETURN;
	END IF;
	BEGIN
		INSERT INTO repository (owner_id, name, visibility, description, homepage, url)
		VALUES (owner, its_name, its_visibility, its_description, its_homepage, its_url)
		RETURNING repository.id INTO id;
		PERFORM repository_source_set(id, its_source);
	EXCEPTION WHEN unique_violation THEN
		GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
		id := NULL;
		status := repository_taken(broken);
		RETURN;
	END;
	PERFORM record(who, 'repo.create', owner, NULL, jsonb_build_object('repository', id,
		'name', its_name, 'visibility', repository_visibility_word(its_visibility)));
END $$;

-- Rows that tell what an update has changed.
CREATE FUNCTION repository_update_record(who actor, was repository, r repository)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	fields jsonb := '[]';
BEGIN
	IF r.name <> was.name THEN
		PERFORM record(who, 'repo.rename', r.owner_id, NULL, jsonb_build_object(
			'repository', r.id, 'name', r.name, 'before', was.name));
	END IF;
	IF r.visibility <> was.visibility THEN
		PERFORM record(who, 'repo.visibility_set', r.owner_id, NULL, jsonb_build_object(
			'repository', r.id, 'name', r.name,
			'visibility', repository_visibility_word(r.visibility),
			'before', repository_visibility_word(was.visibility)));
	END IF;
	SELECT coalesce(jsonb_agg(f.name), '[]') INTO fields FROM (VALUES
		('description', r.description <> was.description), ('homepage', r.homepage <> was.homepage),
		('source_url', r.url <> was.url), ('readme', r.readme <> was.readme)) AS f(name, changed)
	WHERE f.changed;
	IF fields <> '[]' THEN
		PERFORM record(who, 'repo.update', r.owner_id, NULL, jsonb_build_object(
			'repository', r.id, 'name', r.name, 'fields', fields));
	END IF;
END $$;

-- What is NULL stays as it is; url and source go together.
CREATE FUNCTION repository_update(who actor, which bigint, new_name text, new_visibility smallint,
				  new_description text, new_homepage text, new_url text,
				  new_source text, new_readme text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	was repository := repository_lock(which);
	r repository;
	broken text;
BEGIN
	IF new_visibility = 1 AND (SELECT a.kind <> 2 FROM account a WHERE a.id = was.owner_id) THEN
		RETURN 3;
	END IF;
	BEGIN
		UPDATE repository SET name = coalesce(new_name, name),
			visibility = coalesce(new_visibility, visibility),
			description = coalesce(new_description, description),
			homepage = coalesce(new_homepage, homepage), url = coalesce(new_url, url),
			readme = coalesce(new_readme, readme)
		WHERE id = which RETURNING * INTO r;
		IF new_url IS NOT NULL THEN
			PERFORM repository_source_set(which, new_source);
		END IF;
	EXCEPTION WHEN unique_violation THEN
		GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
		RETURN repository_taken(broken);
	END;
	IF r IS DISTINCT FROM was THEN
		UPDATE repository SET updated_at = now() WHERE id = which;
		PERFORM repository_update_record(who, was, r);
	END IF;
	RETURN 0;
END $$;

-- The repository goes, or goes to another owner: packages are linked to it no longer, it acts on none, and
-- whatever acts for it ends. Who had a role on a package through the link has none any more; the actor
-- is its sole direct admin (owners of the namespace are admins in any case).
CREATE FUNCTION repository_release(who actor, r repository) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p record;
	ended bigint;
BEGIN
	FOR p IN SELECT id, namespace_id, name, inherits FROM package
		WHERE repository_id = r.id ORDER BY id FOR NO KEY UPDATE LOOP
		IF p.inherits THEN
			DELETE FROM package_team WHERE package_id = p.id;
			DELETE FROM package_grant WHERE package_id = p.id;
			INSERT INTO package_grant (package_id, account_id, role)
			SELECT p.id, who.account_id, 3 WHERE who.account_id IS NOT NULL;
		END IF;
		UPDATE package SET repository_id = NULL, linked_by = NULL, linked_at = NULL, inherits = false
		WHERE id = p.id;
		PERFORM record(who, 'package.unlink', p.namespace_id, p.id, jsonb_build_object(
			'name', p.name, 'repository', r.id));
	END LOOP;
	DELETE FROM package_actions WHERE repository_id = r.id;
	DELETE FROM package_codespace WHERE repository_id = r.id;
	FOR ended IN UPDATE token SET revoked_at = now()
		WHERE repository_id = r.id AND revoked_at IS NULL RETURNING id LOOP
		PERFORM record(who, 'token.revoke', r.owner_id, NULL, jsonb_build_object('token', ended));
	END LOOP;
END $$;

-- Rights are looked at before; who may transfer must also be one who may create at the new owner. The address of its
-- source is for the new owner to say: a member must not bring it along. People keep
-- what they were given, the user who had it becomes one of them; teams and robots do not.
CREATE FUNCTION repository_transfer(who actor, which bigint, its_login text, new_name text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	r repository := repository_lock(which);
	heir bigint;
	heir_kind smallint;
	its_name text := coalesce(new_name, r.name);
BEGIN
	SELECT a.id, a.kind INTO heir, heir_kind FROM account a WHERE a.login = its_login
	AND a.kind IN (1, 2) AND a.deleted_at IS NULL AND a.suspended_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 5;
	ELSIF NOT repository_may_own(who, heir) THEN
		RETURN 4;
	ELSIF heir = r.owner_id THEN
		RETURN repository_update(who, which, new_name, NULL, NULL, NULL, NULL, NULL, NULL);
	END IF;
	BEGIN
		UPDATE repository SET owner_id = heir, name = its_name, url = '', updated_at = now(), visibility =
			CASE WHEN heir_kind = 1 AND visibility = 1 THEN 0 ELSE visibility END
		WHERE id = which;
	EXCEPTION WHEN unique_violation THEN
		RETURN 1;
	END;
	DELETE FROM repository_source WHERE repository_id = which;
	PERFORM repository_release(who, r);
	DELETE FROM repository_team WHERE repository_id = which;
	DELETE FROM repository_grant g WHERE g.repository_id = which AND (g.account_id = heir
		OR (SELECT a.kind = 3 FROM account a WHERE a.id = g.account_id));
	INSERT INTO repository_grant (repository_id, account_id, role)
	SELECT which, a.id, 5 FROM account a WHERE a.id = r.owner_id AND a.kind = 1
	ON CONFLICT (repository_id, account_id) DO UPDATE SET role = 5;
	PERFORM record(who, 'repo.transfer', r.owner_id, NULL, jsonb_build_object(
		'repository', which, 'name', r.name, 'from', r.owner_id, 'to', heir));
	PERFORM record(who, 'repo.receive', heir, NULL, jsonb_build_object(
		'repository', which, 'name', its_name, 'from', r.owner_id, 'to', heir));
	RETURN 0;
END $$;

CREATE FUNCTION repository_delete(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	r repository := repository_lock(which);
BEGIN
	UPDATE repository SET deleted_at = now() WHERE id = which;
	PERFORM repository_release(who, r);
	DELETE FROM repository_source WHERE repository_id = which;
	DELETE FROM repository_grant WHERE repository_id = which;
	DELETE FROM repository_team WHERE repository_id = which;
	PERFORM record(who, 'repo.delete', r.owner_id, NULL, jsonb_build_object(
		'repository', which, 'name', r.name));
	RETURN 0;
END $$;

-- new_role 0 takes the grant back. Robots are given roles on repositories of their organization only.
CREATE FUNCTION repository_grant_set(who actor, which bigint, its_login text, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	r repository := repository_lock(which);
	person bigint;
	old_role smallint;
BEGIN
	SELECT a.id INTO person FROM account a WHERE a.login = its_login AND a.deleted_at IS NULL
	AND (a.kind = 1 OR (a.kind = 3 AND a.organization_id = r.owner_id)) FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 5;
	ELSIF person = r.owner_id THEN
		RETURN 6;
	END IF;
	SELECT g.role INTO old_role FROM repository_grant g
	WHERE g.repository_id = which AND g.account_id = person;
	IF new_role = 0 THEN
		DELETE FROM repository_grant WHERE repository_id = which AND account_id = person;
	ELSE
		INSERT INTO repository_grant (repository_id, account_id, role)
		VALUES (which, person, new_role)
		ON CONFLICT (repository_id, account_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role <> coalesce(old_role, 0) THEN
		PERFORM record(who, 'repo.access_set', r.owner_id, NULL, jsonb_build_object(
			'repository', which, 'name', r.name, 'account', person, 'login', its_login,
			'role', repository_role_word(new_role)));
	END IF;
	RETURN 0;
END $$;

CREATE FUNCTION repository_team_set(who actor, which bigint, its_team bigint, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	r repository := repository_lock(which);
	its_slug text;
	its_organization bigint;
	old_role smallint;
BEGIN
	SELECT t.slug, t.organization_id INTO its_slug, its_organization FROM team t
	WHERE t.id = its_team FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 5;
	ELSIF its_organization <> r.owner_id THEN
		RETURN 7;
	END IF;
	SELECT t.role INTO old_role FROM repository_team t
	WHERE t.repository_id = which AND t.team_id = its_team;
	IF new_role = 0 THEN
		DELETE FROM repository_team WHERE repository_id = which AND team_id = its_team;
	ELSE
		INSERT INTO repository_team (repository_id, team_id, role)
		VALUES (which, its_team, new_role)
		ON CONFLICT (repository_id, team_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role <> coalesce(old_role, 0) THEN
		PERFORM record(who, 'repo.access_set', r.owner_id, NULL, jsonb_build_object(
			'repository', which, 'name', r.name, 'team', its_team, 'slug', its_slug,
			'role', repository_role_word(new_role)));
	END IF;
	RETURN 0;
END $$;
