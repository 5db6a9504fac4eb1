-- A version that a live index needs is deleted with the last of these.
--
--   deferred   deleted_at NULL, deferred_at set: gone for whoever lists and asks by id, its tags are gone; whoever
--              pulls an index finds it, for to everything else it is a live one
--   deleted    deleted_at set: when its last index goes, in that one's transaction
--
-- Deletions and restores of one package queue behind its advisory lock (first key 1885430636), so that they know what
-- they leave to each other; pushes do not. Whoever deletes locks versions FOR UPDATE, children before their indexes
-- as pushes do, and plans again in a NEW statement: an index that a push has finished meanwhile counts.

ALTER TABLE manifest ADD COLUMN deferred_at timestamptz;	-- with deleted_by and deleted_tags
CREATE INDEX manifest_deferred ON manifest (package_id, id) WHERE deferred_at IS NOT NULL;
CREATE INDEX manifest_gone_versions ON manifest (package_id, id)
	WHERE deleted_at IS NOT NULL OR deferred_at IS NOT NULL;
DROP INDEX manifest_deleted_versions;

CREATE FUNCTION deletions_lock(in_package bigint) RETURNS void LANGUAGE sql AS $$
	SELECT pg_advisory_xact_lock(1885430636, hashint8(in_package))
$$;

-- Live indexes that need one of these.
CREATE FUNCTION versions_needing(ids bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT i.id FROM unnest(ids) AS q(id)
	CROSS JOIN LATERAL (SELECT l.package_id, l.algorithm, l.digest FROM manifest l WHERE l.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT l.manifest_id FROM manifest_child l WHERE l.package_id = m.package_id
		AND l.algorithm = m.algorithm AND l.digest = m.digest OFFSET 0) c
	CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.id = c.manifest_id
		AND l.deleted_at IS NULL LIMIT 1) i;
END $$;

-- Live manifests that say something of one of these: by their subject, or by the tag that older clients give
-- them, unless somebody has tagged them otherwise as well.
CREATE FUNCTION versions_about(in_package bigint, ids bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY SELECT r.id FROM unnest(ids) AS q(id)
	CROSS JOIN LATERAL (SELECT l.algorithm, l.digest FROM manifest l WHERE l.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = in_package
		AND l.subject_algorithm = m.algorithm AND l.subject_digest = m.digest
		AND l.deleted_at IS NULL OFFSET 0) r
	UNION
	SELECT t.manifest_id FROM unnest(ids) AS q(id)
	CROSS JOIN LATERAL (SELECT CASE l.algorithm WHEN 1 THEN 'sha256-' ELSE 'sha512-' END
		|| encode(l.digest, 'hex') AS name FROM manifest l WHERE l.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT l.manifest_id, l.name FROM tag l WHERE l.package_id = in_package
		AND l.name >= m.name AND l.name < m.name || '/' OFFSET 0) t
	WHERE NOT tag_counts(t.name) AND NOT EXISTS (SELECT FROM tag o
		WHERE o.manifest_id = t.manifest_id AND tag_counts(o.name));
END $$;

-- Deferred ones that no live index needs when `gone` are gone.
CREATE FUNCTION versions_released(gone bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT k.id FROM unnest(gone) AS q(id)
	CROSS JOIN LATERAL (SELECT l.package_id, l.algorithm, l.digest FROM manifest_child l
		WHERE l.manifest_id = q.id OFFSET 0) c
	CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = c.package_id
		AND l.algorithm = c.algorithm AND l.digest = c.digest
		AND l.deleted_at IS NULL AND l.deferred_at IS NOT NULL LIMIT 1) k
	WHERE k.id <> ALL (gone) AND NOT EXISTS (
		SELECT FROM versions_needing(ARRAY[k.id]) AS n(id) WHERE n.id <> ALL (gone));
END $$;

-- Would the package have no tagged version any more, and has one now?
CREATE FUNCTION versions_last(in_package bigint, gone bigint[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM tag t WHERE t.manifest_id = ANY (gone) AND tag_counts(t.name))
		AND NOT EXISTS (SELECT FROM tag t WHERE t.package_id = in_package
			AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
			AND t.manifest_id <> ALL (gone));
END $$;

-- What comes of deleting a version, when `without` are deleted already. mode: 0 what is needed is deferred, 1 it is
-- refused, 2 what needs it goes as well, and what is said of all that goes.
--
-- status: 0 done, 1 no such version, 2 live indexes (`needs`) need it, 3 no tagged version would be left, and `anyway`
-- is not said, 4 more would go than `most`. goes: deleted; waits: deferred.
CREATE FUNCTION version_plan(in_package bigint, which bigint, mode smallint, anyway boolean, without bigint[],
			     OUT status smallint, OUT goes bigint[], OUT waits bigint[], OUT needs bigint[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
	most CONSTANT integer := 1000;
	more bigint[];
BEGIN
	goes := ARRAY[which];
	waits := '{}';
	needs := '{}';
	status := 1;
	PERFORM FROM manifest l WHERE l.id = which AND l.package_id = in_package AND l.deleted_at IS NULL
	AND (l.deferred_at IS NULL OR mode > 0) AND l.id <> ALL (without);
	IF NOT FOUND THEN
		goes := '{}';
		RETURN;
	END IF;
	status := 0;
	more := goes;
	WHILE mode = 2 AND cardinality(more) > 0 LOOP
		more := ARRAY(SELECT n.id FROM versions_needing(more) AS n(id)
			UNION SELECT r.id FROM versions_about(in_package, more) AS r(id)
			EXCEPT SELECT g.id FROM unnest(goes || without) AS g(id) LIMIT most + 1);
		goes := goes || more;
		IF cardinality(goes) > most THEN
			status := 4;
			goes := '{}';
			RETURN;
		END IF;
	END LOOP;
	IF mode < 2 THEN
		needs := ARRAY(SELECT n.id FROM versions_needing(goes) AS n(id)
			WHERE n.id <> ALL (without) ORDER BY n.id DESC LIMIT most);
	END IF;
	IF cardinality(needs) > 0 THEN
		IF mode = 0 THEN
			waits := goes;
		ELSE
			status := 2;
		END IF;
		goes := '{}';
	END IF;
	more := goes;
	WHILE cardinality(more) > 0 LOOP
		more := ARRAY(SELECT k.id FROM versions_released(goes || without) AS k(id));
		goes := goes || more;
	END LOOP;
	IF NOT anyway AND versions_last(in_package, goes || waits || without) THEN
		status := 3;
		goes := '{}';
		waits := '{}';
	END IF;
END $$;

-- Children before the indexes that need them, else in the order of their key.
CREATE FUNCTION versions_lock(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	now_locked bigint[];
BEGIN
	WHILE cardinality(ids) > 0 LOOP
		now_locked := ARRAY(SELECT m.id FROM manifest m WHERE m.id = ANY (ids)
			AND NOT EXISTS (SELECT FROM manifest_child c
				CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = c.package_id
					AND l.algorithm = c.algorithm AND l.digest = c.digest LIMIT 1) k
				WHERE c.manifest_id = m.id AND k.id = ANY (ids))
			ORDER BY m.package_id, m.algorithm, m.digest FOR UPDATE OF m);
		EXIT WHEN cardinality(now_locked) = 0;
		ids := ARRAY(SELECT unnest(ids) EXCEPT SELECT unnest(now_locked));
	END LOOP;
END $$;

-- Theirs are the tags that they lose; who deferred one keeps the deed.
CREATE FUNCTION versions_take(who actor, in_package bigint, goes bigint[], waits bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	m record;
	namespace bigint := (SELECT p.namespace_id FROM package p WHERE p.id = in_package);
BEGIN
	PERFORM FROM tag t WHERE t.manifest_id = ANY (goes || waits) ORDER BY t.package_id, t.name FOR UPDATE;
	FOR m IN WITH lost AS (DELETE FROM tag t WHERE t.manifest_id = ANY (goes || waits)
			RETURNING t.manifest_id, t.name)
		SELECT l.id, l.algorithm, l.digest, l.deferred_at, l.id = ANY (waits) AS waiting,
			ARRAY(SELECT t.name FROM lost t WHERE t.manifest_id = l.id ORDER BY t.name) AS names,
			l.deleted_tags, l.deleted_by
		FROM manifest l WHERE l.id = ANY (goes || waits) ORDER BY l.id
	LOOP
		IF m.deferred_at IS NOT NULL THEN
			m.names := coalesce(m.deleted_tags, '{}');
		ELSE
			m.deleted_by := who.account_id;
		END IF;
		UPDATE manifest l SET deleted_at = CASE WHEN NOT m.waiting THEN now() END,
			deferred_at = CASE WHEN m.waiting THEN now() END, deleted_by = m.deleted_by,
			deleted_tags = m.names
		WHERE l.id = m.id;
		PERFORM record(who, CASE WHEN m.waiting THEN 'manifest.defer' ELSE 'manifest.delete' END, namespace,
			       in_package, jsonb_build_object('tags', m.names, 'digest',
			       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END
			       || encode(m.digest, 'hex')));
	END LOOP;
END $$;

-- As planned, with what came meanwhile.
CREATE FUNCTION versions_delete(who actor, in_package bigint, which bigint, mode smallint, anyway boolean,
				OUT status smallint, OUT goes bigint[], OUT waits bigint[], OUT needs bigint[])
LANGUAGE plpgsql AS $$
DECLARE
	locked bigint[] := '{}';
BEGIN
	PERFORM deletion_check();
	PERFORM deletions_lock(in_package);
	FOR attempt IN 1 .. 4 LOOP
		SELECT p.* INTO status, goes, waits, needs
		FROM version_plan(in_package, which, mode, anyway, '{}') p;
		IF status <> 0 THEN
			RETURN;
		ELSIF goes || waits <@ locked THEN
			PERFORM versions_take(who, in_package, goes, waits);
			RETURN;
		END IF;
		locked := goes || waits;
		PERFORM versions_lock(locked);
	END LOOP;
	RAISE EXCEPTION 'version % is being pushed', which USING ERRCODE = '40001';
END $$;

-- The same for REST, told version by version. The first row has the status; effect: 1 deleted, 2 deferred, 3 needs it
-- and keeps it, 4 is about one that goes and stays. dry: nothing happens.
CREATE FUNCTION version_remove(who actor, in_package bigint, which bigint, mode smallint, anyway boolean,
			       dry boolean, without bigint[])
RETURNS TABLE (status smallint, effect smallint, id bigint, algorithm smallint, digest bytea, tags text)
LANGUAGE plpgsql ROWS 10 AS $$
#variable_conflict use_column
DECLARE
	p record;
	stays bigint[] := '{}';
BEGIN
	IF dry THEN
		SELECT * INTO p FROM version_plan(in_package, which, mode, anyway, without);
	ELSE
		SELECT * INTO p FROM versions_delete(who, in_package, which, mode, anyway);
	END IF;
	IF cardinality(p.goes) > 0 THEN
		stays := ARRAY(SELECT r.id FROM versions_about(in_package, p.goes) AS r(id)
			WHERE r.id <> ALL (p.goes || without) LIMIT 1000);
	END IF;
	RETURN QUERY SELECT p.status::smallint, 0::smallint, NULL::bigint, NULL::smallint, NULL::bytea, NULL::text;
	RETURN QUERY SELECT NULL::smallint, e.effect::smallint, m.id, m.algorithm, m.digest,
		CASE WHEN m.deleted_at IS NULL AND m.deferred_at IS NULL THEN (SELECT json_agg(t.name)
			FROM (SELECT t.name FROM tag t WHERE t.manifest_id = m.id ORDER BY t.name LIMIT 1000) t)
			ELSE to_json(m.deleted_tags[1:1000]) END::text
	FROM (SELECT 1 AS effect, unnest(p.goes) AS id UNION ALL SELECT 2, unnest(p.waits)
		UNION ALL SELECT 3, unnest(p.needs) UNION ALL SELECT 4, unnest(stays)) e
	CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = e.id LIMIT 1) m
	ORDER BY e.effect, m.id DESC;
END $$;

-- As in 0020, for the registry: what a live index needs is refused, and the last tagged version is not.
CREATE OR REPLACE FUNCTION manifest_delete(who actor, in_package bigint, alg smallint, dig bytea,
				OUT status smallint, OUT needed_by_algorithm smallint,
				OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
DECLARE
	needs bigint[];
BEGIN
	SELECT d.status, d.needs INTO status, needs FROM versions_delete(who, in_package,
		(SELECT m.id FROM manifest m WHERE m.package_id = in_package AND m.algorithm = alg
		AND m.digest = dig), 1::smallint, true) d;
	IF status = 2 THEN
		SELECT m.algorithm, m.digest INTO needed_by_algorithm, needed_by_digest
		FROM manifest m WHERE m.id = needs[cardinality(needs)];
	END IF;
END $$;

-- As in 0062, for programs that refuse what is needed.
CREATE OR REPLACE FUNCTION version_delete(who actor, in_package bigint, which bigint, anyway boolean,
			       OUT status smallint, OUT needed_by_algorithm smallint, OUT needed_by_digest bytea)
LANGUAGE plpgsql AS $$
DECLARE
	needs bigint[];
BEGIN
	SELECT d.status, d.needs INTO status, needs
	FROM versions_delete(who, in_package, which, 1::smallint, anyway) d;
	IF status = 2 THEN
		SELECT m.algorithm, m.digest INTO needed_by_algorithm, needed_by_digest
		FROM manifest m WHERE m.id = needs[cardinality(needs)];
	END IF;
END $$;

-- As in 0062, and what is deferred is there again, with its tags. What an index needs comes back with it as a
-- version like others, also what was deferred.
CREATE OR REPLACE FUNCTION version_restore(who actor, in_package bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
	m manifest;
	names text[];
BEGIN
	PERFORM deletion_check();
	PERFORM deletions_lock(in_package);
	ids := ARRAY(WITH RECURSIVE needed(id) AS (
			SELECT l.id FROM manifest l WHERE l.id = which AND l.package_id = in_package
			AND (l.deleted_at > to_timestamp(0) OR l.deferred_at IS NOT NULL)
		UNION
			SELECT k.id FROM needed n
			CROSS JOIN LATERAL (SELECT * FROM manifest_child
				WHERE manifest_child.manifest_id = n.id OFFSET 0) c
			CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = c.package_id
				AND l.algorithm = c.algorithm AND l.digest = c.digest LIMIT 1) k)
		SELECT n.id FROM needed n);
	IF cardinality(ids) = 0 THEN
		RETURN 1;
	END IF;
	PERFORM FROM package_blob l
	WHERE l.deleted_at IS NOT NULL AND (l.package_id, l.algorithm, l.digest) IN (
		SELECT r.package_id, r.algorithm, r.digest FROM manifest_blob r WHERE r.manifest_id = ANY (ids))
	ORDER BY l.package_id, l.algorithm, l.digest FOR NO KEY UPDATE;
	PERFORM versions_lock(ids);
	SELECT * INTO m FROM manifest l WHERE l.id = which
	AND (l.deleted_at > to_timestamp(0) OR l.deferred_at IS NOT NULL);
	IF NOT FOUND THEN	-- collected, or pushed again
		RETURN 1;
	END IF;
	UPDATE package_blob l SET deleted_at = NULL FROM manifest_blob r
	WHERE r.manifest_id = ANY (ids) AND l.package_id = r.package_id AND l.algorithm = r.algorithm
	AND l.digest = r.digest AND l.deleted_at IS NOT NULL;
	UPDATE manifest l SET deleted_at = NULL, deferred_at = NULL, deleted_by = NULL, deleted_tags = NULL
	WHERE l.id = ANY (ids) AND (l.deleted_at IS NOT NULL OR l.deferred_at IS NOT NULL);
	WITH back AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at)
		SELECT in_package, n, which, coalesce(who.account_id, m.pushed_by), m.created_at
		FROM unnest(m.deleted_tags) n ORDER BY n
		ON CONFLICT (package_id, name) DO NOTHING RETURNING name)
	SELECT coalesce(array_agg(b.name ORDER BY b.name), '{}') INTO names FROM back b;
	PERFORM record(who, 'manifest.restore', (SELECT p.namespace_id FROM package p WHERE p.id = in_package),
		       in_package, jsonb_build_object('tags', names, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex')));
	RETURN 0;
END $$;

-- As in 0061. A deferred one has the time and the tags of its deletion; what still needs it are its parents.
CREATE OR REPLACE FUNCTION find_versions(ids bigint[], few integer)
RETURNS TABLE (id bigint, algorithm smallint, digest bytea, kind smallint, media_type text, artifact_type text,
	       size integer, subject_algorithm smallint, subject_digest bytea, created_at bigint, updated_at bigint,
	       deleted_at bigint, description text, license text, tags text, parents text)
LANGUAGE plpgsql STABLE ROWS 30 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT m.id, m.algorithm, m.digest, m.kind, m.media_type, m.artifact_type, m.size, m.subject_algorithm,
		m.subject_digest, extract(epoch FROM m.created_at)::bigint,
		extract(epoch FROM greatest(m.created_at, g.gone_at, (SELECT max(t.updated_at) FROM tag t
			WHERE t.manifest_id = m.id)))::bigint,
		extract(epoch FROM g.gone_at)::bigint, m.labels ->> 'org.opencontainers.image.description',
		m.labels ->> 'org.opencontainers.image.licenses',
		CASE WHEN g.gone_at IS NULL THEN (SELECT json_agg(n.name) FROM (SELECT t.name FROM tag t
			WHERE t.manifest_id = m.id ORDER BY t.updated_at DESC, t.name LIMIT few) n)
			ELSE to_json(m.deleted_tags[1:few]) END::text,
		(SELECT json_agg(CASE n.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(n.digest, 'hex'))
			FROM (SELECT i.algorithm, i.digest FROM manifest_child c
			CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = c.manifest_id LIMIT 1) i
			WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm AND c.digest = m.digest
			AND i.deleted_at IS NULL LIMIT few) n)::text
	FROM unnest(ids) WITH ORDINALITY AS q(id, ord)
	CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = q.id LIMIT 1) m
	CROSS JOIN LATERAL (SELECT coalesce(m.deleted_at, m.deferred_at) AS gone_at) g
	ORDER BY q.ord;
END $$;

-- As in 0056, without those that are deferred.
CREATE OR REPLACE FUNCTION package_summary(in_package bigint, OUT updated_at timestamptz,
				OUT versions bigint, OUT description text, OUT licenses text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	versions := (SELECT count(*) FROM manifest m WHERE m.package_id = in_package AND m.deleted_at IS NULL)
		- (SELECT count(*) FROM manifest m WHERE m.package_id = in_package AND m.deferred_at IS NOT NULL);
	SELECT greatest(p.published_at, (SELECT m.created_at FROM manifest m
		WHERE m.package_id = in_package AND m.deleted_at IS NULL AND m.deferred_at IS NULL
		ORDER BY m.id DESC LIMIT 1))
	INTO updated_at FROM package p WHERE p.id = in_package;
	SELECT l.description, l.licenses INTO description, licenses FROM package_labels(in_package) l;
END $$;
