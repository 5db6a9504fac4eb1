-- Who is this, and what may he do here: the rules, and the one lookup that every request of a package makes.
--
-- Whoever asks is a person (or a robot, who is a kind of member), or acts for a repository (a workflow, a
-- codespace). The rules of each stand in one function, person_rights() and repository_rights(); all that
-- decides about rights calls these. What scopes and visibility add is access_decide() of proto/model.

-- Which role on a package a role on its repository is.
CREATE FUNCTION role_through(repository_role smallint) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT (CASE WHEN repository_role >= 5 THEN 3 WHEN repository_role >= 3 THEN 2
		WHEN repository_role >= 1 THEN 1 ELSE 0 END)::smallint
$$;

-- The most that his teams, and those above them, were given on a package. OFFSET keeps the subquery from
-- being flattened into a join for which another plan could be chosen.
CREATE FUNCTION team_role(person bigint, package bigint) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT max((SELECT g.role FROM package_team g
			WHERE g.package_id = package AND g.team_id = p.ancestor_id))
		FROM team_member m CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path
			WHERE team_path.team_id = m.team_id OFFSET 0) p
		WHERE m.account_id = person), 0);
END $$;

-- A person's role on a package and his right to create one of that name. `employer`: the organization whose
-- robot he is, and `creates`, whether that one may; NULL for people. The package's columns are NULL when there
-- is none.
--
-- A user is admin in his own namespace, an owner in his organization's. Before it is published, a package is open
-- for pushing to whoever may create it. While it inherits, only his role on its repository counts.
-- What was given to him or his teams counts, on packages of an organization that are not public, only while he
-- is a member.
CREATE FUNCTION person_rights(person bigint, employer bigint, creates boolean, namespace bigint,
			      namespace_kind smallint, creators smallint, package bigint, published boolean,
			      inherits boolean, repository bigint, visibility smallint,
			      OUT role smallint, OUT may_create boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	member smallint;
BEGIN
	role := 0;
	may_create := namespace = person;
	IF may_create THEN
		role := 3;
		RETURN;
	ELSIF employer IS NULL THEN
		SELECT (SELECT m.role FROM membership m
			WHERE m.organization_id = namespace AND m.account_id = person),
			(SELECT g.role FROM package_grant g
			WHERE g.package_id = package AND g.account_id = person AND published AND NOT inherits)
		INTO member, role;
		IF member = 2 THEN
			role := 3;
			may_create := true;
			RETURN;
		END IF;
		may_create := member IS NOT NULL AND creators = 1;
	ELSE
		member := CASE WHEN employer = namespace THEN 1 END;
		may_create := member IS NOT NULL AND creates;
		SELECT g.role INTO role FROM package_grant g
		WHERE g.package_id = package AND g.account_id = person AND published AND NOT inherits;
	END IF;
	IF package IS NULL THEN
		role := 0;
	ELSIF NOT published THEN
		role := CASE WHEN may_create THEN 2 ELSE 0 END;
	ELSIF inherits THEN
		role := role_through(repository_role(person, repository));
	ELSIF namespace_kind = 2 AND member IS NULL AND visibility <> 2 THEN
		role := 0;
	ELSIF member IS NOT NULL AND role IS DISTINCT FROM 3 THEN
		role := greatest(role, team_role(person, package));
	ELSE
		role := coalesce(role, 0);
	END IF;
END $$;

-- The rights of a token that acts for a repository (kind 3 a workflow, 4 a codespace), on a package of
-- any namespace. A workflow has what *Actions access* lists for its repository, and may create in the
-- namespace of its repository where members may. A codespace reads what is listed for its
-- repository, and what inherits from it.
CREATE FUNCTION repository_rights(acting bigint, kind smallint, namespace bigint, creators smallint,
				  package bigint, published boolean, inherits boolean, repository bigint,
				  OUT role smallint, OUT may_create boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	owner bigint;
BEGIN
	role := 0;
	may_create := false;
	SELECT r.owner_id INTO owner FROM repository r WHERE r.id = acting AND r.deleted_at IS NULL;
	IF NOT FOUND THEN
		RETURN;
	ELSIF kind = 4 THEN
		IF published AND ((inherits AND repository = acting) OR EXISTS (SELECT FROM package_codespace c
				WHERE c.package_id = package AND c.repository_id = acting)) THEN
			role := 1;
		END IF;
		RETURN;
	END IF;
	may_create := owner = namespace AND creators = 1;
	IF package IS NULL THEN
		RETURN;
	ELSIF NOT published THEN
		role := CASE WHEN may_create THEN 2 ELSE 0 END;
	ELSE
		SELECT a.role INTO role FROM package_actions a
		WHERE a.package_id = package AND a.repository_id = acting;
		role := coalesce(role, 0);
	END IF;
END $$;

-- Where a token counts as nobody's: 0 it does not, 1 outside its limits, 2 it was not authorized for an
-- organization that requires single sign-on. Robots' and repositories' tokens need no sign-on.
CREATE FUNCTION token_outside(token bigint, kind smallint, limited boolean, namespace bigint, name text,
			      sso_required boolean)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF limited AND NOT EXISTS (SELECT FROM token_limit l WHERE l.token_id = token
			AND l.namespace_id = namespace AND (l.name = '' OR l.name = token_outside.name)) THEN
		RETURN 1;
	ELSIF sso_required AND kind = 1 AND NOT EXISTS (SELECT FROM token_sso s
			WHERE s.token_id = token AND s.organization_id = namespace) THEN
		RETURN 2;
	END IF;
	RETURN 0;
END $$;

-- The account that has a login now, or had it: then the second column says so.
CREATE FUNCTION namespace_find(its_login text, OUT id bigint, OUT moved boolean) LANGUAGE plpgsql STABLE AS $$
BEGIN
	moved := false;
	SELECT a.id INTO id FROM account a WHERE a.login = its_login AND a.deleted_at IS NULL;
	IF NOT FOUND THEN
		SELECT a.id INTO id FROM account_alias l JOIN account a ON a.id = l.account_id
		WHERE l.login = its_login AND a.deleted_at IS NULL;
		moved := FOUND;
	END IF;
END $$;

-- As find_caller() of 0009, with what a credential acts for: account_kind is 1 a user, 3 a robot (or
-- whatever owns the repository that the token acts for), repository_id that repository.
CREATE TYPE caller AS (ord bigint, state smallint, token_id bigint, account_id bigint, login text,
	kind smallint, scopes integer, site_admin boolean, expires_at bigint, unused boolean,
	account_kind smallint, repository_id bigint, limited boolean);

CREATE FUNCTION find_callers(hashes bytea[], token_ids bigint[], account_ids bigint[])
RETURNS SETOF caller LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT q.ord, s.state, t.id * s.good, t.account_id * s.good, a.login, t.kind, t.scopes,
		a.site_admin, extract(epoch FROM t.expires_at)::bigint,
		coalesce(t.last_used_at < now() - interval '1 hour', true),
		a.kind, t.repository_id, t.limited
	FROM unnest(hashes, token_ids, account_ids)
		WITH ORDINALITY AS q(hash, token_id, account_id, ord)
	LEFT JOIN LATERAL (
		SELECT * FROM token WHERE token.hash = q.hash
		UNION ALL
		SELECT * FROM token WHERE token.id = q.token_id AND token.account_id = q.account_id
		LIMIT 1) t ON true
	LEFT JOIN LATERAL (SELECT * FROM account
		WHERE account.id = t.account_id AND account.deleted_at IS NULL LIMIT 1) a ON true
	CROSS JOIN LATERAL (SELECT w.state, CASE WHEN w.state = 1 THEN 1 END AS good
		FROM (SELECT caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at) AS state) w) s;
END $$;

-- Who is this, what may he do here, and where does his upload stand? Columns as in 0032, and:
-- account_kind, repository_id as above; namespace_kind; outside as in token_outside(); moved_to: the
-- full name that the package has now, when it was asked for by one that it had before.
CREATE TYPE rights AS (ord bigint, state smallint, token_id bigint, account_id bigint,
	login text, kind smallint, scopes integer, site_admin boolean, expires_at bigint,
	unused boolean, account_kind smallint, repository_id bigint, limited boolean,
	namespace_id bigint, package_id bigint, published boolean, visibility smallint,
	role smallint, may_create boolean, upload_gen bigint, upload_version bigint,
	upload_size bigint, upload_chunks integer, upload_algorithm smallint, upload_state bytea,
	namespace_kind smallint, outside smallint, moved_to text);

-- Lookups go one by one, with small statements, and only those that are needed: to start a plan with a
-- node for every rule takes longer. What equals the lookup before is not asked again. All statements
-- of a STABLE function see the same snapshot. A LATERAL (… LIMIT 1) is one index probe; a join planned while
-- its tables were small could be something else.
CREATE FUNCTION find_rights(hashes bytea[], token_ids bigint[], account_ids bigint[],
			    namespaces text[], names text[], uploads text[])
RETURNS SETOF rights LANGUAGE plpgsql STABLE ROWS 10 AS $$
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
	account_kind smallint;
	employer bigint;
	creates boolean;
	acting bigint;
	limited boolean;
	namespace_id bigint;
	namespace_login text;
	namespace_kind smallint;
	sso_required boolean;
	creators smallint;
	package_id bigint;
	name text;
	published boolean;
	inherits boolean;
	repository bigint;
	visibility smallint;
	moved boolean;
	outside smallint;
	role smallint;
	may_create boolean;
	gen bigint;
	version bigint;
	size bigint;
	chunks integer;
	algorithm smallint;
	bytes bytea;
BEGIN
	FOR i IN 1 .. cardinality(names) LOOP
		IF i = 1 OR hashes[i] IS DISTINCT FROM hashes[i - 1]
		   OR token_ids[i] IS DISTINCT FROM token_ids[i - 1]
		   OR account_ids[i] IS DISTINCT FROM account_ids[i - 1] THEN
			IF hashes[i] IS NULL THEN
				SELECT caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at), t.id,
					t.account_id, a.login, t.kind, t.scopes, a.site_admin,
					extract(epoch FROM t.expires_at)::bigint,
					coalesce(t.last_used_at < now() - interval '1 hour', true),
					a.kind, a.organization_id, a.creators = 1, t.repository_id, t.limited
				INTO state, token_id, account_id, login, kind, scopes, site_admin,
					expires_at, unused, account_kind, employer, creates, acting, limited
				FROM token t LEFT JOIN LATERAL (SELECT * FROM account
					WHERE account.id = t.account_id AND account.deleted_at IS NULL
					LIMIT 1) a ON true
				WHERE t.id = token_ids[i] AND t.account_id = account_ids[i];
			ELSE
				SELECT caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at), t.id,
					t.account_id, a.login, t.kind, t.scopes, a.site_admin,
					extract(epoch FROM t.expires_at)::bigint,
					coalesce(t.last_used_at < now() - interval '1 hour', true),
					a.kind, a.organization_id, a.creators = 1, t.repository_id, t.limited
				INTO state, token_id, account_id, login, kind, scopes, site_admin,
					expires_at, unused, account_kind, employer, creates, acting, limited
				FROM token t LEFT JOIN LATERAL (SELECT * FROM account
					WHERE account.id = t.account_id AND account.deleted_at IS NULL
					LIMIT 1) a ON true
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
			SELECT n.id, n.login, n.kind, n.sso_required, n.creators, p.id, coalesce(p.name, names[i]),
				p.published_at IS NOT NULL, p.inherits, p.repository_id, p.visibility
			INTO namespace_id, namespace_login, namespace_kind, sso_required, creators, package_id,
				name, published, inherits, repository, visibility
			FROM account n LEFT JOIN LATERAL (SELECT * FROM package
				WHERE package.namespace_id = n.id AND package.name = names[i]
				AND package.deleted_at IS NULL LIMIT 1) p ON true
			WHERE n.login = namespaces[i] AND n.deleted_at IS NULL;
			moved := false;
			IF package_id IS NULL THEN
				SELECT f.* INTO namespace_id, namespace_login, namespace_kind, sso_required, creators,
					package_id, name, published, inherits, repository, visibility, moved
				FROM package_moved(namespaces[i], names[i]) f;
			END IF;
		END IF;
		role := 0;
		may_create := false;
		outside := 0;
		IF account_id IS NOT NULL AND namespace_id IS NOT NULL THEN
			IF limited OR sso_required THEN
				outside := token_outside(token_id, kind, limited, namespace_id, name, sso_required);
			END IF;
			IF outside <> 0 THEN
				NULL;
			ELSIF namespace_id = account_id AND acting IS NULL THEN
				role := 3;	-- as person_rights() says; most lookups end here
				may_create := true;
			ELSIF acting IS NULL THEN
				SELECT r.role, r.may_create INTO role, may_create
				FROM person_rights(account_id, employer, creates, namespace_id, namespace_kind,
					creators, package_id, published, inherits, repository, visibility) r;
			ELSE
				SELECT r.role, r.may_create INTO role, may_create
				FROM repository_rights(acting, kind, namespace_id, creators, package_id,
					published, inherits, repository) r;
			END IF;
		END IF;
		gen := NULL;
		IF uploads[i] IS NOT NULL THEN
			SELECT CASE WHEN l.package_id = found.package_id AND l.account_id = found.account_id
				AND l.expires_at > now() THEN l.gen END, l.version, l.size,
				l.chunks, l.algorithm, l.state
			INTO gen, version, size, chunks, algorithm, bytes FROM upload l WHERE l.id = uploads[i]::uuid;
		END IF;
		RETURN NEXT (i, state, token_id, account_id, login, kind, scopes, site_admin, expires_at,
			unused, account_kind, acting, limited, namespace_id, package_id,
			coalesce(published, false), visibility, role, may_create,
			gen, version, size, chunks, algorithm, bytes, namespace_kind, outside,
			CASE WHEN moved THEN namespace_login || '/' || name END)::rights;
	END LOOP;
END $$;

-- Nothing has that name now: what had it before? A package that is to be made under an account's present login
-- answers its namespace alone.
CREATE FUNCTION package_moved(its_namespace text, its_name text,
			      OUT namespace_id bigint, OUT login text, OUT kind smallint,
			      OUT sso_required boolean, OUT creators smallint, OUT package_id bigint,
			      OUT name text, OUT published boolean, OUT inherits boolean,
			      OUT repository_id bigint, OUT visibility smallint, OUT moved boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	at record;
BEGIN
	SELECT * INTO at FROM namespace_find(its_namespace);
	SELECT p.id INTO package_id FROM package p
	WHERE p.namespace_id = at.id AND p.name = its_name AND p.deleted_at IS NULL;
	IF package_id IS NULL THEN
		SELECT p.id INTO package_id FROM package_alias l JOIN package p ON p.id = l.package_id
		WHERE l.namespace_id = at.id AND l.name = its_name AND p.deleted_at IS NULL;
	END IF;
	moved := package_id IS NOT NULL OR at.moved;
	SELECT n.id, n.login, n.kind, n.sso_required, n.creators, p.id, coalesce(p.name, its_name),
		p.published_at IS NOT NULL, p.inherits, p.repository_id, p.visibility
	INTO package_moved.namespace_id, package_moved.login, package_moved.kind, package_moved.sso_required,
		package_moved.creators, package_moved.package_id, package_moved.name, package_moved.published,
		package_moved.inherits, package_moved.repository_id, package_moved.visibility
	FROM account n LEFT JOIN package p ON p.id = package_moved.package_id
	WHERE n.id = coalesce((SELECT m.namespace_id FROM package m WHERE m.id = package_moved.package_id), at.id);
END $$;

-- Programs of the version before know neither limits nor tokens that act for a repository. For them the one have
-- no rights and the others are unknown; people's rights are the new ones.
CREATE OR REPLACE FUNCTION find_authorization(hashes bytea[], token_ids bigint[], account_ids bigint[],
				   namespaces text[], names text[], uploads text[])
RETURNS SETOF authorized LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT f.ord, CASE WHEN f.kind > 2 THEN 2 ELSE f.state END::smallint,
		CASE WHEN f.kind > 2 THEN NULL ELSE f.token_id END,
		CASE WHEN f.kind > 2 THEN NULL ELSE f.account_id END, f.login, f.kind,
		CASE WHEN f.outside <> 0 THEN 0 ELSE f.scopes END, f.site_admin, f.expires_at, f.unused,
		f.namespace_id, f.package_id, f.published, f.visibility,
		CASE WHEN f.kind > 2 THEN 0 ELSE f.role END::smallint,
		f.may_create AND f.kind <= 2 AND f.moved_to IS NULL, f.upload_gen, f.upload_version,
		f.upload_size, f.upload_chunks, f.upload_algorithm, f.upload_state
	FROM find_rights(hashes, token_ids, account_ids, namespaces, names, uploads) f;
END $$;

CREATE OR REPLACE FUNCTION find_caller(hashes bytea[], token_ids bigint[], account_ids bigint[])
RETURNS TABLE (ord bigint, state smallint, token_id bigint, account_id bigint, login text,
	       kind smallint, scopes integer, site_admin boolean, expires_at bigint, unused boolean)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT f.ord, CASE WHEN f.kind > 2 THEN 2 ELSE f.state END::smallint,
		CASE WHEN f.kind > 2 THEN NULL ELSE f.token_id END,
		CASE WHEN f.kind > 2 THEN NULL ELSE f.account_id END, f.login, f.kind, f.scopes, f.site_admin,
		f.expires_at, f.unused
	FROM find_callers(hashes, token_ids, account_ids) f;
END $$;

-- As in 0006; a new package begins with the visibility that its organization wants.
CREATE OR REPLACE FUNCTION package_make(who actor, in_namespace bigint, its_name text)
RETURNS package LANGUAGE plpgsql AS $$
DECLARE
	p package;
	begins smallint;
BEGIN
	SELECT a.default_visibility INTO begins FROM account a
	WHERE a.id = in_namespace AND a.deleted_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'namespace % is gone', in_namespace USING ERRCODE = 'PH404';
	END IF;
	INSERT INTO package (namespace_id, name, publisher_id, visibility)
	VALUES (in_namespace, its_name, who.account_id, begins)
	ON CONFLICT (namespace_id, name) WHERE deleted_at IS NULL DO NOTHING
	RETURNING * INTO p;
	IF NOT FOUND THEN	-- made in between
		RETURN package_target(who, in_namespace, its_name, 0, false);
	END IF;
	PERFORM record(who, 'package.create', in_namespace, p.id,
		       jsonb_build_object('name', its_name));
	RETURN p;
END $$;
