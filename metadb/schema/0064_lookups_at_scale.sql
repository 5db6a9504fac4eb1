-- What a lookup of rights and a page of the catalog touch does not grow with the registry. What they answer is as
-- before.

-- Former names are found by probes. As in 0041 and 0055; a join that is planned while its tables are small
-- can walk all of a table for every name later, and PL/pgSQL keeps its plans. A LATERAL (… LIMIT 1) can only be a
-- probe.
CREATE OR REPLACE FUNCTION namespace_find(its_login text, OUT id bigint, OUT moved boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	moved := false;
	SELECT a.id INTO id FROM account a WHERE a.login = its_login AND a.deleted_at IS NULL;
	IF NOT FOUND THEN
		SELECT a.id INTO id FROM account_alias l CROSS JOIN LATERAL (SELECT * FROM account
			WHERE account.id = l.account_id AND account.deleted_at IS NULL LIMIT 1) a
		WHERE l.login = its_login;
		moved := FOUND;
	END IF;
END $$;

-- The package that a former name leads to.
CREATE FUNCTION package_aliased(in_namespace bigint, its_name text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT p.id FROM package_alias l CROSS JOIN LATERAL (SELECT * FROM package
			WHERE package.id = l.package_id AND package.deleted_at IS NULL LIMIT 1) p
		WHERE l.namespace_id = in_namespace AND l.name = its_name);
END $$;

-- Runs with every new package.
CREATE OR REPLACE FUNCTION package_name_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF package_aliased(NEW.namespace_id, NEW.name) <> NEW.id THEN
		RAISE EXCEPTION 'the name of package % leads to another one', NEW.id
			USING ERRCODE = 'PH409';
	END IF;
	RETURN NULL;
END $$;

-- The catalog at the cost of a page, however many namespaces have open packages.
--
-- To begin a page, all namespaces with open packages were collected and sorted, and in each that came by,
-- the caller's teams and repositories everywhere were looked through. Now open namespaces are walked along an
-- index from where the page begins, and what is more than open is asked for where he may read more.

-- Has, or had, a package that is open: a walk may pass one in vain, but misses none.
ALTER TABLE account ADD COLUMN opened boolean NOT NULL DEFAULT false;
CREATE INDEX account_opened ON account ((login || '/')) WHERE opened AND deleted_at IS NULL;

CREATE FUNCTION namespace_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE account SET opened = true WHERE id = NEW.namespace_id AND NOT opened;
	RETURN NULL;
END $$;
CREATE TRIGGER package_opens AFTER INSERT OR UPDATE OF visibility, published_at, deleted_at, namespace_id ON package
FOR EACH ROW WHEN (NEW.visibility > 0 AND NEW.published_at IS NOT NULL AND NEW.deleted_at IS NULL)
EXECUTE FUNCTION namespace_opens();
UPDATE account SET opened = true WHERE id IN (SELECT open_namespaces());

-- As in 0042. What is public is found without reading past what is internal.
CREATE INDEX package_public ON package (namespace_id, name)
	WHERE visibility = 2 AND deleted_at IS NULL AND published_at IS NOT NULL;

CREATE OR REPLACE FUNCTION open_names(in_namespace bigint, at_least smallint, after text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	IF at_least = 2 THEN
		RETURN QUERY
		SELECT p.name FROM package p WHERE p.namespace_id = in_namespace AND p.name > after
		AND p.visibility = 2 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
		ORDER BY p.name LIMIT most;
		RETURN;
	END IF;
	RETURN QUERY
	SELECT p.name FROM package p WHERE p.namespace_id = in_namespace AND p.name > after
	AND p.visibility > 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.name LIMIT most;
END $$;

-- The first open namespace whose path comes after `after`, or is it when it `counts`.
CREATE FUNCTION open_next(after text, counts boolean, OUT id bigint, OUT path text)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	SELECT a.id, a.login || '/' INTO id, path FROM account a
	WHERE a.opened AND a.deleted_at IS NULL AND a.login || '/' >= after
	AND (counts OR a.login || '/' > after)
	ORDER BY a.login || '/' LIMIT 1;
END $$;

-- As in 0042: two walks in the order of paths, one through the namespaces in which he may read more than what is
-- open, one through the open ones.
CREATE OR REPLACE FUNCTION readable_catalog(whose bigint, token bigint, last text, most bigint)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	place text COLLATE "C" := CASE WHEN last = '' THEN '' ELSE split_part(last, '/', 1) || '/' END;
	his record;
	i integer := 1;
	open record;
	at text COLLATE "C";
	after text;
	names text[];
BEGIN
	SELECT array_agg(a.id ORDER BY a.login || '/') AS ids, array_agg(a.login || '/' ORDER BY a.login || '/') AS paths
	INTO his
	FROM reading_namespaces(whose, token) n(id)
	CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = n.id
		AND account.deleted_at IS NULL LIMIT 1) a
	WHERE a.login || '/' >= place;
	SELECT * INTO open FROM open_next(place, true);
	LOOP
		at := least(his.paths[i], open.path COLLATE "C");
		EXIT WHEN at IS NULL OR most <= 0;
		after := CASE WHEN at = place THEN substr(last, length(place) + 1) ELSE '' END;
		IF at = his.paths[i] THEN
			names := ARRAY(SELECT readable_names(whose, token, his.ids[i], after, most));
			i := i + 1;
		ELSE
			names := ARRAY(SELECT open_names(open.id, (CASE WHEN whose = 0
				OR token_view(token, open.id) IN (2, 5) THEN 2 ELSE 1 END)::smallint,
				after, most));
		END IF;
		IF at = open.path THEN
			SELECT * INTO open FROM open_next(at, false);
		END IF;
		RETURN QUERY SELECT at || unnest(names);
		most := most - cardinality(names);
	END LOOP;
END $$;
