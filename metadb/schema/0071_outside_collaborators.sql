-- Outside collaborators: who is no member of an organization and has a role on one of its repositories.

-- A member becomes one: of what he has on its repositories stays what he was given, himself or by a team; all
-- else goes as in membership_end() of 0043. status: 0 done, 1 no member, 2 nobody else owns it, 3 the actor does not
CREATE FUNCTION outsider_make(who actor, organization bigint, person bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	old_role smallint;
	repositories bigint[];
	roles smallint[];
BEGIN
	PERFORM 1 FROM account WHERE id = organization AND kind = 2 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	PERFORM 1 FROM account WHERE id = person AND kind = 1 AND deleted_at IS NULL FOR SHARE;
	IF NOT is_owner(who, organization) THEN
		RETURN 3;
	END IF;
	SELECT m.role INTO old_role FROM membership m
	WHERE m.organization_id = organization AND m.account_id = person;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF old_role = 2 AND NOT EXISTS (SELECT FROM membership m WHERE m.organization_id = organization
		AND m.role = 2 AND m.account_id <> person) THEN
		RETURN 2;
	END IF;
	SELECT coalesce(array_agg(k.id), '{}'), array_agg(k.role) INTO repositories, roles FROM (
		SELECT h.id, max(h.role) AS role FROM (
			SELECT g.repository_id AS id, g.role FROM repository_grant g WHERE g.account_id = person
			UNION ALL
			SELECT t.repository_id, t.role FROM team_member m
			JOIN team_path p ON p.team_id = m.team_id
			JOIN repository_team t ON t.team_id = p.ancestor_id WHERE m.account_id = person) h
		JOIN repository r ON r.id = h.id
		WHERE r.owner_id = organization AND r.deleted_at IS NULL GROUP BY h.id) k;
	PERFORM membership_end(organization, person);
	INSERT INTO repository_grant (repository_id, account_id, role)
	SELECT k.id, person, k.role FROM unnest(repositories, roles) AS k(id, role) ORDER BY k.id;
	PERFORM record(who, 'org.member_set', organization, NULL, jsonb_build_object(
		'account', person, 'role', 'none', 'repositories', cardinality(repositories)));
	RETURN 0;
END $$;

-- Takes all back that somebody was given on the organization's repositories. status: 0 done, 1 there was nothing,
-- 2 he is a member, 3 the actor does not own it
CREATE FUNCTION outsider_end(who actor, organization bigint, person bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	ended bigint;
BEGIN
	PERFORM 1 FROM account WHERE id = organization AND kind = 2 AND deleted_at IS NULL
	FOR NO KEY UPDATE;
	IF NOT is_owner(who, organization) THEN
		RETURN 3;
	ELSIF EXISTS (SELECT FROM membership m WHERE m.organization_id = organization
		AND m.account_id = person) THEN
		RETURN 2;
	END IF;
	DELETE FROM repository_grant g USING repository r
	WHERE g.account_id = person AND r.id = g.repository_id AND r.owner_id = organization;
	GET DIAGNOSTICS ended = ROW_COUNT;
	IF ended = 0 THEN
		RETURN 1;
	END IF;
	PERFORM record(who, 'org.outsider_end', organization, NULL, jsonb_build_object(
		'account', person, 'repositories', ended));
	RETURN 0;
END $$;
