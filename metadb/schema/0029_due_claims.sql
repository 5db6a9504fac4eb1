-- What is due is found without reading past what is not.
--
-- Debts of a daemon that is down stood first in the one order of all, so each claim read all of them
-- again; and a plan made while the table was empty sorted the whole of it. Now each node has an order
-- of its own, and the plan can only be probes of an index.
CREATE INDEX partition_owes_due ON partition_owes (node, urgent DESC, not_before);
DROP INDEX partition_owes_next;

-- Takes rows that are due for as long as `lease`; those of nodes that are down have to wait, those
-- of nodes that are gone for good (a writer with an old map) need nobody.
CREATE OR REPLACE FUNCTION partitions_claim(up integer[], most integer, lease interval)
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
	UPDATE partition_owes o SET not_before = now() + lease
	FROM picked WHERE o.part = picked.part AND o.node = picked.node
	RETURNING o.part, o.node, o.stamp;
END $$;
