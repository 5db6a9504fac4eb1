-- What a version is, for which platform, and how many bytes it holds: decided when it is pushed, but for the bytes,
-- which depend on what else there is.

ALTER TABLE manifest
	ADD COLUMN variety smallint,	-- version_variety(); NULL: nobody has looked yet (versions_describe())
	ADD COLUMN platform text COLLATE "C";	-- os/architecture[/variant]; of an image, by its config or its index
-- What its newest tagged version said of it when it was pushed: for finding it.
ALTER TABLE package ADD COLUMN description text;
CREATE INDEX manifest_varieties ON manifest (package_id, variety, id)
	WHERE deleted_at IS NULL AND deferred_at IS NULL;
CREATE INDEX manifest_undescribed ON manifest (id) WHERE variety IS NULL;

-- 1 image, 2 index, 3 artifact, 4 attestation, 5 signature. layer_type: of its first layer, '' for none. Sigstore's
-- bundles are of one type, and say in an annotation what is in them.
CREATE FUNCTION version_variety(its_kind smallint, artifact_type text, layer_type text, annotations jsonb)
RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN layer_type IS NULL THEN NULL
	WHEN its_kind = 2 THEN 2
	WHEN layer_type IN ('application/vnd.in-toto+json', 'application/vnd.dsse.envelope.v1+json') THEN 4
	WHEN layer_type = 'application/vnd.dev.cosign.simplesigning.v1+json'
		OR artifact_type IN ('application/vnd.cncf.notary.signature',
			'application/vnd.dev.cosign.artifact.sig.v1+json') THEN 5
	WHEN artifact_type LIKE 'application/vnd.dev.sigstore.bundle.%'
		OR layer_type LIKE 'application/vnd.dev.sigstore.bundle.%' THEN
		CASE WHEN coalesce(annotations ->> 'dev.sigstore.bundle.predicateType',
			'https://sigstore.dev/cosign/sign/v1') = 'https://sigstore.dev/cosign/sign/v1'
		THEN 5 ELSE 4 END
	WHEN artifact_type IN ('application/vnd.oci.image.config.v1+json',
		'application/vnd.docker.container.image.v1+json') THEN 1
	ELSE 3 END::smallint
$$;

-- As in 0057, with variety and platform; what nobody had looked for comes with the next push. Who pushes what was
-- deferred (0080) has it back as a version.
CREATE OR REPLACE FUNCTION manifest_store(m manifest, blob_algs smallint[], blob_digs bytea[],
			       child_algs smallint[], child_digs bytea[],
			       OUT its_id bigint, OUT created boolean)
LANGUAGE plpgsql AS $$
DECLARE
	gone timestamptz;
	learns boolean;
BEGIN
	LOOP
		INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, artifact_type,
			size, config_algorithm, config_digest, subject_algorithm, subject_digest,
			annotations, labels, source, variety, platform, pushed_by, bytes)
		VALUES (m.package_id, m.algorithm, m.digest, m.kind, m.media_type, m.artifact_type,
			m.size, m.config_algorithm, m.config_digest, m.subject_algorithm,
			m.subject_digest, m.annotations, m.labels, m.source, m.variety, m.platform,
			m.pushed_by, m.bytes)
		ON CONFLICT (package_id, algorithm, digest) DO NOTHING
		RETURNING id INTO its_id;
		created := FOUND;
		EXIT WHEN created;
		SELECT id, coalesce(deleted_at, deferred_at), (labels IS NULL AND m.labels IS NOT NULL)
			OR (variety IS NULL AND m.variety IS NOT NULL)
			OR (platform IS NULL AND m.platform IS NOT NULL)
		INTO its_id, gone, learns FROM manifest
		WHERE package_id = m.package_id AND algorithm = m.algorithm AND digest = m.digest
		FOR NO KEY UPDATE;
		CONTINUE WHEN NOT FOUND;
		IF gone IS NOT NULL THEN
			UPDATE manifest SET deleted_at = NULL, deferred_at = NULL WHERE id = its_id;
			created := true;
		END IF;
		IF learns THEN
			UPDATE manifest SET labels = coalesce(labels, m.labels),
				source = CASE WHEN labels IS NULL THEN m.source ELSE source END,
				variety = coalesce(variety, m.variety),
				platform = coalesce(platform, m.platform)
			WHERE id = its_id;
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

-- What an index says of its manifests (sorted), where they do not say it themselves. A platform that is NULL is an
-- attestation's. Mostly there is nothing to be written.
CREATE FUNCTION children_describe(in_package bigint, algs smallint[], digs bytea[], platforms text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT m.id, w.platform
		FROM unnest(algs, digs, platforms) AS w(alg, dig, platform)
		CROSS JOIN LATERAL (SELECT l.id FROM manifest l WHERE l.package_id = in_package
			AND l.algorithm = w.alg AND l.digest = w.dig AND l.variety IS DISTINCT FROM 4
			AND (w.platform IS NULL OR l.platform IS NULL) LIMIT 1 FOR NO KEY UPDATE) m
	LOOP
		UPDATE manifest l SET platform = coalesce(l.platform, t.platform),
			variety = CASE WHEN t.platform IS NULL THEN 4 ELSE l.variety END
		WHERE l.id = t.id;
	END LOOP;
END $$;

-- As in 0058, with what the version is. layer_type as in version_variety(), NULL: whoever pushes has not looked;
-- told_…: the arguments of children_describe().
CREATE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[], its_labels jsonb, its_source text, own text, pusher_role smallint,
	image_algs smallint[], image_digs bytea[], layer_type text, its_platform text,
	told_algs smallint[], told_digs bytea[], told_platforms text[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	m manifest;
	moved text[];
	stored record;
	agreed record;
BEGIN
	created := false;
	published := false;
	p := package_target(who, in_namespace, its_name, known, was_published);
	absent_blobs := blobs_missing(p.id, blob_algs, blob_digs);
	absent_children := children_missing(p.id, child_algs, child_digs);
	IF cardinality(absent_blobs) > 0 OR cardinality(absent_children) > 0 THEN
		status := 1;
		RETURN;
	END IF;
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	m.package_id := p.id;
	m.algorithm := alg;
	m.digest := dig;
	m.kind := its_kind;
	m.media_type := its_type;
	m.artifact_type := its_artifact_type;
	m.size := length(its_bytes);
	m.config_algorithm := config_alg;
	m.config_digest := config_dig;
	m.subject_algorithm := subject_alg;
	m.subject_digest := subject_dig;
	m.annotations := its_annotations;
	m.labels := its_labels;
	m.source := its_source;
	m.variety := version_variety(its_kind, its_artifact_type, layer_type, its_annotations);
	m.platform := CASE WHEN m.variety = 1 THEN its_platform END;
	m.pushed_by := who.account_id;
	m.bytes := its_bytes;
	IF cardinality(image_digs) > 0 THEN
		SELECT * INTO agreed FROM labels_agreed(p.id, image_algs, image_digs);
		m.labels := coalesce(agreed.labels || its_labels, agreed.labels, its_labels);
		m.source := coalesce(its_source, agreed.source);
	END IF;
	stored := manifest_store(m, blob_algs, blob_digs, child_algs, child_digs);
	manifest_id := stored.its_id;
	created := stored.created;
	IF created AND cardinality(told_digs) > 0 THEN
		PERFORM children_describe(p.id, told_algs, told_digs, told_platforms);
	END IF;
	moved := tags_move(who, p.id, tags, manifest_id);
	IF m.labels ->> 'org.opencontainers.image.description' IS DISTINCT FROM p.description THEN
		IF EXISTS (SELECT FROM unnest(moved) n WHERE tag_counts(n)) THEN
			UPDATE package SET description = m.labels ->> 'org.opencontainers.image.description'
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
	   OR (m.source IS NOT NULL AND p.repository_id IS NULL AND p.unlinked_at IS NULL)) THEN
		PERFORM package_settle(who, p, m.source, own, pusher_role);
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	package_id := p.id;
	status := 0;
END $$;

-- For programs that do not look at what a version is.
CREATE OR REPLACE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[], its_labels jsonb, its_source text, own text, pusher_role smallint,
	image_algs smallint[], image_digs bytea[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
BEGIN
	SELECT f.* INTO status, manifest_id, package_id, created, published, absent_blobs, absent_children
	FROM manifest_put(who, in_namespace, its_name, known, was_published, alg, dig, its_kind,
		its_type, its_artifact_type, config_alg, config_dig, subject_alg, subject_dig,
		its_annotations, its_bytes, blob_algs, blob_digs, child_algs, child_digs, tags,
		its_labels, its_source, own, pusher_role, image_algs, image_digs, NULL, NULL,
		'{}', '{}', '{}') f;
END $$;

-- NULL for what this server cannot read as JSON.
CREATE FUNCTION manifest_json(bytes bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN convert_from(bytes, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;

-- As platform_text() of gateway/platform.h.
CREATE FUNCTION version_platform(p jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN p ->> 'os' ~ '^[A-Za-z0-9._-]{1,64}$' AND p ->> 'architecture' ~ '^[A-Za-z0-9._-]{1,64}$'
		AND (p ->> 'os' <> 'unknown' OR p ->> 'architecture' <> 'unknown')
		THEN (p ->> 'os') || '/' || (p ->> 'architecture')
			|| CASE WHEN p ->> 'variant' ~ '^[A-Za-z0-9._-]{1,64}$' THEN '/' || (p ->> 'variant')
			ELSE '' END
	END
$$;

-- Versions that nobody has looked at: those of former programs. Of the platform only what their index says is known
-- here; what their config says comes with their next push.
CREATE FUNCTION versions_describe(most integer, OUT seen bigint, OUT gone bigint) LANGUAGE plpgsql AS $$
DECLARE
	m manifest;
	said jsonb;
	what smallint;
BEGIN
	seen := 0;
	IF adopted() THEN
		FOR m IN SELECT * FROM manifest WHERE variety IS NULL ORDER BY id LIMIT most
			FOR NO KEY UPDATE SKIP LOCKED
		LOOP
			what := version_variety(m.kind, m.artifact_type, coalesce(
				manifest_json(m.bytes) -> 'layers' -> 0 ->> 'mediaType', ''), m.annotations);
			SELECT d INTO said FROM (SELECT c.manifest_id FROM manifest_child c
				WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm
				AND c.digest = m.digest LIMIT 1) c
			CROSS JOIN LATERAL (SELECT bytes FROM manifest
				WHERE manifest.id = c.manifest_id LIMIT 1) i
			CROSS JOIN LATERAL jsonb_path_query(manifest_json(i.bytes), '$.manifests[*]') AS d
			WHERE d ->> 'digest' = CASE m.algorithm WHEN 1 THEN 'sha256:' ELSE 'sha512:' END
				|| encode(m.digest, 'hex') LIMIT 1;
			IF said -> 'annotations' ->> 'vnd.docker.reference.type' = 'attestation-manifest'
			   OR (said -> 'platform' ->> 'os' = 'unknown'
			   AND said -> 'platform' ->> 'architecture' = 'unknown') THEN
				what := 4;
			END IF;
			UPDATE manifest SET variety = what, platform = CASE WHEN what IN (1, 3)
				THEN coalesce(platform, version_platform(said -> 'platform')) END
			WHERE id = m.id;
			seen := seen + 1;
		END LOOP;
	END IF;
	gone := seen;
END $$;

-- Bytes of a version's blobs, of an index: of those of its manifests, each counted once. alone: of those that no
-- other version of the package has, also none that can still be restored. NULL: there are more references than `most`.
CREATE FUNCTION version_sizes(which bigint, most bigint, OUT compressed bigint, OUT alone bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	refs bigint;
BEGIN
	SELECT coalesce(sum(b.n), 0), coalesce(sum(s.size), 0),
		coalesce(sum(s.size) FILTER (WHERE NOT b.shared AND h.held = b.n), 0)
	INTO refs, compressed, alone
	FROM (SELECT r.package_id, r.algorithm, r.digest, count(*) AS n, bool_or(r.shared) AS shared
		FROM (SELECT l.package_id, l.algorithm, l.digest, v.shared
			FROM (SELECT which AS id, false AS shared
				UNION ALL SELECT k.id, o.parents > 1
				FROM (SELECT * FROM manifest_child c WHERE c.manifest_id = which LIMIT most) c
				CROSS JOIN LATERAL (SELECT m.id FROM manifest m
					WHERE m.package_id = c.package_id AND m.algorithm = c.algorithm
					AND m.digest = c.digest LIMIT 1) k
				CROSS JOIN LATERAL (SELECT count(*) AS parents FROM (SELECT FROM manifest_child p
					WHERE p.package_id = c.package_id AND p.algorithm = c.algorithm
					AND p.digest = c.digest LIMIT 2) two) o) v
			CROSS JOIN LATERAL (SELECT * FROM manifest_blob
				WHERE manifest_blob.manifest_id = v.id LIMIT most + 1) l
			LIMIT most + 1) r
		GROUP BY r.package_id, r.algorithm, r.digest) b
	CROSS JOIN LATERAL (SELECT blob.size FROM blob
		WHERE blob.algorithm = b.algorithm AND blob.digest = b.digest LIMIT 1) s
	CROSS JOIN LATERAL (SELECT count(*) AS held FROM (SELECT FROM manifest_blob l
		WHERE l.package_id = b.package_id AND l.algorithm = b.algorithm AND l.digest = b.digest
		LIMIT b.n + 1) few) h;
	IF refs > most THEN
		compressed := NULL;
		alone := NULL;
	END IF;
END $$;

CREATE FUNCTION version_facts(which bigint, OUT variety smallint, OUT platform text, OUT compressed bigint,
			      OUT alone bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT coalesce(m.variety, m.kind), m.platform INTO variety, platform FROM manifest m WHERE m.id = which;
	SELECT s.compressed, s.alone INTO compressed, alone FROM version_sizes(which, 256) s;
END $$;
