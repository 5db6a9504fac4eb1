-- Changes to teams. Each locks the row of the organization first, so that trees, members and their rights change
-- one after the other, and looks then whether the actor may.
--
-- Owners may all. A team's maintainer may change it and its members; a member may make a team. What was given
-- to a team its child teams have, too: so whoever puts a team under another one maintains both.

-- What the actor may do to a team: 3 all, 2 he maintains it, 1 he sees it, 0 nothing, not even see it. `site`: he
-- acts as a site admin, and is one.
CREATE FUNCTION team_power(who actor, site boolean, which bigint) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
	t team;
	member smallint;
	mine smallint;
BEGIN
	SELECT * INTO t FROM team WHERE id = which;
	IF NOT FOUND THEN
		RETURN 0;
	ELSIF who.account_id IS NULL OR (site AND is_site_admin(who)) THEN
		RETURN 3;
	END IF;
	SELECT m.role INTO member FROM membership m
	WHERE m.organization_id = t.organization_id AND m.account_id = who.account_id;
	SELECT m.role INTO mine FROM team_member m
	WHERE m.team_id = which AND m.account_id = who.account_id;
	RETURN CASE WHEN member = 2 THEN 3 WHEN member IS NULL THEN 0 WHEN mine = 2 THEN 2
		WHEN mine = 1 OR t.privacy = 2 THEN 1 ELSE 0 END;
END $$;

-- What the actor is in an organization, whose row is locked from here on: 2 an owner (or acts as one), 1 a member, 0
-- nothing, or there is none.
CREATE FUNCTION organization_power(who actor, site boolean, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM account WHERE id = which AND kind = 2 AND deleted_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN 0;
	ELSIF who.account_id IS NULL OR (site AND is_site_admin(who)) THEN
		RETURN 2;
	END IF;
	RETURN coalesce((SELECT m.role FROM membership m
		WHERE m.organization_id = which AND m.account_id = who.account_id), 0);
END $$;

-- "My TEam Näme" → "my-team-name". '' when nothing is left.
CREATE FUNCTION team_slug(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT trim(both '-.' FROM left(trim(both '-.' FROM regexp_replace(lower(regexp_replace(
		normalize(name, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE "C"), '[^a-z0-9._]+', '-', 'g')),
		100))
$$;

-- Why a team cannot stand under a parent: 0 it can, 3 there is no such parent for the actor, 4 he does not
-- maintain it, 5 it is secret, 6 it stands below the team itself, 7 the tree would be too deep.
CREATE FUNCTION team_parent_check(who actor, site boolean, organization bigint, which bigint, parent bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	above team;
	power smallint := team_power(who, site, parent);
BEGIN
	SELECT * INTO above FROM team WHERE id = parent AND organization_id = organization;
	IF NOT FOUND OR power = 0 THEN
		RETURN 3;
	ELSIF power < 2 THEN
		RETURN 4;
	ELSIF above.privacy = 1 THEN
		RETURN 5;
	ELSIF EXISTS (SELECT FROM team_path p WHERE p.team_id = parent AND p.ancestor_id = which) THEN
		RETURN 6;
	ELSIF (SELECT max(depth) FROM team_path WHERE team_id = parent)
		+ coalesce((SELECT max(depth) FROM team_path WHERE ancestor_id = which), 0) + 1 >= 32 THEN
		RETURN 7;
	END IF;
	RETURN 0;
END $$;

-- status: 0 done, 1 no such organization for the actor, 2 the name is taken, 3 to 7 as above, 8 a secret team has
-- neither parent nor children, 9 one of `maintainers` (logins) is no member, 10 there are too many, 11 nothing is
-- left of the name in a URL. Whoever makes it maintains it, if he is a member.
CREATE FUNCTION team_create(who actor, site boolean, organization bigint, its_name text, its_description text,
			    its_privacy smallint, parent bigint, maintainers text[], most integer,
			    OUT status smallint, OUT id bigint)
LANGUAGE plpgsql AS $$
DECLARE
	people bigint[];
BEGIN
	IF organization_power(who, site, organization) = 0 THEN
		status := 1;
		RETURN;
	END IF;
	people := ARRAY(SELECT a.id FROM account a JOIN membership m
		ON m.account_id = a.id AND m.organization_id = organization
		WHERE a.login = ANY (maintainers) AND a.deleted_at IS NULL ORDER BY a.id);
	status := CASE
		WHEN team_slug(its_name) = '' THEN 11
		WHEN cardinality(people) <> cardinality(ARRAY(SELECT DISTINCT unnest(maintainers))) THEN 9
		WHEN parent IS NOT NULL AND its_privacy = 1 THEN 8
		WHEN parent IS NOT NULL THEN team_parent_check(who, site, organization, 0, parent)
		WHEN (SELECT count(*) FROM team t WHERE t.organization_id = organization) >= most THEN 10
		ELSE 0 END;
	IF status <> 0 THEN
		RETURN;
	END IF;
	INSERT INTO team (organization_id, slug, name, description, privacy, parent_id)
	VALUES (organization, team_slug(its_name), its_name, coalesce(its_description, ''), its_privacy, parent)
	ON CONFLICT (organization_id, slug) DO NOTHING RETURNING team.id INTO id;
	IF NOT FOUND THEN
		status := 2;
		RETURN;
	END IF;
	INSERT INTO team_path (team_id, ancestor_id, depth) VALUES (id, id, 0);
	INSERT INTO team_path (team_id, ancestor_id, depth)
	SELECT id, p.ancestor_id, p.depth + 1 FROM team_path p WHERE p.team_id = parent;
	INSERT INTO team_member (team_id, account_id, role)
	SELECT id, m.account_id, 2 FROM membership m WHERE m.organization_id = organization
	AND (m.account_id = ANY (people) OR m.account_id = who.account_id);
	PERFORM record(who, 'team.create', organization, NULL, jsonb_build_object('team', id,
		'slug', team_slug(its_name), 'parent', parent, 'maintainers', people));
END $$;

-- 0 done, 1 no such team for the actor, 2 to 11 as above, 12 he does not maintain it. NULL leaves a value as it
-- is; a parent is set when `moves`.
CREATE FUNCTION team_update(who actor, site boolean, which bigint, its_name text, its_description text,
			    its_privacy smallint, moves boolean, parent bigint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	t team;
	power smallint;
	refused smallint := 0;
BEGIN
	PERFORM organization_power(who, site, (SELECT organization_id FROM team WHERE id = which));
	SELECT * INTO t FROM team WHERE id = which;
	power := team_power(who, site, which);
	IF NOT moves THEN
		parent := t.parent_id;
	END IF;
	IF parent IS DISTINCT FROM t.parent_id AND parent IS NOT NULL THEN
		refused := team_parent_check(who, site, t.organization_id, which, parent);
	END IF;
	refused := CASE WHEN power = 0 THEN 1 WHEN power < 2 THEN 12 WHEN refused <> 0 THEN refused
		WHEN coalesce(its_privacy, t.privacy) = 1 AND (parent IS NOT NULL
			OR EXISTS (SELECT FROM team c WHERE c.parent_id = which)) THEN 8
		WHEN team_slug(its_name) = '' THEN 11 ELSE 0 END;
	IF refused <> 0 THEN
		RETURN refused;
	ELSIF EXISTS (SELECT FROM team o WHERE o.organization_id = t.organization_id
		      AND o.slug = team_slug(its_name) AND o.id <> which) THEN
		RETURN 2;
	END IF;
	UPDATE team SET name = coalesce(its_name, name), slug = coalesce(team_slug(its_name), slug),
		description = coalesce(its_description, description),
		privacy = coalesce(its_privacy, privacy), parent_id = parent, updated_at = now()
	WHERE id = which;
	IF parent IS DISTINCT FROM t.parent_id THEN
		PERFORM team_move(which, parent);
	END IF;
	PERFORM record(who, 'team.update', t.organization_id, NULL, jsonb_build_object('team', which,
		'slug', coalesce(team_slug(its_name), t.slug), 'parent', parent));
	RETURN 0;
END $$;

-- Every team of the subtree loses what is above the subtree, and gets the new parent with all above that one.
CREATE FUNCTION team_move(which bigint, parent bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	subtree bigint[] := ARRAY(SELECT team_id FROM team_path WHERE ancestor_id = which);
BEGIN
	DELETE FROM team_path WHERE team_id = ANY (subtree) AND ancestor_id <> ALL (subtree);
	INSERT INTO team_path (team_id, ancestor_id, depth)
	SELECT b.team_id, a.ancestor_id, b.depth + a.depth + 1
	FROM team_path b CROSS JOIN team_path a WHERE b.ancestor_id = which AND a.team_id = parent;
END $$;

-- With all below it, which only an owner may. 0 done, 1 no such team for the actor, 12 he does not maintain it,
-- 13 it has children
CREATE FUNCTION team_delete(who actor, site boolean, which bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	t team;
	power smallint;
	subtree bigint[];
BEGIN
	PERFORM organization_power(who, site, (SELECT organization_id FROM team WHERE id = which));
	SELECT * INTO t FROM team WHERE id = which;
	power := team_power(who, site, which);
	subtree := ARRAY(SELECT team_id FROM team_path WHERE ancestor_id = which ORDER BY depth, team_id);
	IF power < 2 THEN
		RETURN CASE power WHEN 0 THEN 1 ELSE 12 END;
	ELSIF power < 3 AND cardinality(subtree) > 1 THEN
		RETURN 13;
	END IF;
	PERFORM record(who, 'team.delete', t.organization_id, NULL,
		       jsonb_build_object('team', o.id, 'slug', o.slug))
	FROM team o WHERE o.id = ANY (subtree);
	DELETE FROM team WHERE id = ANY (subtree);
	RETURN 0;
END $$;

-- What somebody is in a team; 0 ends it. Members and the organization's robots can be in one; an owner makes
-- whoever is neither a member. 0 done, 1 no such team for the actor, 2 no such user, 3 he is no member of
-- the organization, 4 the actor does not maintain the team
CREATE FUNCTION team_member_set(who actor, site boolean, which bigint, person bigint, new_role smallint)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	t team;
	p account;
	power smallint;
	old_role smallint;
BEGIN
	PERFORM organization_power(who, site, (SELECT organization_id FROM team WHERE id = which));
	SELECT * INTO t FROM team WHERE id = which;
	power := team_power(who, site, which);
	IF power = 0 THEN
		RETURN 1;
	ELSIF power < 2 AND NOT (new_role = 0 AND person = who.account_id) THEN
		RETURN 4;
	END IF;
	SELECT * INTO p FROM account WHERE id = person AND deleted_at IS NULL
	AND (kind = 1 OR organization_id = t.organization_id) FOR SHARE;
	IF NOT FOUND THEN
		RETURN 2;
	END IF;
	SELECT m.role INTO old_role FROM team_member m WHERE m.team_id = which AND m.account_id = person;
	IF new_role = 0 THEN
		DELETE FROM team_member m WHERE m.team_id = which AND m.account_id = person;
	ELSE
		IF p.kind = 1 AND NOT EXISTS (SELECT FROM membership m
				WHERE m.organization_id = t.organization_id AND m.account_id = person) THEN
			IF power < 3 THEN
				RETURN 3;
			END IF;
			PERFORM membership_set(who, t.organization_id, person, 1::smallint);
		END IF;
		INSERT INTO team_member (team_id, account_id, role) VALUES (which, person, new_role)
		ON CONFLICT (team_id, account_id) DO UPDATE SET role = new_role;
	END IF;
	IF new_role IS DISTINCT FROM coalesce(old_role, 0) THEN
		PERFORM record(who, 'team.member_set', t.organization_id, NULL, jsonb_build_object(
			'team', which, 'slug', t.slug, 'account', person,
			'role', (ARRAY['none', 'member', 'maintainer'])[new_role + 1]));
	END IF;
	RETURN 0;
END $$;
