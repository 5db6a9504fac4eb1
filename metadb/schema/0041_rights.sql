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
-- organization that requires single sign-on. Robots' and repositories' tokens need no sign-on,
-- sessions do.
CREATE FUNCTION token_outside(token bigint, kind smallint, limited boolean, namespace bigint,
			      name text, sso_required boolean)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF limited AND NOT EXISTS (SELECT FROM token_limit l WHERE l.token_id = token
			AND l.namespace_id = namespace AND (l.name = '' OR l.name = token_outside.name)) THEN
		RETURN 1;
	ELSIF sso_required AND kind IN (1, 5) AND NOT EXISTS (SELECT FROM token_sso s
			WHERE s.token_id = token AND s.organization_id = namespace) THEN
		RETURN 2;
	END IF;
	RETURN 0;
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

-- One lookup: small statements on whole rows of single tables, and only those that are needed. To start a plan of
-- many nodes, or to take an answer apart into variables, costs more than to run it. All statements of
-- a STABLE function see the same snapshot.
CREATE FUNCTION find_one_rights(its_hash bytea, its_token bigint, its_account bigint, namespace text,
				its_name text, its_upload uuid)
RETURNS rights LANGUAGE plpgsql STABLE AS $$
DECLARE
	t token;
	a account;
	n account;
	p package;
	u upload;
	state smallint;
	caller bigint;
	former record;
	moved_to text;
	outside smallint := 0;
	role smallint := 0;
	may_create boolean := false;
BEGIN
	IF its_hash IS NULL THEN
		SELECT * INTO t FROM token WHERE id = its_token AND account_id = its_account;
	ELSE
		SELECT * INTO t FROM token WHERE hash = its_hash;
	END IF;
	SELECT * INTO a FROM account WHERE id = t.account_id AND deleted_at IS NULL;
	state := caller_state(a.id, a.suspended_at, t.revoked_at, t.expires_at);
	caller := CASE WHEN state = 1 THEN a.id END;
	IF namespace = a.login THEN	-- mostly he is in his own
		n := a;
	ELSE
		SELECT * INTO n FROM account WHERE login = namespace AND deleted_at IS NULL;
	END IF;
	SELECT * INTO p FROM package WHERE namespace_id = n.id AND name = its_name AND deleted_at IS NULL;
	IF p.id IS NULL THEN
		SELECT * INTO former FROM package_moved(namespace, n.id, its_name);
		IF former.namespace_id IS NOT NULL THEN
			SELECT * INTO n FROM account WHERE id = former.namespace_id;
			SELECT * INTO p FROM package WHERE id = former.package_id;
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
		SELECT * INTO u FROM upload WHERE id = its_upload;
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

CREATE FUNCTION find_rights(hashes bytea[], token_ids bigint[], account_ids bigint[],
			    namespaces text[], names text[], uploads text[])
RETURNS SETOF rights LANGUAGE plpgsql STABLE ROWS 10 AS $$
DECLARE
	one rights;
BEGIN
	FOR i IN 1 .. cardinality(names) LOOP
		one := find_one_rights(hashes[i], token_ids[i], account_ids[i], namespaces[i], names[i],
			uploads[i]::uuid);
		one.ord := i;
		RETURN NEXT one;
	END LOOP;
END $$;

-- Nothing has that name now: which package had it before, and where is that now? in_namespace: the account with
-- that login, if there is one. NULL, NULL: nobody. A former login leads to its account also for a name
-- that no package has.
CREATE FUNCTION package_moved(its_login text, in_namespace bigint, its_name text,
			      OUT namespace_id bigint, OUT package_id bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	home bigint := in_namespace;
	there record;
BEGIN
	IF home IS NULL THEN
		SELECT l.account_id INTO home FROM account_alias l WHERE l.login = its_login;
		SELECT a.id INTO namespace_id FROM account a WHERE a.id = home AND a.deleted_at IS NULL;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		SELECT p.id INTO package_id FROM package p
		WHERE p.namespace_id = home AND p.name = its_name AND p.deleted_at IS NULL;
		IF FOUND THEN
			RETURN;
		END IF;
	END IF;
	SELECT p.namespace_id, p.id INTO there FROM package_alias l CROSS JOIN LATERAL (SELECT * FROM package
		WHERE package.id = l.package_id AND package.deleted_at IS NULL LIMIT 1) p
	WHERE l.namespace_id = home AND l.name = its_name;
	IF FOUND THEN
		namespace_id := there.namespace_id;
		package_id := there.id;
	END IF;
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
