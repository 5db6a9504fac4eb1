-- People sign in with a password, and then have a session.
--
-- A session is a token of kind 5 whose text travels in a cookie and is not shaped like a token: lookups,
-- revoking and its end are those of tokens. What tells sessions apart stands in a row beside it.
ALTER TABLE token DROP CONSTRAINT token_kind_check;
ALTER TABLE token ADD CONSTRAINT token_kind_check CHECK (kind BETWEEN 1 AND 5
	AND (kind IN (3, 4)) = (repository_id IS NOT NULL));

CREATE TABLE session (
	token_id bigint PRIMARY KEY REFERENCES token,
	ends_at timestamptz NOT NULL,			-- whatever happens
	idle interval NOT NULL,				-- without a use it ends before
	remote text NOT NULL DEFAULT '',
	agent text NOT NULL DEFAULT ''
);

-- Parameters, salt and key of scrypt as text: gateway/password.h
CREATE TABLE account_password (
	account_id bigint PRIMARY KEY REFERENCES account,
	secret text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now()
);

-- With this whoever a site admin gives it to sets a first or a new password, once.
CREATE TABLE password_setup (
	account_id bigint PRIMARY KEY REFERENCES account,
	hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
	ends_at timestamptz NOT NULL
);

-- How often somebody tried to sign in since `until` was set; remote '': from everywhere.
CREATE TABLE sign_in_try (
	login text COLLATE "C" NOT NULL,
	remote text COLLATE "C" NOT NULL,
	tries integer NOT NULL,
	until timestamptz NOT NULL,
	PRIMARY KEY (login, remote)
);
CREATE INDEX sign_in_try_until ON sign_in_try (until);

-- Counted before the password is looked at, so that many at once gain nothing. Seconds to wait, 0: go on.
CREATE FUNCTION sign_in_try_add(its_login text, its_remote text, most integer, most_everywhere integer,
				span interval)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	place text;
	t sign_in_try;
	waits integer := 0;
BEGIN
	DELETE FROM sign_in_try WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM sign_in_try o
		WHERE o.until < now() ORDER BY o.until LIMIT 20 FOR UPDATE SKIP LOCKED));
	FOREACH place IN ARRAY ARRAY['', its_remote] LOOP
		INSERT INTO sign_in_try AS s (login, remote, tries, until)
		VALUES (its_login, place, 1, now() + span)
		ON CONFLICT (login, remote) DO UPDATE SET
			tries = CASE WHEN s.until < now() THEN 1 ELSE least(s.tries, 1000000) + 1 END,
			until = CASE WHEN s.until < now() THEN now() + span ELSE s.until END
		RETURNING * INTO t;
		IF t.tries > (CASE WHEN place = '' THEN most_everywhere ELSE most END) THEN
			waits := greatest(waits, ceil(extract(epoch FROM t.until - now()))::integer, 1);
		END IF;
	END LOOP;
	RETURN waits;
END $$;

-- Old sessions of the account are cleared away, and of a hundred the oldest ends. NULL: no such active user
CREATE FUNCTION session_open(who actor, owner bigint, its_hash bytea, its_scopes integer, its_idle interval,
			     its_life interval, its_login text, its_remote text, its_agent text)
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
	INSERT INTO session (token_id, ends_at, idle, remote, agent)
	VALUES (made, now() + its_life, its_idle, its_remote, its_agent);
	DELETE FROM sign_in_try WHERE login = its_login AND remote = its_remote;
	who.account_id := owner;
	PERFORM record(who, 'user.sign_in', owner, NULL, jsonb_build_object('session', made));
	RETURN made;
END $$;

-- With what it was set before (NULL: not looked at), or with what a site admin has given. false: neither is right.
-- All sessions but that of the actor end.
CREATE FUNCTION password_store(who actor, owner bigint, its_secret text, before text, setup bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF setup IS NOT NULL THEN
		DELETE FROM password_setup WHERE account_id = owner AND hash = setup AND ends_at > now();
		IF NOT FOUND THEN
			RETURN false;
		END IF;
		INSERT INTO account_password (account_id, secret) VALUES (owner, its_secret)
		ON CONFLICT (account_id) DO UPDATE SET secret = its_secret, changed_at = now();
	ELSE
		UPDATE account_password SET secret = its_secret, changed_at = now()
		WHERE account_id = owner AND secret = before;
		IF NOT FOUND THEN
			RETURN false;
		END IF;
	END IF;
	UPDATE token SET revoked_at = now() WHERE account_id = owner AND kind = 5 AND revoked_at IS NULL
	AND id IS DISTINCT FROM who.token_id;
	who.account_id := coalesce(who.account_id, owner);
	PERFORM record(who, 'user.password', owner, NULL, '{}');
	RETURN true;
END $$;

-- false: no such active user
CREATE FUNCTION password_setup_make(who actor, owner bigint, its_hash bytea, life interval)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM account WHERE id = owner AND kind = 1 AND deleted_at IS NULL
	AND suspended_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO password_setup (account_id, hash, ends_at) VALUES (owner, its_hash, now() + life)
	ON CONFLICT (account_id) DO UPDATE SET hash = its_hash, ends_at = now() + life;
	PERFORM record(who, 'user.password_setup', owner, NULL, '{}');
	RETURN true;
END $$;
