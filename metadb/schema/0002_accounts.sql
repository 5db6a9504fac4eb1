-- Who there is, and with what he proves it.
--
-- Users and organizations share one flat, lower-case name space. Ids are never reused, so that
-- nothing an old account was given falls to a new one of the same name. Names compare by byte.
-- Tables that every push writes hold account ids without a foreign key: its check would
-- lock the account's row, and pushes of an organization would queue there.
CREATE TABLE account (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind smallint NOT NULL CHECK (kind IN (1, 2)),		-- user, organization
	login text COLLATE "C" NOT NULL
		CHECK (login ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(login) <= 39),
	email text NOT NULL DEFAULT '',
	name text NOT NULL DEFAULT '',
	site_admin boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	suspended_at timestamptz,
	deleted_at timestamptz
);
CREATE UNIQUE INDEX account_login ON account (login) WHERE deleted_at IS NULL;

CREATE TABLE membership (
	organization_id bigint NOT NULL REFERENCES account,
	account_id bigint NOT NULL REFERENCES account,
	role smallint NOT NULL CHECK (role IN (1, 2)),		-- member, owner
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (organization_id, account_id)
);
CREATE INDEX membership_account ON membership (account_id);

-- Only the SHA-256 of a credential is stored; `hint` is its end, to tell tokens apart.
CREATE TABLE token (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id bigint NOT NULL REFERENCES account,
	kind smallint NOT NULL,					-- 1 personal
	hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
	hint text NOT NULL,
	scopes integer NOT NULL,
	note text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	revoked_at timestamptz,
	last_used_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX token_account ON token (account_id);

-- Ed25519 keys of bearer tokens. A key is published before it signs (signs_from), and verifies
-- until expires_at, some time after its successor has begun to sign.
CREATE TABLE signing_key (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	seed bytea NOT NULL CHECK (length(seed) = 32),
	public bytea NOT NULL CHECK (length(public) = 32),
	created_at timestamptz NOT NULL DEFAULT now(),
	signs_from timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);

-- What happened, by whom. Both rows are written in the transaction of the change itself.
-- audit is for people and is kept; event is the queue from which notifications are made.
CREATE TABLE audit (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	action text COLLATE "C" NOT NULL,
	actor_id bigint,					-- NULL: the program itself
	token_id bigint,
	namespace_id bigint,
	package_id bigint,
	request_id text,
	remote text,
	detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_namespace ON audit (namespace_id, id);
CREATE INDEX audit_package ON audit (package_id, id);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_at ON audit USING brin (at);

CREATE TABLE event (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	action text COLLATE "C" NOT NULL,
	actor_id bigint,
	namespace_id bigint,
	package_id bigint,
	detail jsonb NOT NULL DEFAULT '{}'
);

-- Who makes a change, as the functions get it.
CREATE TYPE actor AS (account_id bigint, token_id bigint, request_id text, remote text);

CREATE FUNCTION record(who actor, what text, in_namespace bigint, in_package bigint, how jsonb)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO audit (action, actor_id, token_id, namespace_id, package_id, request_id,
			   remote, detail)
	VALUES (what, who.account_id, who.token_id, in_namespace, in_package, who.request_id,
		who.remote, how);
	INSERT INTO event (action, actor_id, namespace_id, package_id, detail)
	VALUES (what, who.account_id, in_namespace, in_package, how);
$$;
