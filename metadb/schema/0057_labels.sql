-- What a version says of itself, and what a package shows of that.
--
--   image              labels of its config, then its annotations
--   artifact           its annotations
--   index              its annotations, then what all its images say alike
--
-- The gateway reads and bounds them (gateway/labels.h); manifest.annotations stays as it was pushed.

ALTER TABLE manifest ADD COLUMN source text COLLATE "C";	-- the label of that name, normalised

-- The first tag that a package ever had, and the last time that a link ended.
ALTER TABLE package ADD COLUMN tagged_at timestamptz, ADD COLUMN unlinked_at timestamptz;
UPDATE package SET tagged_at = published_at WHERE published_at IS NOT NULL;

-- Whoever ends a link is not asked again by the next push: labels do not link what was unlinked.
CREATE FUNCTION package_unlinked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.unlinked_at := now();
	RETURN NEW;
END $$;
CREATE TRIGGER package_unlinked BEFORE UPDATE OF repository_id ON package
FOR EACH ROW WHEN (OLD.repository_id IS NOT NULL AND NEW.repository_id IS NULL)
EXECUTE FUNCTION package_unlinked();

-- Tags by age, without those that clients make for signatures and referrers.
CREATE INDEX tag_newest ON tag (package_id, updated_at DESC)
WHERE name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)';

-- The newest tagged version, and what it says; all NULL when there is none.
CREATE FUNCTION package_labels(which bigint, OUT manifest_id bigint, OUT description text,
			       OUT licenses text, OUT source text, OUT labels jsonb)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	SELECT t.manifest_id INTO package_labels.manifest_id FROM tag t WHERE t.package_id = which
	AND t.name !~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)'
	ORDER BY t.updated_at DESC LIMIT 1;
	SELECT m.labels INTO package_labels.labels FROM manifest m WHERE m.id = package_labels.manifest_id;
	description := labels ->> 'org.opencontainers.image.description';
	licenses := labels ->> 'org.opencontainers.image.licenses';
	source := labels ->> 'org.opencontainers.image.source';
END $$;

-- What all these versions say alike, and the source they all come from.
CREATE FUNCTION labels_agreed(in_package bigint, algs smallint[], digs bytea[],
			      OUT labels jsonb, OUT source text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	them bigint[];
BEGIN
	SELECT array_agg(m.id), CASE WHEN count(m.source) = cardinality(digs)
		AND min(m.source) = max(m.source) THEN min(m.source) END
	INTO them, source
	FROM unnest(algs, digs) AS c(alg, dig)
	CROSS JOIN LATERAL (SELECT l.id, l.source FROM manifest l
		WHERE l.package_id = in_package AND l.algorithm = c.alg AND l.digest = c.dig LIMIT 1) m;
	IF cardinality(them) = cardinality(digs) THEN
		SELECT jsonb_object_agg(a.key, a.value) INTO labels FROM (
			SELECT e.key, min(e.value) AS value
			FROM unnest(them) AS t(id)
			CROSS JOIN LATERAL (SELECT l.labels FROM manifest l WHERE l.id = t.id LIMIT 1) m
			CROSS JOIN LATERAL jsonb_each_text(m.labels) AS e
			GROUP BY e.key
			HAVING count(*) = cardinality(digs) AND min(e.value) = max(e.value)) a;
	END IF;
END $$;

-- As in 0027, with labels. Those of a version that was pushed before they were read come with its next push.
CREATE OR REPLACE FUNCTION manifest_store(m manifest, blob_algs smallint[], blob_digs bytea[],
			       child_algs smallint[], child_digs bytea[],
			       OUT its_id bigint, OUT created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	gone timestamptz;
	told boolean;
BEGIN
	LOOP
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, artifact_type,
			size, config_algorithm, config_digest, subject_algorithm, subject_digest,
			annotations, labels, source, pushed_by, bytes)
		VALUES (m.package_id, m.algorithm, m.digest, m.kind, m.media_type, m.artifact_type,
			m.size, m.config_algorithm, m.config_digest, m.subject_algorithm,
			m.subject_digest, m.annotations, m.labels, m.source, m.pushed_by, m.bytes)
		ON CONFLICT (package_id, algorithm, digest) DO NOTHING
		RETURNING id INTO its_id;
		created := FOUND;
		EXIT WHEN created;
		SELECT id, deleted_at, labels IS NOT NULL INTO its_id, gone, told FROM manifest
		WHERE package_id = m.package_id AND algorithm = m.algorithm AND digest = m.digest
		FOR NO KEY UPDATE;
		CONTINUE WHEN NOT FOUND;
		IF gone IS NOT NULL THEN
			UPDATE manifest SET deleted_at = NULL WHERE id = its_id;
			created := true;
		END IF;
		IF NOT told AND m.labels IS NOT NULL THEN
			UPDATE manifest SET labels = m.labels, source = m.source WHERE id = its_id;
		END IF;
		RETURN;
	END LOOP;
	INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest)
	SELECT its_id, m.package_id, b.alg, b.dig FROM unnest(blob_algs, blob_digs) AS b(alg, dig);
	IF cardinality(child_digs) > 0 THEN
		INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
		SELECT its_id, m.package_id, c.alg, c.dig
		FROM unnest(child_algs, child_digs) AS c(alg, dig);
	END IF;
END $$;
