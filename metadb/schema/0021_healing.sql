-- Comparing what rows say with what daemons hold, and what makes a comparison due.
--
-- partition_owes is the list of what is due: a debt (a member lacks copies) is urgent, a comparison
-- without a known debt (node 0: a daemon started, a week is over) is not. Whoever works on a row
-- moves `not_before` into the future instead of holding a lock; a new debt changes `stamp`, and a
-- row is removed only under the stamp that was seen before the nodes were asked.
ALTER TABLE partition_owes
	ADD COLUMN urgent boolean NOT NULL DEFAULT true,
	ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity',
	ADD COLUMN tries integer NOT NULL DEFAULT 0;
CREATE INDEX partition_owes_next ON partition_owes (urgent DESC, not_before);

-- When each partition was found whole last.
CREATE TABLE partition_check (
	part smallint PRIMARY KEY,
	checked_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
INSERT INTO partition_check (part) SELECT generate_series(0, 16383);
CREATE INDEX partition_check_age ON partition_check (checked_at);

-- The start of the daemon after which its partitions were made due.
ALTER TABLE node ADD COLUMN compared_incarnation bigint NOT NULL DEFAULT 0;

-- Is this server the one that was adopted? After a restore or a failover it is not, generation
-- numbers may have gone back, and neither uploads nor deletions may begin.
CREATE FUNCTION adopted() RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT c.adopted_system = s.system_identifier AND c.adopted_timeline = server_timeline()
	FROM cluster c, pg_control_system() s
$$;

-- An operator's word that this server is the truth now. Gens that were given out and forgotten by
-- a restore lie far behind afterwards, and everything is compared. false: it was adopted already
CREATE FUNCTION cluster_adopt() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(1885430635, 2);
	IF adopted() THEN
		RETURN false;
	END IF;
	UPDATE cluster SET adopted_system = s.system_identifier, adopted_timeline = server_timeline()
	FROM pg_control_system() s;
	PERFORM setval(pg_get_serial_sequence('instance', 'gen'),
		       nextval(pg_get_serial_sequence('instance', 'gen')) + 4294967296);
	PERFORM partitions_due(ARRAY(SELECT generate_series(0, 16383)::smallint), 0, false);
	PERFORM record(NULL, 'cluster.adopt', NULL, NULL, (SELECT jsonb_build_object(
		'system', adopted_system::text, 'timeline', adopted_timeline) FROM cluster));
	RETURN true;
END $$;

CREATE OR REPLACE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
	p := package_target(who, in_namespace, its_name, known, was_published);
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (p.id, who.account_id, who.token_id, gen, alg, now() + life)
	RETURNING upload.id::text INTO upload_id;
	package_id := p.id;
END $$;

-- Makes partitions due. What is due already becomes newer, and is looked at soon.
CREATE FUNCTION partitions_due(parts smallint[], of_node integer, is_urgent boolean)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO partition_owes (part, node, urgent)
	SELECT DISTINCT p.part, of_node, is_urgent FROM unnest(parts) AS p(part) ORDER BY 1
	ON CONFLICT (part, node) DO UPDATE SET stamp = nextval('partition_owes_stamp'),
		urgent = partition_owes.urgent OR excluded.urgent, not_before = '-infinity', tries = 0
$$;

-- A daemon has started: its disk may have gone back in time. Its old debts can be paid now.
CREATE FUNCTION node_started(its_id integer, its_incarnation bigint, parts smallint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE node SET compared_incarnation = its_incarnation
	WHERE id = its_id AND compared_incarnation <> its_incarnation;
	IF NOT FOUND THEN
		RETURN;		-- another keeper was faster
	END IF;
	IF EXISTS (SELECT FROM instance) THEN
		PERFORM partitions_due(parts, 0, false);
	END IF;
END $$;

-- Takes rows that are due for as long as `lease`; those of nodes that are down have to wait, those
-- of nodes that are gone for good (a writer with an old map) need nobody.
CREATE FUNCTION partitions_claim(up integer[], most integer, lease interval)
RETURNS TABLE (part smallint, node integer, stamp bigint) LANGUAGE plpgsql ROWS 16 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH picked AS (
		SELECT o.part, o.node FROM partition_owes o
		WHERE o.not_before <= now() AND (o.node = 0 OR o.node = ANY (up)
			OR EXISTS (SELECT FROM node n
				WHERE n.id = o.node AND n.retired_at IS NOT NULL))
		ORDER BY o.urgent DESC, o.not_before LIMIT most
		FOR UPDATE SKIP LOCKED)
	UPDATE partition_owes o SET not_before = now() + lease
	FROM picked WHERE o.part = picked.part AND o.node = picked.node
	RETURNING o.part, o.node, o.stamp;
END $$;

-- verdicts: 0 found whole, 1 mended: compare again at once, 2 not possible now: some time later
CREATE FUNCTION partitions_settle(parts smallint[], nodes integer[], stamps bigint[],
				  verdicts smallint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM partition_owes o JOIN unnest(parts, nodes) AS c(part, node) USING (part, node)
	ORDER BY o.part, o.node FOR UPDATE OF o;
	DELETE FROM partition_owes o USING unnest(parts, nodes, stamps, verdicts)
		AS c(part, node, stamp, verdict)
	WHERE o.part = c.part AND o.node = c.node AND o.stamp = c.stamp AND c.verdict = 0;
	UPDATE partition_owes o SET tries = CASE WHEN o.stamp = c.stamp THEN o.tries + 1 ELSE 0 END,
		not_before = CASE
			WHEN o.stamp <> c.stamp OR (c.verdict = 1 AND o.tries < 3) THEN now()
			ELSE now() + least(300, 2 ^ least(o.tries, 9)) * interval '1 second' END
	FROM unnest(parts, nodes, stamps, verdicts) AS c(part, node, stamp, verdict)
	WHERE o.part = c.part AND o.node = c.node;
	UPDATE partition_check k SET checked_at = now()
	FROM unnest(parts, verdicts) AS c(part, verdict)
	WHERE k.part = c.part AND c.verdict = 0;
END $$;

-- Those that nobody has compared for so long; how many.
CREATE FUNCTION partitions_due_by_age(age interval, most integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	old smallint[];
BEGIN
	old := ARRAY(SELECT k.part FROM partition_check k
		WHERE k.checked_at <= now() - age
		AND NOT EXISTS (SELECT FROM partition_owes o WHERE o.part = k.part AND o.node = 0)
		ORDER BY k.checked_at LIMIT most);
	PERFORM partitions_due(old, 0, false);
	RETURN cardinality(old);
END $$;

-- Blobs of these gens have a chunk of which no node has a copy. Of a chunk that was deleted or
-- replaced meanwhile nothing is said. How many became lost.
CREATE FUNCTION blobs_mark_lost(gens bigint[], digs bytea[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	WITH gone AS (
		SELECT DISTINCT c.gen FROM unnest(gens, digs) AS l(gen, digest)
		JOIN chunk c ON c.gen = l.gen AND c.digest = l.digest
	), locked AS (
		SELECT b.gen FROM blob b JOIN gone USING (gen)
		ORDER BY b.algorithm, b.digest FOR NO KEY UPDATE OF b
	), marked AS (
		UPDATE blob b SET lost_at = now() FROM locked
		WHERE b.gen = locked.gen AND b.lost_at IS NULL
		RETURNING b.algorithm, b.digest, b.gen
	), noted AS (
		SELECT record(NULL, 'blob.lost', NULL, NULL, jsonb_build_object('gen', gen, 'digest',
			CASE algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END
			|| encode(digest, 'hex'))) FROM marked
	)
	SELECT count(*) INTO n FROM noted;
	RETURN n;
END $$;

-- An empty disk under the name of one that is gone: it gets the old one's place in a new map.
-- Called under the advisory lock of epochs. NULL: there is nothing to replace (any more).
CREATE FUNCTION node_retire(its_name text, its_uuid uuid, silence interval)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	old integer;
BEGIN
	UPDATE node SET retired_at = now()
	WHERE name = its_name AND retired_at IS NULL AND uuid <> its_uuid
	AND seen_at <= now() - silence
	RETURNING id INTO old;
	IF old IS NOT NULL THEN
		DELETE FROM partition_owes WHERE node = old;
		PERFORM record(NULL, 'node.retire', NULL, NULL,
			       jsonb_build_object('node', old, 'name', its_name));
	END IF;
	RETURN old;
END $$;
