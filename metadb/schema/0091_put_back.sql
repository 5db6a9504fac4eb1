-- A server that was put back from a cold copy or from a snapshot of its volume has the system identifier and
-- the timeline of the one it takes the place of, and nothing in it says that something is missing.
--
-- The storage daemons can: keepers hand them a mark of this server (adoption, end of the durable log,
-- newest gen), they keep the highest one they heard of on their disks and tell it to keepers. A server that lies
-- behind such a mark is older than what was acknowledged; that makes it `behind`, and it is not the adopted
-- one until an operator adopts it.
ALTER TABLE cluster
	ADD COLUMN behind boolean NOT NULL DEFAULT false,
	-- Counts adoptions. The log begins anew with each, so that the mark of one says nothing about the next.
	ADD COLUMN adoption bigint NOT NULL DEFAULT 1,
	-- The highest of marks that lay before us; adopting goes beyond them.
	ADD COLUMN seen_adoption bigint NOT NULL DEFAULT 0,
	ADD COLUMN seen_gen bigint NOT NULL DEFAULT 0,
	-- gens_begin(): the start of the server for which gens went ahead, and which gens that passed over.
	ADD COLUMN gens_since timestamptz NOT NULL DEFAULT pg_postmaster_start_time(),
	ADD COLUMN skipped_from bigint NOT NULL DEFAULT 1,
	ADD COLUMN skipped_to bigint NOT NULL DEFAULT 0;

-- As in 0032.
CREATE OR REPLACE FUNCTION adopted() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	system text := current_setting('packhouse.system', true);
	c cluster;
BEGIN
	IF system IS NULL OR system = '' THEN
		system := set_config('packhouse.system',
			(SELECT system_identifier::text FROM pg_control_system()), false);
	END IF;
	SELECT * INTO c FROM cluster;
	RETURN NOT c.behind AND c.adopted_system = system::bigint
		AND c.adopted_timeline = server_timeline();
END $$;

-- Gens begin there for a server that starts, or is adopted, at that time: about a million for each
-- millisecond, so that none of an earlier start comes near it.
CREATE FUNCTION gens_of(moment timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT floor(extract(epoch FROM moment) * 1000)::bigint << 20
$$;

-- The first upload after a start of the server lets gens go ahead to the time of that start. So a server
-- that was put back does not give gens out again before a keeper has found it out, also if none runs.
-- A clock that went back leaves them where they are.
CREATE FUNCTION gens_begin() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	seq regclass := pg_get_serial_sequence('instance', 'gen');
	start timestamptz := pg_postmaster_start_time();
	last bigint;
	c cluster;
BEGIN
	SELECT * INTO c FROM cluster;
	IF c.gens_since <> start THEN
		SELECT * INTO c FROM cluster FOR NO KEY UPDATE;
		IF c.gens_since <> start THEN
			last := nextval(seq);
			IF gens_of(start) > last THEN
				PERFORM setval(seq, gens_of(start));
				UPDATE cluster SET gens_since = start, skipped_from = last + 1,
					skipped_to = gens_of(start) - 1;
			ELSE
				UPDATE cluster SET gens_since = start;
			END IF;
		END IF;
	END IF;
	PERFORM set_config('packhouse.gens', 'begun', false);	-- this process ends before the server does
END $$;

-- As in 0034.
CREATE OR REPLACE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	its_id uuid := gen_random_uuid();
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
	IF current_setting('packhouse.gens', true) IS DISTINCT FROM 'begun' THEN
		PERFORM gens_begin();
	END IF;
	-- Mostly it is there and the same as before; else package_target() says what is the matter.
	SELECT * INTO p FROM package l WHERE l.id = known;
	IF (p.deleted_at IS NULL AND (p.published_at IS NULL OR was_published
				      OR p.publisher_id = who.account_id)) IS NOT TRUE
	   OR p.id IS NULL THEN
		p := package_target(who, in_namespace, its_name, known, was_published);
		IF p.id IS NULL THEN
			p := package_make(who, in_namespace, its_name);
		END IF;
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (id, package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (its_id, p.id, who.account_id, who.token_id, upload_start.gen, alg,
		now() + life * 1.25);
	upload_id := its_id::text;
	package_id := p.id;
END $$;

-- The mark of this server, and whether it lies behind the highest one that daemons told of (zeros: none).
CREATE FUNCTION server_seen(their_adoption bigint, their_place bigint, their_gen bigint,
			    OUT is_adopted boolean, OUT is_behind boolean, OUT adoption bigint,
			    OUT place bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	c cluster;
BEGIN
	SELECT * INTO c FROM cluster;
	SELECT s.last_value INTO gen FROM instance_gen_seq s;
	adoption := c.adoption;
	place := pg_current_wal_flush_lsn() - '0/0'::pg_lsn;
	IF their_adoption > adoption OR (their_adoption = adoption AND their_place > place)
	   OR their_gen > gen OR their_gen BETWEEN c.skipped_from AND c.skipped_to THEN
		UPDATE cluster l SET behind = true,
			seen_adoption = greatest(l.seen_adoption, their_adoption),
			seen_gen = greatest(l.seen_gen, their_gen)
		WHERE NOT l.behind OR l.seen_adoption < their_adoption OR l.seen_gen < their_gen;
		IF FOUND THEN
			PERFORM record(NULL, 'cluster.behind', NULL, NULL, jsonb_build_object(
				'adoption', adoption, 'seen_adoption', their_adoption,
				'place', place, 'seen_place', their_place,
				'gen', gen, 'seen_gen', their_gen));
		END IF;
		c.behind := true;
	END IF;
	is_behind := c.behind;
	is_adopted := adopted();
END $$;

-- As in 0021; gens go beyond all that were seen, whatever the clock says.
CREATE OR REPLACE FUNCTION cluster_adopt() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	seq regclass := pg_get_serial_sequence('instance', 'gen');
BEGIN
	PERFORM pg_advisory_xact_lock(1885430635, 2);
	IF adopted() THEN
		RETURN false;
	END IF;
	PERFORM setval(seq, greatest(nextval(seq), seen_gen, gens_of(now())) + 4294967296)
	FROM cluster;
	UPDATE cluster SET adopted_system = s.system_identifier, adopted_timeline = server_timeline(),
		behind = false, adoption = greatest(adoption, seen_adoption) + 1,
		gens_since = pg_postmaster_start_time(), skipped_from = 1, skipped_to = 0
	FROM pg_control_system() s;
	PERFORM partitions_due(ARRAY(SELECT generate_series(0, 16383)::smallint), 0, false);
	PERFORM record(NULL, 'cluster.adopt', NULL, NULL, (SELECT jsonb_build_object(
		'system', adopted_system::text, 'timeline', adopted_timeline,
		'adoption', adoption) FROM cluster));
	RETURN true;
END $$;
