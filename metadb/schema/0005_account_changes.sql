-- Changes to accounts. Each answers NULL, or false, instead of raising, where the caller has to say
-- something to a user; each writes its audit row and its event.
CREATE FUNCTION account_create(who actor, of_kind smallint, its_login text, its_email text,
			       its_name text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	made bigint;
BEGIN
	INSERT INTO account (kind, login, email, name)
	VALUES (of_kind, its_login, coalesce(its_email, ''), coalesce(its_name, ''))
	ON CONFLICT (login) WHERE deleted_at IS NULL DO NOTHING
	RETURNING id INTO made;
	IF made IS NOT NULL THEN
		PERFORM record(who, CASE of_kind WHEN 1 THEN 'user.create' ELSE 'org.create' END,
			       made, NULL, jsonb_build_object('login', its_login));
	END IF;
	RETURN made;	-- NULL: the login is taken
END $$;

-- status: 0 done, 1 the login is taken, 2 no such active user
CREATE FUNCTION organization_create(who actor, its_login text, its_name text, admin_login text,
				    OUT status smallint, OUT id bigint)
LANGUAGE plpgsql AS $$
DECLARE
	admin bigint;
BEGIN
	SELECT a.id INTO admin FROM account a
	WHERE a.login = admin_login AND a.deleted_at IS NULL AND a.kind = 1
	AND a.suspended_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		status := 2;
		RETURN;
	END IF;
	id := account_create(who, 2::smallint, its_login, NULL, its_name);
	IF id IS NULL THEN
		status := 1;
		RETURN;
	END IF;
	INSERT INTO membership (organization_id, account_id, role) VALUES (id, admin, 2);
	PERFORM record(who, 'org.member_set', id, NULL,
		       jsonb_build_object('account', admin, 'role', 'owner'));
	status := 0;
END $$;

-- The lock on the organization's row makes changes of its members queue, so that two owners cannot
-- leave at once. 0 done, 1 no such organization or user, 2 it would have no owner
CREATE FUNCTION membership_set(who actor, organization bigint, member bigint, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	old_role smallint;
BEGIN
	PERFORM 1 FROM account WHERE id = organization AND kind = 2 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	PERFORM 1 FROM account WHERE id = member AND kind = 1 AND deleted_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	SELECT role INTO old_role FROM membership
	WHERE organization_id = organization AND account_id = member;
	IF old_role = 2 AND new_role <> 2 AND NOT EXISTS (
		SELECT FROM membership WHERE organization_id = organization AND role = 2
		AND account_id <> member) THEN
		RETURN 2;
	END IF;
	IF new_role = 0 THEN
		DELETE FROM membership WHERE organization_id = organization AND account_id = member;
	ELSE
		INSERT INTO membership (organization_id, account_id, role)
		VALUES (organization, member, new_role)
		ON CONFLICT (organization_id, account_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role IS DISTINCT FROM coalesce(old_role, 0) THEN
		PERFORM record(who, 'org.member_set', organization, NULL, jsonb_build_object(
			'account', member,
			'role', (ARRAY['none', 'member', 'owner'])[new_role + 1]));
	END IF;
	RETURN 0;
END $$;

-- Makes the user if missing; NULL when the login is an organization's.
CREATE FUNCTION site_admin_ensure(its_login text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	found_id bigint;
	found_kind smallint;
	was boolean;
	nobody actor;
BEGIN
	PERFORM account_create(nobody, 1::smallint, its_login, NULL, NULL);
	SELECT id, kind, site_admin INTO found_id, found_kind, was FROM account
	WHERE login = its_login AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF found_kind <> 1 THEN
		RETURN NULL;
	END IF;
	IF NOT was THEN
		UPDATE account SET site_admin = true WHERE id = found_id;
		PERFORM record(nobody, 'user.site_admin', found_id, NULL, '{}');
	END IF;
	RETURN found_id;
END $$;

-- NULL: no such active user.
CREATE FUNCTION token_create(who actor, owner bigint, of_kind smallint, its_hash bytea,
			     its_hint text, its_scopes integer, its_note text, ends timestamptz,
			     OUT id bigint, OUT created_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM account a WHERE a.id = owner AND a.kind = 1 AND a.deleted_at IS NULL
	AND a.suspended_at IS NULL;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO token (account_id, kind, hash, hint, scopes, note, expires_at)
	VALUES (owner, of_kind, its_hash, its_hint, its_scopes, coalesce(its_note, ''), ends)
	RETURNING token.id, token.created_at INTO id, created_at;
	PERFORM record(who, 'token.create', owner, NULL,
		       jsonb_build_object('token', id, 'scopes', its_scopes));
END $$;

-- false: no such token of that account
CREATE FUNCTION token_revoke(who actor, owner bigint, which bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE token SET revoked_at = now()
	WHERE id = which AND account_id = owner AND revoked_at IS NULL;
	IF FOUND THEN
		PERFORM record(who, 'token.revoke', owner, NULL, jsonb_build_object('token', which));
		RETURN true;
	END IF;
	RETURN EXISTS (SELECT FROM token WHERE id = which AND account_id = owner);
END $$;
