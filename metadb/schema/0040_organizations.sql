-- What an organization consists of, and through which of its parts somebody gets a role on a package.
--
--   person ─ package_grant ──────────────────────────▶ package
--   person ─ team_member ─ team ─ package_team ──────▶ package
--   person ─ repository_grant ───────▶ repository ◀─── package.repository_id, while package.inherits
--   person ─ team_member ─ team ─ repository_team ─▶ repository
--   workflow of a repository ─ package_actions ──────▶ package
--   codespace of a repository ─ package_codespace ───▶ package
--
-- Rows of a team hold only while their person is a member of the organization: whatever ends the
-- membership ends them.

-- A robot is an account that belongs to an organization; its login is ORGANIZATION+NAME, and it owns no
-- namespace. The other columns of the account row are an organization's rules, here because every
-- lookup of rights reads this row anyway.
ALTER TABLE account DROP CONSTRAINT account_kind_check, DROP CONSTRAINT account_login_check;
ALTER TABLE account
	ADD CONSTRAINT account_kind_check CHECK (kind IN (1, 2, 3)),	-- user, organization, robot
	ADD CONSTRAINT account_login_check CHECK (CASE WHEN kind = 3
		THEN login ~ '^[a-z0-9](-?[a-z0-9])*\+[a-z0-9](-?[a-z0-9])*$' AND length(login) <= 79
		ELSE login ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(login) <= 39 END),
	ADD COLUMN organization_id bigint REFERENCES account,
	ADD COLUMN description text NOT NULL DEFAULT '',
	ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
	ADD COLUMN sso_required boolean NOT NULL DEFAULT false,
	-- who may create packages: 0 owners only, 1 members (of a robot: 1 it may)
	ADD COLUMN creators smallint NOT NULL DEFAULT 1 CHECK (creators IN (0, 1)),
	-- which visibilities packages may be given: bit 1 << visibility
	ADD COLUMN visibilities smallint NOT NULL DEFAULT 7 CHECK (visibilities BETWEEN 1 AND 7),
	ADD COLUMN default_visibility smallint NOT NULL DEFAULT 0,
	-- packages that are published linked inherit from their repository
	ADD COLUMN default_inherits boolean NOT NULL DEFAULT true,
	-- of each member on each repository: 0 none, 1 read, 3 write, 5 admin (as repository_grant.role)
	ADD COLUMN base_role smallint NOT NULL DEFAULT 1 CHECK (base_role IN (0, 1, 3, 5)),
	ADD CONSTRAINT account_robot_check CHECK ((kind = 3) = (organization_id IS NOT NULL)),
	ADD CONSTRAINT account_default_visibility_check
		CHECK ((visibilities >> default_visibility) & 1 = 1);
CREATE INDEX account_robots ON account (organization_id) WHERE organization_id IS NOT NULL;

-- Former logins: they lead pulls to the account. They are given to nobody else as long as they stand here.
CREATE TABLE account_alias (
	login text COLLATE "C" PRIMARY KEY,
	account_id bigint NOT NULL REFERENCES account,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_alias_account ON account_alias (account_id);

-- A team is a member of its parent: what was given to that one, its own people have, too.
CREATE TABLE team (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id bigint NOT NULL REFERENCES account,
	slug text COLLATE "C" NOT NULL CHECK (slug ~ '^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$' AND length(slug) <= 100),
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
	description text NOT NULL DEFAULT '',
	privacy smallint NOT NULL DEFAULT 2 CHECK (privacy IN (1, 2)),	-- secret, closed
	parent_id bigint REFERENCES team,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (organization_id, slug)
);
CREATE INDEX team_parent ON team (parent_id) WHERE parent_id IS NOT NULL;

-- Each team with all above it and, at depth 0, itself: no lookup of rights walks.
CREATE TABLE team_path (
	team_id bigint NOT NULL REFERENCES team ON DELETE CASCADE,
	ancestor_id bigint NOT NULL REFERENCES team ON DELETE CASCADE,
	depth smallint NOT NULL,
	PRIMARY KEY (team_id, ancestor_id)
);
CREATE INDEX team_path_ancestor ON team_path (ancestor_id);

CREATE TABLE team_member (
	team_id bigint NOT NULL REFERENCES team ON DELETE CASCADE,
	account_id bigint NOT NULL REFERENCES account,
	role smallint NOT NULL DEFAULT 1 CHECK (role IN (1, 2)),	-- member, maintainer
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (team_id, account_id)
);
CREATE INDEX team_member_account ON team_member (account_id, team_id);

-- A record of a source repository that lives elsewhere. Names keep their case and differ without it.
CREATE TABLE repository (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	owner_id bigint NOT NULL REFERENCES account,
	name text COLLATE "C" NOT NULL
		CHECK (name ~ '^[A-Za-z0-9._-]+$' AND length(name) <= 100 AND name NOT IN ('.', '..')),
	key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
	visibility smallint NOT NULL DEFAULT 0 CHECK (visibility IN (0, 1, 2)),
	description text NOT NULL DEFAULT '',
	url text NOT NULL DEFAULT '',
	readme text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz
);
CREATE UNIQUE INDEX repository_name ON repository (owner_id, key) WHERE deleted_at IS NULL;

-- Where images say they come from: normalised URLs (scheme, case, .git, slash) under which it is known to its
-- owner's packages. Another owner may say the same of a repository of his.
CREATE TABLE repository_source (
	source text COLLATE "C" NOT NULL,
	repository_id bigint NOT NULL REFERENCES repository,
	owner_id bigint,				-- the repository's
	PRIMARY KEY (owner_id, source)
);
CREATE INDEX repository_source_repository ON repository_source (repository_id);

CREATE FUNCTION repository_source_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SELECT r.owner_id INTO NEW.owner_id FROM repository r WHERE r.id = NEW.repository_id;
	RETURN NEW;
END $$;
CREATE TRIGGER repository_source_owner BEFORE INSERT ON repository_source
FOR EACH ROW EXECUTE FUNCTION repository_source_owner();

-- Roles on repositories, everywhere: 1 read, 2 triage, 3 write, 4 maintain, 5 admin
CREATE TABLE repository_grant (
	repository_id bigint NOT NULL REFERENCES repository,
	account_id bigint NOT NULL REFERENCES account,
	role smallint NOT NULL CHECK (role BETWEEN 1 AND 5),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (repository_id, account_id)
);
CREATE INDEX repository_grant_account ON repository_grant (account_id, repository_id);

CREATE TABLE repository_team (
	repository_id bigint NOT NULL REFERENCES repository,
	team_id bigint NOT NULL REFERENCES team ON DELETE CASCADE,
	role smallint NOT NULL CHECK (role BETWEEN 1 AND 5),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (repository_id, team_id)
);
CREATE INDEX repository_team_team ON repository_team (team_id, repository_id);

-- The repository that a package is linked to, and by what: 1 a label, 2 a workflow's push, 3 somebody's word.
ALTER TABLE package
	ADD COLUMN repository_id bigint REFERENCES repository,
	ADD COLUMN linked_by smallint CHECK (linked_by IN (1, 2, 3)),
	ADD COLUMN linked_at timestamptz,
	ADD CONSTRAINT package_link_check CHECK ((repository_id IS NULL) = (linked_by IS NULL));
CREATE INDEX package_repository ON package (repository_id, name) WHERE repository_id IS NOT NULL;
CREATE INDEX package_inherits ON package (namespace_id, name)
	WHERE inherits AND deleted_at IS NULL AND published_at IS NOT NULL;

-- Former names of a package: they lead pulls to it.
CREATE TABLE package_alias (
	namespace_id bigint NOT NULL REFERENCES account,
	name text COLLATE "C" NOT NULL,
	package_id bigint NOT NULL REFERENCES package,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (namespace_id, name)
);
CREATE INDEX package_alias_package ON package_alias (package_id);

-- Name and namespace as in package_grant: for walking what somebody may read in the order of names.
CREATE TABLE package_team (
	package_id bigint NOT NULL REFERENCES package,
	team_id bigint NOT NULL REFERENCES team ON DELETE CASCADE,
	role smallint NOT NULL CHECK (role IN (1, 2, 3)),
	created_at timestamptz NOT NULL DEFAULT now(),
	namespace_id bigint,
	name text COLLATE "C",
	PRIMARY KEY (package_id, team_id)
);
CREATE INDEX package_team_walk ON package_team (team_id, namespace_id, name);
CREATE TRIGGER package_team_name BEFORE INSERT ON package_team
FOR EACH ROW EXECUTE FUNCTION package_grant_name();

-- What workflows of a repository may do with a package, and whose codespaces may read it.
CREATE TABLE package_actions (
	package_id bigint NOT NULL REFERENCES package,
	repository_id bigint NOT NULL REFERENCES repository,
	role smallint NOT NULL CHECK (role IN (1, 2, 3)),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (package_id, repository_id)
);
CREATE INDEX package_actions_repository ON package_actions (repository_id, package_id);

CREATE TABLE package_codespace (
	package_id bigint NOT NULL REFERENCES package,
	repository_id bigint NOT NULL REFERENCES repository,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (package_id, repository_id)
);
CREATE INDEX package_codespace_repository ON package_codespace (repository_id, package_id);

-- kind: 1 personal, 2 a robot's, 3 of a workflow, 4 of a codespace. The last two act for the repository,
-- and account_id is who set them going. A limited one counts as nobody's outside its limits.
ALTER TABLE token
	ADD COLUMN repository_id bigint REFERENCES repository,
	ADD COLUMN limited boolean NOT NULL DEFAULT false,
	ADD CONSTRAINT token_kind_check CHECK (kind BETWEEN 1 AND 4
		AND (kind IN (3, 4)) = (repository_id IS NOT NULL));

-- name '': every package of the namespace, also those to come
CREATE TABLE token_limit (
	token_id bigint NOT NULL REFERENCES token,
	namespace_id bigint NOT NULL REFERENCES account,
	name text COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY (token_id, namespace_id, name)
);

-- Organizations that require single sign-on count a personal token as nobody's until its owner, signed in
-- there, has authorized it.
CREATE TABLE token_sso (
	token_id bigint NOT NULL REFERENCES token,
	organization_id bigint NOT NULL REFERENCES account,
	authorized_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (token_id, organization_id)
);
CREATE INDEX token_sso_organization ON token_sso (organization_id, token_id);
