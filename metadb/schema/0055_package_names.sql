-- Other names: a package is renamed, or goes to somebody else. Its former names lead to it, and are given
-- to no other package as long as they stand and it is there. Answers as in 0053 and 0054, and
--   11 a package of that name is there      12 the name leads to another package
--   13 the actor may create no packages there

-- Whether a name leads to another package is looked at in a new statement, after the unique index of
-- names has made us wait for whoever is about to leave it behind.
CREATE FUNCTION package_name_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM package_alias a JOIN package p ON p.id = a.package_id
		   WHERE a.namespace_id = NEW.namespace_id AND a.name = NEW.name
		   AND a.package_id <> NEW.id AND p.deleted_at IS NULL) THEN
		RAISE EXCEPTION 'the name of package % leads to another one', NEW.id
			USING ERRCODE = 'PH409';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER package_name_free_new AFTER INSERT ON package
FOR EACH ROW EXECUTE FUNCTION package_name_free();
CREATE TRIGGER package_name_free_again AFTER UPDATE OF deleted_at ON package
FOR EACH ROW WHEN (NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL)
EXECUTE FUNCTION package_name_free();

-- 0, 11 or 12
CREATE FUNCTION package_move(p package, to_namespace bigint, to_name text)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		UPDATE package SET namespace_id = to_namespace, name = to_name WHERE id = p.id;
	EXCEPTION WHEN unique_violation THEN
		RETURN 11;
	END;
	IF EXISTS (SELECT FROM package_alias a JOIN package q ON q.id = a.package_id
		   WHERE a.namespace_id = to_namespace AND a.name = to_name
		   AND a.package_id <> p.id AND q.deleted_at IS NULL) THEN
		UPDATE package SET namespace_id = p.namespace_id, name = p.name WHERE id = p.id;
		RETURN 12;
	END IF;
	DELETE FROM package_alias WHERE namespace_id = to_namespace AND name = to_name;
	INSERT INTO package_alias (namespace_id, name, package_id)
	VALUES (p.namespace_id, p.name, p.id)
	ON CONFLICT (namespace_id, name) DO UPDATE SET package_id = p.id, created_at = now();
	UPDATE package_grant SET namespace_id = to_namespace, name = to_name WHERE package_id = p.id;
	UPDATE package_team SET namespace_id = to_namespace, name = to_name WHERE package_id = p.id;
	-- What tokens are limited to is this package, under whichever name.
	INSERT INTO token_limit (token_id, namespace_id, name)
	SELECT l.token_id, to_namespace, to_name FROM token_limit l
	WHERE l.namespace_id = p.namespace_id AND l.name = p.name
	ON CONFLICT DO NOTHING;
	DELETE FROM token_limit WHERE namespace_id = p.namespace_id AND name = p.name;
	RETURN 0;
END $$;
CREATE INDEX token_limit_package ON token_limit (namespace_id, name) WHERE name <> '';

CREATE FUNCTION package_rename(who actor, which bigint, new_name text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	refused smallint;
BEGIN
	IF p.name = new_name THEN
		RETURN 0;
	END IF;
	refused := package_move(p, p.namespace_id, new_name);
	IF refused = 0 THEN
		PERFORM record(who, 'package.rename', p.namespace_id, which, jsonb_build_object(
			'name', new_name, 'before', p.name));
	END IF;
	RETURN refused;
END $$;

CREATE FUNCTION may_create_in(person bigint, namespace bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT r.may_create FROM account a, account n, person_rights(a.id, a.organization_id,
		a.creators = 1, n.id, n.kind, n.creators, NULL, false, false, NULL, NULL) r
		WHERE a.id = person AND n.id = namespace);
END $$;

-- What does not fit there ends: the link, teams, robots, and people and repositories that are none of the
-- new organization's. The actor is an admin of it in any case, as if he had published it there.
CREATE FUNCTION package_transfer(who actor, which bigint, its_login text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package := package_lock(who, which);
	origin bigint := p.namespace_id;
	namespace bigint;
	refused smallint;
BEGIN
	SELECT n.id INTO namespace FROM account n
	WHERE n.login = its_login AND n.kind IN (1, 2) AND n.deleted_at IS NULL
	AND n.suspended_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 2;
	ELSIF namespace = origin THEN
		RETURN 0;
	ELSIF NOT may_create_in(who.account_id, namespace) THEN
		RETURN 13;
	END IF;
	refused := visibility_refusal(namespace, p.visibility);
	IF refused = 0 THEN
		refused := package_move(p, namespace, p.name);
	END IF;
	IF refused <> 0 THEN
		RETURN refused;
	END IF;
	PERFORM record(who, 'package.transfer', origin, which, jsonb_build_object(
		'name', p.name, 'from', origin, 'to', namespace));
	SELECT * INTO p FROM package WHERE id = which;
	IF p.repository_id IS NOT NULL THEN
		p := package_link_end(who, p);
	END IF;
	DELETE FROM package_team WHERE package_id = which;
	DELETE FROM package_grant g WHERE g.package_id = which
	AND (NOT grant_counts(namespace, p.visibility, g.account_id)
	     OR (SELECT r.kind = 3 AND r.organization_id <> namespace
		 FROM account r WHERE r.id = g.account_id));
	PERFORM package_drop_foreign(which, namespace, p.visibility);
	INSERT INTO package_grant (package_id, account_id, role) VALUES (which, who.account_id, 3)
	ON CONFLICT (package_id, account_id) DO UPDATE SET role = 3;
	PERFORM record(who, 'package.receive', namespace, which, jsonb_build_object(
		'name', p.name, 'from', origin, 'to', namespace));
	RETURN 0;
END $$;

-- A former name is free again. By an admin of the package (led_to), or (NULL) an owner of the namespace that
-- the name is in. false: there is none
CREATE FUNCTION package_alias_end(who actor, in_namespace bigint, its_name text, led_to bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	led bigint;
BEGIN
	DELETE FROM package_alias WHERE namespace_id = in_namespace AND name = its_name
	AND (led_to IS NULL OR package_id = led_to)
	RETURNING package_id INTO led;
	IF led IS NULL THEN
		RETURN false;
	END IF;
	PERFORM record(who, 'package.alias_end', in_namespace, led,
		       jsonb_build_object('name', its_name));
	RETURN true;
END $$;
