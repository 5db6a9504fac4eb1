-- What a package's page says beside its row.

-- The live manifests of a package, by age. They are counted, and the newest is found, in the index alone.
CREATE INDEX manifest_versions ON manifest (package_id, id) WHERE deleted_at IS NULL;

-- The words are those of package_labels() of 0057.
CREATE FUNCTION package_summary(in_package bigint, OUT updated_at timestamptz,
				OUT versions bigint, OUT description text, OUT licenses text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT count(*) INTO versions FROM manifest m
	WHERE m.package_id = in_package AND m.deleted_at IS NULL;
	SELECT greatest(p.published_at, (SELECT m.created_at FROM manifest m
		WHERE m.package_id = in_package AND m.deleted_at IS NULL ORDER BY m.id DESC LIMIT 1))
	INTO updated_at FROM package p WHERE p.id = in_package;
	SELECT l.description, l.licenses INTO description, licenses FROM package_labels(in_package) l;
END $$;
