-- Packages of a repository, of a namespace and of the whole registry, filtered and found by words, read on from one of
-- them; and those that were deleted.
--
-- A list walks one index in its order, which one depends on what is asked for, and looks at no more than so many
-- candidates: whether each may be read and fits. So a page may hold few packages, even none, and go on.

CREATE INDEX package_linked ON package (repository_id, id)
	WHERE repository_id IS NOT NULL AND deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_creator ON package (publisher_id, id) WHERE deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_opened ON package (visibility, id)
	WHERE visibility > 0 AND deleted_at IS NULL AND published_at IS NOT NULL;
CREATE INDEX package_gone ON package (namespace_id, id)
	WHERE deleted_at IS NOT NULL AND NOT emptied AND published_at IS NOT NULL;

-- Words of names and descriptions of published packages, small letters, cut at 40 characters.
CREATE TABLE package_word (
	package_id bigint NOT NULL,
	word text COLLATE "C" NOT NULL,
	namespace_id bigint NOT NULL,
	PRIMARY KEY (package_id, word)
);
CREATE INDEX package_word_walk ON package_word (word, package_id);
CREATE INDEX package_word_namespace ON package_word (namespace_id, word, package_id);

CREATE FUNCTION words_of(its_text text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
	SELECT DISTINCT left(w, 40) FROM (SELECT w FROM regexp_split_to_table(lower(its_text), '[^[:alnum:]]+') w
		WHERE w <> '' LIMIT 64) s
$$;

CREATE FUNCTION package_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM package_word WHERE package_id = NEW.id;
	IF NEW.deleted_at IS NULL AND NEW.published_at IS NOT NULL THEN
		INSERT INTO package_word (package_id, word, namespace_id)
		SELECT NEW.id, w, NEW.namespace_id FROM words_of(NEW.name || ' ' || coalesce(NEW.description, '')) w;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER package_words AFTER UPDATE OF name, namespace_id, description, published_at, deleted_at ON package
FOR EACH ROW WHEN ((OLD.name, OLD.namespace_id, OLD.description, OLD.published_at, OLD.deleted_at)
	IS DISTINCT FROM (NEW.name, NEW.namespace_id, NEW.description, NEW.published_at, NEW.deleted_at))
EXECUTE FUNCTION package_words();

UPDATE package SET description = (SELECT l.description FROM package_labels(package.id) l)
WHERE tagged_at IS NOT NULL AND deleted_at IS NULL;
INSERT INTO package_word (package_id, word, namespace_id)
SELECT p.id, w, p.namespace_id FROM package p
CROSS JOIN LATERAL words_of(p.name || ' ' || coalesce(p.description, '')) w
WHERE p.deleted_at IS NULL AND p.published_at IS NOT NULL
ON CONFLICT DO NOTHING;

-- May he read it, by this token? The rules of readable_packages() of 0061, for one package.
CREATE FUNCTION package_readable(whose bigint, token bigint, p package) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	view smallint;
	n record;
BEGIN
	IF p.visibility = 2 THEN
		RETURN true;
	END IF;
	view := token_view(token, p.namespace_id);
	IF view = 2 THEN
		PERFORM FROM token_limit l WHERE l.token_id = token AND l.namespace_id = p.namespace_id
		AND l.name = p.name;
		view := CASE WHEN FOUND THEN 1 ELSE 5 END;
	END IF;
	IF view <> 1 OR p.visibility = 1 THEN
		RETURN view = 1;
	END IF;
	SELECT a.kind, a.creators INTO n FROM account a WHERE a.id = p.namespace_id;
	RETURN (SELECT r.role > 0 FROM person_rights(whose,
		(SELECT a.organization_id FROM account a WHERE a.id = whose), false, p.namespace_id, n.kind,
		n.creators, p.id, true, p.inherits, p.repository_id, p.visibility) r);
END $$;

-- Whose list it is, and what is wanted of it; NULL: all. whole: whoever asks may see everything. words: beginnings of
-- words, the most telling one first.
CREATE TYPE package_query AS (whose bigint, token bigint, whole boolean, namespace_id bigint, visibilities integer,
	repository_id bigint, creator_id bigint, since timestamptz, words text[]);

-- Walks, newest first, each along its index from `before`. As in 0088 the order names every column of it.
CREATE FUNCTION walk_namespace(in_namespace bigint, of_visibility integer, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p
	WHERE (p.namespace_id, p.visibility) >= (in_namespace, of_visibility::smallint)
	AND (p.namespace_id, p.visibility, p.id) < (in_namespace, of_visibility::smallint, before)
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.namespace_id DESC, p.visibility DESC, p.id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_open(of_visibility integer, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.visibility >= of_visibility::smallint
	AND (p.visibility, p.id) < (of_visibility::smallint, before) AND p.visibility > 0
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL ORDER BY p.visibility DESC, p.id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_linked(repository bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.repository_id >= repository
	AND (p.repository_id, p.id) < (repository, before) AND p.repository_id IS NOT NULL
	AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.repository_id DESC, p.id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_created(creator bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.publisher_id >= creator
	AND (p.publisher_id, p.id) < (creator, before) AND p.deleted_at IS NULL
	AND p.published_at IS NOT NULL ORDER BY p.publisher_id DESC, p.id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_all(before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.id < before ORDER BY p.id DESC LIMIT most;
END $$;

-- What was given to him or one team, in one namespace.
CREATE FUNCTION walk_granted(person bigint, in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_grant g
	WHERE (g.account_id, g.namespace_id) >= (person, in_namespace)
	AND (g.account_id, g.namespace_id, g.package_id) < (person, in_namespace, before)
	ORDER BY g.account_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_team(team bigint, in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_team g WHERE (g.team_id, g.namespace_id) >= (team, in_namespace)
	AND (g.team_id, g.namespace_id, g.package_id) < (team, in_namespace, before)
	ORDER BY g.team_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE FUNCTION walk_inheriting(in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.namespace_id >= in_namespace
	AND (p.namespace_id, p.id) < (in_namespace, before) AND p.inherits AND p.repository_id IS NOT NULL
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.namespace_id DESC, p.id DESC LIMIT most;
END $$;

-- As in 0061, by these walks.
CREATE OR REPLACE FUNCTION newest_packages(in_namespace bigint, of_visibility integer, most bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT walk_namespace(in_namespace, of_visibility, 9223372036854775807, most);
END $$;

CREATE OR REPLACE FUNCTION newest_given(person bigint, in_namespace bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_grant g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE (g.account_id, g.namespace_id) BETWEEN (person, in_namespace) AND (person, in_namespace)
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.account_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION newest_of_team(team bigint, in_namespace bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT g.package_id FROM package_team g
	CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = g.package_id LIMIT 1) p
	WHERE (g.team_id, g.namespace_id) BETWEEN (team, in_namespace) AND (team, in_namespace)
	AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL AND NOT p.inherits
	ORDER BY g.team_id DESC, g.namespace_id DESC, g.package_id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION newest_of_repository(repository bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
BEGIN
	RETURN QUERY SELECT p.id FROM package p WHERE p.repository_id BETWEEN repository AND repository
	AND p.inherits AND p.visibility = 0 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL
	ORDER BY p.repository_id DESC, p.id DESC LIMIT most;
END $$;

CREATE OR REPLACE FUNCTION newest_inheriting(in_namespace bigint, most bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT walk_inheriting(in_namespace, 9223372036854775807, most);
END $$;

-- Where the private packages are that somebody may read in a namespace: newest_private() of 0061, from `before`.
CREATE FUNCTION walk_private(person bigint, in_namespace bigint, before bigint, most bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	base smallint;
	member smallint;
BEGIN
	SELECT a.base_role INTO base FROM account a WHERE a.id = in_namespace;
	SELECT m.role INTO member FROM membership m
	WHERE m.organization_id = in_namespace AND m.account_id = person;
	IF in_namespace = person OR member = 2 THEN
		RETURN QUERY SELECT walk_namespace(in_namespace, 0, before, most);
		RETURN;
	END IF;
	RETURN QUERY SELECT walk_granted(person, in_namespace, before, most);
	IF member IS NOT NULL AND base > 0 THEN
		RETURN QUERY SELECT walk_inheriting(in_namespace, before, most);
	ELSE
		RETURN QUERY SELECT s.id FROM repositories_of(person, in_namespace) r
			CROSS JOIN LATERAL walk_linked(r, before, most) AS s(id);
	END IF;
	IF member IS NOT NULL THEN
		RETURN QUERY SELECT s.id FROM teams_of(person, in_namespace) t
			CROSS JOIN LATERAL walk_team(t, in_namespace, before, most) AS s(id);
	END IF;
END $$;

-- By a word that begins so, in the order of words, of one namespace or (NULL) of all.
CREATE FUNCTION walk_words(in_namespace bigint, beginning text, after_word text, after_id bigint, most bigint)
RETURNS TABLE (id bigint, word text)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
	IF in_namespace IS NULL THEN
		RETURN QUERY SELECT w.package_id, w.word FROM package_word w
		WHERE (w.word, w.package_id) > (after_word COLLATE "C", after_id)
		AND w.word < (beginning || chr(1114111)) COLLATE "C"
		ORDER BY w.word, w.package_id LIMIT most;
	ELSE
		RETURN QUERY SELECT w.package_id, w.word FROM package_word w WHERE w.namespace_id = in_namespace
		AND (w.word, w.package_id) > (after_word COLLATE "C", after_id)
		AND w.word < (beginning || chr(1114111)) COLLATE "C"
		ORDER BY w.word, w.package_id LIMIT most;
	END IF;
END $$;

-- The candidates of a list in its order, behind a place of it.
CREATE FUNCTION walk_packages(q package_query, at_word text, at_id bigint, most bigint)
RETURNS TABLE (id bigint, word text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
	IF cardinality(q.words) > 0 THEN
		RETURN QUERY SELECT w.id, w.word FROM walk_words(q.namespace_id, q.words[1],
			CASE WHEN at_word = '' THEN q.words[1] ELSE at_word END,
			CASE WHEN at_word = '' THEN 0 ELSE at_id END, most) w;
	ELSIF q.words IS NOT NULL THEN
		RETURN;
	ELSIF q.repository_id IS NOT NULL THEN
		RETURN QUERY SELECT w, '' FROM walk_linked(q.repository_id, at_id, most) w;
	ELSIF q.creator_id IS NOT NULL THEN
		RETURN QUERY SELECT w, '' FROM walk_created(q.creator_id, at_id, most) w;
	ELSIF q.whole AND q.namespace_id IS NULL THEN
		RETURN QUERY SELECT w, '' FROM walk_all(at_id, most) w;
	ELSE
		RETURN QUERY SELECT DISTINCT u.id, '' FROM (
			SELECT w.id FROM generate_series(0, 2) v
				CROSS JOIN LATERAL walk_namespace(q.namespace_id, v, at_id, most) AS w(id)
				WHERE q.namespace_id IS NOT NULL AND (v > 0 OR q.whole)
				AND (q.visibilities >> v) & 1 = 1
			UNION ALL SELECT w.id FROM generate_series(1, 2) v
				CROSS JOIN LATERAL walk_open(v, at_id, most) AS w(id)
				WHERE q.namespace_id IS NULL AND (q.visibilities >> v) & 1 = 1
			UNION ALL SELECT w.id FROM reading_namespaces(q.whose, NULL) AS n(id)
				CROSS JOIN LATERAL walk_private(q.whose, n.id, at_id, most) AS w(id)
				WHERE NOT q.whole AND q.visibilities & 1 = 1
				AND (q.namespace_id IS NULL OR n.id = q.namespace_id)) u
		ORDER BY 1 DESC LIMIT most;
	END IF;
END $$;

-- Does it fit? Of two words that begin so the first one counts: a package comes once.
CREATE FUNCTION package_fits(q package_query, p package, by_word text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF p.deleted_at IS NOT NULL OR p.published_at IS NULL OR (q.visibilities >> p.visibility) & 1 = 0
	   OR (q.namespace_id IS NOT NULL AND p.namespace_id <> q.namespace_id)
	   OR (q.repository_id IS NOT NULL AND p.repository_id IS DISTINCT FROM q.repository_id)
	   OR (q.creator_id IS NOT NULL AND p.publisher_id <> q.creator_id)
	   OR (q.since IS NOT NULL AND p.published_at < q.since AND NOT EXISTS (
			SELECT FROM list_versions(p.id, false, 1, 0) AS v(id)
			CROSS JOIN LATERAL (SELECT m.created_at FROM manifest m WHERE m.id = v.id LIMIT 1) newest
			WHERE newest.created_at >= q.since)) THEN
		RETURN false;
	END IF;
	FOR i IN 1 .. coalesce(cardinality(q.words), 0) LOOP
		PERFORM FROM package_word w WHERE w.package_id = p.id AND w.word >= q.words[i] COLLATE "C"
		AND w.word < CASE i WHEN 1 THEN by_word ELSE q.words[i] || chr(1114111) END COLLATE "C" LIMIT 1;
		IF FOUND = (i = 1) THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN q.whole OR package_readable(q.whose, q.token, p);
END $$;

-- At most `most` packages behind a place (id 0: from the start), among the first `look` candidates; and where to go on,
-- next_id 0: nowhere.
CREATE FUNCTION page_packages(q package_query, at_word text, at_id bigint, most bigint, look bigint,
			      OUT ids bigint[], OUT next_id bigint, OUT next_word text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	c record;
	p package;
	n bigint := 0;
BEGIN
	ids := '{}';
	next_id := 0;
	next_word := '';
	FOR c IN SELECT w.id, w.word FROM walk_packages(q, at_word,
		CASE at_id WHEN 0 THEN 9223372036854775807 ELSE at_id END, look) w
	LOOP
		IF cardinality(ids) = most THEN
			RETURN;
		END IF;
		n := n + 1;
		next_id := c.id;
		next_word := c.word;
		SELECT * INTO p FROM package l WHERE l.id = c.id;
		IF package_fits(q, p, c.word) THEN
			ids := ids || c.id;
		END IF;
	END LOOP;
	IF n < look THEN
		next_id := 0;
	END IF;
END $$;

-- A caller's role on a deleted package, as on one that is there; of a token that does not count there, none.
CREATE FUNCTION deleted_role(whose bigint, by_token bigint, p package) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	n record;
	a record;
	t record;
BEGIN
	SELECT l.kind, l.creators INTO n FROM account l WHERE l.id = p.namespace_id;
	SELECT k.kind, k.repository_id INTO t FROM token k WHERE k.id = by_token;
	IF t.repository_id IS NOT NULL THEN
		RETURN (SELECT r.role FROM repository_rights(t.repository_id, t.kind, p.namespace_id,
			n.creators, p.id, true, p.inherits, p.repository_id) r);
	ELSIF token_view(by_token, p.namespace_id) <> 1 THEN
		RETURN 0;
	END IF;
	SELECT l.organization_id, l.creators INTO a FROM account l WHERE l.id = whose;
	RETURN (SELECT r.role FROM person_rights(whose, a.organization_id, a.creators = 1, p.namespace_id,
		n.kind, n.creators, p.id, true, p.inherits, p.repository_id, p.visibility) r);
END $$;

-- Deleted packages of a namespace that the caller may restore, newest first, as page_packages().
CREATE FUNCTION page_deleted(whose bigint, by_token bigint, in_namespace bigint, at_id bigint, most bigint,
			     look bigint, OUT ids bigint[], OUT next_id bigint)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off AS $$
DECLARE
	p package;
	n bigint := 0;
BEGIN
	ids := '{}';
	next_id := 0;
	FOR p IN SELECT * FROM package l WHERE l.namespace_id >= in_namespace AND (l.namespace_id, l.id) <
		(in_namespace, CASE at_id WHEN 0 THEN 9223372036854775807 ELSE at_id END)
		AND l.deleted_at IS NOT NULL AND NOT l.emptied AND l.published_at IS NOT NULL
		ORDER BY l.namespace_id DESC, l.id DESC LIMIT look
	LOOP
		IF cardinality(ids) = most THEN
			RETURN;
		END IF;
		n := n + 1;
		next_id := p.id;
		IF deleted_role(whose, by_token, p) = 3 THEN
			ids := ids || p.id;
		END IF;
	END LOOP;
	IF n < look THEN
		next_id := 0;
	END IF;
END $$;

-- As deleted_package() of 0063, by its id. NULL: there is none in that namespace.
CREATE FUNCTION deleted_package_role(whose bigint, by_token bigint, in_namespace bigint, which bigint)
RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	p package;
BEGIN
	SELECT * INTO p FROM package l WHERE l.id = which AND l.namespace_id = in_namespace
	AND l.deleted_at IS NOT NULL AND NOT l.emptied AND l.published_at IS NOT NULL;
	RETURN CASE WHEN p.id IS NOT NULL THEN deleted_role(whose, by_token, p) END;
END $$;

-- A numbered page of 0061's list. total: how many there are up to `reach`; -1: more, and another page follows.
CREATE FUNCTION numbered_packages(whose bigint, token bigint, in_namespace bigint, visibilities integer, most bigint,
				  skip bigint, reach bigint, OUT ids bigint[], OUT total bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF skip + most <= reach THEN
		ids := ARRAY(SELECT readable_packages(whose, token, in_namespace, visibilities, reach + 1, 0));
		total := CASE WHEN cardinality(ids) > reach THEN -1 ELSE cardinality(ids) END;
		ids := ids[skip + 1:skip + most];
	ELSE
		ids := ARRAY(SELECT readable_packages(whose, token, in_namespace, visibilities, most + 1, skip));
		total := CASE WHEN cardinality(ids) > most THEN -1 ELSE skip + cardinality(ids) END;
		ids := ids[:most];
	END IF;
END $$;
