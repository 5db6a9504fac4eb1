-- What a version is, by one rule for lists and for deleting many at a time: what it holds says it (version_variety() of
-- 0087), and of what is a plain image or artifact by that, the tag with which older clients push what is about another
-- version. It stays what it is when that tag moves on, or is deleted.

-- 4 attestation, 5 signature; NULL: the name says nothing of what has it.
CREATE FUNCTION tag_variety(its_name text) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE substring(its_name FROM '^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})[.](sig|att|sbom)$')
	WHEN 'sig' THEN 5 WHEN 'att' THEN 4 WHEN 'sbom' THEN 4 END::smallint
$$;

-- By its tags; NULL: by none, or it has other tags as well, by which people know it.
CREATE FUNCTION variety_by_tags(which bigint) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT CASE WHEN NOT bool_or(tag_counts(t.name)) THEN max(tag_variety(t.name)) END
		FROM tag t WHERE t.manifest_id = which);
END $$;

-- Of a version that nobody has looked at yet: an image or an index, unless it is about others.
CREATE FUNCTION variety_undecided(which bigint) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	m record;
	what smallint;
BEGIN
	SELECT l.kind, l.artifact_type, l.bytes, l.annotations INTO m FROM manifest l WHERE l.id = which;
	what := version_variety(m.kind, m.artifact_type, coalesce(first_layer_type(m.bytes), ''), m.annotations);
	RETURN CASE WHEN what IN (4, 5) THEN what
		WHEN what <> 2 THEN coalesce(variety_by_tags(which), m.kind) ELSE m.kind END;
END $$;

-- The condition is cheap, for each tag that is pushed is asked; tag_variety() knows.
CREATE FUNCTION tag_says_what() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE manifest SET variety = w.what FROM variety_by_tags(NEW.manifest_id) AS w(what)
	WHERE id = NEW.manifest_id AND variety IN (1, 3) AND w.what IS NOT NULL;
	RETURN NULL;
END $$;
CREATE TRIGGER tag_about AFTER INSERT OR UPDATE OF manifest_id ON tag
FOR EACH ROW WHEN (NEW.name LIKE 'sha%.%') EXECUTE FUNCTION tag_says_what();

UPDATE manifest m SET variety = w.what
FROM (SELECT DISTINCT t.manifest_id AS id FROM tag t
	WHERE t.name ~ '^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})([.]|$)' AND tag_variety(t.name) IS NOT NULL) t
CROSS JOIN LATERAL variety_by_tags(t.id) AS w(what)
WHERE m.id = t.id AND m.variety IN (1, 3) AND w.what IS NOT NULL;

-- As in 0083. Bits: 1 image, 2 index, 4 a live index needs it, 8 attestation, 16 signature, 32 artifact.
CREATE OR REPLACE FUNCTION version_kinds(which bigint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
	kinds integer := (ARRAY[1, 2, 32, 8, 16])[(SELECT coalesce(l.variety, variety_undecided(l.id))
		FROM manifest l WHERE l.id = which)];
BEGIN
	IF EXISTS (SELECT FROM versions_needing(ARRAY[which])) THEN
		kinds := kinds | 4;
	END IF;
	RETURN kinds;
END $$;

-- As in 0087.
CREATE OR REPLACE FUNCTION version_facts(which bigint, OUT variety smallint, OUT platform text, OUT compressed bigint,
			      OUT alone bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT coalesce(m.variety, variety_undecided(m.id)), m.platform INTO variety, platform
	FROM manifest m WHERE m.id = which;
	SELECT s.compressed, s.alone INTO compressed, alone FROM version_sizes(which, 256) s;
END $$;

-- What an index says of one of its manifests; NULL: nothing.
CREATE FUNCTION index_says(index_id bigint, alg smallint, dig bytea) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT d FROM manifest m
		CROSS JOIN LATERAL jsonb_path_query(manifest_json(m.bytes), '$.manifests[*]') AS d
		WHERE m.id = index_id AND d ->> 'digest' = CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END
			|| encode(dig, 'hex') LIMIT 1);
END $$;

CREATE FUNCTION says_attestation(said jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(said -> 'annotations' ->> 'vnd.docker.reference.type' = 'attestation-manifest', false)
	OR coalesce(said -> 'platform' ->> 'os' = 'unknown' AND said -> 'platform' ->> 'architecture' = 'unknown', false)
$$;

-- As in 0087, with tags.
CREATE OR REPLACE FUNCTION versions_describe(most integer, OUT seen bigint, OUT gone bigint) LANGUAGE plpgsql AS $$
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
			said := (SELECT index_says(c.manifest_id, m.algorithm, m.digest)
				FROM manifest_child c WHERE c.package_id = m.package_id
				AND c.algorithm = m.algorithm AND c.digest = m.digest LIMIT 1);
			IF says_attestation(said) THEN
				what := 4;
			ELSIF what IN (1, 3) THEN
				what := coalesce(variety_by_tags(m.id), what);
			END IF;
			UPDATE manifest SET variety = what, platform = CASE WHEN what IN (1, 3)
				THEN coalesce(platform, version_platform(said -> 'platform')) END
			WHERE id = m.id;
			seen := seen + 1;
		END LOOP;
	END IF;
	gone := seen;
END $$;
