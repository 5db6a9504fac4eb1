-- What a keeper claimed is free again as soon as it is dead, not at the end of the lease.
--
-- A claim names the keeper that made it, and counts as long as that one has a row here. The row goes when another one
-- is in its place (only one at a time can listen there), or when it was silent for long. A keeper that only stood
-- still has a row again with its next beat, and may go on with what others have claimed meanwhile: as at the end of a
-- lease, work is done twice, and a debt is paid only under the stamp that was seen.
CREATE TABLE keeper (
	incarnation bigint PRIMARY KEY,	-- at random at each start
	place text NOT NULL,
	beat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

ALTER TABLE partition_owes ADD COLUMN claimed_by bigint;	-- NULL: by nobody, or by a program that has no row
CREATE INDEX partition_owes_claimed ON partition_owes (claimed_by) WHERE claimed_by IS NOT NULL;

-- This keeper lives. Ends claims of those that are dead; how many. It waits for nobody: rows that somebody holds have
-- their turn at the next beat, and a crash of the server that forgets a beat costs one beat.
CREATE FUNCTION keeper_beat(its_incarnation bigint, its_place text, silence interval)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	ended integer;
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	INSERT INTO keeper (incarnation, place) VALUES (its_incarnation, its_place)
	ON CONFLICT (incarnation) DO UPDATE SET beat_at = now();
	WITH dead AS (
		SELECT k.incarnation FROM keeper k WHERE k.incarnation <> its_incarnation
		AND (k.place = its_place OR k.beat_at <= now() - silence)
		FOR UPDATE SKIP LOCKED)
	DELETE FROM keeper k USING dead WHERE k.incarnation = dead.incarnation;
	WITH free AS (
		SELECT o.part, o.node FROM partition_owes o WHERE o.claimed_by IS NOT NULL
		AND NOT EXISTS (SELECT FROM keeper k WHERE k.incarnation = o.claimed_by)
		FOR UPDATE SKIP LOCKED)
	UPDATE partition_owes o SET claimed_by = NULL, not_before = least(o.not_before, now())
	FROM free WHERE o.part = free.part AND o.node = free.node;
	GET DIAGNOSTICS ended = ROW_COUNT;
	RETURN ended;
END $$;

-- As in 0029, for this keeper.
CREATE FUNCTION partitions_claim(up integer[], most integer, lease interval, its_incarnation bigint)
RETURNS TABLE (part smallint, node integer, stamp bigint) LANGUAGE plpgsql ROWS 16
SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH ready AS (
		SELECT unnest(up) AS node UNION SELECT 0
		UNION SELECT id FROM node WHERE retired_at IS NOT NULL
	), picked AS (
		SELECT due.part, due.node FROM ready CROSS JOIN LATERAL (
			SELECT o.part, o.node, o.urgent, o.not_before FROM partition_owes o
			WHERE o.node = ready.node AND o.not_before <= now()
			ORDER BY o.urgent DESC, o.not_before LIMIT most
			FOR UPDATE SKIP LOCKED) AS due
		ORDER BY due.urgent DESC, due.not_before LIMIT most)
	UPDATE partition_owes o SET not_before = now() + lease, claimed_by = its_incarnation
	FROM picked WHERE o.part = picked.part AND o.node = picked.node
	RETURNING o.part, o.node, o.stamp;
END $$;

-- For programs of the version before: their claims end with the lease.
CREATE OR REPLACE FUNCTION partitions_claim(up integer[], most integer, lease interval)
RETURNS TABLE (part smallint, node integer, stamp bigint) LANGUAGE sql ROWS 16 AS $$
	SELECT part, node, stamp FROM partitions_claim(up, most, lease, NULL)
$$;

-- As in 0033; what is settled nobody claims any more.
CREATE OR REPLACE FUNCTION partitions_settle(parts smallint[], nodes integer[], stamps bigint[],
				  verdicts smallint[]) RETURNS void LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
	PERFORM FROM partition_owes o JOIN unnest(parts, nodes) AS c(part, node) USING (part, node)
	ORDER BY o.part, o.node FOR UPDATE OF o;
	DELETE FROM partition_owes o USING unnest(parts, nodes, stamps, verdicts)
		AS c(part, node, stamp, verdict)
	WHERE o.part = c.part AND o.node = c.node AND o.stamp = c.stamp AND c.verdict = 0;
	UPDATE partition_owes o SET tries = CASE WHEN o.stamp = c.stamp THEN o.tries + 1 ELSE 0 END,
		claimed_by = NULL, not_before = CASE
			WHEN o.stamp <> c.stamp OR (c.verdict = 1 AND o.tries < 3) THEN now()
			ELSE now() + least(300, 2 ^ least(o.tries, 9)) * interval '1 second' END
	FROM unnest(parts, nodes, stamps, verdicts) AS c(part, node, stamp, verdict)
	WHERE o.part = c.part AND o.node = c.node;
	INSERT INTO partition_owes (part, node)
	SELECT c.part, c.node FROM unnest(parts, nodes, verdicts) AS c(part, node, verdict)
	WHERE c.verdict <> 0 ORDER BY 1, 2
	ON CONFLICT (part, node) DO NOTHING;
	UPDATE partition_check k SET checked_at = now()
	FROM unnest(parts, verdicts) AS c(part, verdict)
	WHERE k.part = c.part AND c.verdict = 0;
END $$;
