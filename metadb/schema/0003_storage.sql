-- Where bytes are.
--
-- chunk (digest, gen) names a physical copy. A gen is an instance: one attempt to store one blob.
-- It is committed before its first byte is sent and never used again, so that a delete of an old
-- gen can never hit new bytes. Commit, expire and collect change one parent row: chunk rows never move.
CREATE TABLE instance (
	gen bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	dead_at timestamptz					-- purged some time after
);
CREATE INDEX instance_dead ON instance (dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE chunk (
	gen bigint NOT NULL REFERENCES instance,
	idx integer NOT NULL CHECK (idx >= 0),
	part smallint NOT NULL CHECK (part BETWEEN 0 AND 16383),
	len integer NOT NULL CHECK (len > 0),
	epoch bigint NOT NULL,					-- map it was written under
	digest bytea NOT NULL CHECK (length(digest) = 32),
	PRIMARY KEY (gen, idx)
);
-- All pairs of a partition, for comparing with what nodes list.
CREATE INDEX chunk_part ON chunk (part);

-- Digests are algorithm (1 sha256, 2 sha512) and bytes.
CREATE TABLE blob (
	algorithm smallint NOT NULL,
	digest bytea NOT NULL,
	gen bigint NOT NULL UNIQUE REFERENCES instance,
	size bigint NOT NULL CHECK (size >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	lost_at timestamptz,					-- proved: no good copy anywhere
	PRIMARY KEY (algorithm, digest),
	CHECK (length(digest) = CASE algorithm WHEN 1 THEN 32 WHEN 2 THEN 64 END)
);

-- Storage daemons, by the identity on their disk. A name belongs to one live identity.
CREATE TABLE node (
	id integer GENERATED ALWAYS AS IDENTITY (MAXVALUE 65534) PRIMARY KEY,
	uuid uuid NOT NULL UNIQUE,
	name text COLLATE "C" NOT NULL,
	zone text COLLATE "C" NOT NULL,
	control text NOT NULL,					-- ADDR:PORT
	bulk text NOT NULL,
	weight integer NOT NULL DEFAULT 100 CHECK (weight >= 1),
	incarnation bigint NOT NULL DEFAULT 0,			-- another one at each start
	total_bytes bigint NOT NULL DEFAULT 0,
	used_bytes bigint NOT NULL DEFAULT 0,
	registered_at timestamptz NOT NULL DEFAULT now(),
	seen_at timestamptz NOT NULL DEFAULT now(),
	retired_at timestamptz					-- gone for good, its name is free
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX node_name ON node (name) WHERE retired_at IS NULL;

-- One row an epoch: the whole table of partitions, in the form of proto/model/cluster.h.
CREATE TABLE cluster_map (
	epoch bigint PRIMARY KEY,
	replicas smallint NOT NULL,
	parts bytea NOT NULL,
	reason text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE cluster_map ALTER COLUMN parts SET STORAGE EXTERNAL;

-- A member that may lack chunks of a partition; node 0: the whole partition is to be compared.
-- Written with the rows of the chunks themselves. `stamp` changes with each new debt, so that
-- whoever has paid one removes only what he saw.
CREATE SEQUENCE partition_owes_stamp;
CREATE TABLE partition_owes (
	part smallint NOT NULL,
	node integer NOT NULL,
	stamp bigint NOT NULL DEFAULT nextval('partition_owes_stamp'),
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (part, node)
) WITH (fillfactor = 50);
