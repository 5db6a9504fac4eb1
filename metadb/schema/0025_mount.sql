-- Mounting: a blob that is in one package gets a link in another, without its bytes being sent again.
-- The caller was allowed to read the source and to push to the target.

-- The target's id, made when it has none yet; NULL: the source has no such blob, or no good copy of it
-- exists. The blob's row is held against being collected until the new link stands.
CREATE FUNCTION blob_mount(who actor, in_namespace bigint, its_name text, known bigint,
			   was_published boolean, from_package bigint, alg smallint, dig bytea,
			   protection interval)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	PERFORM FROM blob WHERE algorithm = alg AND digest = dig AND lost_at IS NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	PERFORM FROM package_blob WHERE package_id = from_package AND algorithm = alg
	AND digest = dig AND deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	p := package_target(who, in_namespace, its_name, known, was_published);
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	PERFORM link_protect(p.id, alg, dig, protection);
	RETURN p.id;
END $$;

-- Packages that have the blob, at most `most`, those of the namespace first: a blob that everybody has
-- (an empty config) is not looked for everywhere.
CREATE FUNCTION find_blob_sources(alg smallint, dig bytea, in_namespace bigint, most integer)
RETURNS TABLE (namespace text, name text)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT n.login, p.name
	FROM (SELECT l.package_id FROM package_blob l WHERE l.algorithm = alg AND l.digest = dig
		AND l.deleted_at IS NULL LIMIT 1000) l
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = l.package_id
		AND package.deleted_at IS NULL LIMIT 1) p
	CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = p.namespace_id LIMIT 1) n
	ORDER BY p.namespace_id <> in_namespace, p.id LIMIT most;
END $$;
