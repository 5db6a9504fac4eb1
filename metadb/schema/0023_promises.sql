-- A promise to a writer holds in full: for `protection` after the answer 201 or 200 about a blob its
-- link is not collected. A promise is kept twice as long as was said, so that one write serves
-- the HEADs that follow; it is renewed as soon as less is left than said and a quarter more: the
-- time that answers and the manifest's push are under way.
--
-- Only a deletion by a user ends it early (link_delete() of 0020).

CREATE FUNCTION promise_due(protect_until timestamptz, protection interval) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT protect_until < now() + protection * 1.25
$$;

-- For whoever pushed the bytes, also bytes that are here; brings a deleted link back.
CREATE OR REPLACE FUNCTION link_protect(into_package bigint, alg smallint, dig bytea,
					protection interval)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO package_blob AS l (package_id, algorithm, digest, protect_until, review_at)
	VALUES (into_package, alg, dig, now() + protection * 2, now() + protection * 2)
	ON CONFLICT (package_id, algorithm, digest)
	DO UPDATE SET protect_until = excluded.protect_until,
		review_at = coalesce(l.review_at, excluded.review_at), deleted_at = NULL
	WHERE l.deleted_at IS NOT NULL OR promise_due(l.protect_until, protection)
$$;

-- For a writer who asks for a blob; all NULL when the package has no such link. A link that was
-- collected while the renewal waited for its row is not there: the second statement looks anew.
CREATE FUNCTION blob_promise(in_package bigint, alg smallint, dig bytea, protection interval,
			     OUT gen bigint, OUT size bigint, OUT lost boolean)
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE package_blob l SET protect_until = now() + protection * 2
	WHERE l.package_id = in_package AND l.algorithm = alg AND l.digest = dig
	AND l.deleted_at IS NULL AND promise_due(l.protect_until, protection);
	SELECT b.gen, b.size, b.lost_at IS NOT NULL INTO gen, size, lost
	FROM package_blob l JOIN blob b USING (algorithm, digest)
	WHERE l.package_id = in_package AND l.algorithm = alg AND l.digest = dig
	AND l.deleted_at IS NULL;
END $$;
