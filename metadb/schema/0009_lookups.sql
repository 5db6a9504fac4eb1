-- The hot reads, as functions: PostgreSQL keeps their plans, and planning costs more than running.
--
-- Each takes arrays, one element a lookup, and answers rows that carry the lookup's position (from 1)
-- as `ord`; what is not found has no row. Each table is reached through a LATERAL (… LIMIT 1) of its
-- own, which cannot be flattened into a join with a choice: one index probe each.
--
-- A plan is made once and kept, often while a table is still almost empty; then reading it from end
-- to end looks cheapest, and stays so while it grows. Every statement of ours has an index, so for
-- our role in this database such scans are off, and plans do not depend on the first values.
DO $$
DECLARE
	setting text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['enable_seqscan = off', 'jit = off',
		'plan_cache_mode = force_generic_plan', 'synchronous_commit = on'] LOOP
		EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET %s', current_database(),
			       setting);
	END LOOP;
END $$;

-- Who is this? By hash, or by the two ids of a bearer token. state is enum caller_state: 1 active,
-- 2 unknown, 3 expired, 4 revoked, 5 suspended; the ids are NULL unless active. `unused`: the row
-- does not know of a use within the hour.
CREATE FUNCTION find_caller(hashes bytea[], token_ids bigint[], account_ids bigint[])
RETURNS TABLE (ord bigint, state smallint, token_id bigint, account_id bigint, login text,
	       kind smallint, scopes integer, site_admin boolean, expires_at bigint, unused boolean)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, s.state, t.id * s.good, t.account_id * s.good, a.login, t.kind, t.scopes,
		a.site_admin, extract(epoch FROM t.expires_at)::bigint,
		coalesce(t.last_used_at < now() - interval '1 hour', true)
	FROM unnest(hashes, token_ids, account_ids)
		WITH ORDINALITY AS q(hash, token_id, account_id, ord)
	LEFT JOIN LATERAL (
		SELECT * FROM token WHERE token.hash = q.hash
		UNION ALL
		SELECT * FROM token WHERE token.id = q.token_id AND token.account_id = q.account_id
		LIMIT 1) t ON true
	LEFT JOIN LATERAL (SELECT * FROM account
		WHERE account.id = t.account_id AND account.deleted_at IS NULL LIMIT 1) a ON true
	CROSS JOIN LATERAL (
		SELECT w.state::smallint, CASE WHEN w.state = 1 THEN 1 END AS good
		FROM (SELECT CASE WHEN a.id IS NULL THEN 2
			WHEN t.revoked_at IS NOT NULL THEN 4
			WHEN a.suspended_at IS NOT NULL THEN 5
			WHEN t.expires_at <= now() THEN 3
			ELSE 1 END AS state) w) s;
END $$;

-- What may he do here? The rules of roles stand here and nowhere else:
--   a user is admin in his own namespace, an owner in his organization's;
--   before it is published, a package is open for pushing to whoever may create it;
--   a grant counts, on a private or internal package of an organization only for its members;
--   none counts while the package inherits from its repository.
-- Who may create: the user himself; members and owners of an organization.
-- The first columns are those of find_caller(); namespace and package are NULL when there are none.
CREATE FUNCTION find_authorization(hashes bytea[], token_ids bigint[], account_ids bigint[],
				   namespaces text[], names text[])
RETURNS TABLE (ord bigint, state smallint, token_id bigint, account_id bigint, login text,
	       kind smallint, scopes integer, site_admin boolean, expires_at bigint, unused boolean,
	       namespace_id bigint, package_id bigint, published boolean, visibility smallint,
	       role smallint, may_create boolean)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT v.*, n.id, p.id, p.published_at IS NOT NULL, p.visibility,
		coalesce(CASE WHEN n.id = v.account_id OR m.role = 2 THEN 3
			WHEN p.id IS NULL THEN 0
			WHEN p.published_at IS NULL THEN CASE WHEN r.may_create THEN 2 END
			WHEN p.inherits THEN 0
			WHEN n.kind = 2 AND p.visibility <> 2 AND m.role IS NULL THEN 0
			ELSE g.role END, 0)::smallint,
		r.may_create
	FROM find_caller(hashes, token_ids, account_ids) v
	JOIN unnest(namespaces, names) WITH ORDINALITY AS q(namespace, name, ord) ON q.ord = v.ord
	LEFT JOIN LATERAL (SELECT * FROM account
		WHERE account.login = q.namespace AND account.deleted_at IS NULL LIMIT 1) n ON true
	LEFT JOIN LATERAL (SELECT * FROM package WHERE package.namespace_id = n.id
		AND package.name = q.name AND package.deleted_at IS NULL LIMIT 1) p ON true
	LEFT JOIN LATERAL (SELECT membership.role FROM membership
		WHERE membership.organization_id = n.id
		AND membership.account_id = v.account_id LIMIT 1) m ON true
	LEFT JOIN LATERAL (SELECT package_grant.role FROM package_grant
		WHERE package_grant.package_id = p.id
		AND package_grant.account_id = v.account_id LIMIT 1) g ON true
	CROSS JOIN LATERAL (SELECT
		coalesce(n.id = v.account_id OR m.role IS NOT NULL, false) AS may_create) r;
END $$;

-- Which manifest? By tag, or by digest when the tag is NULL.
CREATE FUNCTION find_manifest(packages bigint[], tags text[], algs smallint[], digs bytea[])
RETURNS TABLE (ord bigint, id bigint, algorithm smallint, digest bytea, kind smallint,
	       media_type text, size integer)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, m.id, m.algorithm, m.digest, m.kind, m.media_type, m.size
	FROM unnest(packages, tags, algs, digs)
		WITH ORDINALITY AS q(package_id, tag, algorithm, digest, ord)
	CROSS JOIN LATERAL (
		SELECT manifest.* FROM (SELECT tag.manifest_id FROM tag
			WHERE tag.package_id = q.package_id AND tag.name = q.tag LIMIT 1) t
		CROSS JOIN LATERAL (SELECT * FROM manifest
			WHERE manifest.id = t.manifest_id LIMIT 1) manifest
		UNION ALL
		SELECT manifest.* FROM manifest WHERE manifest.package_id = q.package_id
		AND manifest.algorithm = q.algorithm AND manifest.digest = q.digest
		LIMIT 1) m
	WHERE m.deleted_at IS NULL;
END $$;

CREATE FUNCTION find_manifest_bytes(ids bigint[])
RETURNS TABLE (ord bigint, bytes bytea)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, m.bytes FROM unnest(ids) WITH ORDINALITY AS q(id, ord)
	CROSS JOIN LATERAL (SELECT manifest.bytes FROM manifest
		WHERE manifest.id = q.id AND manifest.deleted_at IS NULL LIMIT 1) m;
END $$;

-- The chunks of a gen in order, 36 bytes each: length (4, big-endian) and SHA-256. NULL: none
CREATE FUNCTION chunk_list(of_gen bigint) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT string_agg(int4send(len) || digest, ''::bytea ORDER BY idx)
		FROM chunk WHERE gen = of_gen);
END $$;

-- Where is the blob? Blobs up to 64 MiB bring their chunks along when asked for: sixteen, as a rule.
CREATE FUNCTION find_blob(packages bigint[], algs smallint[], digs bytea[], with_chunks boolean[])
RETURNS TABLE (ord bigint, gen bigint, size bigint, lost boolean, chunks bytea)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, b.gen, b.size, b.lost_at IS NOT NULL,
		CASE WHEN q.wanted AND b.size <= 67108864 THEN chunk_list(b.gen) END
	FROM unnest(packages, algs, digs, with_chunks)
		WITH ORDINALITY AS q(package_id, algorithm, digest, wanted, ord)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = q.package_id
		AND l.algorithm = q.algorithm AND l.digest = q.digest LIMIT 1) l
	CROSS JOIN LATERAL (SELECT * FROM blob
		WHERE blob.algorithm = q.algorithm AND blob.digest = q.digest LIMIT 1) b;
END $$;

CREATE FUNCTION find_chunks(gens bigint[])
RETURNS TABLE (ord bigint, chunks bytea)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT q.ord, chunk_list(q.gen)
	FROM unnest(gens) WITH ORDINALITY AS q(gen, ord);
END $$;
