-- Who this database is.
--
-- One row names the cluster: storage daemons keep the uuid on their disks and serve no other
-- cluster. The pair (system identifier, timeline) is what an operator has adopted as the truth;
-- after a restore or a failover it differs from what the server says, and then starting uploads and
-- deleting must stop until it is adopted anew, because generation numbers may have gone back.
CREATE TABLE cluster (
	single boolean PRIMARY KEY DEFAULT true CHECK (single),
	uuid uuid NOT NULL DEFAULT gen_random_uuid(),
	created_at timestamptz NOT NULL DEFAULT now(),
	adopted_system bigint NOT NULL,
	adopted_timeline integer NOT NULL
);

-- The timeline the server writes now; a checkpoint's may lag behind after a promotion.
CREATE FUNCTION server_timeline() RETURNS integer LANGUAGE sql STABLE AS $$
	SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
$$;

INSERT INTO cluster (adopted_system, adopted_timeline)
SELECT system_identifier, server_timeline() FROM pg_control_system();
