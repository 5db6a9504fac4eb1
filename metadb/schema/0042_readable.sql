-- Which packages may somebody read? The rules of 0041 turned round: names in byte order, at the cost of a page.
--
-- A namespace's names come from several walks, each along an index in the order of names, and are merged: what
-- is open to him, what was given to him, what was given to each of his teams, what inherits from
-- repositories on which he has a role. Cost follows the page, the number of namespaces in which he may
-- read anything, and the number of his teams and repositories there; not the number of packages.

-- How a token sees a namespace: NULL token is a session, which sees what its person does.
--   1 as its person, 2 the packages of its limits, 3 as a workflow, 4 as a codespace, 5 what is public
CREATE FUNCTION token_view(token bigint, namespace bigint) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	t record;
BEGIN
	SELECT k.kind, k.limited INTO t FROM token k WHERE k.id = token_view.token;
	IF NOT FOUND THEN
		RETURN 1;
	ELSIF t.kind > 2 THEN
		RETURN t.kind;
	ELSIF t.kind = 1 AND (SELECT a.sso_required FROM account a WHERE a.id = namespace)
	      AND NOT EXISTS (SELECT FROM token_sso s WHERE s.token_id = token_view.token
			AND s.organization_id = namespace) THEN
		RETURN 5;
	ELSIF NOT t.limited THEN
		RETURN 1;
	END IF;
	RETURN CASE WHEN EXISTS (SELECT FROM token_limit l WHERE l.token_id = token_view.token
			AND l.namespace_id = namespace AND l.name = '') THEN 1
		WHEN EXISTS (SELECT FROM token_limit l WHERE l.token_id = token_view.token
			AND l.namespace_id = namespace) THEN 2 ELSE 5 END;
END $$;

CREATE FUNCTION open_names(in_namespace bigint, at_least smallint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY
	SELECT p.name FROM package p WHERE p.namespace_id = in_namespace AND p.name > after
	AND p.visibility > 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	AND p.visibility >= at_least
	ORDER BY p.name LIMIT most;
END $$;

-- What inherits from one repository, and what inherits at all.
CREATE FUNCTION repository_names(repository bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY
	SELECT p.name FROM package p WHERE p.repository_id = repository AND p.name > after
	AND p.inherits AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.name LIMIT most;
END $$;

CREATE FUNCTION inheriting_names(in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY
	SELECT p.name FROM package p WHERE p.namespace_id = in_namespace AND p.name > after
	AND p.inherits AND p.repository_id IS NOT NULL AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.name LIMIT most;
END $$;

-- What was given to one team.
CREATE FUNCTION team_names(team bigint, in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY
	SELECT g.name FROM package_team g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.team_id = team AND g.namespace_id = in_namespace AND g.name > after
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.name LIMIT most;
END $$;

-- His teams in an organization, with those above them.
CREATE FUNCTION teams_of(person bigint, organization bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
	SELECT DISTINCT p.ancestor_id FROM team_member m
	CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path WHERE team_path.team_id = m.team_id OFFSET 0) p
	CROSS JOIN LATERAL (SELECT organization_id FROM team WHERE team.id = p.ancestor_id LIMIT 1) t
	WHERE m.account_id = person AND t.organization_id = organization
$$;

-- Repositories of a namespace on which somebody has a role of his own or of his teams.
CREATE FUNCTION repositories_of(person bigint, owner bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
	SELECT r.id FROM (SELECT g.repository_id AS id FROM repository_grant g WHERE g.account_id = person
		UNION SELECT t.repository_id FROM team_member m
			CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path
				WHERE team_path.team_id = m.team_id OFFSET 0) p
			CROSS JOIN LATERAL (SELECT repository_id FROM repository_team
				WHERE repository_team.team_id = p.ancestor_id OFFSET 0) t
			WHERE m.account_id = person) r
	CROSS JOIN LATERAL (SELECT owner_id, deleted_at FROM repository
		WHERE repository.id = r.id LIMIT 1) o
	WHERE o.owner_id = owner AND o.deleted_at IS NULL
$$;

-- What a person (or a robot of `employer`) reads in one namespace beyond what is open to everybody.
CREATE FUNCTION person_names(person bigint, employer bigint, in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	n record;
	member smallint;
BEGIN
	SELECT a.kind, a.base_role INTO n FROM account a WHERE a.id = in_namespace;
	SELECT m.role INTO member FROM membership m
	WHERE m.organization_id = in_namespace AND m.account_id = person;
	IF in_namespace = person OR member = 2 THEN
		RETURN QUERY SELECT list_all(in_namespace, after, most);
		RETURN;
	END IF;
	IF employer = in_namespace THEN
		member := 1;
	END IF;
	RETURN QUERY SELECT r FROM list_readable(person, in_namespace, n.kind <> 2 OR member IS NOT NULL,
		after, most) r;
	IF member IS NOT NULL AND employer IS NULL AND n.base_role > 0 THEN
		RETURN QUERY SELECT inheriting_names(in_namespace, after, most);
	ELSE
		RETURN QUERY SELECT s.name FROM repositories_of(person, in_namespace) r
			CROSS JOIN LATERAL repository_names(r, after, most) AS s(name);
	END IF;
	IF member IS NOT NULL THEN
		RETURN QUERY SELECT s.name FROM teams_of(person, in_namespace) t
			CROSS JOIN LATERAL team_names(t, in_namespace, after, most) AS s(name);
	END IF;
END $$;

-- What a token's repository reads in one namespace beyond what is open to everybody. Its packages are few.
CREATE FUNCTION acting_names(acting bigint, kind smallint, in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM FROM repository r WHERE r.id = acting AND r.deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT p.name FROM (
		SELECT a.package_id FROM package_actions a WHERE a.repository_id = acting AND kind = 3
		UNION SELECT c.package_id FROM package_codespace c
			WHERE c.repository_id = acting AND kind = 4) l
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = l.package_id LIMIT 1) p
	WHERE p.namespace_id = in_namespace AND p.name > after
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.name LIMIT most;
	IF kind = 4 AND (SELECT r.owner_id FROM repository r WHERE r.id = acting) = in_namespace THEN
		RETURN QUERY SELECT repository_names(acting, after, most);
	END IF;
END $$;

-- Of the packages that a token is limited to, those that its person reads.
CREATE FUNCTION limited_names(token bigint, person bigint, employer bigint, in_namespace bigint, after text,
			      most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT p.name FROM token_limit l
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.namespace_id = in_namespace
		AND package.name = l.name AND package.deleted_at IS NULL LIMIT 1) p
	CROSS JOIN LATERAL (SELECT a.kind, a.creators FROM account a WHERE a.id = in_namespace LIMIT 1) n
	CROSS JOIN LATERAL person_rights(person, employer, false, in_namespace, n.kind, n.creators, p.id,
		p.published_at IS NOT NULL, p.inherits, p.repository_id, p.visibility) r
	WHERE l.token_id = limited_names.token AND l.namespace_id = in_namespace AND l.name > after
	AND p.published_at IS NOT NULL AND (r.role > 0 OR p.visibility > 0)
	ORDER BY p.name LIMIT most;
END $$;

-- One namespace's packages that a caller may read. whose: 0 for nobody; token: NULL for a session.
CREATE FUNCTION readable_names(whose bigint, token bigint, in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	view smallint := CASE WHEN whose = 0 THEN 5 ELSE token_view(token, in_namespace) END;
	acting bigint;
	employer bigint;
BEGIN
	IF view IN (3, 4) THEN
		SELECT t.repository_id INTO acting FROM token t WHERE t.id = readable_names.token;
	ELSIF view <> 5 THEN
		SELECT a.organization_id INTO employer FROM account a WHERE a.id = whose;
	END IF;
	RETURN QUERY SELECT DISTINCT u.name COLLATE "C" FROM (
		SELECT s.name FROM open_names(in_namespace, (CASE WHEN view IN (2, 5) THEN 2 ELSE 1 END)::smallint,
			after, most) AS s(name)
		UNION ALL SELECT s.name FROM person_names(whose, employer, in_namespace, after, most) AS s(name)
			WHERE view = 1
		UNION ALL SELECT s.name FROM limited_names(token, whose, employer, in_namespace, after, most)
			AS s(name) WHERE view = 2
		UNION ALL SELECT s.name FROM acting_names(acting, view, in_namespace, after, most) AS s(name)
			WHERE view IN (3, 4)) u
	ORDER BY 1 LIMIT most;
END $$;

-- Namespaces in which somebody may read what is not open, whatever his token says.
CREATE FUNCTION reading_namespaces(whose bigint, token bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
	SELECT whose
	UNION SELECT o.organization_id FROM membership o WHERE o.account_id = whose
	UNION SELECT a.organization_id FROM account a WHERE a.id = whose AND a.organization_id IS NOT NULL
	UNION SELECT t.organization_id FROM team_member m
		CROSS JOIN LATERAL (SELECT organization_id FROM team WHERE team.id = m.team_id LIMIT 1) t
		WHERE m.account_id = whose
	UNION SELECT granted_namespaces(whose)
	UNION SELECT r.owner_id FROM repository_grant g
		CROSS JOIN LATERAL (SELECT owner_id FROM repository
			WHERE repository.id = g.repository_id LIMIT 1) r
		WHERE g.account_id = whose
	UNION SELECT p.namespace_id FROM token t
		CROSS JOIN LATERAL (SELECT a.package_id FROM package_actions a
				WHERE a.repository_id = t.repository_id AND t.kind = 3
			UNION SELECT c.package_id FROM package_codespace c
				WHERE c.repository_id = t.repository_id AND t.kind = 4
			OFFSET 0) l
		CROSS JOIN LATERAL (SELECT namespace_id FROM package
			WHERE package.id = l.package_id LIMIT 1) p
		WHERE t.id = token
	UNION SELECT r.owner_id FROM token t
		CROSS JOIN LATERAL (SELECT owner_id FROM repository
			WHERE repository.id = t.repository_id LIMIT 1) r
		WHERE t.id = token AND t.kind = 4
$$;

-- At most `most` names after NAMESPACE/NAME `last`, '' for the start. The order is that of whole paths:
-- "a-b/x" comes before "a/x".
CREATE FUNCTION readable_catalog(whose bigint, token bigint, last text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	space record;
	names text[];
	place text := split_part(last, '/', 1) || '/';
BEGIN
	FOR space IN
		SELECT a.id, a.login || '/' AS path
		FROM (SELECT reading_namespaces(whose, token) AS id UNION SELECT open_namespaces()) n
		CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = n.id
			AND account.deleted_at IS NULL LIMIT 1) a
		WHERE last = '' OR (a.login || '/') COLLATE "C" >= place
		ORDER BY (a.login || '/') COLLATE "C"
	LOOP
		names := ARRAY(SELECT readable_names(whose, token, space.id, CASE
			WHEN last <> '' AND space.path = place THEN substr(last, length(place) + 1)
			ELSE '' END, most));
		RETURN QUERY SELECT space.path || unnest(names);
		most := most - cardinality(names);
		EXIT WHEN most <= 0;
	END LOOP;
END $$;
