-- What people see: packages, who may what on them, their blobs, manifests and tags.
--
-- manifest_blob → package_blob → blob → instance: a row of a manifest keeps the link of its package
-- to the blob, the link keeps the blob, the blob its bytes. Nothing on this chain can go while
-- something before it stands (foreign keys without cascade).
CREATE TABLE package (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	namespace_id bigint NOT NULL REFERENCES account,
	name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
	visibility smallint NOT NULL DEFAULT 0 CHECK (visibility IN (0, 1, 2)),
	publisher_id bigint NOT NULL,		-- until it is published: who made the row
	inherits boolean NOT NULL DEFAULT false, -- rights come from the linked repository only
	created_at timestamptz NOT NULL DEFAULT now(),
	published_at timestamptz,		-- first manifest; before, readers do not see it
	deleted_at timestamptz
);
CREATE UNIQUE INDEX package_name ON package (namespace_id, name) WHERE deleted_at IS NULL;

CREATE TABLE package_grant (
	package_id bigint NOT NULL REFERENCES package,
	account_id bigint NOT NULL REFERENCES account,
	role smallint NOT NULL CHECK (role IN (1, 2, 3)),	-- read, write, admin
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (package_id, account_id)
);
CREATE INDEX package_grant_account ON package_grant (account_id);

-- An upload in progress. `version` is the compare-and-set of every change to it.
CREATE TABLE upload (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	package_id bigint NOT NULL REFERENCES package,
	account_id bigint NOT NULL,
	token_id bigint,
	gen bigint NOT NULL UNIQUE REFERENCES instance,
	version bigint NOT NULL DEFAULT 0,
	size bigint NOT NULL DEFAULT 0,
	chunks integer NOT NULL DEFAULT 0,
	algorithm smallint NOT NULL,
	state bytea NOT NULL DEFAULT '',			-- hashers after the last chunk
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX upload_expires ON upload (expires_at);
CREATE INDEX upload_package ON upload (package_id);

-- The right of a package to serve a blob. protect_until is a promise to whoever pushed the blob or
-- was told that it is there: until then it is not collected.
CREATE TABLE package_blob (
	package_id bigint NOT NULL REFERENCES package,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	protect_until timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (package_id, algorithm, digest),
	FOREIGN KEY (algorithm, digest) REFERENCES blob
);
CREATE INDEX package_blob_digest ON package_blob (algorithm, digest);
CREATE INDEX package_blob_protect ON package_blob (protect_until);

CREATE TABLE manifest (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	package_id bigint NOT NULL REFERENCES package,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	kind smallint NOT NULL CHECK (kind IN (1, 2)),		-- image, index
	media_type text COLLATE "C" NOT NULL,
	artifact_type text COLLATE "C",
	size integer NOT NULL,
	config_algorithm smallint,
	config_digest bytea,
	subject_algorithm smallint,
	subject_digest bytea,					-- need not exist
	annotations jsonb,
	labels jsonb,						-- of the image's config
	pushed_by bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,					-- restorable for a while
	bytes bytea NOT NULL,
	UNIQUE (package_id, algorithm, digest)
);
CREATE INDEX manifest_subject ON manifest (package_id, subject_algorithm, subject_digest)
	WHERE subject_digest IS NOT NULL;

CREATE TABLE manifest_blob (
	manifest_id bigint NOT NULL REFERENCES manifest ON DELETE CASCADE,
	package_id bigint NOT NULL,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (manifest_id, algorithm, digest),
	FOREIGN KEY (package_id, algorithm, digest) REFERENCES package_blob
);
CREATE INDEX manifest_blob_link ON manifest_blob (package_id, algorithm, digest);

CREATE TABLE manifest_child (
	manifest_id bigint NOT NULL REFERENCES manifest ON DELETE CASCADE,
	package_id bigint NOT NULL,
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (manifest_id, algorithm, digest),
	FOREIGN KEY (package_id, algorithm, digest) REFERENCES manifest (package_id, algorithm, digest)
);
CREATE INDEX manifest_child_link ON manifest_child (package_id, algorithm, digest);

CREATE TABLE tag (
	package_id bigint NOT NULL REFERENCES package,
	name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	manifest_id bigint NOT NULL REFERENCES manifest,
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by bigint NOT NULL,
	PRIMARY KEY (package_id, name)
);
CREATE INDEX tag_manifest ON tag (manifest_id);
