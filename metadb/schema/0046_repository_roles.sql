-- What somebody is to a repository: 0 nothing, 1 read, 2 triage, 3 write, 4 maintain, 5 admin.
--
-- The largest of: admin for the user who owns it and for owners of its organization; what the organization
-- gives every member (robots are no members); what he was given; what a team of his, or one above it, was given.
-- A deleted repository gives nobody anything. Visibility is no role.
--
-- Index probes only, as many as he has teams with all above them: a subquery with OFFSET is not flattened into a
-- join, for which another plan could be chosen.
CREATE FUNCTION repository_role(person bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	owner bigint;
BEGIN
	SELECT r.owner_id INTO owner FROM repository r WHERE r.id = which AND r.deleted_at IS NULL;
	IF NOT FOUND OR person IS NULL THEN
		RETURN 0;
	ELSIF owner = person THEN
		RETURN 5;
	END IF;
	RETURN coalesce(greatest(
		(SELECT CASE WHEN m.role = 2 THEN 5
			WHEN (SELECT a.kind FROM account a WHERE a.id = person) <> 3
			THEN (SELECT o.base_role FROM account o WHERE o.id = owner) END
			FROM membership m WHERE m.organization_id = owner AND m.account_id = person),
		(SELECT g.role FROM repository_grant g
			WHERE g.repository_id = which AND g.account_id = person),
		(SELECT max((SELECT t.role FROM repository_team t
				WHERE t.repository_id = which AND t.team_id = p.ancestor_id))
			FROM team_member m CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path
				WHERE team_path.team_id = m.team_id OFFSET 0) p
			WHERE m.account_id = person)), 0);
END $$;
