-- Credentials that people and organizations manage themselves.
--
-- Whoever makes a token gives it nothing that the token he does it with has not: no scope, no package
-- outside its limits. Passing on what one has is all that a stolen token can do.

-- The newest come first.
CREATE INDEX token_account_id ON token (account_id, id);
DROP INDEX token_account;

-- In whose audit log stands what happens to a token: a robot's organization, a repository's owner.
CREATE FUNCTION token_home(its_account bigint, its_repository bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF its_repository IS NOT NULL THEN
		RETURN (SELECT owner_id FROM repository WHERE id = its_repository);
	END IF;
	RETURN (SELECT coalesce(organization_id, id) FROM account WHERE id = its_account);
END $$;

-- Within what a token stays that is made with another one: its scopes with all that they imply
-- (-1: any), its limits, its end.
CREATE TYPE token_bounds AS (scopes integer, limits boolean, lifetime boolean);

-- Is each of these limits within one of the token's? Always, when it has none.
CREATE FUNCTION token_covers(maker bigint, namespaces bigint[], names text[])
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF (SELECT limited FROM token WHERE id = maker) IS NOT TRUE THEN
		RETURN true;
	END IF;
	RETURN cardinality(namespaces) > 0 AND NOT EXISTS (
		SELECT FROM unnest(namespaces, names) AS w(namespace_id, name)
		WHERE NOT EXISTS (SELECT FROM token_limit l WHERE l.token_id = maker
			AND l.namespace_id = w.namespace_id AND l.name IN ('', w.name)));
END $$;

-- status: 0 done, 1 no such active account of that kind, 2 a scope, 3 the end, 4 a limit is beyond what
-- the maker has, 5 a limit names no namespace, 6 the account has as many tokens as it may,
-- 7 the maker is no longer valid. logins and names: limits, '' for a whole namespace; with none the
-- maker's are passed on. Of a repository's tokens are counted those of the repository (token_count() of 0050).
CREATE FUNCTION token_issue(who actor, bounds token_bounds, owner bigint, of_kind smallint,
			    of_repository bigint, its_hash bytea, its_hint text, its_scopes integer,
			    its_note text, ends timestamptz, logins text[], names text[],
			    most integer, OUT status smallint, OUT id bigint,
			    OUT created_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	maker token;
	namespaces bigint[];
BEGIN
	PERFORM 1 FROM account a WHERE a.id = owner AND a.deleted_at IS NULL AND a.suspended_at IS NULL
	AND CASE of_kind WHEN 2 THEN a.kind = 3 WHEN 3 THEN true WHEN 4 THEN true ELSE a.kind = 1 END;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	IF its_scopes & ~bounds.scopes <> 0 THEN
		status := 2;
		RETURN;
	END IF;
	-- Whoever revokes the maker waits for this, or is waited for.
	SELECT * INTO maker FROM token t WHERE t.id = who.token_id FOR SHARE;
	IF maker.revoked_at IS NOT NULL OR maker.expires_at <= now() THEN
		status := 7;
		RETURN;
	END IF;
	IF bounds.lifetime AND maker.expires_at < coalesce(ends, 'infinity') THEN
		status := 3;
		RETURN;
	END IF;
	SELECT coalesce(array_agg(a.id ORDER BY w.ord), '{}') INTO namespaces
	FROM unnest(logins) WITH ORDINALITY AS w(login, ord)
	JOIN account a ON a.login = w.login AND a.deleted_at IS NULL AND a.kind IN (1, 2);
	IF cardinality(namespaces) <> cardinality(logins) THEN
		status := 5;
		RETURN;
	END IF;
	IF bounds.limits AND maker.limited AND cardinality(namespaces) = 0 THEN
		SELECT array_agg(l.namespace_id), array_agg(l.name) INTO namespaces, names
		FROM token_limit l WHERE l.token_id = maker.id;
	END IF;
	IF bounds.limits AND NOT token_covers(maker.id, namespaces, names) THEN
		status := 4;
		RETURN;
	END IF;
	IF token_count(owner, of_kind, of_repository, most) >= most THEN
		status := 6;
		RETURN;
	END IF;
	INSERT INTO token (account_id, kind, repository_id, hash, hint, scopes, note, expires_at, limited)
	VALUES (owner, of_kind, of_repository, its_hash, its_hint, its_scopes, coalesce(its_note, ''),
		ends, cardinality(namespaces) > 0)
	RETURNING token.id, token.created_at INTO id, created_at;
	INSERT INTO token_limit (token_id, namespace_id, name)
	SELECT DISTINCT token_issue.id, w.namespace_id, w.name
	FROM unnest(namespaces, names) AS w(namespace_id, name);
	PERFORM record(who, 'token.create', token_home(owner, of_repository), NULL, jsonb_build_object(
		'token', id, 'account', owner, 'kind', of_kind, 'scopes', its_scopes,
		'repository', of_repository, 'note', its_note,
		'limits', cardinality(coalesce(namespaces, '{}'))));
	status := 0;
END $$;

-- false: no valid token of that account and one of those kinds (NULL: of any)
CREATE FUNCTION token_take_back(who actor, owner bigint, kinds smallint[], which bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	t token;
BEGIN
	UPDATE token SET revoked_at = now()
	WHERE id = which AND account_id = coalesce(owner, account_id)
	AND coalesce(kind = ANY (kinds), true)
	AND revoked_at IS NULL
	RETURNING * INTO t;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM record(who, 'token.revoke', token_home(t.account_id, t.repository_id), NULL,
		       jsonb_build_object('token', which, 'account', t.account_id, 'kind', t.kind));
	RETURN true;
END $$;

-- Robots: a robot has no other name than ORGANIZATION+NAME, and nothing follows from that name.
-- NULL: no such organization, or it has one of that name.
CREATE FUNCTION robot_create(who actor, organization bigint, its_name text, its_description text,
			     may_create boolean)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	made bigint;
BEGIN
	INSERT INTO account (kind, login, organization_id, description, creators)
	SELECT 3, o.login || '+' || its_name, o.id, coalesce(its_description, ''),
		coalesce(may_create, false)::integer
	FROM account o WHERE o.id = organization AND o.kind = 2 AND o.deleted_at IS NULL
	ON CONFLICT (login) WHERE deleted_at IS NULL DO NOTHING
	RETURNING id INTO made;
	IF made IS NOT NULL THEN
		PERFORM record(who, 'robot.create', organization, NULL, jsonb_build_object(
			'robot', made, 'name', its_name, 'may_create_packages',
			coalesce(may_create, false)));
	END IF;
	RETURN made;
END $$;

-- NULL leaves as it was. false: no such robot
CREATE FUNCTION robot_change(who actor, organization bigint, robot bigint, its_description text,
			     may_create boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	was account;
BEGIN
	SELECT * INTO was FROM account WHERE id = robot AND organization_id = organization
	AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF coalesce(its_description, was.description) = was.description
	   AND coalesce(may_create::integer, was.creators) = was.creators THEN
		RETURN true;
	END IF;
	UPDATE account SET description = coalesce(its_description, description),
		creators = coalesce(may_create::integer, creators), updated_at = now() WHERE id = robot;
	PERFORM record(who, 'robot.change', organization, NULL, jsonb_strip_nulls(jsonb_build_object(
		'robot', robot, 'description', its_description, 'may_create_packages', may_create)));
	RETURN true;
END $$;

-- Its tokens end with it, and all that it was given: a robot of the same name is another one.
CREATE FUNCTION robot_delete(who actor, organization bigint, robot bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE account SET deleted_at = now()
	WHERE id = robot AND organization_id = organization AND kind = 3 AND deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE token SET revoked_at = now() WHERE account_id = robot AND revoked_at IS NULL;
	DELETE FROM package_grant WHERE account_id = robot;
	DELETE FROM repository_grant WHERE account_id = robot;
	PERFORM record(who, 'robot.delete', organization, NULL, jsonb_build_object('robot', robot));
	RETURN true;
END $$;

-- A session that was opened by an organization's own sign-in passes that on to a token of the same
-- person. status: 0 done, 1 no such token, 2 the session was not opened so
CREATE FUNCTION token_sso_authorize(who actor, which bigint, organization bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM token WHERE id = which AND account_id = who.account_id AND kind = 1
	AND revoked_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	PERFORM 1 FROM token_sso s JOIN token t ON t.id = s.token_id
	WHERE s.token_id = who.token_id AND s.organization_id = organization AND t.kind = 5;
	IF NOT FOUND THEN
		RETURN 2;
	END IF;
	INSERT INTO token_sso (token_id, organization_id) VALUES (which, organization)
	ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM record(who, 'org.credential_authorize', organization, NULL,
			       jsonb_build_object('token', which));
	END IF;
	RETURN 0;
END $$;

-- Of that account, or of any (NULL). false: there was nothing
CREATE FUNCTION token_sso_withdraw(who actor, owner bigint, which bigint, organization bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM token_sso s USING token t
	WHERE s.token_id = which AND s.organization_id = organization AND t.id = s.token_id
	AND t.account_id = coalesce(owner, t.account_id);
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM record(who, 'org.credential_withdraw', organization, NULL,
		       jsonb_build_object('token', which));
	RETURN true;
END $$;
