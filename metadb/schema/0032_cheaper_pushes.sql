-- A push in fewer and cheaper statements. What is kept, locked and checked is what it was.
--
-- To start a statement costs more than to run it, and the more the more nodes its plan has: so one
-- statement where there were two that wait for nothing between them, and simple ones where a plan of
-- many nodes did the work of two.

-- Packages are deleted by a mark, never as rows (metadb/consistency.c looks). So the keys to them protected
-- nothing, and made every push lock and write the one row of its package, twice.
ALTER TABLE upload DROP CONSTRAINT upload_package_id_fkey;
ALTER TABLE package_blob DROP CONSTRAINT package_blob_package_id_fkey;
ALTER TABLE manifest DROP CONSTRAINT manifest_package_id_fkey;
ALTER TABLE tag DROP CONSTRAINT tag_package_id_fkey;
-- Only that key needed it.
DROP INDEX upload_package;

-- A CHECK is read from its text each time a statement begins to write: that cost as much as the rest of the
-- insert. The functions below, which alone write these tables, look themselves, and so does
-- metadb/consistency.c.
ALTER TABLE chunk DROP CONSTRAINT chunk_idx_check, DROP CONSTRAINT chunk_part_check,
	DROP CONSTRAINT chunk_len_check, DROP CONSTRAINT chunk_digest_check;
ALTER TABLE blob DROP CONSTRAINT blob_size_check, DROP CONSTRAINT blob_check;

-- The rules of callers and roles stand in these two, and nowhere else.
--
-- enum caller_state: 1 active, 2 unknown, 3 expired, 4 revoked, 5 suspended.
CREATE FUNCTION caller_state(account_id bigint, suspended_at timestamptz, revoked_at timestamptz,
			     expires_at timestamptz)
RETURNS smallint LANGUAGE sql STABLE AS $$
	SELECT (CASE WHEN account_id IS NULL THEN 2
		WHEN revoked_at IS NOT NULL THEN 4
		WHEN suspended_at IS NOT NULL THEN 5
		WHEN expires_at <= now() THEN 3
		ELSE 1 END)::smallint
$$;

-- A user is admin in his own namespace, an owner in his organization's;
-- before it is published, a package is open for pushing to whoever may create it: the user himself,
-- members and owners of an organization;
-- a grant counts, on a private or internal package of an organization only for its members;
-- none counts while the package inherits from its repository.
CREATE FUNCTION package_role(caller bigint, namespace bigint, namespace_kind smallint, package bigint,
			     published_at timestamptz, inherits boolean, visibility smallint,
			     member_role smallint, granted smallint)
RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(CASE WHEN namespace = caller OR member_role = 2 THEN 3
		WHEN package IS NULL THEN 0
		WHEN published_at IS NULL THEN CASE WHEN member_role IS NOT NULL THEN 2 END
		WHEN inherits THEN 0
		WHEN namespace_kind = 2 AND visibility <> 2 AND member_role IS NULL THEN 0
		ELSE granted END, 0)::smallint
$$;

-- Who is this, what may he do here, and where does his upload stand?
--
-- The first columns are those of find_caller() of 0009; namespace and package are NULL when there
-- are none. `uploads`: ids, or NULL; the last columns are NULL unless that upload is open, the
-- caller's, and of this package.
--
-- To start a plan of so many nodes takes as long as to run it for a dozen lookups. So few lookups go one by one,
-- with small statements, and only those that are needed: mostly they ask for one caller and one
-- package. All statements of a STABLE function see the same snapshot.
-- The answer has a type with a name: columns of a function's own are put together anew at each call.
CREATE TYPE authorized AS (ord bigint, state smallint, token_id bigint, account_id bigint,
	login text, kind smallint, scopes integer, site_admin boolean, expires_at bigint,
	unused boolean, namespace_id bigint, package_id bigint, published boolean, visibility smallint,
	role smallint, may_create boolean, upload_gen bigint, upload_version bigint,
	upload_size bigint, upload_chunks integer, upload_algorithm smallint, upload_state bytea);

CREATE FUNCTION find_authorization(hashes bytea[], token_ids bigint[], account_ids bigint[],
				   namespaces text[], names text[], uploads text[])
RETURNS SETOF authorized LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
<<found>>
DECLARE
	state smallint;
	token_id bigint;
	account_id bigint;
	login text;
	kind smallint;
	scopes integer;
	site_admin boolean;
	expires_at bigint;
	unused boolean;
	namespace_id bigint;
	namespace_kind smallint;
	package_id bigint;
	published_at timestamptz;
	inherits boolean;
	visibility smallint;
	member_role smallint;
	granted smallint;
	may_create boolean;
	gen bigint;
	version bigint;
	size bigint;
	chunks integer;
	algorithm smallint;
	bytes bytea;
BEGIN
	IF cardinality(names) > 4 THEN
		RETURN QUERY
		SELECT q.ord, c.state, c.token_id, c.account_id, c.login, c.kind, c.scopes, c.site_admin,
			c.expires_at, c.unused, n.id, p.id, p.published_at IS NOT NULL, p.visibility,
			package_role(c.account_id, n.id, n.kind, p.id, p.published_at, p.inherits, p.visibility,
				m.role, g.role),
			coalesce(n.id = c.account_id OR m.role IS NOT NULL, false),
			u.gen, u.version, u.size, u.chunks, u.algorithm, u.state
		FROM (SELECT generate_series(1, cardinality(names))::bigint AS ord) q
		CROSS JOIN LATERAL (
			SELECT s.state, CASE WHEN s.state = 1 THEN t.id END AS token_id,
				CASE WHEN s.state = 1 THEN t.account_id END AS account_id, a.login, t.kind,
				t.scopes, a.site_admin, extract(epoch FROM t.expires_at)::bigint AS expires_at,
				coalesce(t.last_used_at < now() - interval '1 hour', true) AS unused
			FROM (SELECT) one
			LEFT JOIN LATERAL (
				SELECT id, account_id, kind, scopes, expires_at, revoked_at, last_used_at
				FROM token WHERE token.hash = hashes[q.ord]
				UNION ALL
				SELECT id, account_id, kind, scopes, expires_at, revoked_at, last_used_at
				FROM token WHERE token.id = token_ids[q.ord]
				AND token.account_id = account_ids[q.ord]
				LIMIT 1) t ON true
			LEFT JOIN LATERAL (SELECT id, login, site_admin, suspended_at FROM account
				WHERE account.id = t.account_id AND account.deleted_at IS NULL LIMIT 1) a ON true
			CROSS JOIN LATERAL (SELECT caller_state(a.id, a.suspended_at, t.revoked_at,
				t.expires_at) AS state) s
			LIMIT 1) c
		LEFT JOIN LATERAL (SELECT id, kind FROM account
			WHERE account.login = namespaces[q.ord] AND account.deleted_at IS NULL
			LIMIT 1) n ON true
		LEFT JOIN LATERAL (SELECT id, published_at, visibility, inherits FROM package
			WHERE package.namespace_id = n.id AND package.name = names[q.ord]
			AND package.deleted_at IS NULL LIMIT 1) p ON true
		LEFT JOIN LATERAL (SELECT membership.role FROM membership
			WHERE membership.organization_id = n.id
			AND membership.account_id = c.account_id LIMIT 1) m ON true
		LEFT JOIN LATERAL (SELECT package_grant.role FROM package_grant
			WHERE package_grant.package_id = p.id
			AND package_grant.account_id = c.account_id LIMIT 1) g ON true
		LEFT JOIN LATERAL (SELECT package_id, account_id, expires_at, gen, version, size, chunks,
				algorithm, state
			FROM upload WHERE upload.id = uploads[q.ord]::uuid LIMIT 1) u
			ON u.package_id = p.id AND u.account_id = c.account_id AND u.expires_at > now();
		RETURN;
	END IF;
	FOR i IN 1 .. cardinality(names) LOOP
		IF i = 1 OR hashes[i] IS DISTINCT FROM hashes[i - 1]
		   OR token_ids[i] IS DISTINCT FROM token_ids[i - 1]
		   OR account_ids[i] IS DISTINCT FROM account_ids[i - 1] THEN
			IF hashes[i] IS NULL THEN
				SELECT caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at), t.id,
					t.account_id, a.login, t.kind, t.scopes, a.site_admin,
					extract(epoch FROM t.expires_at)::bigint,
					coalesce(t.last_used_at < now() - interval '1 hour', true)
				INTO state, token_id, account_id, login, kind, scopes, site_admin,
					expires_at, unused
				FROM token t LEFT JOIN account a
				ON a.id = t.account_id AND a.deleted_at IS NULL
				WHERE t.id = token_ids[i] AND t.account_id = account_ids[i];
			ELSE
				SELECT caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at), t.id,
					t.account_id, a.login, t.kind, t.scopes, a.site_admin,
					extract(epoch FROM t.expires_at)::bigint,
					coalesce(t.last_used_at < now() - interval '1 hour', true)
				INTO state, token_id, account_id, login, kind, scopes, site_admin,
					expires_at, unused
				FROM token t LEFT JOIN account a
				ON a.id = t.account_id AND a.deleted_at IS NULL
				WHERE t.hash = hashes[i];
			END IF;
			IF state IS DISTINCT FROM 1 THEN
				state := coalesce(state, 2::smallint);
				token_id := NULL;
				account_id := NULL;
			END IF;
		END IF;
		IF i = 1 OR names[i] IS DISTINCT FROM names[i - 1]
		   OR namespaces[i] IS DISTINCT FROM namespaces[i - 1] THEN
			SELECT n.id, n.kind, p.id, p.published_at, p.inherits, p.visibility
			INTO namespace_id, namespace_kind, package_id, published_at, inherits, visibility
			FROM account n LEFT JOIN package p
			ON p.namespace_id = n.id AND p.name = names[i] AND p.deleted_at IS NULL
			WHERE n.login = namespaces[i] AND n.deleted_at IS NULL;
		END IF;
		may_create := coalesce(namespace_id = account_id, false);
		member_role := NULL;
		granted := NULL;
		IF NOT may_create AND account_id IS NOT NULL AND namespace_id IS NOT NULL THEN
			SELECT (SELECT m.role FROM membership m
				WHERE m.organization_id = found.namespace_id
				AND m.account_id = found.account_id),
				(SELECT g.role FROM package_grant g
				WHERE g.package_id = found.package_id
				AND g.account_id = found.account_id)
			INTO member_role, granted;
			may_create := member_role IS NOT NULL;
		END IF;
		gen := NULL;
		IF uploads[i] IS NOT NULL THEN
			SELECT CASE WHEN l.package_id = found.package_id AND l.account_id = found.account_id
				AND l.expires_at > now() THEN l.gen END, l.version, l.size,
				l.chunks, l.algorithm, l.state
			INTO gen, version, size, chunks, algorithm, bytes FROM upload l WHERE l.id = uploads[i]::uuid;
		END IF;
		RETURN NEXT (i, state, token_id, account_id, login, kind, scopes, site_admin, expires_at,
			unused, namespace_id, package_id, published_at IS NOT NULL, visibility,
			package_role(account_id, namespace_id, namespace_kind, package_id, published_at,
				     inherits, visibility, member_role, granted),
			may_create, gen, version, size, chunks, algorithm, bytes)::authorized;
	END LOOP;
END $$;

-- For programs that do not ask for uploads yet.
CREATE OR REPLACE FUNCTION find_authorization(hashes bytea[], token_ids bigint[],
				   account_ids bigint[], namespaces text[], names text[])
RETURNS TABLE (ord bigint, state smallint, token_id bigint, account_id bigint, login text,
	       kind smallint, scopes integer, site_admin boolean, expires_at bigint, unused boolean,
	       namespace_id bigint, package_id bigint, published boolean, visibility smallint,
	       role smallint, may_create boolean)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT f.ord, f.state, f.token_id, f.account_id, f.login, f.kind, f.scopes, f.site_admin,
		f.expires_at, f.unused, f.namespace_id, f.package_id, f.published, f.visibility,
		f.role, f.may_create
	FROM find_authorization(hashes, token_ids, account_ids, namespaces, names, '{}') f;
END $$;

CREATE OR REPLACE FUNCTION server_timeline() RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
END $$;

-- The system identifier stands in a file that PostgreSQL reads anew at each call. It cannot change while
-- the server runs, so each of its processes keeps it; the timeline can.
CREATE OR REPLACE FUNCTION adopted() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	system text := current_setting('packhouse.system', true);
	c cluster;
BEGIN
	IF system IS NULL OR system = '' THEN
		system := set_config('packhouse.system',
			(SELECT system_identifier::text FROM pg_control_system()), false);
	END IF;
	SELECT * INTO c FROM cluster;
	RETURN c.adopted_system = system::bigint AND c.adopted_timeline = server_timeline();
END $$;

-- As in 0027.
CREATE OR REPLACE FUNCTION upload_start(who actor, in_namespace bigint, its_name text, known bigint,
			     was_published boolean, alg smallint, life interval,
			     OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	p package;
BEGIN
	IF NOT adopted() THEN
		RAISE EXCEPTION 'this server was not adopted: `packhouse-metadb adopt`'
			USING ERRCODE = 'PH503';
	END IF;
	-- Mostly it is there and the same as before; else package_target() says what is the matter.
	SELECT l.id INTO package_id FROM package l WHERE l.id = known AND l.deleted_at IS NULL
	AND (l.published_at IS NULL OR was_published OR l.publisher_id = who.account_id);
	IF package_id IS NULL THEN
		p := package_target(who, in_namespace, its_name, known, was_published);
		IF p.id IS NULL THEN
			p := package_make(who, in_namespace, its_name);
		END IF;
		package_id := p.id;
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (upload_start.package_id, who.account_id, who.token_id, upload_start.gen, alg,
		now() + life * 1.25)
	RETURNING upload.id::text INTO upload_id;
END $$;

-- Rows of the next chunks of a gen, from index `first` on; answers how many. Mostly it is one.
CREATE FUNCTION chunks_add(of_gen bigint, first integer, parts smallint[], digests bytea[],
			   lens integer[], epochs bigint[])
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	fine boolean;
BEGIN
	IF cardinality(digests) = 1 THEN
		fine := lens[1] > 0 AND length(digests[1]) = 32 AND parts[1] BETWEEN 0 AND 16383;
	ELSE
		SELECT bool_and(len > 0 AND length(digest) = 32 AND part BETWEEN 0 AND 16383) INTO fine
		FROM unnest(parts, digests, lens) AS c(part, digest, len);
	END IF;
	IF fine IS NOT TRUE THEN
		RAISE EXCEPTION 'gen %: this is no chunk', of_gen USING ERRCODE = 'PH500';
	END IF;
	IF cardinality(digests) = 1 THEN
		INSERT INTO chunk (gen, idx, part, len, epoch, digest)
		VALUES (of_gen, first, parts[1], lens[1], epochs[1], digests[1]);
	ELSE
		INSERT INTO chunk (gen, idx, part, len, epoch, digest)
		SELECT of_gen, first + c.ord - 1, c.part, c.len, c.epoch, c.digest
		FROM unnest(parts, digests, lens, epochs) WITH ORDINALITY
			AS c(part, digest, len, epoch, ord);
	END IF;
	RETURN cardinality(digests);
END $$;

CREATE FUNCTION lens_sum(lens integer[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF cardinality(lens) > 1 THEN
		RETURN (SELECT sum(l) FROM unnest(lens) AS l);
	END IF;
	RETURN coalesce(lens[1], 0);
END $$;

-- As upload_append() of 0027, which stays for programs that call it. The compare-and-set: the version decides
-- who appends, in one transaction with the chunk rows. false: the upload is gone or somebody else
-- was faster.
CREATE FUNCTION upload_record(its_id uuid, its_version bigint, new_state bytea, life interval,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	n integer := cardinality(digests);
	bytes bigint := lens_sum(lens);
	lives timestamptz := now() + life;
	its_gen bigint;
	count_now integer;
BEGIN
	UPDATE upload SET version = version + 1, state = new_state, chunks = chunks + n,
		expires_at = CASE WHEN expires_at < lives THEN now() + life * 1.25 ELSE expires_at END,
		size = size + bytes
	WHERE id = its_id AND version = its_version
	RETURNING gen, chunks INTO its_gen, count_now;
	IF its_gen IS NULL THEN
		RETURN false;
	END IF;
	IF n > 0 THEN
		n := chunks_add(its_gen, count_now - n, parts, digests, lens, epochs);
	END IF;
	IF cardinality(owing_parts) > 0 THEN
		PERFORM owes_add(owing_parts, owing_nodes);
	END IF;
	RETURN true;
END $$;

-- status: 0 done, 1 done before (a lost answer), 2 somebody else was faster, 3 no such upload.
-- As in 0027; the compare-and-set is the statement that takes the upload away.
CREATE OR REPLACE FUNCTION upload_commit(its_id uuid, its_version bigint, into_package bigint,
			      parts smallint[], digests bytea[], lens integer[], epochs bigint[],
			      owing_parts smallint[], owing_nodes integer[],
			      alg smallint, dig bytea, protection interval,
			      OUT status smallint, OUT gen bigint, OUT existed boolean)
LANGUAGE plpgsql AS $$
DECLARE
	n integer := cardinality(digests);
	u record;
	seen record;
	newest bigint;
	stale smallint[] := '{}';
BEGIN
	existed := false;
	DELETE FROM upload l WHERE l.id = its_id AND l.version = its_version
	RETURNING l.gen, l.package_id, l.chunks, l.size INTO u;
	IF NOT FOUND THEN
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
	IF n > 0 THEN
		n := chunks_add(u.gen, u.chunks, parts, digests, lens, epochs);
		u.chunks := u.chunks + n;
		u.size := u.size + lens_sum(lens);
	END IF;
	IF u.chunks = 1 THEN	-- of several the last one has an index that is not 0
		SELECT 1::bigint AS n, idx AS low, idx AS high, len::bigint AS bytes, epoch AS first,
			epoch AS last
		INTO seen FROM chunk c WHERE c.gen = u.gen ORDER BY idx DESC LIMIT 1;
	ELSE
		SELECT count(*) AS n, min(idx) AS low, max(idx) AS high,
			coalesce(sum(len), 0) AS bytes, min(epoch) AS first, max(epoch) AS last
		INTO seen FROM chunk c WHERE c.gen = u.gen;
	END IF;
	IF seen.n IS DISTINCT FROM u.chunks OR seen.bytes <> u.size
	   OR (u.chunks > 0 AND (seen.low <> 0 OR seen.high <> u.chunks - 1)) THEN
		RAISE EXCEPTION 'upload %: % chunks % to % of % bytes, expected % and %', its_id,
			seen.n, seen.low, seen.high, seen.bytes, u.chunks, u.size
			USING ERRCODE = 'PH500';
	END IF;
	IF length(dig) IS DISTINCT FROM (CASE alg WHEN 1 THEN 32 WHEN 2 THEN 64 END) THEN
		RAISE EXCEPTION 'upload %: this is no digest', its_id USING ERRCODE = 'PH500';
	END IF;
	-- Mostly blob and link are new; else blob_adopt() and link_protect() know what to do.
	gen := u.gen;
	INSERT INTO blob (algorithm, digest, gen, size) VALUES (alg, dig, u.gen, u.size)
	ON CONFLICT (algorithm, digest) DO NOTHING;
	IF NOT FOUND THEN
		gen := blob_adopt(alg, dig, u.gen, u.size);
		existed := gen <> u.gen;
	END IF;
	INSERT INTO package_blob (package_id, algorithm, digest, protect_until, review_at)
	VALUES (into_package, alg, dig, now() + protection * 2, now() + protection * 2)
	ON CONFLICT (package_id, algorithm, digest) DO NOTHING;
	IF NOT FOUND THEN
		PERFORM link_protect(into_package, alg, dig, protection);
	END IF;
	IF NOT existed THEN
		-- A map that changed under the upload: compare those partitions as a whole.
		SELECT epoch INTO newest FROM cluster_map ORDER BY epoch DESC LIMIT 1;
		IF seen.first <> newest OR seen.last <> newest THEN
			stale := ARRAY(SELECT DISTINCT c.part FROM chunk c
				       WHERE c.gen = u.gen AND c.epoch <> newest);
		END IF;
		IF cardinality(owing_parts) + cardinality(stale) > 0 THEN
			PERFORM owes_add(owing_parts || stale,
					 owing_nodes || array_fill(0, ARRAY[cardinality(stale)]));
		END IF;
	END IF;
	status := 0;
END $$;
