-- Accounts that change their name, are suspended, and are deleted; packages that are deleted as a whole.
--
-- A login leads to one account at a time, and nobody else is given a login that leads somewhere or under which
-- anybody could pull: whoever got it could put his own images where others look for the old ones.
--
-- Whatever gives or frees a login, or a site admin's rights, queues behind one advisory lock (4): these are rare,
-- and look at more than one row. It is taken before any row is locked.
CREATE FUNCTION logins_lock() RETURNS void LANGUAGE sql AS $$
	SELECT pg_advisory_xact_lock(1885430635, 4)
$$;

-- Logins of accounts that had a public package; they stay here when the account is gone.
CREATE TABLE public_login (
	login text COLLATE "C" PRIMARY KEY,
	account_id bigint NOT NULL REFERENCES account,
	since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX public_login_account ON public_login (account_id);

CREATE FUNCTION public_login_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- a rename waits, or has been
	PERFORM FROM account WHERE id = NEW.namespace_id FOR SHARE;
	INSERT INTO public_login (login, account_id)
	SELECT a.login, a.id FROM account a WHERE a.id = NEW.namespace_id
	UNION SELECT l.login, l.account_id FROM account_alias l WHERE l.account_id = NEW.namespace_id
	ON CONFLICT (login) DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER package_public AFTER INSERT OR UPDATE OF visibility, published_at, namespace_id ON package
FOR EACH ROW WHEN (NEW.visibility = 2 AND NEW.published_at IS NOT NULL)
EXECUTE FUNCTION public_login_note();
INSERT INTO public_login (login, account_id)
SELECT DISTINCT ON (a.login) a.login, a.id FROM package p JOIN account a ON a.id = p.namespace_id
WHERE p.visibility = 2 AND p.published_at IS NOT NULL ORDER BY a.login, a.id DESC;

-- A package is not made in an account that is being deleted: either waits for the other.
CREATE FUNCTION package_home() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM account WHERE id = NEW.namespace_id AND deleted_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'namespace % is gone', NEW.namespace_id USING ERRCODE = 'PH404';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER package_home BEFORE INSERT OR UPDATE OF namespace_id ON package
FOR EACH ROW EXECUTE FUNCTION package_home();

-- Does it lead to, or did it once, another account? An account that is still to be made is NULL.
CREATE FUNCTION login_taken(its_login text, by_account bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN EXISTS (SELECT FROM account a WHERE a.login = its_login AND a.deleted_at IS NULL
			AND a.id IS DISTINCT FROM by_account)
		OR EXISTS (SELECT FROM account_alias l WHERE l.login = its_login
			AND l.account_id IS DISTINCT FROM by_account)
		OR EXISTS (SELECT FROM public_login l WHERE l.login = its_login
			AND l.account_id IS DISTINCT FROM by_account);
END $$;

CREATE OR REPLACE FUNCTION account_create(who actor, of_kind smallint, its_login text, its_email text,
			       its_name text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	made bigint;
BEGIN
	PERFORM logins_lock();
	IF login_taken(its_login, NULL) THEN
		RETURN NULL;
	END IF;
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

-- The actor still is what the request was let in for. The program itself is anything.
CREATE FUNCTION is_site_admin(who actor) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN who.account_id IS NULL OR EXISTS (SELECT FROM account a WHERE a.id = who.account_id
		AND a.site_admin AND a.deleted_at IS NULL AND a.suspended_at IS NULL);
END $$;

CREATE FUNCTION is_owner(who actor, organization bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN is_site_admin(who) OR EXISTS (SELECT FROM membership m
		WHERE m.organization_id = organization AND m.account_id = who.account_id AND m.role = 2);
END $$;

-- What an account tells of itself; NULL leaves a value as it is. false: there is no such account
CREATE FUNCTION profile_set(who actor, which bigint, its_name text, its_email text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE account SET name = coalesce(its_name, name), email = coalesce(its_email, email),
		updated_at = now()
	WHERE id = which AND deleted_at IS NULL;
	IF FOUND THEN
		PERFORM record(who, 'user.update', which, NULL, '{}');
	END IF;
	RETURN FOUND;
END $$;

-- 0 done, 1 no such user or organization, 2 the login is taken. Its robots are named after it.
CREATE FUNCTION account_rename(who actor, which bigint, new_login text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	a account;
BEGIN
	PERFORM logins_lock();
	SELECT * INTO a FROM account WHERE id = which AND kind <> 3 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF a.login = new_login THEN
		RETURN 0;
	ELSIF login_taken(new_login, which) THEN
		RETURN 2;
	END IF;
	DELETE FROM account_alias WHERE login = new_login;
	INSERT INTO account_alias (login, account_id) VALUES (a.login, which);
	UPDATE account SET login = new_login, updated_at = now() WHERE id = which;
	UPDATE account SET login = new_login || substr(login, strpos(login, '+'))
	WHERE organization_id = which AND deleted_at IS NULL;
	IF EXISTS (SELECT FROM public_login WHERE account_id = which) THEN
		INSERT INTO public_login (login, account_id) VALUES (new_login, which)
		ON CONFLICT (login) DO NOTHING;
	END IF;
	PERFORM record(who, CASE a.kind WHEN 1 THEN 'user.rename' ELSE 'org.rename' END, which, NULL,
		       jsonb_build_object('from', a.login, 'to', new_login));
	RETURN 0;
END $$;

-- Nobody does these two to himself, so that one site admin stays. 0 done, 1 no such user, 2 refused
CREATE FUNCTION user_suspend(who actor, which bigint, suspended boolean, why text)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM logins_lock();
	IF which = who.account_id OR NOT is_site_admin(who) THEN
		RETURN 2;
	END IF;
	PERFORM FROM account WHERE id = which AND kind = 1 AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	UPDATE account SET suspended_at = CASE WHEN suspended THEN now() END, updated_at = now()
	WHERE id = which AND (suspended_at IS NOT NULL) <> suspended;
	IF FOUND THEN
		PERFORM record(who, CASE WHEN suspended THEN 'user.suspend' ELSE 'user.unsuspend' END,
			       which, NULL, jsonb_build_object('reason', why));
	END IF;
	RETURN 0;
END $$;

CREATE FUNCTION site_admin_set(who actor, which bigint, wanted boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM logins_lock();
	IF (which = who.account_id AND NOT wanted) OR NOT is_site_admin(who) THEN
		RETURN 2;
	END IF;
	PERFORM FROM account WHERE id = which AND kind = 1 AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	UPDATE account SET site_admin = wanted, updated_at = now()
	WHERE id = which AND site_admin <> wanted;
	IF FOUND THEN
		PERFORM record(who, CASE WHEN wanted THEN 'user.promote' ELSE 'user.demote' END,
			       which, NULL, '{}');
	END IF;
	RETURN 0;
END $$;

-- As in 0005, and: whoever changes others is an owner. Who is no member any more has nothing left in the
-- organization: no teams, and nothing that was given to him on its repositories and packages. The lock on the member
-- waits for his deletion. 3: refused
CREATE OR REPLACE FUNCTION membership_set(who actor, organization bigint, member bigint, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	old_role smallint;
BEGIN
	PERFORM 1 FROM account WHERE id = organization AND kind = 2 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	PERFORM 1 FROM account WHERE id = member AND kind = 1 AND deleted_at IS NULL FOR SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	IF NOT is_owner(who, organization) AND NOT (new_role = 0 AND member = who.account_id) THEN
		RETURN 3;
	END IF;
	SELECT role INTO old_role FROM membership
	WHERE organization_id = organization AND account_id = member;
	IF old_role = 2 AND new_role <> 2 AND NOT EXISTS (
		SELECT FROM membership WHERE organization_id = organization AND role = 2
		AND account_id <> member) THEN
		RETURN 2;
	END IF;
	IF new_role = 0 THEN
		PERFORM membership_end(organization, member);
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

CREATE FUNCTION membership_end(organization bigint, member bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM membership m WHERE m.organization_id = organization AND m.account_id = member;
	DELETE FROM team_member m USING team t
	WHERE m.account_id = member AND t.id = m.team_id AND t.organization_id = organization;
	DELETE FROM repository_grant g USING repository r
	WHERE g.account_id = member AND r.id = g.repository_id AND r.owner_id = organization;
	DELETE FROM package_grant g WHERE g.account_id = member AND g.namespace_id = organization;
END $$;

-- Gone for everybody at once, and restorable as it was until the collector begins to take it apart:
-- packages_collect() of 0045.
ALTER TABLE package
	ADD COLUMN deleted_by bigint,			-- with deleted_at
	ADD COLUMN collect_at timestamptz,		-- when the collector's window begins; NULL: not to be collected
	ADD COLUMN emptied boolean NOT NULL DEFAULT false; -- it has begun
CREATE INDEX package_collect ON package (collect_at) WHERE collect_at IS NOT NULL;

-- false: there is no such package
CREATE FUNCTION package_delete(who actor, which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	PERFORM deletion_check();
	UPDATE package SET deleted_at = now(), deleted_by = who.account_id, collect_at = now()
	WHERE id = which AND deleted_at IS NULL RETURNING * INTO p;
	IF FOUND THEN
		PERFORM record(who, 'package.delete', p.namespace_id, which,
			       jsonb_build_object('name', p.name));
	END IF;
	RETURN p.id IS NOT NULL;
END $$;

-- With all tags and manifests that it had. 0 done, 1 there is no such package to be restored, 2 another one has
-- its name now
CREATE FUNCTION package_restore(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	SELECT * INTO p FROM package WHERE id = which;
	IF NOT FOUND OR p.deleted_at IS NULL THEN
		RETURN 1;
	END IF;
	PERFORM FROM account WHERE id = p.namespace_id AND deleted_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	UPDATE package SET deleted_at = NULL, deleted_by = NULL, collect_at = NULL
	WHERE id = which AND deleted_at IS NOT NULL AND NOT emptied;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	PERFORM record(who, 'package.restore', p.namespace_id, which,
		       jsonb_build_object('name', p.name));
	RETURN 0;
EXCEPTION WHEN unique_violation OR SQLSTATE 'PH409' THEN	-- it was taken, or leads to another one
	RETURN 2;
END $$;

-- What belonged to an account whose row the caller has locked FOR UPDATE.
CREATE FUNCTION account_close(who actor, which bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM repository_delete(who, r.id) FROM (SELECT id FROM repository
		WHERE owner_id = which AND deleted_at IS NULL ORDER BY id) r;
	PERFORM package_delete(who, p.id) FROM (SELECT id FROM package
		WHERE namespace_id = which AND deleted_at IS NULL ORDER BY id) p;
	DELETE FROM account_alias WHERE account_id = which;	-- public_login keeps what must be kept
	UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL AND account_id IN (
		SELECT which UNION ALL SELECT id FROM account WHERE organization_id = which);
	UPDATE account SET deleted_at = now() WHERE organization_id = which AND deleted_at IS NULL;
	UPDATE account SET deleted_at = now(), site_admin = false WHERE id = which;
END $$;

-- status: 0 done, 1 no such user, 2 refused, 3 an organization (`sole`) would be left without an owner
CREATE FUNCTION user_delete(who actor, which bigint, OUT status smallint, OUT sole text)
LANGUAGE plpgsql AS $$
DECLARE
	organizations bigint[];
	its_login text;
BEGIN
	PERFORM deletion_check();
	PERFORM logins_lock();
	IF which = who.account_id OR NOT is_site_admin(who) THEN
		status := 2;
		RETURN;
	END IF;
	organizations := ARRAY(SELECT a.id FROM account a WHERE a.id IN (
		SELECT m.organization_id FROM membership m WHERE m.account_id = which)
		ORDER BY a.id FOR NO KEY UPDATE);
	SELECT login INTO its_login FROM account WHERE id = which AND kind = 1 AND deleted_at IS NULL
	FOR UPDATE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	IF EXISTS (SELECT FROM membership m WHERE m.account_id = which
		   AND m.organization_id <> ALL (organizations)) THEN
		RAISE EXCEPTION 'user % joined an organization', which USING ERRCODE = '40001';
	END IF;
	SELECT o.login INTO sole FROM membership m JOIN account o ON o.id = m.organization_id
	WHERE m.account_id = which AND m.role = 2 AND NOT EXISTS (SELECT FROM membership n
		WHERE n.organization_id = m.organization_id AND n.role = 2 AND n.account_id <> which)
	ORDER BY o.login LIMIT 1;
	IF FOUND THEN
		status := 3;
		RETURN;
	END IF;
	DELETE FROM membership WHERE account_id = which;
	DELETE FROM team_member WHERE account_id = which;
	DELETE FROM repository_grant WHERE account_id = which;
	DELETE FROM package_grant WHERE account_id = which;
	PERFORM account_close(who, which);
	PERFORM record(who, 'user.delete', which, NULL, jsonb_build_object('login', its_login));
	status := 0;
END $$;

-- 0 done, 1 no such organization, 2 refused
CREATE FUNCTION organization_delete(who actor, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	its_login text;
BEGIN
	PERFORM deletion_check();
	PERFORM logins_lock();
	SELECT login INTO its_login FROM account WHERE id = which AND kind = 2 AND deleted_at IS NULL
	FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF NOT is_owner(who, which) THEN
		RETURN 2;
	END IF;
	DELETE FROM team WHERE organization_id = which;
	DELETE FROM membership WHERE organization_id = which;
	PERFORM account_close(who, which);
	PERFORM record(who, 'org.delete', which, NULL, jsonb_build_object('login', its_login));
	RETURN 0;
END $$;

-- An organization's rules; NULL leaves a value as it is. 0 done, 1 no such organization, 2 refused, 3 the
-- default visibility is not one of those that are allowed
CREATE FUNCTION organization_set(who actor, which bigint, its_name text, its_description text, its_email text,
				 its_base_role smallint, its_creators smallint, its_visibilities smallint,
				 its_default_visibility smallint, its_default_inherits boolean,
				 its_sso_required boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	a account;
	b account;
BEGIN
	SELECT * INTO a FROM account WHERE id = which AND kind = 2 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF NOT is_owner(who, which) THEN
		RETURN 2;
	ELSIF (coalesce(its_visibilities, a.visibilities)
			>> coalesce(its_default_visibility, a.default_visibility)) & 1 = 0 THEN
		RETURN 3;
	END IF;
	UPDATE account SET name = coalesce(its_name, name),
		description = coalesce(its_description, description),
		email = coalesce(its_email, email), base_role = coalesce(its_base_role, base_role),
		creators = coalesce(its_creators, creators),
		visibilities = coalesce(its_visibilities, visibilities),
		default_visibility = coalesce(its_default_visibility, default_visibility),
		default_inherits = coalesce(its_default_inherits, default_inherits),
		sso_required = coalesce(its_sso_required, sso_required), updated_at = now()
	WHERE id = which RETURNING * INTO b;
	PERFORM record(who, 'org.update', which, NULL, jsonb_build_object('base_role', b.base_role,
		'creators', b.creators, 'visibilities', b.visibilities,
		'default_visibility', b.default_visibility, 'default_inherits', b.default_inherits,
		'sso_required', b.sso_required));
	RETURN 0;
END $$;

-- Lists page by page, in the order of ids.
CREATE INDEX account_list ON account (id) WHERE kind <> 3 AND deleted_at IS NULL;
CREATE INDEX account_organizations ON account (id) WHERE kind = 2 AND deleted_at IS NULL;
CREATE INDEX membership_role ON membership (organization_id, role, account_id);
DROP INDEX membership_account;
CREATE INDEX membership_account ON membership (account_id, organization_id);

-- Pages of the long ones: in the order of an index, wherever they begin and however few rows there were when the plan
-- was made. Nobody sorts, or looks at rows of other pages.
CREATE FUNCTION list_accounts(organizations boolean, after bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	IF organizations THEN
		RETURN QUERY SELECT a.id FROM account a WHERE a.id > after AND a.kind = 2
		AND a.deleted_at IS NULL ORDER BY a.id LIMIT most;
	ELSE
		RETURN QUERY SELECT a.id FROM account a WHERE a.id > after AND a.kind <> 3
		AND a.deleted_at IS NULL ORDER BY a.id LIMIT most;
	END IF;
END $$;

-- of_role 0: all
CREATE FUNCTION list_members(organization bigint, of_role smallint, most bigint, skipped bigint)
RETURNS TABLE (account_id bigint, role smallint)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
	IF of_role = 0 THEN
		RETURN QUERY SELECT m.account_id, m.role FROM membership m
		WHERE m.organization_id = organization ORDER BY m.account_id LIMIT most OFFSET skipped;
	ELSE
		RETURN QUERY SELECT m.account_id, m.role FROM membership m
		WHERE m.organization_id = organization AND m.role = of_role
		ORDER BY m.account_id LIMIT most OFFSET skipped;
	END IF;
END $$;
