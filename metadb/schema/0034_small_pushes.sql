-- A push of a small blob in cheaper statements: what costs is to start one, and that by the nodes of its plan
-- and the columns that it puts together. So: whole rows of one table, which need no projection, instead
-- of joins; and functions that answer one composite value, which is called as `SELECT f(…)`.

-- Rows of uploads and chunks are written by the functions below and their like: an upload's with its instance in
-- one transaction; a chunk's under the lock of its upload's row, and whoever lets an instance die takes
-- that row away with it. So the keys to the instance protected nothing, and each row that was
-- written looked the instance up, locked and wrote it. metadb/consistency.c looks. The keys
-- that keep what people see, down to blob → instance, stay.
ALTER TABLE upload DROP CONSTRAINT upload_gen_fkey;
ALTER TABLE chunk DROP CONSTRAINT chunk_gen_fkey;

-- As in 0032.
CREATE OR REPLACE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	its_id uuid := gen_random_uuid();
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
	-- Mostly it is there and the same as before; else package_target() says what is the matter.
	SELECT * INTO p FROM package l WHERE l.id = known;
	IF (p.deleted_at IS NULL AND (p.published_at IS NULL OR was_published
				      OR p.publisher_id = who.account_id)) IS NOT TRUE
	   OR p.id IS NULL THEN
		p := package_target(who, in_namespace, its_name, known, was_published);
		IF p.id IS NULL THEN
			p := package_make(who, in_namespace, its_name);
		END IF;
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (id, package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (its_id, p.id, who.account_id, who.token_id, upload_start.gen, alg,
		now() + life * 1.25);
	upload_id := its_id::text;
	package_id := p.id;
END $$;

-- upload_record() of 0032 for one chunk that owes nothing, as that of a small blob.
CREATE FUNCTION upload_record_one(its_id uuid, its_version bigint, new_state bytea, life interval,
				  its_part smallint, its_digest bytea, its_len integer,
				  its_epoch bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	lives timestamptz := now() + life;
	u upload;
BEGIN
	UPDATE upload SET version = version + 1, state = new_state, chunks = chunks + 1,
		expires_at = CASE WHEN expires_at < lives THEN now() + life * 1.25 ELSE expires_at END,
		size = size + its_len
	WHERE id = its_id AND version = its_version
	RETURNING * INTO u;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF (its_len > 0 AND length(its_digest) = 32 AND its_part BETWEEN 0 AND 16383) IS NOT TRUE THEN
		RAISE EXCEPTION 'gen %: this is no chunk', u.gen USING ERRCODE = 'PH500';
	END IF;
	INSERT INTO chunk (gen, idx, part, len, epoch, digest)
	VALUES (u.gen, u.chunks - 1, its_part, its_len, its_epoch, its_digest);
	RETURN true;
END $$;
