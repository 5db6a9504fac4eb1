-- Lists of repositories and of who has a role on them, page by page, as one person may see them.
--
-- `scoped`: his credential may see more than what is public; `token` (NULL: whoever asks has none) may do so only
-- where it does not count as nobody's. Roles are worked out for a page's rows only, unless they decide what is on it.

CREATE FUNCTION token_counts(which bigint, namespace bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN which IS NULL OR coalesce((SELECT token_outside(t.id, t.kind, t.limited, namespace, '',
			(SELECT a.sso_required FROM account a WHERE a.id = namespace)) = 0
		FROM token t WHERE t.id = which), false);
END $$;

-- What somebody is to every repository of an owner: 0 when each one has to be looked at.
CREATE FUNCTION repository_role_floor(person bigint, owner bigint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN person = owner THEN 5 ELSE coalesce((
		SELECT CASE WHEN m.role = 2 THEN 5
			ELSE (SELECT o.base_role FROM account o WHERE o.id = owner) END
		FROM membership m WHERE m.organization_id = owner AND m.account_id = person), 0) END;
END $$;

-- Those on which he has a role, by how: bits 1 he owns it, 2 he was given it, 4 through an organization.
CREATE FUNCTION repositories_of(person bigint, how integer)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT r.id FROM repository r
	WHERE how & 1 <> 0 AND r.owner_id = person AND r.deleted_at IS NULL
	UNION
	SELECT g.repository_id FROM repository_grant g WHERE how & 2 <> 0 AND g.account_id = person
	UNION
	SELECT r.id FROM membership m CROSS JOIN LATERAL (SELECT id FROM repository
		WHERE repository.owner_id = m.organization_id AND repository.deleted_at IS NULL
		AND repository_role_floor(person, m.organization_id) > 0 OFFSET 0) r
	WHERE how & 4 <> 0 AND m.account_id = person
	UNION
	SELECT t.repository_id FROM team_member m
	CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path
		WHERE team_path.team_id = m.team_id OFFSET 0) p
	CROSS JOIN LATERAL (SELECT repository_id FROM repository_team
		WHERE repository_team.team_id = p.ancestor_id OFFSET 0) t
	WHERE how & 4 <> 0 AND m.account_id = person;
END $$;

-- Of one owner, or (NULL) on which he has a role, by `how`. visibilities: bit 1 << visibility.
-- sorting: 1 created, 2 updated, 3 owner/name
CREATE FUNCTION list_repositories(person bigint, token bigint, scoped boolean, of_owner bigint, how integer,
				  visibilities integer, sorting integer, descending boolean,
				  most bigint, skip bigint)
RETURNS TABLE (id bigint, role smallint) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
	seeing boolean := scoped AND (of_owner IS NULL OR token_counts(token, of_owner));
	least smallint := CASE WHEN of_owner IS NULL THEN 1 ELSE repository_role_floor(person, of_owner) END;
BEGIN
	RETURN QUERY
	SELECT s.id, repository_role(person, s.id) FROM (
		SELECT r.id, o.login, r.key, extract(epoch FROM CASE sorting WHEN 1 THEN r.created_at
			WHEN 2 THEN r.updated_at END) * CASE WHEN descending THEN -1 ELSE 1 END AS moment
		FROM (SELECT x.id FROM repository x
			WHERE of_owner IS NOT NULL AND x.owner_id = of_owner AND x.deleted_at IS NULL
			UNION ALL
			SELECT y FROM repositories_of(person, how) y WHERE of_owner IS NULL) c
		CROSS JOIN LATERAL (SELECT * FROM repository WHERE repository.id = c.id
			AND repository.deleted_at IS NULL LIMIT 1) r
		CROSS JOIN LATERAL (SELECT login FROM account WHERE account.id = r.owner_id LIMIT 1) o
		WHERE (visibilities >> r.visibility) & 1 = 1 AND (r.visibility = 2 OR (seeing
			AND (of_owner IS NOT NULL OR token_counts(token, r.owner_id))
			AND (r.visibility = 1 OR least > 0 OR repository_role(person, r.id) > 0)))
		ORDER BY moment, CASE WHEN NOT descending THEN o.login END,
			CASE WHEN descending THEN o.login END DESC,
			CASE WHEN NOT descending THEN r.key END, CASE WHEN descending THEN r.key END DESC
		LIMIT most OFFSET skip) s
	ORDER BY s.moment, CASE WHEN NOT descending THEN s.login END,
		CASE WHEN descending THEN s.login END DESC,
		CASE WHEN NOT descending THEN s.key END, CASE WHEN descending THEN s.key END DESC;
END $$;

-- Who has a role on it, in the order of logins. among: 1 everybody, 2 whom it was given to, 3 of these who are no
-- members of its organization. Only those with at_least.
CREATE FUNCTION list_collaborators(which bigint, among integer, at_least smallint, most bigint, skip bigint)
RETURNS TABLE (id bigint, role smallint) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
	owner bigint := (SELECT r.owner_id FROM repository r WHERE r.id = which);
	base smallint := (SELECT o.base_role FROM account o WHERE o.id = owner AND o.kind = 2);
BEGIN
	RETURN QUERY
	SELECT s.id, repository_role(s.id, which) FROM (
		SELECT c.id, a.login FROM (
			SELECT g.account_id AS id FROM repository_grant g WHERE g.repository_id = which
			AND (among <> 3 OR NOT EXISTS (SELECT FROM membership m
				WHERE m.organization_id = owner AND m.account_id = g.account_id))
			UNION
			SELECT owner WHERE base IS NULL AND among = 1
			UNION
			SELECT m.account_id FROM membership m WHERE among = 1
			AND m.organization_id = owner AND (m.role = 2 OR base > 0)
			UNION
			SELECT m.account_id FROM repository_team t
			CROSS JOIN LATERAL (SELECT team_id FROM team_path
				WHERE team_path.ancestor_id = t.team_id OFFSET 0) p
			CROSS JOIN LATERAL (SELECT account_id FROM team_member
				WHERE team_member.team_id = p.team_id OFFSET 0) m
			WHERE among = 1 AND t.repository_id = which) c
		CROSS JOIN LATERAL (SELECT login FROM account WHERE account.id = c.id
			AND account.deleted_at IS NULL LIMIT 1) a
		WHERE at_least <= 1 OR repository_role(c.id, which) >= at_least
		ORDER BY a.login LIMIT most OFFSET skip) s
	ORDER BY s.login;
END $$;

-- What a team has on a repository, also through the teams above it; 0: nothing
CREATE FUNCTION team_repository_role(which_team bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT max((SELECT t.role FROM repository_team t
			WHERE t.repository_id = which AND t.team_id = p.ancestor_id))
		FROM team_path p WHERE p.team_id = which_team), 0);
END $$;

-- Repositories of a team that somebody may see, by name, with the team's role.
CREATE FUNCTION list_team_repositories(person bigint, scoped boolean, which_team bigint, most bigint,
				       skip bigint)
RETURNS TABLE (id bigint, role smallint) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT s.id, team_repository_role(which_team, s.id) FROM (
		SELECT c.id, r.key FROM (SELECT DISTINCT t.repository_id AS id FROM team_path p
			CROSS JOIN LATERAL (SELECT repository_id FROM repository_team
				WHERE repository_team.team_id = p.ancestor_id OFFSET 0) t
			WHERE p.team_id = which_team) c
		CROSS JOIN LATERAL (SELECT * FROM repository WHERE repository.id = c.id
			AND repository.deleted_at IS NULL LIMIT 1) r
		WHERE r.visibility = 2 OR (scoped AND (r.visibility = 1 OR repository_role(person, c.id) > 0))
		ORDER BY r.key LIMIT most OFFSET skip) s
	ORDER BY s.key;
END $$;
