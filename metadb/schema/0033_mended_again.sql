-- Where something was ordered is compared again, also when the row is gone meanwhile.
--
-- Two can work on one partition: a lease ran out, or a daemon's start made its debts due anew. The faster one
-- finds it whole and pays the debt; a copy that the slower one makes after that may be of a chunk
-- that was purged in between, and only the next comparison can know.
-- As in 0029, plans can only be probes of an index.

-- verdicts: 0 found whole, 1 mended: compare again at once, 2 not possible now: some time later
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
		not_before = CASE
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
