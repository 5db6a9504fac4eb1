-- Pushes that look nothing up again which their transaction has just written or locked; and plans that stay right
-- however many blobs a package has.

-- Four declared keys looked up, locked and wrote the row that each new row refers to, though whoever writes such a row
-- has the other in hand:
--
--   manifest_blob → package_blob   manifest_put() holds the links: blobs_missing()
--   tag → manifest                 whoever sets a tag has stored the manifest, or holds it
--   package_blob → blob            a commit has made the blob, or holds it: blob_adopt(), blob_mount()
--   blob → instance                a commit takes away the upload whose instance it is
--
-- Who deletes pays instead. As with a key, it waits for those who hold its rows, and finds afterwards what they wrote,
-- for a trigger's statements see what was committed meanwhile. metadb/consistency.c looks, as ever.
CREATE FUNCTION still_needed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	needed boolean;
BEGIN	-- probes of an index each, whatever the tables' sizes were when the plan was made
	IF TG_TABLE_NAME = 'package_blob' THEN
		needed := EXISTS (SELECT FROM gone g CROSS JOIN LATERAL (SELECT FROM manifest_blob r
			WHERE r.package_id = g.package_id AND r.algorithm = g.algorithm AND r.digest = g.digest
			LIMIT 1) r);
	ELSIF TG_TABLE_NAME = 'manifest' THEN
		needed := EXISTS (SELECT FROM gone g CROSS JOIN LATERAL (SELECT FROM tag r
			WHERE r.manifest_id = g.id LIMIT 1) r);
	ELSIF TG_TABLE_NAME = 'blob' THEN
		needed := EXISTS (SELECT FROM gone g CROSS JOIN LATERAL (SELECT FROM package_blob r
			WHERE r.algorithm = g.algorithm AND r.digest = g.digest LIMIT 1) r);
	ELSE
		needed := EXISTS (SELECT FROM gone g CROSS JOIN LATERAL (SELECT FROM blob r
			WHERE r.gen = g.gen LIMIT 1) r);
	END IF;
	IF needed THEN
		RAISE EXCEPTION 'something needs a row of % that was to be deleted', TG_TABLE_NAME
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN NULL;
END $$;

ALTER TABLE manifest_blob DROP CONSTRAINT manifest_blob_package_id_algorithm_digest_fkey;
CREATE TRIGGER still_needed AFTER DELETE ON package_blob REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION still_needed();
ALTER TABLE tag DROP CONSTRAINT tag_manifest_id_fkey;
CREATE TRIGGER still_needed AFTER DELETE ON manifest REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION still_needed();
ALTER TABLE package_blob DROP CONSTRAINT package_blob_algorithm_digest_fkey;
CREATE TRIGGER still_needed AFTER DELETE ON blob REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION still_needed();
ALTER TABLE blob DROP CONSTRAINT blob_gen_fkey;
CREATE TRIGGER still_needed AFTER DELETE ON instance REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION still_needed();

-- As in 0027: one probe for each digest. In one scan for all of them (0096) the digests were no condition of the index,
-- as long as statistics said that packages have few blobs: a push read every link of its package.
CREATE OR REPLACE FUNCTION blobs_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
BEGIN
	SELECT array_agg(w.ord) INTO there
	FROM unnest(algs, digs) WITH ORDINALITY AS w(alg, dig, ord)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = in_package
		AND l.algorithm = w.alg AND l.digest = w.dig AND l.deleted_at IS NULL
		LIMIT 1 FOR KEY SHARE) locked;
	IF cardinality(there) = cardinality(digs) THEN
		RETURN '{}';
	END IF;
	RETURN ARRAY(SELECT generate_series(1, cardinality(digs))
		     EXCEPT SELECT unnest(there) ORDER BY 1);
END $$;

-- A child that was pushed is told from manifest_put(), a restored one still by its trigger. What the index says of it is
-- known from now on.
CREATE FUNCTION child_arrives(in_package bigint, alg smallint, dig bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
	said jsonb;
BEGIN
	ids := ARRAY(SELECT i.id FROM manifest i WHERE i.id IN (SELECT a.manifest_id FROM manifest_absent a
			WHERE a.package_id = in_package AND a.algorithm = alg AND a.digest = dig)
		ORDER BY i.package_id, i.algorithm, i.digest FOR KEY SHARE);
	DELETE FROM manifest_absent a WHERE a.manifest_id = ANY (ids) AND a.algorithm = alg AND a.digest = dig;
	INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
	SELECT id, in_package, alg, dig FROM unnest(ids) AS id;
	said := index_says(ids[1], alg, dig);
	IF says_attestation(said) THEN
		PERFORM children_describe(in_package, ARRAY[alg], ARRAY[dig], ARRAY[NULL::text]);
	ELSIF version_platform(said -> 'platform') IS NOT NULL THEN
		PERFORM children_describe(in_package, ARRAY[alg], ARRAY[dig], ARRAY[version_platform(said -> 'platform')]);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION child_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM manifest_absent a WHERE a.package_id = NEW.package_id
		AND a.algorithm = NEW.algorithm AND a.digest = NEW.digest) THEN
		PERFORM child_arrives(NEW.package_id, NEW.algorithm, NEW.digest);
	END IF;
	RETURN NULL;
END $$;
DROP TRIGGER child_pushed ON manifest;

-- One that is there, also a deleted one, which comes back; it learns what its first push did not say. NULL: it went in
-- between.
CREATE FUNCTION manifest_again(in_package bigint, alg smallint, dig bytea, its_labels jsonb, its_source text,
			       its_variety smallint, its_platform text, OUT its_id bigint, OUT came_back boolean)
LANGUAGE plpgsql AS $$
DECLARE
	learns boolean;
BEGIN
	SELECT m.id, coalesce(m.deleted_at, m.deferred_at) IS NOT NULL,
		(m.labels IS NULL AND its_labels IS NOT NULL)
		OR (m.variety IS NULL AND its_variety IS NOT NULL)
		OR (m.platform IS NULL AND its_platform IS NOT NULL)
	INTO its_id, came_back, learns FROM manifest m
	WHERE m.package_id = in_package AND m.algorithm = alg AND m.digest = dig FOR NO KEY UPDATE;
	IF came_back THEN
		UPDATE manifest SET deleted_at = NULL, deferred_at = NULL WHERE id = its_id;
	END IF;
	IF learns THEN
		UPDATE manifest SET labels = coalesce(labels, its_labels),
			source = CASE WHEN labels IS NULL THEN its_source ELSE source END,
			variety = coalesce(variety, its_variety),
			platform = coalesce(platform, its_platform)
		WHERE id = its_id;
	END IF;
END $$;

-- As in 0087. Values that go one by one to the row, not by way of a row of their own, are cheaper by a tenth of it all.
CREATE OR REPLACE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean,
			     alg smallint, dig bytea, its_kind smallint, its_type text,
			     its_artifact_type text, config_alg smallint, config_dig bytea,
			     subject_alg smallint, subject_dig bytea, its_annotations jsonb,
			     its_bytes bytea, blob_algs smallint[], blob_digs bytea[],
			     child_algs smallint[], child_digs bytea[], tags text[],
			     its_labels jsonb, its_source text, own text, pusher_role smallint,
			     image_algs smallint[], image_digs bytea[],
			     layer_type text, its_platform text, told_algs smallint[], told_digs bytea[],
			     told_platforms text[],
			     OUT status smallint, OUT manifest_id bigint, OUT package_id bigint,
			     OUT created boolean, OUT published boolean,
			     OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	p package;
	moved text[];
	its_variety smallint;
	came_back boolean := false;
BEGIN
	created := false;
	published := false;
	absent_children := '{}';
	-- Mostly it is there and the same as before; else package_target() says what is the matter.
	SELECT * INTO p FROM package l WHERE l.id = known;
	IF (p.deleted_at IS NULL AND (p.published_at IS NULL OR was_published
				      OR p.publisher_id = who.account_id)) IS NOT TRUE
	   OR p.id IS NULL THEN
		p := package_target(who, in_namespace, its_name, known, was_published);
	END IF;
	absent_blobs := blobs_missing(p.id, blob_algs, blob_digs);
	IF cardinality(child_digs) > 0 THEN
		absent_children := children_missing(p.id, child_algs, child_digs);
	END IF;
	IF cardinality(absent_blobs) > 0 OR cardinality(absent_children) > 0 THEN
		status := 1;
		RETURN;
	END IF;
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	package_id := p.id;
	its_variety := version_variety(its_kind, its_artifact_type, layer_type, its_annotations);
	IF its_variety IS DISTINCT FROM 1 THEN
		its_platform := NULL;
	END IF;
	IF cardinality(image_digs) > 0 THEN
		SELECT coalesce(a.labels || its_labels, a.labels, its_labels), coalesce(its_source, a.source)
		INTO its_labels, its_source FROM labels_agreed(p.id, image_algs, image_digs) a;
	END IF;
	LOOP
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, artifact_type,
			size, config_algorithm, config_digest, subject_algorithm, subject_digest,
			annotations, labels, source, variety, platform, pushed_by, bytes)
		VALUES (p.id, alg, dig, its_kind, its_type, its_artifact_type,
			length(its_bytes), config_alg, config_dig, subject_alg, subject_dig,
			its_annotations, its_labels, its_source, its_variety, its_platform, who.account_id, its_bytes)
		ON CONFLICT ON CONSTRAINT manifest_package_id_algorithm_digest_key DO NOTHING
		RETURNING id INTO manifest_id;
		created := FOUND;
		EXIT WHEN created;
		SELECT a.its_id, a.came_back INTO manifest_id, came_back FROM manifest_again(p.id, alg, dig,
			its_labels, its_source, its_variety, its_platform) a;
		EXIT WHEN manifest_id IS NOT NULL;
	END LOOP;
	IF created THEN
		INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest)
		SELECT manifest_put.manifest_id, p.id, b.alg, b.dig
		FROM unnest(blob_algs, blob_digs) AS b(alg, dig);
		IF cardinality(child_digs) > 0 THEN
			INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
			SELECT manifest_put.manifest_id, p.id, c.alg, c.dig
			FROM unnest(child_algs, child_digs) AS c(alg, dig);
		END IF;
		IF EXISTS (SELECT FROM manifest_absent a WHERE a.package_id = p.id AND a.algorithm = alg
			AND a.digest = dig) THEN
			PERFORM child_arrives(p.id, alg, dig);
		END IF;
	END IF;
	created := created OR came_back;
	IF created AND cardinality(told_digs) > 0 THEN
		PERFORM children_describe(p.id, told_algs, told_digs, told_platforms);
	END IF;
	moved := tags_move(who, p.id, tags, manifest_id);
	IF its_labels ->> 'org.opencontainers.image.description' IS DISTINCT FROM p.description THEN
		IF EXISTS (SELECT FROM unnest(moved) n WHERE tag_counts(n)) THEN
			UPDATE package SET description = its_labels ->> 'org.opencontainers.image.description'
			WHERE id = p.id;
		END IF;
	END IF;
	IF p.published_at IS NULL THEN
		published := package_publish(who, p.id, p.name);
		IF published THEN
			pusher_role := 3;
			PERFORM package_of_workflow(who, p);
		END IF;
	END IF;
	IF cardinality(tags) > 0 AND (p.tagged_at IS NULL
	   OR (its_source IS NOT NULL AND p.repository_id IS NULL AND p.unlinked_at IS NULL)) THEN
		PERFORM package_settle(who, p, its_source, own, pusher_role);
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	status := 0;
END $$;

DROP FUNCTION manifest_store(manifest, smallint[], bytea[], smallint[], bytea[]);
