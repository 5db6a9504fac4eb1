-- Links that a push makes.
--
-- Only tagged manifests settle a link, for children are pushed first. The package's first tagged one links it
-- with inheriting on, where the organization's default is so: then the rights are those of the repository, and
-- grants are gone. A later one links without. A label never links anew what is linked or was unlinked.

-- The repository of that namespace that a normalised source names: by an address that it was given, or by its
-- own here, which is `own` (registry and namespace, normalised), a slash, and its name. Runs with every push that names
-- its source.
CREATE FUNCTION repository_of_source(namespace bigint, source text, own text)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	found bigint;
BEGIN
	SELECT s.repository_id INTO found FROM repository_source s
	WHERE s.owner_id = namespace AND s.source = repository_of_source.source;
	IF found IS NULL AND starts_with(source, own || '/') THEN
		SELECT r.id INTO found FROM repository r WHERE r.owner_id = namespace
		AND r.key = substr(source, length(own) + 2) AND r.deleted_at IS NULL;
	END IF;
	RETURN found;
END $$;

-- Which repository this push would link the package to, by what (as package.linked_by), and the role that its
-- workflows get. A workflow links its own repository only; somebody else one to which he may write.
CREATE FUNCTION link_wanted(who actor, p package, source text, own text, pusher_role smallint,
			    OUT repo bigint, OUT by_what smallint, OUT role smallint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	workflow bigint;
	there smallint;
BEGIN
	SELECT t.repository_id INTO workflow FROM token t WHERE t.id = who.token_id AND t.kind = 3;
	IF workflow IS NOT NULL AND p.tagged_at IS NULL THEN
		SELECT l.repository_id, 2, l.role INTO repo, by_what, role FROM package_actions l
		WHERE l.package_id = p.id AND l.repository_id = workflow AND l.role = 3;
	END IF;
	IF repo IS NULL AND source IS NOT NULL THEN
		repo := repository_of_source(p.namespace_id, source, own);
		by_what := 1;
		there := CASE WHEN repo = workflow THEN 3 WHEN workflow IS NULL AND repo IS NOT NULL
			THEN repository_role(who.account_id, repo) ELSE 0 END;
		role := least(CASE WHEN there = 5 OR workflow IS NOT NULL THEN 3 ELSE 2 END, pusher_role);
		IF there < 3 THEN
			repo := NULL;
		END IF;
	END IF;
END $$;

-- A tagged manifest has come. Nothing is locked unless something is changed, once in a package's life. Inherited
-- access replaces all grants, and gives the repository's people what they have there: so a push settles that only for
-- who could switch it on himself. Anybody else's first tag links without.
CREATE FUNCTION package_settle(who actor, p package, source text, own text, pusher_role smallint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	w record;
	is_on boolean;
BEGIN
	SELECT * INTO w FROM link_wanted(who, p, source, own, pusher_role);
	IF w.repo IS NULL AND p.tagged_at IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT * INTO p FROM package l WHERE l.id = p.id FOR NO KEY UPDATE;
	IF w.repo IS NULL OR p.repository_id IS NOT NULL OR p.unlinked_at IS NOT NULL OR w.role < 1 THEN
		UPDATE package SET tagged_at = now() WHERE id = p.id AND tagged_at IS NULL;
		RETURN;
	END IF;
	is_on := p.tagged_at IS NULL AND pusher_role = 3
		AND (SELECT n.default_inherits FROM account n WHERE n.id = p.namespace_id);
	UPDATE package SET tagged_at = coalesce(tagged_at, now()), repository_id = w.repo,
		linked_by = w.by_what, linked_at = now(), inherits = is_on
	WHERE id = p.id;
	IF is_on THEN
		DELETE FROM package_grant WHERE package_id = p.id;
		DELETE FROM package_team WHERE package_id = p.id;
	END IF;
	INSERT INTO package_actions (package_id, repository_id, role) VALUES (p.id, w.repo, w.role)
	ON CONFLICT (package_id, repository_id) DO NOTHING;
	PERFORM record(who, 'package.link', p.namespace_id, p.id, jsonb_build_object(
		'name', p.name, 'repository', w.repo,
		'by', CASE w.by_what WHEN 1 THEN 'label' ELSE 'workflow' END, 'inherits', is_on,
		'role', (ARRAY['read', 'write', 'admin'])[w.role]));
END $$;

-- The workflow that has published a package of its repository's namespace goes on as its admin.
CREATE FUNCTION package_of_workflow(who actor, p package) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	repo bigint;
BEGIN
	SELECT r.id INTO repo FROM token t JOIN repository r ON r.id = t.repository_id
	WHERE t.id = who.token_id AND t.kind = 3 AND r.owner_id = p.namespace_id
	AND r.deleted_at IS NULL;
	IF FOUND THEN
		INSERT INTO package_actions (package_id, repository_id, role) VALUES (p.id, repo, 3)
		ON CONFLICT (package_id, repository_id) DO UPDATE SET role = 3;
		PERFORM record(who, 'package.actions_set', p.namespace_id, p.id, jsonb_build_object(
			'name', p.name, 'repository', repo, 'role', 'admin'));
	END IF;
END $$;

-- As in 0007, with labels and links. image_…: those children of an index whose labels count for it.
-- its_source: normalised. pusher_role: his role on the package before this push.
CREATE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[], its_labels jsonb, its_source text, own text, pusher_role smallint,
	image_algs smallint[], image_digs bytea[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
DECLARE
	p package;
	m manifest;
	moved text[];
	agreed record;
BEGIN
	created := false;
	published := false;
	p := package_target(who, in_namespace, its_name, known, was_published);
	absent_blobs := blobs_missing(p.id, blob_algs, blob_digs);
	absent_children := children_missing(p.id, child_algs, child_digs);
	IF cardinality(absent_blobs) > 0 OR cardinality(absent_children) > 0 THEN
		status := 1;
		RETURN;
	END IF;
	IF p.id IS NULL THEN
		p := package_make(who, in_namespace, its_name);
	END IF;
	m.package_id := p.id;
	m.algorithm := alg;
	m.digest := dig;
	m.kind := its_kind;
	m.media_type := its_type;
	m.artifact_type := its_artifact_type;
	m.size := length(its_bytes);
	m.config_algorithm := config_alg;
	m.config_digest := config_dig;
	m.subject_algorithm := subject_alg;
	m.subject_digest := subject_dig;
	m.annotations := its_annotations;
	m.labels := its_labels;
	m.source := its_source;
	m.pushed_by := who.account_id;
	m.bytes := its_bytes;
	IF cardinality(image_digs) > 0 THEN
		SELECT * INTO agreed FROM labels_agreed(p.id, image_algs, image_digs);
		m.labels := coalesce(agreed.labels || its_labels, agreed.labels, its_labels);
		m.source := coalesce(its_source, agreed.source);
	END IF;
	SELECT s.its_id, s.created INTO manifest_id, created
	FROM manifest_store(m, blob_algs, blob_digs, child_algs, child_digs) AS s;
	moved := tags_move(who, p.id, tags, manifest_id);
	IF p.published_at IS NULL THEN
		published := package_publish(who, p.id, p.name);
		IF published THEN
			pusher_role := 3;
			PERFORM package_of_workflow(who, p);
		END IF;
	END IF;
	IF cardinality(tags) > 0 AND (p.tagged_at IS NULL
	   OR (m.source IS NOT NULL AND p.repository_id IS NULL AND p.unlinked_at IS NULL)) THEN
		PERFORM package_settle(who, p, m.source, own, pusher_role);
	END IF;
	IF created OR cardinality(moved) > 0 THEN
		PERFORM record(who, 'manifest.push', p.namespace_id, p.id, jsonb_build_object(
			'digest', CASE alg WHEN 1 THEN 'sha256:' ELSE 'sha512:' END || encode(dig, 'hex'),
			'tags', moved, 'created', created));
	END IF;
	package_id := p.id;
	status := 0;
END $$;

-- For programs that do not read labels yet.
CREATE OR REPLACE FUNCTION manifest_put(who actor, in_namespace bigint, its_name text, known bigint,
	was_published boolean, alg smallint, dig bytea, its_kind smallint, its_type text,
	its_artifact_type text, config_alg smallint, config_dig bytea, subject_alg smallint,
	subject_dig bytea, its_annotations jsonb, its_bytes bytea,
	blob_algs smallint[], blob_digs bytea[], child_algs smallint[], child_digs bytea[],
	tags text[],
	OUT status smallint, OUT manifest_id bigint, OUT package_id bigint, OUT created boolean,
	OUT published boolean, OUT absent_blobs bigint[], OUT absent_children bigint[])
LANGUAGE plpgsql AS $$
BEGIN
	SELECT f.* INTO status, manifest_id, package_id, created, published, absent_blobs, absent_children
	FROM manifest_put(who, in_namespace, its_name, known, was_published, alg, dig, its_kind,
		its_type, its_artifact_type, config_alg, config_dig, subject_alg, subject_dig,
		its_annotations, its_bytes, blob_algs, blob_digs, child_algs, child_digs, tags,
		NULL, NULL, NULL, 0::smallint, '{}', '{}') f;
END $$;
