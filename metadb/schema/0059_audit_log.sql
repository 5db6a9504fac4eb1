-- The audit log, page by page: whatever is asked for, a page looks at a bounded number of rows.
--
-- One index is walked in the order of ids from where the page begins: of a package, of a namespace, of an
-- actor, or all. What the other conditions leave out is passed over, but no more than `within` rows for a
-- page: then it is short, or empty, and says where to go on.

-- Pushes are most of a log and seldom what is looked for: these indexes do without, and pushes do not write them.
CREATE INDEX audit_quiet ON audit (id) WHERE action <> 'manifest.push';
CREATE INDEX audit_namespace_quiet ON audit (namespace_id, id) WHERE action <> 'manifest.push';

-- The first id whose row may be as late as that. Ids follow the clock but for what transactions under way at
-- the same time have mixed, so the caller looks two minutes further on either side.
CREATE FUNCTION audit_edge(moment timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE
SET enable_sort = off AS $$
DECLARE
	low bigint := (SELECT a.id FROM audit a ORDER BY a.id LIMIT 1);
	high bigint := (SELECT a.id + 1 FROM audit a ORDER BY a.id DESC LIMIT 1);
	middle bigint;
	seen record;
BEGIN
	WHILE low < high LOOP
		middle := low + (high - low) / 2;
		SELECT a.id, a.at INTO seen FROM audit a WHERE a.id >= middle ORDER BY a.id LIMIT 1;
		IF seen.at < moment THEN
			low := seen.id + 1;
		ELSE
			high := middle;
		END IF;
	END LOOP;
	RETURN coalesce(low, 1);
END $$;

-- What a page is made of: NULL is everybody's, any. action: a whole name, or a category that ends in a
-- dot. Rows behind `past` in the page's order; since and until: moments, the second not among them.
CREATE TYPE audit_query AS (namespace_id bigint, package_id bigint, actor_id bigint, repository_id bigint,
	action text, since timestamptz, until timestamptz, past bigint, ascending boolean);

-- The rows that a query wants, as the text of a condition over audit `a`, and that of the index it walks.
CREATE FUNCTION audit_conditions(q audit_query, OUT walk text, OUT also text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	low bigint := CASE WHEN q.since IS NOT NULL THEN audit_edge(q.since - interval '2 minutes') - 1 END;
	high bigint := CASE WHEN q.until IS NOT NULL THEN audit_edge(q.until + interval '2 minutes') END;
BEGIN
	IF q.ascending THEN
		low := greatest(low, q.past);
	ELSE
		high := least(high, q.past);
	END IF;
	walk := concat_ws(' AND ', 'a.id > ' || coalesce(low, 0),
		'a.id < ' || coalesce(high, 9223372036854775807),
		CASE WHEN q.package_id IS NOT NULL THEN 'a.package_id = ' || q.package_id
		WHEN q.namespace_id IS NOT NULL THEN 'a.namespace_id = ' || q.namespace_id
		WHEN q.actor_id IS NOT NULL THEN 'a.actor_id = ' || q.actor_id END,
		CASE WHEN q.package_id IS NULL AND (q.namespace_id IS NOT NULL OR q.actor_id IS NULL)
			AND q.action NOT IN ('manifest.', 'manifest.push')
		THEN 'a.action <> ''manifest.push''' END);
	-- A condition on what is NULL is a text with NULL in it, so NULL, and falls out.
	also := concat_ws(' AND ', 'true', 'a.namespace_id = ' || q.namespace_id,
		'a.actor_id = ' || q.actor_id,
		'a.detail ->> ''repository'' = ' || quote_literal(q.repository_id::text),
		CASE WHEN q.action LIKE '%.' THEN 'starts_with(a.action, ' || quote_literal(q.action) || ')'
		ELSE 'a.action = ' || quote_literal(q.action) END,
		'a.at >= ' || quote_literal(q.since), 'a.at < ' || quote_literal(q.until));
END $$;

-- At most `most` rows, none behind those whose details have `room` bytes together, out of `within`. The
-- last row has no id, and in go_on the id behind which the next page begins, NULL: there is none.
CREATE FUNCTION audit_page(q audit_query, most integer, room bigint, within integer)
RETURNS TABLE (id bigint, at_ms bigint, action text, actor_id bigint, actor text, token_id bigint,
	       remote text, request_id text, namespace_id bigint, namespace text, namespace_kind smallint,
	       package_id bigint, package text, detail text, go_on bigint)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
DECLARE
	c record := audit_conditions(q);
	way text := CASE WHEN q.ascending THEN 'ASC' ELSE 'DESC' END;
	found integer := 0;
	bytes bigint := 0;
	r record;
BEGIN
	FOR r IN EXECUTE format('SELECT a.* FROM (SELECT * FROM audit a WHERE %s ORDER BY a.id %s LIMIT %s) a'
			' WHERE %s LIMIT %s', c.walk, way, within, c.also, most + 1) LOOP
		IF found = most OR (found > 0 AND bytes > room) THEN
			go_on := id;
			EXIT;
		END IF;
		id := r.id;
		at_ms := extract(epoch FROM r.at) * 1000;
		action := r.action;
		actor_id := r.actor_id;
		actor := (SELECT l.login FROM account l WHERE l.id = r.actor_id);
		token_id := r.token_id;
		remote := r.remote;
		request_id := r.request_id;
		namespace_id := r.namespace_id;
		SELECT l.login, l.kind INTO namespace, namespace_kind FROM account l WHERE l.id = r.namespace_id;
		package_id := r.package_id;
		package := (SELECT p.name FROM package p WHERE p.id = r.package_id);
		detail := r.detail::text;
		found := found + 1;
		bytes := bytes + length(detail);
		RETURN NEXT;
	END LOOP;
	IF go_on IS NULL THEN	-- the walk may have ended before the log did
		EXECUTE format('SELECT a.id FROM audit a WHERE %s ORDER BY a.id %s LIMIT 1 OFFSET %s',
			c.walk, way, within - 1) INTO go_on;
	END IF;
	id := NULL;
	RETURN NEXT;
END $$;

-- What a phrase names: the newest of that name, also a deleted one.
CREATE FUNCTION audit_named(in_namespace bigint, its_package text, its_repository text,
			    OUT package_id bigint, OUT repository_id bigint)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
	package_id := (SELECT p.id FROM package p
		WHERE p.namespace_id = in_namespace AND p.name = its_package ORDER BY p.id DESC LIMIT 1);
	repository_id := (SELECT r.id FROM repository r WHERE r.owner_id = in_namespace
		AND r.key = lower(its_repository) ORDER BY r.id DESC LIMIT 1);
END $$;
CREATE INDEX package_ever ON package (namespace_id, name, id);
CREATE INDEX repository_ever ON repository (owner_id, key, id);
