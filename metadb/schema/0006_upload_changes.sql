-- Changes to uploads. Bytes are durable before any of these rows is written; the row comes last.
--
-- Lock order of everything that writes: upload, blob, package_blob, manifest, tag, package,
-- partition_owes; rows of one table in order of their key.
--
-- SQLSTATEs of ours: PH404 it is gone, PH409 somebody else was faster, PH500 rows contradict
-- each other (a bug).

-- The package a push goes to. `was_published` is what the pusher's rights were checked against: if
-- somebody else published the package since, they have to be checked again (PH409).
CREATE FUNCTION package_target(who actor, in_namespace bigint, its_name text, known bigint,
			       was_published boolean)
RETURNS package LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	IF known <> 0 THEN
		SELECT * INTO p FROM package WHERE id = known AND deleted_at IS NULL;
	ELSE
		SELECT * INTO p FROM package
		WHERE namespace_id = in_namespace AND name = its_name AND deleted_at IS NULL;
	END IF;
	IF FOUND AND p.published_at IS NOT NULL AND NOT was_published
	   AND p.publisher_id <> who.account_id THEN
		RAISE EXCEPTION 'package % was published by somebody else', p.id
			USING ERRCODE = 'PH409';
	END IF;
	IF NOT FOUND AND known <> 0 THEN
		RAISE EXCEPTION 'package % is gone', known USING ERRCODE = 'PH404';
	END IF;
	RETURN p;	-- all NULL: it is still to be made
END $$;

CREATE FUNCTION package_make(who actor, in_namespace bigint, its_name text)
RETURNS package LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	PERFORM 1 FROM account WHERE id = in_namespace AND deleted_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'namespace % is gone', in_namespace USING ERRCODE = 'PH404';
	END IF;
	INSERT INTO package (namespace_id, name, publisher_id)
	VALUES (in_namespace, its_name, who.account_id)
	ON CONFLICT (namespace_id, name) WHERE deleted_at IS NULL DO NOTHING
	RETURNING * INTO p;
	IF NOT FOUND THEN	-- made in between
		RETURN package_target(who, in_namespace, its_name, 0, false);
	END IF;
	PERFORM record(who, 'package.create', in_namespace, p.id,
		       jsonb_build_object('name', its_name));
	RETURN p;
END $$;

CREATE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	p := package_target(who, in_namespace, its_name, known, was_published);
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (p.id, who.account_id, who.token_id, gen, alg, now() + life)
	RETURNING upload.id::text INTO upload_id;
	package_id := p.id;
END $$;

-- Debts are taken on in order of their key, so that two writers cannot wait for each other.
CREATE FUNCTION owes_add(parts smallint[], nodes integer[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO partition_owes (part, node)
	SELECT DISTINCT o.part, o.node FROM unnest(parts, nodes) AS o(part, node) ORDER BY 1, 2
	ON CONFLICT (part, node) DO UPDATE SET stamp = nextval('partition_owes_stamp')
$$;

-- The compare-and-set: the version decides who appends, in one statement with the chunk rows.
-- NULL: the upload is gone or somebody else was faster.
CREATE FUNCTION upload_append(its_id uuid, its_version bigint, new_state bytea, life interval,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[])
RETURNS upload LANGUAGE plpgsql AS $$
DECLARE
	n integer := cardinality(digests);
	u upload;
BEGIN
	WITH changed AS (
		UPDATE upload SET version = version + 1, state = new_state,
			chunks = chunks + n, expires_at = now() + life,
			size = size + (SELECT coalesce(sum(l), 0) FROM unnest(lens) AS l)
		WHERE id = its_id AND version = its_version
		RETURNING *
	), appended AS (
		INSERT INTO chunk (gen, idx, part, len, epoch, digest)
		SELECT changed.gen, changed.chunks - n + c.ord - 1, c.part, c.len, c.epoch, c.digest
		FROM changed, unnest(parts, digests, lens, epochs) WITH ORDINALITY
			AS c(part, digest, len, epoch, ord)
	)
	SELECT * INTO u FROM changed;
	IF FOUND AND cardinality(owing_parts) > 0 THEN
		PERFORM owes_add(owing_parts, owing_nodes);
	END IF;
	RETURN u;
END $$;

-- Makes the blob out of gen `ours`, or finds the live one; answers the gen that serves it.
-- Of two that commit the same blob one inserts; the other locks the row it finds so that it
-- cannot be collected before the link stands. A lost blob is healed: it gets our gen.
CREATE FUNCTION blob_adopt(alg smallint, dig bytea, ours bigint, its_size bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	there blob;
BEGIN
	LOOP
		INSERT INTO blob (algorithm, digest, gen, size) VALUES (alg, dig, ours, its_size)
		ON CONFLICT (algorithm, digest) DO NOTHING;
		IF FOUND THEN
			RETURN ours;
		END IF;
		SELECT * INTO there FROM blob WHERE algorithm = alg AND digest = dig FOR KEY SHARE;
		CONTINUE WHEN NOT FOUND;	-- collected in between
		IF there.lost_at IS NOT NULL THEN
			SELECT * INTO there FROM blob WHERE algorithm = alg AND digest = dig
			FOR UPDATE;
			CONTINUE WHEN NOT FOUND;
		END IF;
		IF there.lost_at IS NULL THEN
			UPDATE instance SET dead_at = now() WHERE gen = ours;
			RETURN there.gen;
		END IF;
		UPDATE blob SET gen = ours, lost_at = NULL WHERE algorithm = alg AND digest = dig;
		UPDATE instance SET dead_at = now() WHERE gen = there.gen;
		RETURN ours;
	END LOOP;
END $$;

CREATE FUNCTION link_protect(into_package bigint, alg smallint, dig bytea, protection interval)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO package_blob (package_id, algorithm, digest, protect_until)
	VALUES (into_package, alg, dig, now() + protection)
	ON CONFLICT (package_id, algorithm, digest)
	DO UPDATE SET protect_until = greatest(package_blob.protect_until, excluded.protect_until)
$$;

-- status: 0 done, 1 done before (a lost answer), 2 somebody else was faster, 3 no such upload.
CREATE FUNCTION upload_commit(its_id uuid, its_version bigint, into_package bigint,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[],
			      alg smallint, dig bytea, protection interval,
			      OUT status smallint, OUT gen bigint, OUT existed boolean)
LANGUAGE plpgsql AS $$
DECLARE
	u upload;
	seen record;
	stale smallint[];
BEGIN
	existed := false;
	u := upload_append(its_id, its_version, '', '1 hour', parts, digests, lens, epochs, '{}', '{}');
	IF u.id IS NULL THEN
		PERFORM 1 FROM upload WHERE id = its_id AND package_id = into_package;
		IF FOUND THEN
			status := 2;
			RETURN;
		END IF;
		SELECT b.gen INTO gen FROM package_blob l JOIN blob b USING (algorithm, digest)
		WHERE l.package_id = into_package AND l.algorithm = alg AND l.digest = dig;
		status := CASE WHEN FOUND THEN 1 ELSE 3 END;
		existed := FOUND;
		RETURN;
	END IF;
	IF u.package_id <> into_package THEN
		RAISE EXCEPTION 'upload % is of another package', its_id USING ERRCODE = 'PH404';
	END IF;
	SELECT count(*) AS n, min(idx) AS low, max(idx) AS high, coalesce(sum(len), 0) AS bytes
	INTO seen FROM chunk c WHERE c.gen = u.gen;
	IF seen.n <> u.chunks OR seen.bytes <> u.size
	   OR (u.chunks > 0 AND (seen.low <> 0 OR seen.high <> u.chunks - 1)) THEN
		RAISE EXCEPTION 'upload %: % chunks % to % of % bytes, expected % and %', its_id,
			seen.n, seen.low, seen.high, seen.bytes, u.chunks, u.size
			USING ERRCODE = 'PH500';
	END IF;
	gen := blob_adopt(alg, dig, u.gen, u.size);
	existed := gen <> u.gen;
	PERFORM link_protect(into_package, alg, dig, protection);
	DELETE FROM upload WHERE id = its_id;
	IF NOT existed THEN
		-- A map that changed under the upload: compare those partitions as a whole.
		SELECT array_agg(DISTINCT c.part) INTO stale FROM chunk c
		WHERE c.gen = u.gen AND c.epoch <> (SELECT max(epoch) FROM cluster_map);
		owing_nodes := owing_nodes || array_fill(0, ARRAY[coalesce(cardinality(stale), 0)]);
		owing_parts := owing_parts || coalesce(stale, '{}');
		IF cardinality(owing_parts) > 0 THEN
			PERFORM owes_add(owing_parts, owing_nodes);
		END IF;
	END IF;
	status := 0;
END $$;

-- false: no such upload
CREATE FUNCTION upload_cancel(its_id uuid, in_package bigint, of_account bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	its_gen bigint;
BEGIN
	DELETE FROM upload WHERE id = its_id AND package_id = in_package AND account_id = of_account
	RETURNING gen INTO its_gen;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE instance SET dead_at = now() WHERE gen = its_gen;
	RETURN true;
END $$;
