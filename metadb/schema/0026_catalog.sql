-- The catalog: names of the packages that somebody may read, in byte order, at the cost of a page.
--
-- It walks the namespaces in which he may read anything, in the order of their paths, and in each the
-- packages in the order of their names: all of them where he is at home or an owner, elsewhere those
-- that were granted to him and those that are open. For that a grant carries its package's name, which
-- never changes.
ALTER TABLE package_grant
	ADD COLUMN namespace_id bigint,
	ADD COLUMN name text COLLATE "C";
UPDATE package_grant g SET namespace_id = p.namespace_id, name = p.name
FROM package p WHERE p.id = g.package_id;

CREATE FUNCTION package_grant_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SELECT p.namespace_id, p.name INTO NEW.namespace_id, NEW.name
	FROM package p WHERE p.id = NEW.package_id;
	RETURN NEW;
END $$;
CREATE TRIGGER package_grant_name BEFORE INSERT ON package_grant
FOR EACH ROW EXECUTE FUNCTION package_grant_name();

CREATE INDEX package_grant_walk ON package_grant (account_id, namespace_id, name);
CREATE INDEX package_open ON package (namespace_id, name)
	WHERE visibility > 0 AND deleted_at IS NULL AND published_at IS NOT NULL;

-- Namespaces that have open packages, or grants of an account, each found by one probe.
CREATE FUNCTION open_namespaces() RETURNS SETOF bigint LANGUAGE sql STABLE
SET enable_sort = off AS $$
	WITH RECURSIVE step(id) AS (
		(SELECT namespace_id FROM package WHERE visibility > 0 AND deleted_at IS NULL
			AND published_at IS NOT NULL ORDER BY namespace_id LIMIT 1)
		UNION ALL
		SELECT (SELECT p.namespace_id FROM package p WHERE p.visibility > 0
			AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
			AND p.namespace_id > step.id ORDER BY p.namespace_id LIMIT 1)
		FROM step WHERE step.id IS NOT NULL)
	SELECT id FROM step WHERE id IS NOT NULL
$$;

CREATE FUNCTION granted_namespaces(whose bigint) RETURNS SETOF bigint LANGUAGE sql STABLE
SET enable_sort = off AS $$
	WITH RECURSIVE step(id) AS (
		(SELECT namespace_id FROM package_grant WHERE account_id = whose
			ORDER BY namespace_id LIMIT 1)
		UNION ALL
		SELECT (SELECT g.namespace_id FROM package_grant g WHERE g.account_id = whose
			AND g.namespace_id > step.id ORDER BY g.namespace_id LIMIT 1)
		FROM step WHERE step.id IS NOT NULL)
	SELECT id FROM step WHERE id IS NOT NULL
$$;

-- Of one namespace, what a reader sees who is neither its user nor an owner: the rules of
-- find_authorization(). `insider`: it is a user's namespace, or he is a member of the organization.
CREATE FUNCTION list_readable(whose bigint, in_namespace bigint, insider boolean, after text,
			      most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY
	SELECT g.name FROM package_grant g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE g.account_id = whose AND g.namespace_id = in_namespace AND g.name > after
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	AND (insider OR p.visibility = 2)
	ORDER BY g.name LIMIT most;
	RETURN QUERY
	SELECT p.name FROM package p WHERE p.namespace_id = in_namespace AND p.name > after
	AND p.visibility > 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	AND (p.visibility = 2 OR whose <> 0)
	ORDER BY p.name LIMIT most;
END $$;

CREATE FUNCTION list_all(in_namespace bigint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	RETURN QUERY SELECT p.name FROM package p WHERE p.namespace_id = in_namespace
	AND p.name > after AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.name LIMIT most;
END $$;

-- At most `most` names after NAMESPACE/NAME `last`, '' for the start. whose: 0 sees what is public. The
-- order is that of whole paths: "a-b/x" comes before "a/x".
CREATE FUNCTION list_catalog(whose bigint, last text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	space record;
	names text[];
	after text;
	place text := split_part(last, '/', 1) || '/';
BEGIN
	FOR space IN
		SELECT a.id, a.login || '/' AS path,
			a.id = whose OR coalesce(m.role = 2, false) AS mine,
			a.kind <> 2 OR m.role IS NOT NULL AS insider
		FROM (SELECT whose AS id
			UNION SELECT o.organization_id FROM membership o
				WHERE o.account_id = whose AND o.role = 2
			UNION SELECT granted_namespaces(whose)
			UNION SELECT open_namespaces()) n
		CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = n.id
			AND account.deleted_at IS NULL LIMIT 1) a
		LEFT JOIN LATERAL (SELECT membership.role FROM membership
			WHERE membership.organization_id = a.id
			AND membership.account_id = whose LIMIT 1) m ON true
		WHERE last = '' OR (a.login || '/') COLLATE "C" >= place
		ORDER BY (a.login || '/') COLLATE "C"
	LOOP
		after := CASE WHEN last <> '' AND space.path = place
			THEN substr(last, length(place) + 1) ELSE '' END;
		IF space.mine THEN
			names := ARRAY(SELECT list_all(space.id, after, most));
		ELSE
			names := ARRAY(SELECT DISTINCT r.name COLLATE "C" FROM list_readable(whose,
				space.id, space.insider, after, most) AS r(name) ORDER BY 1 LIMIT most);
		END IF;
		RETURN QUERY SELECT space.path || unnest(names);
		most := most - cardinality(names);
		EXIT WHEN most <= 0;
	END LOOP;
END $$;
