-- A push of a manifest in fewer steps. What is kept, locked and checked is what it was.
--
-- What costs, in this order: an index more to open and a row more in it, whether it is a partial one or not; a
-- statement; a CHECK, or the condition of a trigger, which each statement reads from its text; an array, and an
-- expression of PL/pgSQL, which each transaction prepares anew. So a push asks once whether anything is special, and
-- empty arrays come as NULL.

-- As in 0032: who writes these rows looks. metadb/consistency.c does, too.
ALTER TABLE tag DROP CONSTRAINT tag_name_check;
ALTER TABLE manifest DROP CONSTRAINT manifest_kind_check;

-- What tag_about of 0099 did for each tag is done by who sets tags, and for what comes back with them, by a trigger.
DROP TRIGGER tag_about ON tag;
DROP FUNCTION tag_says_what();

CREATE FUNCTION tags_say_what(which bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE manifest SET variety = w.what FROM variety_by_tags(which) AS w(what)
	WHERE id = which AND variety IN (1, 3) AND w.what IS NOT NULL;
END $$;

CREATE FUNCTION version_is_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tags_say_what(NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER tags_are_back AFTER UPDATE OF deleted_at, deferred_at ON manifest FOR EACH ROW
WHEN (coalesce(OLD.deleted_at, OLD.deferred_at) IS NOT NULL AND coalesce(NEW.deleted_at, NEW.deferred_at) IS NULL
	AND array_to_string(OLD.deleted_tags, ' ') LIKE '%sha%.%')
EXECUTE FUNCTION version_is_back();

-- What manifest_put() of 0100 does before it stores, where something is special: what is missing, and what an index has
-- of its images. What is missing is said as positions.
CREATE FUNCTION references_missing(in_package bigint, blob_algs smallint[], blob_digs bytea[],
				   child_algs smallint[], child_digs bytea[],
				   OUT absent_blobs bigint[], OUT absent_children bigint[], OUT any_missing boolean)
LANGUAGE plpgsql AS $$
BEGIN
	absent_blobs := '{}';
	absent_children := '{}';
	IF cardinality(blob_digs) > 0 THEN
		absent_blobs := blobs_missing(in_package, blob_algs, blob_digs);
	END IF;
	IF cardinality(child_digs) > 0 THEN
		absent_children := children_missing(in_package, child_algs, child_digs);
	END IF;
	any_missing := cardinality(absent_blobs) > 0 OR cardinality(absent_children) > 0;
END $$;

-- As columns of a function's own they would be put together anew at each call (0032).
CREATE TYPE manifest_stored AS (status smallint, manifest_id bigint, package_id bigint, created boolean,
	published boolean, absent_blobs bigint[], absent_children bigint[]);

-- As manifest_put() of 0100; arrays may be NULL instead of empty, but for tags. The package is read once all is
-- stored, in a new statement: so that one sees as well who notes this manifest as absent (0094), and what does not fit
-- takes all back.
CREATE FUNCTION manifest_store(who actor, in_namespace bigint, its_name text, known bigint,
			       was_published boolean,
			       alg smallint, dig bytea, its_kind smallint, its_type text,
			       its_artifact_type text, config_alg smallint, config_dig bytea,
			       subject_alg smallint, subject_dig bytea, its_annotations jsonb,
			       its_bytes bytea, blob_algs smallint[], blob_digs bytea[],
			       child_algs smallint[], child_digs bytea[], tags text[],
			       its_labels jsonb, its_source text, own text, pusher_role smallint,
			       image_algs smallint[], image_digs bytea[],
			       layer_type text, its_platform text, told_algs smallint[], told_digs bytea[],
			       told_platforms text[])
RETURNS manifest_stored LANGUAGE plpgsql AS $$
DECLARE
	its_package bigint := known;
	its_id bigint;
	its_variety smallint;
	held bigint;
	missing record;
	p record;
	whole package;
	is_new boolean;
	created boolean;
	published boolean;
	moved text[];
BEGIN
	IF its_package = 0 THEN
		its_package := (package_target(who, in_namespace, its_name, known, was_published)).id;
	END IF;
	PERFORM FROM (SELECT unnest(blob_algs), unnest(blob_digs)) AS w(alg, dig)
	CROSS JOIN LATERAL (SELECT FROM package_blob l WHERE l.package_id = its_package
		AND l.algorithm = w.alg AND l.digest = w.dig AND l.deleted_at IS NULL
		LIMIT 1 FOR KEY SHARE) locked;
	GET DIAGNOSTICS held = ROW_COUNT;
	IF held < cardinality(blob_digs) OR cardinality(child_digs) > 0 OR cardinality(image_digs) > 0
	   OR its_package IS NULL OR its_kind NOT IN (1, 2) THEN
		IF its_kind NOT IN (1, 2) THEN
			RAISE EXCEPTION 'a manifest of kind %', its_kind USING ERRCODE = 'check_violation';
		END IF;
		missing := references_missing(its_package, blob_algs, blob_digs, child_algs, child_digs);
		IF missing.any_missing THEN
			PERFORM package_target(who, in_namespace, its_name, known, was_published);
			RETURN ROW(1, NULL, NULL, false, false, missing.absent_blobs,
				missing.absent_children)::manifest_stored;
		END IF;
		IF its_package IS NULL THEN
			its_package := (package_make(who, in_namespace, its_name)).id;
		END IF;
		IF cardinality(image_digs) > 0 THEN
			SELECT coalesce(a.labels || its_labels, a.labels, its_labels), coalesce(its_source, a.source)
			INTO its_labels, its_source FROM labels_agreed(its_package, image_algs, image_digs) a;
		END IF;
	END IF;
	its_variety := version_variety(its_kind, its_artifact_type, layer_type, its_annotations);
	LOOP
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, artifact_type,
			size, config_algorithm, config_digest, subject_algorithm, subject_digest,
			annotations, labels, source, variety, platform, pushed_by, bytes)
		VALUES (its_package, alg, dig, its_kind, its_type, its_artifact_type,
			length(its_bytes), config_alg, config_dig, subject_alg, subject_dig,
			its_annotations, its_labels, its_source, its_variety,
			CASE its_variety WHEN 1 THEN its_platform END, who.account_id, its_bytes)
		ON CONFLICT ON CONSTRAINT manifest_package_id_algorithm_digest_key DO NOTHING
		RETURNING id, true, true INTO its_id, is_new, created;
		IF is_new THEN
			INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest)
			SELECT its_id, its_package, unnest(blob_algs), unnest(blob_digs);
			EXIT;
		END IF;
		SELECT a.its_id, a.came_back, false INTO its_id, created, is_new
		FROM manifest_again(its_package, alg, dig, its_labels, its_source, its_variety,
			CASE its_variety WHEN 1 THEN its_platform END) a;
		EXIT WHEN its_id IS NOT NULL;
	END LOOP;
	-- Of a package that has its tags there is mostly nothing else to settle.
	SELECT l.namespace_id, l.name, l.published_at, l.description,
		l.deleted_at IS NULL AND (was_published OR l.publisher_id = who.account_id)
		AND l.published_at IS NOT NULL AND l.tagged_at IS NOT NULL
		AND (its_source IS NULL OR l.repository_id IS NOT NULL OR l.unlinked_at IS NOT NULL)
		AND its_labels ->> 'org.opencontainers.image.description' IS NOT DISTINCT FROM l.description
		AND coalesce(child_digs, told_digs) IS NULL
		AND NOT EXISTS (SELECT FROM manifest_absent a WHERE a.package_id = its_package
			AND a.algorithm = alg AND a.digest = dig) AS plain
	INTO p FROM package l WHERE l.id = its_package;
	IF p.plain IS NOT TRUE THEN
		PERFORM package_target(who, in_namespace, its_name, its_package, was_published);
		PERFORM manifest_family(its_id, is_new, created, its_package, alg, dig, child_algs, child_digs,
			told_algs, told_digs, told_platforms);
	END IF;
	moved := tags_move(who, its_package, tags, its_id);
	IF p.plain IS NOT TRUE THEN
		IF its_labels ->> 'org.opencontainers.image.description' IS DISTINCT FROM p.description
		   AND EXISTS (SELECT FROM unnest(moved) n WHERE tag_counts(n)) THEN
			UPDATE package SET description = its_labels ->> 'org.opencontainers.image.description'
			WHERE id = its_package;
		END IF;
		SELECT * INTO whole FROM package l WHERE l.id = its_package;
		IF p.published_at IS NULL THEN
			published := package_publish(who, its_package, p.name);
			IF published THEN
				pusher_role := 3;
				PERFORM package_of_workflow(who, whole);
			END IF;
		END IF;
		IF cardinality(tags) > 0 AND (whole.tagged_at IS NULL OR (its_source IS NOT NULL
			AND whole.repository_id IS NULL AND whole.unlinked_at IS NULL)) THEN
			PERFORM package_settle(who, whole, its_source, own, pusher_role);
		END IF;
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, its_package, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	RETURN ROW(0, its_id, its_package, created, coalesce(published, false), '{}', '{}')::manifest_stored;
END $$;

-- What the manifest is to others, where there are any: its children, what it says of them, and who waits for it.
CREATE FUNCTION manifest_family(which bigint, is_new boolean, created boolean, in_package bigint,
				alg smallint, dig bytea, child_algs smallint[], child_digs bytea[],
				told_algs smallint[], told_digs bytea[], told_platforms text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF is_new THEN
		INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
		SELECT which, in_package, c.alg, c.dig FROM unnest(child_algs, child_digs) AS c(alg, dig);
		IF EXISTS (SELECT FROM manifest_absent a WHERE a.package_id = in_package AND a.algorithm = alg
			AND a.digest = dig) THEN
			PERFORM child_arrives(in_package, alg, dig);
		END IF;
	END IF;
	IF created AND cardinality(told_digs) > 0 THEN
		PERFORM children_describe(in_package, told_algs, told_digs, told_platforms);
	END IF;
END $$;

-- For programs of the version before.
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
BEGIN
	SELECT s.* INTO status, manifest_id, package_id, created, published, absent_blobs, absent_children
	FROM manifest_store(who, in_namespace, its_name, known, was_published, alg, dig, its_kind, its_type,
		its_artifact_type, config_alg, config_dig, subject_alg, subject_dig, its_annotations, its_bytes,
		blob_algs, blob_digs, child_algs, child_digs, tags, its_labels, its_source, own, pusher_role,
		image_algs, image_digs, layer_type, its_platform, told_algs, told_digs, told_platforms) s;
END $$;
