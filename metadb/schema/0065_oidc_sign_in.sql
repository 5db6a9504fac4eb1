-- People sign in through an issuer of OpenID Connect tokens, and organizations name one as their single sign-on.
--
-- What a registry needs to let people in by an issuer stands beside its row, so that nobody who reads issuers reads
-- the secret as well. urls: '' for both as the issuer's own description says. creates: JSON, read and checked by
-- the gateway (gateway/oidc_accounts.h); 'null': an account must have been linked.
CREATE TABLE issuer_sign_in (
	issuer_id bigint PRIMARY KEY REFERENCES issuer,
	client_id text COLLATE "C" NOT NULL CHECK (length(client_id) BETWEEN 1 AND 1024),
	client_secret text NOT NULL DEFAULT '',		-- '': a client without one
	authorization_url text NOT NULL DEFAULT '',
	token_url text NOT NULL DEFAULT '',
	scopes text NOT NULL,				-- with blanks between them
	subject_claim text NOT NULL,
	creates text NOT NULL DEFAULT 'null',
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- Whom an issuer means by a subject. Nothing else leads from its tokens to an account.
CREATE TABLE account_identity (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	issuer_id bigint NOT NULL REFERENCES issuer,
	subject text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
	account_id bigint NOT NULL REFERENCES account,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_used_at timestamptz,
	UNIQUE (issuer_id, subject)
);
CREATE INDEX account_identity_account ON account_identity (account_id, id);

-- By what a session was opened; NULL: a password. One that is gone proves nothing.
ALTER TABLE session ADD COLUMN identity_id bigint;
CREATE INDEX session_identity ON session (identity_id) WHERE identity_id IS NOT NULL;

-- Answers of issuers that were taken, as hashes of their state, while they could come again.
CREATE TABLE sign_in_state (
	hash bytea PRIMARY KEY CHECK (length(hash) = 32),
	ends_at timestamptz NOT NULL
);
CREATE INDEX sign_in_state_ends_at ON sign_in_state (ends_at);

CREATE TABLE organization_sso (
	organization_id bigint PRIMARY KEY REFERENCES account,
	issuer_id bigint NOT NULL REFERENCES issuer
);
CREATE INDEX organization_sso_issuer ON organization_sso (issuer_id);

-- Has the person of a token proved himself to an organization? A personal token was authorized for it, a session
-- was opened by the issuer that the organization names now.
CREATE FUNCTION sso_proved(token bigint, kind smallint, organization bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF kind = 1 THEN
		RETURN EXISTS (SELECT FROM token_sso s WHERE s.token_id = token
			AND s.organization_id = organization);
	END IF;
	RETURN kind = 5 AND EXISTS (SELECT FROM session s
		JOIN account_identity i ON i.id = s.identity_id
		JOIN organization_sso o ON o.issuer_id = i.issuer_id
		WHERE s.token_id = token AND o.organization_id = organization);
END $$;

-- As in 0041, with sessions.
CREATE OR REPLACE FUNCTION token_outside(token bigint, kind smallint, limited boolean, namespace bigint,
					 name text, sso_required boolean)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF limited AND NOT EXISTS (SELECT FROM token_limit l WHERE l.token_id = token
			AND l.namespace_id = namespace AND (l.name = '' OR l.name = token_outside.name)) THEN
		RETURN 1;
	ELSIF sso_required AND kind IN (1, 5) AND NOT sso_proved(token, kind, namespace) THEN
		RETURN 2;
	END IF;
	RETURN 0;
END $$;

-- As in 0042; a session sees what its person does, where it counts.
CREATE OR REPLACE FUNCTION token_view(token bigint, namespace bigint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	t record;
BEGIN
	SELECT k.kind, k.limited INTO t FROM token k WHERE k.id = token_view.token;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF t.kind IN (3, 4) THEN
		RETURN t.kind;
	ELSIF t.kind IN (1, 5) AND (SELECT a.sso_required FROM account a WHERE a.id = namespace)
	      AND NOT sso_proved(token_view.token, t.kind, namespace) THEN
		RETURN 5;
	ELSIF NOT t.limited THEN
		RETURN 1;
	END IF;
	RETURN CASE WHEN EXISTS (SELECT FROM token_limit l WHERE l.token_id = token_view.token
			AND l.namespace_id = namespace AND l.name = '') THEN 1
		WHEN EXISTS (SELECT FROM token_limit l WHERE l.token_id = token_view.token
			AND l.namespace_id = namespace) THEN 2 ELSE 5 END;
END $$;

-- Organizations of which a list of repositories shows only what is public, because the token counts as nobody's
-- there. Of one owner, or (NULL) of those on whose repositories somebody has a role, as list_repositories().
CREATE FUNCTION sso_left_out(person bigint, token bigint, of_owner bigint, how integer, visibilities integer,
			     most bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT o.id FROM (
		SELECT of_owner AS id WHERE of_owner IS NOT NULL
		UNION
		SELECT r.owner_id FROM repositories_of(person, how) c
		CROSS JOIN LATERAL (SELECT * FROM repository WHERE repository.id = c
			AND repository.deleted_at IS NULL LIMIT 1) r
		WHERE of_owner IS NULL AND r.visibility < 2 AND (visibilities >> r.visibility) & 1 = 1) n
	CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = n.id AND account.sso_required LIMIT 1) o
	CROSS JOIN LATERAL (SELECT * FROM token k WHERE k.id = token LIMIT 1) t
	WHERE token_outside(t.id, t.kind, t.limited, o.id, '', true) = 2
	ORDER BY o.id LIMIT most;
END $$;

-- As in 0049: what a session has proved it passes on to a token of the same person.
-- status: 0 done, 1 no such token, 2 the session was not opened by the organization's sign-in
CREATE OR REPLACE FUNCTION token_sso_authorize(who actor, which bigint, organization bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM token WHERE id = which AND account_id = who.account_id AND kind = 1
	AND revoked_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	-- Whoever names another issuer waits for this, or is waited for.
	PERFORM 1 FROM organization_sso WHERE organization_id = organization FOR SHARE;
	PERFORM 1 FROM token t WHERE t.id = who.token_id AND t.kind = 5 AND t.account_id = who.account_id
	AND sso_proved(t.id, t.kind, organization);
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

-- As session_open() of 0051, by an identity. NULL: no such active user
CREATE FUNCTION session_make(who actor, owner bigint, by_identity bigint, its_hash bytea, its_scopes integer,
			     its_idle interval, its_life interval, its_login text, its_remote text,
			     its_agent text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	old bigint[];
	made bigint;
BEGIN
	PERFORM 1 FROM account WHERE id = owner AND kind = 1 AND deleted_at IS NULL
	AND suspended_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	old := ARRAY(SELECT t.id FROM token t WHERE t.account_id = owner AND t.kind = 5
		AND coalesce(t.revoked_at, t.expires_at) < now() - interval '1 day' ORDER BY t.id LIMIT 20
		FOR UPDATE SKIP LOCKED);
	DELETE FROM session WHERE token_id = ANY (old);
	DELETE FROM token_sso WHERE token_id = ANY (old);
	DELETE FROM token WHERE id = ANY (old);
	UPDATE token SET revoked_at = now() WHERE id IN (SELECT t.id FROM token t
		WHERE t.account_id = owner AND t.kind = 5 AND t.revoked_at IS NULL AND t.expires_at > now()
		ORDER BY t.id DESC OFFSET 99);
	INSERT INTO token (account_id, kind, hash, hint, scopes, expires_at, last_used_at)
	VALUES (owner, 5, its_hash, '', its_scopes, now() + least(its_idle, its_life), now())
	RETURNING id INTO made;
	INSERT INTO session (token_id, ends_at, idle, remote, agent, identity_id)
	VALUES (made, now() + its_life, its_idle, its_remote, its_agent, by_identity);
	DELETE FROM sign_in_try WHERE login = its_login AND remote = its_remote;
	who.account_id := owner;
	PERFORM record(who, 'user.sign_in', owner, NULL, jsonb_strip_nulls(jsonb_build_object('session', made,
		'issuer', (SELECT i.issuer_id FROM account_identity i WHERE i.id = by_identity))));
	RETURN made;
END $$;

CREATE OR REPLACE FUNCTION session_open(who actor, owner bigint, its_hash bytea, its_scopes integer,
					its_idle interval, its_life interval, its_login text,
					its_remote text, its_agent text)
RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN session_make(who, owner, NULL, its_hash, its_scopes, its_idle, its_life, its_login, its_remote,
		its_agent);
END $$;

-- An issuer's answer is taken once. false: it was already
CREATE FUNCTION sign_in_state_take(its_hash bytea, life interval) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM sign_in_state WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM sign_in_state o
		WHERE o.ends_at < now() ORDER BY o.ends_at LIMIT 20 FOR UPDATE SKIP LOCKED));
	INSERT INTO sign_in_state (hash, ends_at) VALUES (its_hash, now() + life) ON CONFLICT DO NOTHING;
	RETURN FOUND;
END $$;

-- Whom an issuer has named signs in. its_login NULL: nobody is made for it. login: whose session it is.
-- status: 0 done, 1 the issuer is not enabled (any more), 2 nobody is linked, 3 the login is taken, 4 the
-- account is suspended
CREATE FUNCTION identity_sign_in(who actor, which bigint, its_subject text, its_login text, its_name text,
				 its_email text, its_hash bytea, its_scopes integer, its_idle interval,
				 its_life interval, its_remote text, its_agent text,
				 OUT status smallint, OUT login text)
LANGUAGE plpgsql AS $$
DECLARE
	i account_identity;
BEGIN
	-- Whoever takes its right away waits for this, or is waited for.
	PERFORM 1 FROM issuer WHERE id = which AND enabled FOR SHARE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	SELECT * INTO i FROM account_identity WHERE issuer_id = which AND subject = its_subject FOR NO KEY UPDATE;
	IF NOT FOUND AND its_login IS NULL THEN
		status := 2;
		RETURN;
	ELSIF NOT FOUND THEN
		PERFORM logins_lock();	-- as account_create() does, and nobody else makes the identity
		SELECT * INTO i FROM account_identity WHERE issuer_id = which AND subject = its_subject;
		IF NOT FOUND THEN
			i.account_id := account_create(who, 1::smallint, its_login, its_email, its_name);
			IF i.account_id IS NULL THEN
				status := 3;
				RETURN;
			END IF;
			INSERT INTO account_identity (issuer_id, subject, account_id)
			VALUES (which, its_subject, i.account_id) RETURNING * INTO i;
			PERFORM record(who, 'user.identity_add', i.account_id, NULL, jsonb_build_object(
				'identity', i.id, 'issuer', which, 'subject', its_subject, 'by', 'sign_in'));
		END IF;
	END IF;
	UPDATE account_identity SET last_used_at = now() WHERE id = i.id;
	SELECT a.login INTO login FROM account a WHERE a.id = i.account_id;
	status := CASE WHEN session_make(who, i.account_id, i.id, its_hash, its_scopes, its_idle, its_life, login,
		its_remote, its_agent) IS NULL THEN 4 ELSE 0 END;
END $$;

-- What an identity opened ends, and what was authorized from there.
CREATE FUNCTION identity_end(which bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	i account_identity;
BEGIN
	DELETE FROM account_identity WHERE id = which RETURNING * INTO i;
	UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL
	AND id IN (SELECT s.token_id FROM session s WHERE s.identity_id = which);
	DELETE FROM token_sso s USING token t WHERE t.account_id = i.account_id AND s.token_id = t.id
	AND s.organization_id IN (SELECT o.organization_id FROM organization_sso o WHERE o.issuer_id = i.issuer_id);
END $$;

-- status: 0 done, 1 no such active user, 2 no such issuer, 3 the issuer means somebody by that subject already
CREATE FUNCTION identity_add(who actor, owner bigint, of_issuer text, its_subject text,
			     OUT status smallint, OUT id bigint)
LANGUAGE plpgsql AS $$
DECLARE
	its_issuer bigint;
BEGIN
	SELECT x.id INTO its_issuer FROM issuer x WHERE x.url = of_issuer FOR SHARE;
	IF NOT FOUND THEN
		status := 2;
		RETURN;
	END IF;
	PERFORM 1 FROM account a WHERE a.id = owner AND a.kind = 1 AND a.deleted_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		status := 1;
		RETURN;
	END IF;
	INSERT INTO account_identity AS n (issuer_id, subject, account_id)
	VALUES (its_issuer, its_subject, owner)
	ON CONFLICT (issuer_id, subject) DO NOTHING RETURNING n.id INTO identity_add.id;
	IF identity_add.id IS NULL THEN
		status := 3;
		RETURN;
	END IF;
	PERFORM record(who, 'user.identity_add', owner, NULL, jsonb_build_object('identity', identity_add.id,
		'issuer', its_issuer, 'subject', its_subject));
	status := 0;
END $$;

-- false: the account has no such one
CREATE FUNCTION identity_remove(who actor, owner bigint, which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	i account_identity;
BEGIN
	SELECT * INTO i FROM account_identity WHERE id = which AND account_id = owner FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM identity_end(which);
	PERFORM record(who, 'user.identity_remove', owner, NULL, jsonb_build_object('identity', which,
		'issuer', i.issuer_id, 'subject', i.subject));
	RETURN true;
END $$;

-- secret NULL leaves it as it is. false: no such issuer
CREATE FUNCTION issuer_sign_in_set(who actor, which bigint, its_client text, its_secret text,
				   its_authorization_url text, its_token_url text, its_scopes text,
				   its_subject_claim text, its_creates text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM issuer WHERE id = which FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO issuer_sign_in AS s (issuer_id, client_id, client_secret, authorization_url, token_url,
					 scopes, subject_claim, creates)
	VALUES (which, its_client, coalesce(its_secret, ''), its_authorization_url, its_token_url, its_scopes,
		its_subject_claim, its_creates)
	ON CONFLICT (issuer_id) DO UPDATE SET client_id = its_client,
		client_secret = coalesce(its_secret, s.client_secret),
		authorization_url = its_authorization_url, token_url = its_token_url, scopes = its_scopes,
		subject_claim = its_subject_claim, creates = its_creates, updated_at = now();
	PERFORM record(who, 'issuer.sign_in_set', NULL, NULL, jsonb_build_object('issuer', which, 'client_id',
		its_client, 'secret', its_secret IS NOT NULL, 'subject_claim', its_subject_claim,
		'creates', its_creates));
	RETURN true;
END $$;

-- Sessions that an issuer opened end.
CREATE FUNCTION issuer_sessions_end(which bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL AND id IN (SELECT s.token_id
		FROM account_identity i JOIN session s ON s.identity_id = i.id WHERE i.issuer_id = which);
END $$;

-- Whom it means stays known, for when it is set again. false: there was nothing
CREATE FUNCTION issuer_sign_in_unset(who actor, which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM issuer WHERE id = which FOR NO KEY UPDATE;
	DELETE FROM issuer_sign_in WHERE issuer_id = which;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM issuer_sessions_end(which);
	PERFORM record(who, 'issuer.sign_in_unset', NULL, NULL, jsonb_build_object('issuer', which));
	RETURN true;
END $$;

-- Which issuer lets an organization's people in, by its URL; NULL: none. With another one ends what was authorized.
-- 0 done, 1 no such organization, 2 refused, 3 no enabled issuer of that URL signs people in, 4 the organization
-- requires it
CREATE FUNCTION organization_sso_set(who actor, which bigint, its_issuer text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	o account;
	it bigint;
BEGIN
	SELECT * INTO o FROM account WHERE id = which AND kind = 2 AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF NOT is_owner(who, which) THEN
		RETURN 2;
	ELSIF its_issuer IS NULL AND o.sso_required THEN
		RETURN 4;
	END IF;
	SELECT x.id INTO it FROM issuer x JOIN issuer_sign_in s ON s.issuer_id = x.id
	WHERE x.url = its_issuer AND x.enabled FOR SHARE OF x;
	IF it IS NULL AND its_issuer IS NOT NULL THEN
		RETURN 3;
	ELSIF it IS NOT DISTINCT FROM (SELECT s.issuer_id FROM organization_sso s
			WHERE s.organization_id = which FOR UPDATE) THEN
		RETURN 0;
	END IF;
	DELETE FROM organization_sso WHERE organization_id = which;
	DELETE FROM token_sso WHERE organization_id = which;
	IF it IS NOT NULL THEN
		INSERT INTO organization_sso (organization_id, issuer_id) VALUES (which, it);
	END IF;
	PERFORM record(who, 'org.sso_set', which, NULL, jsonb_build_object('issuer', its_issuer));
	RETURN 0;
END $$;

-- As in 0060; what led to the account by an issuer leads nowhere.
CREATE OR REPLACE FUNCTION account_close(who actor, which bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	n bigint := account_empty(who, which, 500);
BEGIN
	DELETE FROM account_alias WHERE account_id = which;	-- public_login keeps what must be kept
	DELETE FROM account_identity WHERE account_id = which;
	DELETE FROM organization_sso WHERE organization_id = which;
	UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL AND account_id IN (
		SELECT which UNION ALL SELECT id FROM account WHERE organization_id = which);
	UPDATE account SET deleted_at = now() WHERE organization_id = which AND deleted_at IS NULL;
	UPDATE account SET deleted_at = now(), site_admin = false, closing = n >= 500 WHERE id = which;
END $$;
