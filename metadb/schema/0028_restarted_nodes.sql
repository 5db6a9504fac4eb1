-- A daemon that was up and failed its orders comes back healthy: what it owes waits no longer.

-- A daemon has started: its disk may have gone back in time, and its old debts can be paid now.
-- One statement, so that all rows are locked in order of their key, as everywhere.
CREATE OR REPLACE FUNCTION node_started(its_id integer, its_incarnation bigint, parts smallint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE node SET compared_incarnation = its_incarnation
	WHERE id = its_id AND compared_incarnation <> its_incarnation;
	IF NOT FOUND THEN
		RETURN;		-- another keeper was faster
	END IF;
	INSERT INTO partition_owes (part, node, urgent)
	SELECT p.part, 0, false FROM unnest(parts) AS p(part) WHERE EXISTS (SELECT FROM instance)
	UNION SELECT o.part, o.node, o.urgent FROM partition_owes o WHERE o.node = its_id
	ORDER BY 1, 2
	ON CONFLICT (part, node) DO UPDATE SET stamp = nextval('partition_owes_stamp'),
		urgent = partition_owes.urgent OR excluded.urgent, not_before = '-infinity', tries = 0;
END $$;
