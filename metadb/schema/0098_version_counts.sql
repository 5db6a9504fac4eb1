-- How many versions a package has, at the price of a few pages however many there are.
--
-- Up to 2,000 they are counted when somebody asks. Of a package with more the keeper keeps how many there were up to
-- some id, and only what is newer is counted. Pushes do not touch what is kept, so none waits for another: they make
-- new ids, and whatever deletes a version that was counted subtracts it in its own transaction.
--
-- What comes back, restored or pushed again, is counted when the keeper counts all anew: after a restore soon, else
-- within an hour.

CREATE TABLE version_count (
	package_id bigint PRIMARY KEY,
	upto bigint NOT NULL,		-- manifests with ids up to this one are counted
	versions bigint NOT NULL,	-- those of them that are neither deleted nor deferred
	counted_at timestamptz NOT NULL	-- all of them, the last time
);
CREATE INDEX version_count_age ON version_count (counted_at);

-- Up to which manifest keepers have looked for packages that grew.
CREATE TABLE version_count_place (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	id bigint NOT NULL
);
INSERT INTO version_count_place (id) VALUES (0);

-- Versions with ids above one, up to another, the first `most` of them. In two indexes alone: the one of what is not
-- deleted has what is deferred, too.
CREATE FUNCTION versions_between(in_package bigint, above bigint, upto bigint, most bigint)
RETURNS bigint LANGUAGE plpgsql STABLE
SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
DECLARE
	n bigint;
	last bigint;
BEGIN
	SELECT count(*), max(s.id) INTO n, last FROM (SELECT m.id FROM manifest m
		WHERE (m.package_id, m.id) > (in_package, above) AND m.package_id <= in_package
		AND m.deleted_at IS NULL ORDER BY m.package_id, m.id LIMIT most) s WHERE s.id <= upto;
	RETURN n - (SELECT count(*) FROM (SELECT m.id FROM manifest m
		WHERE (m.package_id, m.id) > (in_package, above) AND m.package_id <= in_package
		AND m.deferred_at IS NOT NULL ORDER BY m.package_id, m.id LIMIT n) s WHERE s.id <= last);
END $$;

-- Of packages with more than 2,000 that the keeper has not looked at yet: at least so many.
CREATE FUNCTION package_versions(in_package bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	known record;
BEGIN
	SELECT c.upto, c.versions INTO known FROM version_count c WHERE c.package_id = in_package;
	RETURN coalesce(known.versions, 0)
		+ versions_between(in_package, coalesce(known.upto, 0), 9223372036854775807, 2000);
END $$;

-- As in 0080, but for the count.
CREATE OR REPLACE FUNCTION package_summary(in_package bigint, OUT updated_at timestamptz,
				OUT versions bigint, OUT description text, OUT licenses text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	versions := package_versions(in_package);
	SELECT greatest(p.published_at, (SELECT m.created_at FROM list_versions(in_package, false, 1, 0) AS v(id)
		CROSS JOIN LATERAL (SELECT l.created_at FROM manifest l WHERE l.id = v.id LIMIT 1) m))
	INTO updated_at FROM package p WHERE p.id = in_package;
	SELECT l.description, l.licenses INTO description, licenses FROM package_labels(in_package) l;
END $$;

-- Are there so many, with those that are deferred?
CREATE FUNCTION versions_many(in_package bigint, above bigint, upto bigint, few bigint)
RETURNS boolean LANGUAGE plpgsql STABLE
SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN EXISTS (SELECT FROM manifest m
		WHERE (m.package_id, m.id) > (in_package, above) AND m.package_id <= in_package AND m.id <= upto
		AND m.deleted_at IS NULL ORDER BY m.package_id, m.id OFFSET few - 1 LIMIT 1);
END $$;

-- Counts a package up to an id, all of it or what is new, when that is much: what holds fewer than 500 needs no row. Not
-- while versions of it are deleted or restored: whoever does that holds the lock.
CREATE FUNCTION versions_count_package(in_package bigint, place bigint, anew boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	few CONSTANT bigint := 500;
	above bigint := 0;
	n bigint;
BEGIN
	IF NOT anew THEN
		above := coalesce((SELECT c.upto FROM version_count c WHERE c.package_id = in_package), 0);
		IF NOT versions_many(in_package, above, place, few) THEN
			RETURN;
		END IF;
	END IF;
	IF NOT pg_try_advisory_xact_lock(1885430636, hashint8(in_package)) THEN
		RETURN;
	END IF;
	above := CASE WHEN anew THEN 0
		ELSE coalesce((SELECT c.upto FROM version_count c WHERE c.package_id = in_package), 0) END;
	IF anew AND NOT versions_many(in_package, 0, place, few) THEN
		DELETE FROM version_count c WHERE c.package_id = in_package;
		RETURN;
	END IF;
	n := versions_between(in_package, above, place, NULL);
	INSERT INTO version_count AS c (package_id, upto, versions, counted_at) VALUES (in_package, place, n, now())
	ON CONFLICT (package_id) DO UPDATE SET upto = excluded.upto,
		versions = CASE WHEN anew THEN n ELSE c.versions + n END,
		counted_at = CASE WHEN anew THEN now() ELSE c.counted_at END;
END $$;

-- The keeper's batch: packages of the next `most` manifests, and one package anew. Are there more? Ids are given before
-- they can be seen, so what is younger than ten minutes, longer than any push, waits.
CREATE FUNCTION versions_count(most integer) RETURNS boolean
LANGUAGE plpgsql SET enable_sort = off SET enable_bitmapscan = off AS $$
DECLARE
	place bigint;
	m record;
	ids bigint[] := '{}';
BEGIN
	IF NOT adopted() THEN
		RETURN false;
	END IF;
	SELECT p.id INTO place FROM version_count_place p;
	IF NOT EXISTS (SELECT FROM (SELECT l.created_at FROM manifest l WHERE l.id > place ORDER BY l.id LIMIT 1) f
			WHERE f.created_at <= now() - interval '10 minutes')
	   AND NOT EXISTS (SELECT FROM version_count c WHERE c.counted_at < now() - interval '1 hour') THEN
		RETURN false;	-- mostly; then nothing is written
	END IF;
	SELECT p.id INTO place FROM version_count_place p FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;	-- another keeper does it
	END IF;
	FOR m IN SELECT l.id, l.package_id, l.created_at FROM manifest l WHERE l.id > place ORDER BY l.id LIMIT most
	LOOP
		EXIT WHEN m.created_at > now() - interval '10 minutes';
		place := m.id;
		ids := ids || m.package_id;
	END LOOP;
	IF cardinality(ids) > 0 THEN
		UPDATE version_count_place SET id = place;
		PERFORM versions_count_package(d.id, place, false) FROM (SELECT DISTINCT unnest(ids) AS id) d;
	END IF;
	PERFORM versions_count_package(c.package_id, c.upto, true) FROM (SELECT l.package_id, l.upto FROM version_count l
		WHERE l.counted_at < now() - interval '1 hour' ORDER BY l.counted_at LIMIT 1) c;
	RETURN cardinality(ids) = most;
END $$;

-- As in 0080; of what was counted, what goes is subtracted.
CREATE OR REPLACE FUNCTION versions_take(who actor, in_package bigint, goes bigint[], waits bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	m record;
	namespace bigint := (SELECT p.namespace_id FROM package p WHERE p.id = in_package);
BEGIN
	UPDATE version_count c SET versions = c.versions - (SELECT count(*) FROM manifest l
		WHERE l.id = ANY (goes || waits) AND l.id <= c.upto AND l.deleted_at IS NULL AND l.deferred_at IS NULL)
	WHERE c.package_id = in_package;
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

-- As in 0080; what was counted is counted again. What comes back with an index has its tags again, as if it had been
-- restored by itself. The tags of the version that is asked for come first, then those of newer versions: a name that several
-- had lost leads to one of them.
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
	WITH lost AS (	-- one version a name; which have none to give back that are live, for they keep what they lost once
		SELECT DISTINCT ON (t.name) t.name, l.id, l.pushed_by, l.created_at
		FROM manifest l CROSS JOIN LATERAL unnest(l.deleted_tags) AS t(name)
		WHERE l.id = ANY (ids) AND (l.deleted_at IS NOT NULL OR l.deferred_at IS NOT NULL)
		ORDER BY t.name, l.id <> which, l.id DESC),
	back AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at)
		SELECT in_package, b.name, b.id, coalesce(who.account_id, b.pushed_by), b.created_at
		FROM lost b ORDER BY b.name
		ON CONFLICT (package_id, name) DO NOTHING RETURNING name, manifest_id)
	SELECT coalesce(array_agg(b.name ORDER BY b.name) FILTER (WHERE b.manifest_id = which), '{}')
	INTO names FROM back b;
	UPDATE manifest l SET deleted_at = NULL, deferred_at = NULL, deleted_by = NULL, deleted_tags = NULL
	WHERE l.id = ANY (ids) AND (l.deleted_at IS NOT NULL OR l.deferred_at IS NOT NULL);
	UPDATE version_count c SET counted_at = '-infinity' WHERE c.package_id = in_package;
	PERFORM record(who, 'manifest.restore', (SELECT p.namespace_id FROM package p WHERE p.id = in_package),
		       in_package, jsonb_build_object('tags', names, 'digest',
		       CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(m.digest, 'hex')));
	RETURN 0;
END $$;
