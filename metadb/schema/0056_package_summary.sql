-- What a package's page says beside its row.

-- The live manifests of a package, by age. They are counted, and the newest is found, in the index alone.
CREATE INDEX manifest_versions ON manifest (package_id, id) WHERE deleted_at IS NULL;

-- The words are those of the newest manifest that has a tag: an index says them in its annotations, an image
-- by its config's labels, or its own annotations. After a thousand without a tag nobody looks further.
CREATE FUNCTION package_summary(in_package bigint, OUT updated_at timestamptz, OUT versions bigint,
				OUT description text, OUT licenses text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	newest record;
	words jsonb;
BEGIN
	SELECT count(*) INTO versions FROM manifest m
	WHERE m.package_id = in_package AND m.deleted_at IS NULL;
	SELECT greatest(p.published_at, (SELECT m.created_at FROM manifest m
		WHERE m.package_id = in_package AND m.deleted_at IS NULL ORDER BY m.id DESC LIMIT 1))
	INTO updated_at FROM package p WHERE p.id = in_package;
	SELECT m.kind, m.annotations, m.labels INTO newest
	FROM (SELECT * FROM manifest WHERE manifest.package_id = in_package
		AND manifest.deleted_at IS NULL ORDER BY manifest.id DESC LIMIT 1000) m
	WHERE EXISTS (SELECT FROM tag WHERE tag.manifest_id = m.id)
	ORDER BY m.id DESC LIMIT 1;
	words := coalesce(newest.annotations, '{}');
	IF newest.kind = 1 THEN
		words := words || coalesce(newest.labels, '{}');
	END IF;
	description := left(words ->> 'org.opencontainers.image.description', 512);
	licenses := left(words ->> 'org.opencontainers.image.licenses', 256);
END $$;
