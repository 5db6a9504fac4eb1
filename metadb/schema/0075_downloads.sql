-- How often versions are pulled, and tags asked for.
--
--   pull ──▶ a worker's memory ──every second──▶ download ──keeper──▶ download_version, download_package: totals
--                                                                     download_…_day: by the day
--
-- Workers only append, each what it has counted since the last time, so no pull waits for another, nor for the
-- keeper. The keeper takes what was appended away in the transaction that adds it up. Rows of `download` have no keys
-- to what they are about: a version that is gone meanwhile is left out.

-- downloads: a manifest was sent. checks: somebody asked by the tag and got none (HEAD, or 304).
CREATE TABLE download (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	package_id bigint NOT NULL,
	manifest_id bigint NOT NULL,
	tag text COLLATE "C",			-- by which it was asked for; NULL: by its digest
	day date NOT NULL,			-- of UTC
	downloads bigint NOT NULL,
	checks bigint NOT NULL,
	last_at timestamptz			-- of the newest download; NULL: there were only checks
);

-- What each worker has appended last: a batch whose answer was lost is sent again, and counts once.
CREATE TABLE download_source (
	id bigint PRIMARY KEY,			-- chosen at random when the worker started
	number bigint NOT NULL,			-- of its batch
	at timestamptz NOT NULL
);
CREATE INDEX download_source_at ON download_source (at);

-- Batch `number` of a worker; false: it is here already. Clocks that are ahead do not make tomorrow's rows.
CREATE FUNCTION downloads_append(source bigint, which bigint, packages bigint[], manifests bigint[], tags text[],
				 days integer[], got bigint[], checked bigint[], last bigint[])
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO download_source AS s (id, number, at) VALUES (source, which, now())
	ON CONFLICT (id) DO UPDATE SET number = excluded.number, at = excluded.at WHERE s.number < excluded.number;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO download (package_id, manifest_id, tag, day, downloads, checks, last_at)
	SELECT r.package_id, r.manifest_id, r.tag, least(date '1970-01-01' + r.day, (now() AT TIME ZONE 'UTC')::date),
		r.downloads, r.checks, CASE WHEN r.downloads > 0 THEN least(to_timestamp(r.last), now()) END
	FROM unnest(packages, manifests, tags, days, got, checked, last)
		AS r(package_id, manifest_id, tag, day, downloads, checks, last);
	RETURN true;
END $$;

-- Totals. That of a package keeps what was pulled of versions that are gone.
CREATE TABLE download_version (
	manifest_id bigint PRIMARY KEY,		-- goes with its manifest
	package_id bigint NOT NULL,
	downloads bigint NOT NULL,
	last_at timestamptz NOT NULL,
	popular boolean NOT NULL		-- more than 5,000; changes once, so that counting writes no index
);
CREATE INDEX download_popular ON download_version (package_id) WHERE popular;
CREATE TABLE download_package (
	package_id bigint PRIMARY KEY,
	downloads bigint NOT NULL,
	last_at timestamptz NOT NULL
);

CREATE TABLE download_version_day (
	manifest_id bigint NOT NULL,
	day date NOT NULL,
	downloads bigint NOT NULL,
	PRIMARY KEY (manifest_id, day)
);
CREATE INDEX download_version_day_old ON download_version_day (day);
CREATE TABLE download_package_day (
	package_id bigint NOT NULL,
	day date NOT NULL,
	downloads bigint NOT NULL,
	PRIMARY KEY (package_id, day)
);
CREATE INDEX download_package_day_old ON download_package_day (day);
-- Of the name, whatever it pointed at.
CREATE TABLE download_tag_day (
	package_id bigint NOT NULL,
	tag text COLLATE "C" NOT NULL,
	day date NOT NULL,
	downloads bigint NOT NULL,
	checks bigint NOT NULL,
	PRIMARY KEY (package_id, tag, day)
);
CREATE INDEX download_tag_day_old ON download_tag_day (day);

-- Whoever deletes a manifest waits for a fold that adds to it, and a fold passes over one that is being deleted.
CREATE FUNCTION downloads_forget() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[] := ARRAY(SELECT g.id FROM gone g);
BEGIN
	DELETE FROM download_version WHERE manifest_id = ANY (ids);
	DELETE FROM download_version_day WHERE manifest_id = ANY (ids);
	RETURN NULL;
END $$;
CREATE TRIGGER manifest_downloads AFTER DELETE ON manifest REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION downloads_forget();

-- The versions of what was appended: those that are there stay until the end of the transaction; `busy` ones are
-- being deleted at this moment, by a user or by the keeper.
CREATE FUNCTION downloads_hold(manifests bigint[], OUT held bigint[], OUT busy bigint[]) LANGUAGE plpgsql AS $$
BEGIN
	held := ARRAY(SELECT m.id FROM unnest(manifests) q(id) CROSS JOIN LATERAL (SELECT l.id FROM manifest l
		WHERE l.id = q.id LIMIT 1 FOR KEY SHARE SKIP LOCKED) m);
	busy := ARRAY(SELECT m.id FROM unnest(manifests) q(id) CROSS JOIN LATERAL (SELECT l.id FROM manifest l
		WHERE l.id = q.id LIMIT 1) m WHERE q.id <> ALL (held));
END $$;

-- Adds up at most `most` of the appended rows; how many. Several keepers may do so at once: each takes rows that no
-- other has, and sums are changed table by table in the order of their keys.
CREATE FUNCTION downloads_fold(most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
	versions record;
	rows download[];
BEGIN
	ids := ARRAY(SELECT d.id FROM download d ORDER BY d.id LIMIT most FOR UPDATE SKIP LOCKED);
	IF cardinality(ids) = 0 THEN
		RETURN 0;
	END IF;
	SELECT h.* INTO versions FROM downloads_hold(ARRAY(SELECT DISTINCT d.manifest_id FROM download d
		WHERE d.id = ANY (ids) ORDER BY d.manifest_id)) h;
	WITH taken AS (
		DELETE FROM download d WHERE d.id = ANY (ids) AND d.manifest_id <> ALL (versions.busy) RETURNING d)
	SELECT array_agg(t.d) INTO rows FROM taken t;

	INSERT INTO download_version AS v (manifest_id, package_id, downloads, last_at, popular)
	SELECT r.manifest_id, r.package_id, sum(r.downloads), max(r.last_at), sum(r.downloads) > 5000
	FROM unnest(rows) r WHERE r.downloads > 0 AND r.manifest_id = ANY (versions.held)
	GROUP BY r.manifest_id, r.package_id ORDER BY r.manifest_id
	ON CONFLICT (manifest_id) DO UPDATE SET downloads = v.downloads + excluded.downloads,
		last_at = greatest(v.last_at, excluded.last_at), popular = v.downloads + excluded.downloads > 5000;
	INSERT INTO download_version_day AS v (manifest_id, day, downloads)
	SELECT r.manifest_id, r.day, sum(r.downloads)
	FROM unnest(rows) r WHERE r.downloads > 0 AND r.manifest_id = ANY (versions.held)
	GROUP BY r.manifest_id, r.day ORDER BY r.manifest_id, r.day
	ON CONFLICT (manifest_id, day) DO UPDATE SET downloads = v.downloads + excluded.downloads;
	INSERT INTO download_package AS v (package_id, downloads, last_at)
	SELECT r.package_id, sum(r.downloads), max(r.last_at)
	FROM unnest(rows) r WHERE r.downloads > 0 GROUP BY r.package_id ORDER BY r.package_id
	ON CONFLICT (package_id) DO UPDATE SET downloads = v.downloads + excluded.downloads,
		last_at = greatest(v.last_at, excluded.last_at);
	INSERT INTO download_package_day AS v (package_id, day, downloads)
	SELECT r.package_id, r.day, sum(r.downloads)
	FROM unnest(rows) r WHERE r.downloads > 0 GROUP BY r.package_id, r.day ORDER BY r.package_id, r.day
	ON CONFLICT (package_id, day) DO UPDATE SET downloads = v.downloads + excluded.downloads;
	INSERT INTO download_tag_day AS v (package_id, tag, day, downloads, checks)
	SELECT r.package_id, r.tag, r.day, sum(r.downloads), sum(r.checks)
	FROM unnest(rows) r WHERE r.tag IS NOT NULL
	GROUP BY r.package_id, r.tag, r.day ORDER BY r.package_id, r.tag, r.day
	ON CONFLICT (package_id, tag, day) DO UPDATE SET downloads = v.downloads + excluded.downloads,
		checks = v.checks + excluded.checks;
	RETURN coalesce(cardinality(rows), 0);
END $$;

-- At most `most` rows of each kind: days before the last `kept`, and workers that have long ended. How many went of
-- the kind of which most did.
CREATE FUNCTION downloads_expire(kept integer, most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	beginning date := (now() AT TIME ZONE 'UTC')::date - kept + 1;
	old tid[];
	highest bigint := 0;
BEGIN
	old := ARRAY(SELECT d.ctid FROM download_version_day d WHERE d.day < beginning
		ORDER BY d.day LIMIT most FOR UPDATE SKIP LOCKED);
	DELETE FROM download_version_day WHERE ctid = ANY (old);
	highest := greatest(highest, cardinality(old));
	old := ARRAY(SELECT d.ctid FROM download_package_day d WHERE d.day < beginning
		ORDER BY d.day LIMIT most FOR UPDATE SKIP LOCKED);
	DELETE FROM download_package_day WHERE ctid = ANY (old);
	highest := greatest(highest, cardinality(old));
	old := ARRAY(SELECT d.ctid FROM download_tag_day d WHERE d.day < beginning
		ORDER BY d.day LIMIT most FOR UPDATE SKIP LOCKED);
	DELETE FROM download_tag_day WHERE ctid = ANY (old);
	highest := greatest(highest, cardinality(old));
	old := ARRAY(SELECT s.ctid FROM download_source s WHERE s.at < now() - interval '7 days'
		ORDER BY s.at LIMIT most FOR UPDATE SKIP LOCKED);
	DELETE FROM download_source WHERE ctid = ANY (old);
	RETURN greatest(highest, cardinality(old));
END $$;

-- {downloads, Unix seconds of the newest, 0: there was none}. In lists of columns: a probe a row.
CREATE FUNCTION version_downloads(which bigint) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	d record;
BEGIN
	SELECT v.downloads, v.last_at INTO d FROM download_version v WHERE v.manifest_id = which;
	RETURN ARRAY[coalesce(d.downloads, 0), coalesce(extract(epoch FROM d.last_at)::bigint, 0)];
END $$;

CREATE FUNCTION package_downloads(which bigint) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	d record;
BEGIN
	SELECT v.downloads, v.last_at INTO d FROM download_package v WHERE v.package_id = which;
	RETURN ARRAY[coalesce(d.downloads, 0), coalesce(extract(epoch FROM d.last_at)::bigint, 0)];
END $$;

-- The last `most` days, today among them, oldest first, with what there was. Of a version, or (NULL) of a tag, or
-- (NULL, too) of the package.
CREATE FUNCTION downloads_by_day(in_package bigint, version bigint, its_tag text, most integer)
RETURNS TABLE (day text, downloads bigint, checks bigint) LANGUAGE plpgsql STABLE ROWS 30 AS $$
#variable_conflict use_column
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
	RETURN QUERY SELECT to_char(c.day, 'YYYY-MM-DD'), coalesce(d.downloads, 0), coalesce(d.checks, 0)
	FROM (SELECT today - n AS day FROM generate_series(most - 1, 0, -1) n) c
	LEFT JOIN LATERAL (
		SELECT v.downloads, 0::bigint AS checks FROM download_version_day v
			WHERE v.manifest_id = version AND v.day = c.day
		UNION ALL SELECT v.downloads, v.checks FROM download_tag_day v
			WHERE version IS NULL AND v.package_id = in_package AND v.tag = its_tag AND v.day = c.day
		UNION ALL SELECT v.downloads, 0 FROM download_package_day v
			WHERE version IS NULL AND its_tag IS NULL AND v.package_id = in_package AND v.day = c.day
		LIMIT 1) d ON true
	ORDER BY c.day;
END $$;

-- GitHub's rule: of what is public nothing goes that many have pulled, unless its owner insists.
CREATE FUNCTION version_popular(which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM download_version v CROSS JOIN LATERAL (SELECT * FROM package
			WHERE package.id = v.package_id LIMIT 1) p
		WHERE v.manifest_id = which AND v.popular AND p.visibility = 2);
END $$;

-- A live version of it is.
CREATE FUNCTION package_popular(which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT p.visibility FROM package p WHERE p.id = which) = 2 AND EXISTS (SELECT FROM download_version v
		CROSS JOIN LATERAL (SELECT * FROM manifest WHERE manifest.id = v.manifest_id LIMIT 1) m
		WHERE v.package_id = which AND v.popular AND m.deleted_at IS NULL);
END $$;
