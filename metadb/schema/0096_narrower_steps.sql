-- What each request asks and each push of a manifest does, in narrower and fewer steps. To start a statement costs by
-- the columns that it answers with, and a key that is declared a lookup for each row.

-- As in 0041, with the columns that are looked at, where there were whole rows: tables have grown since.
CREATE TYPE upload_place AS (package_id bigint, account_id bigint, expires_at timestamptz, gen bigint,
	version bigint, size bigint, chunks integer, algorithm smallint, state bytea);

CREATE OR REPLACE FUNCTION find_one_rights(its_hash bytea, its_token bigint, its_account bigint, namespace text,
				its_name text, its_upload uuid)
RETURNS rights LANGUAGE plpgsql STABLE AS $$
DECLARE
	t record;
	a record;
	n record;
	p record;
	u upload_place;
	state smallint;
	caller bigint;
	former record;
	moved_to text;
	outside smallint := 0;
	role smallint := 0;
	may_create boolean := false;
BEGIN
	IF its_hash IS NULL THEN
		SELECT l.id, l.account_id, l.kind, l.scopes, l.revoked_at, l.expires_at, l.last_used_at,
			l.repository_id, l.limited INTO t
		FROM token l WHERE l.id = its_token AND l.account_id = its_account;
	ELSE
		SELECT l.id, l.account_id, l.kind, l.scopes, l.revoked_at, l.expires_at, l.last_used_at,
			l.repository_id, l.limited INTO t
		FROM token l WHERE l.hash = its_hash;
	END IF;
	SELECT l.id, l.kind, l.login, l.site_admin, l.suspended_at, l.organization_id, l.sso_required, l.creators
	INTO a FROM account l WHERE l.id = t.account_id AND l.deleted_at IS NULL;
	state := caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at);
	caller := CASE WHEN state = 1 THEN a.id END;
	IF namespace = a.login THEN	-- mostly he is in his own
		n := a;
	ELSE
		SELECT l.id, l.kind, l.login, l.site_admin, l.suspended_at, l.organization_id, l.sso_required,
			l.creators INTO n
		FROM account l WHERE l.login = namespace AND l.deleted_at IS NULL;
	END IF;
	SELECT l.id, l.name, l.visibility, l.published_at, l.inherits, l.repository_id INTO p
	FROM package l WHERE l.namespace_id = n.id AND l.name = its_name AND l.deleted_at IS NULL;
	IF p.id IS NULL THEN
		SELECT * INTO former FROM package_moved(namespace, n.id, its_name);
		IF former.namespace_id IS NOT NULL THEN
			SELECT l.id, l.kind, l.login, l.site_admin, l.suspended_at, l.organization_id,
				l.sso_required, l.creators INTO n
			FROM account l WHERE l.id = former.namespace_id;
			SELECT l.id, l.name, l.visibility, l.published_at, l.inherits, l.repository_id INTO p
			FROM package l WHERE l.id = former.package_id;
			moved_to := n.login || '/' || coalesce(p.name, its_name);
		END IF;
	END IF;
	IF caller IS NOT NULL AND n.id IS NOT NULL THEN
		IF t.limited OR n.sso_required THEN
			outside := token_outside(t.id, t.kind, t.limited, n.id, coalesce(p.name, its_name),
				n.sso_required);
		END IF;
		IF outside <> 0 THEN
			NULL;
		ELSIF n.id = caller AND t.repository_id IS NULL THEN
			role := 3;	-- as person_rights() says; most lookups end here
			may_create := true;
		ELSIF t.repository_id IS NULL THEN
			SELECT r.role, r.may_create INTO role, may_create
			FROM person_rights(caller, a.organization_id, a.creators = 1, n.id, n.kind, n.creators,
				p.id, p.published_at IS NOT NULL, p.inherits, p.repository_id, p.visibility) r;
		ELSE
			SELECT r.role, r.may_create INTO role, may_create
			FROM repository_rights(t.repository_id, t.kind, n.id, n.creators, p.id,
				p.published_at IS NOT NULL, p.inherits, p.repository_id) r;
		END IF;
	END IF;
	IF its_upload IS NOT NULL THEN
		SELECT l.package_id, l.account_id, l.expires_at, l.gen, l.version, l.size, l.chunks, l.algorithm, l.state
		INTO u FROM upload l WHERE l.id = its_upload;
		IF (u.package_id = p.id AND u.account_id = caller AND u.expires_at > now()) IS NOT TRUE THEN
			u := NULL;
		END IF;
	END IF;
	RETURN (1, state, CASE WHEN state = 1 THEN t.id END, caller, a.login, t.kind, t.scopes, a.site_admin,
		extract(epoch FROM t.expires_at)::bigint,
		coalesce(t.last_used_at < now() - interval '1 hour', true),
		a.kind, t.repository_id, t.limited, n.id, p.id, p.published_at IS NOT NULL, p.visibility,
		role, may_create, u.gen, u.version, u.size, u.chunks, u.algorithm, u.state,
		n.kind, outside, moved_to)::rights;
END $$;

-- Rows of what a manifest needs are written by the function that has written the manifest, in one transaction. They go
-- with it, as before; what they protect, the links, keep their key. metadb/consistency.c looks.
ALTER TABLE manifest_blob DROP CONSTRAINT manifest_blob_manifest_id_fkey;

CREATE FUNCTION manifest_blobs_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM manifest_blob r WHERE r.manifest_id = ANY (ARRAY(SELECT g.id FROM gone g));
	RETURN NULL;
END $$;
CREATE TRIGGER manifest_blobs_go AFTER DELETE ON manifest REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION manifest_blobs_go();

-- As in 0027: digests come sorted and each once. Nearly always they are of one algorithm and all there.
CREATE OR REPLACE FUNCTION blobs_missing(in_package bigint, algs smallint[], digs bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	there bigint[];
	found_all bigint;
BEGIN
	IF algs[1] = ALL (algs) THEN
		PERFORM FROM package_blob l WHERE l.package_id = in_package AND l.algorithm = algs[1]
		AND l.digest = ANY (digs) AND l.deleted_at IS NULL ORDER BY l.digest FOR KEY SHARE;
		GET DIAGNOSTICS found_all = ROW_COUNT;
		IF found_all = cardinality(digs) THEN
			RETURN '{}';
		END IF;
	END IF;
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

-- As in 0027. Nearly always it is one.
CREATE OR REPLACE FUNCTION tags_move(who actor, in_package bigint, names text[], target bigint)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	moved_names text[] := '{}';
BEGIN
	IF cardinality(names) = 0 THEN
		RETURN moved_names;
	ELSIF cardinality(names) = 1 THEN
		INSERT INTO tag (package_id, name, manifest_id, updated_by)
		VALUES (in_package, names[1], target, who.account_id)
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target;
		RETURN CASE WHEN FOUND THEN names ELSE moved_names END;
	END IF;
	WITH moved AS (
		INSERT INTO tag (package_id, name, manifest_id, updated_by)
		SELECT in_package, n, target, who.account_id
		FROM (SELECT DISTINCT n COLLATE "C" AS n FROM unnest(names) AS n ORDER BY 1) AS sorted
		ON CONFLICT (package_id, name) DO UPDATE
		SET manifest_id = target, updated_at = now(), updated_by = who.account_id
		WHERE tag.manifest_id <> target
		RETURNING name)
	SELECT coalesce(array_agg(name), '{}') INTO moved_names FROM moved;
	RETURN moved_names;
END $$;
