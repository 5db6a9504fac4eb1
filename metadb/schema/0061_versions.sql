-- Versions of a package and packages of a namespace, newest first, page by page.
--
-- Each list is walked along an index in the order of ids, from its newest end: a page costs what stands before it,
-- and no page is long.

CREATE INDEX manifest_deleted_versions ON manifest (package_id, id) WHERE deleted_at IS NOT NULL;

-- gone: those that were deleted and can still be restored
CREATE FUNCTION list_versions(in_package bigint, gone boolean, most bigint, skip bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 30 SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	IF gone THEN
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id = in_package
		AND m.deleted_at IS NOT NULL ORDER BY m.id DESC LIMIT most OFFSET skip;
	ELSE
		RETURN QUERY SELECT m.id FROM manifest m WHERE m.package_id = in_package
		AND m.deleted_at IS NULL ORDER BY m.id DESC LIMIT most OFFSET skip;
	END IF;
END $$;

-- In the order of ids[]. tags: the newest first, of a deleted version those that it had; parents: indexes that
-- need it; both JSON arrays of at most `few`.
CREATE FUNCTION find_versions(ids bigint[], few integer)
RETURNS TABLE (id bigint, algorithm smallint, digest bytea, kind smallint, media_type text, artifact_type text,
	       size integer, subject_algorithm smallint, subject_digest bytea, created_at bigint, updated_at bigint,
	       deleted_at bigint, description text, license text, tags text, parents text)
LANGUAGE plpgsql STABLE ROWS 30 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT m.id, m.algorithm, m.digest, m.kind, m.media_type, m.artifact_type, m.size, m.subject_algorithm,
		m.subject_digest, extract(epoch FROM m.created_at)::bigint,
		extract(epoch FROM greatest(m.created_at, m.deleted_at, (SELECT max(t.updated_at) FROM tag t
			WHERE t.manifest_id = m.id)))::bigint,
		extract(epoch FROM m.deleted_at)::bigint, m.labels ->> 'org.opencontainers.image.description',
		m.labels ->> 'org.opencontainers.image.licenses',
		CASE WHEN m.deleted_at IS NULL THEN (SELECT json_agg(n.name) FROM (SELECT t.name FROM tag t
			WHERE t.manifest_id = m.id ORDER BY t.updated_at DESC, t.name LIMIT few) n)
			ELSE to_json(m.deleted_tags[1:few]) END::text,
		(SELECT json_agg(CASE n.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(n.digest, 'hex'))
			FROM (SELECT i.algorithm, i.digest FROM manifest_child c
			CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = c.manifest_id LIMIT 1) i
			WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm AND c.digest = m.digest
			AND i.deleted_at IS NULL LIMIT few) n)::text
	FROM unnest(ids) WITH ORDINALITY AS q(id, ord)
	CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = q.id LIMIT 1) m
	ORDER BY q.ord;
END $$;

-- What is open is found by its visibility alone; what else somebody reads is private.
CREATE INDEX package_newest ON package (namespace_id, visibility, id)
	WHERE deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_inherits_newest ON package (namespace_id, id) WHERE inherits AND repository_id IS NOT NULL
	AND visibility = 0 AND deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_repository_newest ON package (repository_id, id) WHERE inherits
	AND visibility = 0 AND deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_grant_newest ON package_grant (account_id, namespace_id, package_id);
CREATE INDEX package_team_newest ON package_team (team_id, namespace_id, package_id);

CREATE FUNCTION newest_packages(in_namespace bigint, of_visibility integer, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.namespace_id = in_namespace
	AND p.visibility = of_visibility::smallint AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.id DESC LIMIT most;
END $$;

-- Private ones: what was given to somebody, to one team, what inherits from one repository, and at all.
CREATE FUNCTION newest_given(person bigint, in_namespace bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_grant g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.account_id = person AND g.namespace_id = in_namespace AND p.visibility = 0
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.package_id DESC LIMIT most;
END $$;

CREATE FUNCTION newest_of_team(team bigint, in_namespace bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_team g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.team_id = team AND g.namespace_id = in_namespace AND p.visibility = 0
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.package_id DESC LIMIT most;
END $$;

CREATE FUNCTION newest_of_repository(repository bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.repository_id = repository AND p.inherits
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.id DESC LIMIT most;
END $$;

CREATE FUNCTION newest_inheriting(in_namespace bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.namespace_id = in_namespace AND p.inherits
	AND p.repository_id IS NOT NULL AND p.visibility = 0 AND p.deleted_at IS NULL
	AND p.published_at IS NOT NULL ORDER BY p.id DESC LIMIT most;
END $$;

-- The rules of person_names() of 0042, of what is private.
CREATE FUNCTION newest_private(person bigint, in_namespace bigint, most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
	n record;
	member smallint;
	employer bigint;
BEGIN
	SELECT a.kind, a.base_role INTO n FROM account a WHERE a.id = in_namespace;
	SELECT a.organization_id INTO employer FROM account a WHERE a.id = person;
	SELECT m.role INTO member FROM membership m
	WHERE m.organization_id = in_namespace AND m.account_id = person;
	IF in_namespace = person OR member = 2 THEN
		RETURN QUERY SELECT newest_packages(in_namespace, 0, most);
		RETURN;
	END IF;
	IF employer = in_namespace THEN
		member := 1;
	END IF;
	IF n.kind <> 2 OR member IS NOT NULL THEN
		RETURN QUERY SELECT newest_given(person, in_namespace, most);
	END IF;
	IF member IS NOT NULL AND employer IS NULL AND n.base_role > 0 THEN
		RETURN QUERY SELECT newest_inheriting(in_namespace, most);
	ELSE
		RETURN QUERY SELECT s.id FROM repositories_of(person, in_namespace) r
			CROSS JOIN LATERAL newest_of_repository(r, most) AS s(id);
	END IF;
	IF member IS NOT NULL THEN
		RETURN QUERY SELECT s.id FROM teams_of(person, in_namespace) t
			CROSS JOIN LATERAL newest_of_team(t, in_namespace, most) AS s(id);
	END IF;
END $$;

-- One namespace's packages that a person, by a token (NULL: without), may read. visibilities: bit 1 << visibility.
-- Tokens that act for a repository see what is public.
CREATE FUNCTION readable_packages(whose bigint, token bigint, in_namespace bigint, visibilities integer,
				  most bigint, skip bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 30 AS $$
DECLARE
	view smallint := token_view(token, in_namespace);
	reach bigint := most + skip;
BEGIN
	RETURN QUERY SELECT DISTINCT u.id FROM (
		SELECT s.id FROM newest_packages(in_namespace, 2, reach) AS s(id) WHERE visibilities & 4 <> 0
		UNION ALL SELECT s.id FROM newest_packages(in_namespace, 1, reach) AS s(id)
			WHERE visibilities & 2 <> 0 AND view = 1
		UNION ALL SELECT s.id FROM newest_private(whose, in_namespace, reach) AS s(id)
			WHERE visibilities & 1 <> 0 AND view = 1
		UNION ALL SELECT p.id FROM limited_names(token, whose,
				(SELECT a.organization_id FROM account a WHERE a.id = whose),
				in_namespace, '', 1000000) AS l(name)
			CROSS JOIN LATERAL (SELECT * FROM package WHERE package.namespace_id = in_namespace
				AND package.name = l.name AND package.deleted_at IS NULL LIMIT 1) p
			WHERE view = 2 AND (visibilities >> p.visibility) & 1 = 1) u
	ORDER BY 1 DESC LIMIT most OFFSET skip;
END $$;
