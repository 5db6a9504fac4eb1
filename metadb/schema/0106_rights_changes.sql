-- Which transactions have changed what rights are read from. An answer of find_one_rights() comes with the snapshot that
-- it was read in; whoever remembers it asks, in the statement of what he does next, whether a change is visible by now that
-- was not then (RIGHTS_HOLD, metadb/rights_kept.h). So a revoked token, a grant that is gone or a deleted
-- package is seen by every gateway at the next request, as if rights had been looked up.
--
-- A row belongs to the transaction that writes it and is visible exactly when the change is: nobody waits for it. 0 is
-- every token, every package. Rows go once every snapshot that somebody remembers has seen them
-- (rights_changes_forget()).
CREATE TABLE rights_change (
	xid xid8 NOT NULL,
	token_id bigint NOT NULL,
	package_id bigint NOT NULL,
	PRIMARY KEY (xid, token_id, package_id)
);

CREATE FUNCTION rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rights_change VALUES (pg_current_xact_id(), 0, 0) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;

CREATE FUNCTION token_rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rights_change VALUES (pg_current_xact_id(), OLD.id, 0) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;

CREATE FUNCTION package_rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rights_change VALUES (pg_current_xact_id(), 0, OLD.id) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;

-- What belongs to one package.
CREATE FUNCTION package_grants_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rights_change VALUES (pg_current_xact_id(), 0,
		CASE TG_OP WHEN 'DELETE' THEN OLD.package_id ELSE NEW.package_id END) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;

-- What is remembered is of a valid token without limits, and a package that is there under its own name. So what only
-- makes a new token, name, account or limit changes nothing of it; nor does a token that lives longer.
CREATE TRIGGER rights_changed AFTER UPDATE ON token FOR EACH ROW
WHEN ((OLD.account_id, OLD.hash, OLD.kind, OLD.scopes, OLD.revoked_at, OLD.repository_id, OLD.limited)
	IS DISTINCT FROM (NEW.account_id, NEW.hash, NEW.kind, NEW.scopes, NEW.revoked_at, NEW.repository_id, NEW.limited)
	OR coalesce(NEW.expires_at, 'infinity') < coalesce(OLD.expires_at, 'infinity'))
EXECUTE FUNCTION token_rights_changed();
CREATE TRIGGER rights_gone AFTER DELETE ON token FOR EACH ROW EXECUTE FUNCTION token_rights_changed();

CREATE TRIGGER rights_changed AFTER UPDATE ON package FOR EACH ROW
WHEN ((OLD.namespace_id, OLD.name, OLD.visibility, OLD.published_at, OLD.publisher_id, OLD.inherits, OLD.repository_id,
	OLD.deleted_at)
	IS DISTINCT FROM (NEW.namespace_id, NEW.name, NEW.visibility, NEW.published_at, NEW.publisher_id, NEW.inherits,
	NEW.repository_id, NEW.deleted_at))
EXECUTE FUNCTION package_rights_changed();
CREATE TRIGGER rights_gone AFTER DELETE ON package FOR EACH ROW EXECUTE FUNCTION package_rights_changed();

CREATE TRIGGER rights_changed AFTER UPDATE ON account FOR EACH ROW
WHEN ((OLD.kind, OLD.login, OLD.site_admin, OLD.suspended_at, OLD.organization_id, OLD.sso_required, OLD.creators,
	OLD.base_role, OLD.deleted_at)
	IS DISTINCT FROM (NEW.kind, NEW.login, NEW.site_admin, NEW.suspended_at, NEW.organization_id, NEW.sso_required,
	NEW.creators, NEW.base_role, NEW.deleted_at))
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_gone AFTER DELETE ON account FOR EACH STATEMENT EXECUTE FUNCTION rights_changed();

CREATE TRIGGER rights_changed AFTER UPDATE ON repository FOR EACH ROW
WHEN ((OLD.owner_id, OLD.deleted_at) IS DISTINCT FROM (NEW.owner_id, NEW.deleted_at))
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_gone AFTER DELETE ON repository FOR EACH STATEMENT EXECUTE FUNCTION rights_changed();

CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON package_grant FOR EACH ROW
EXECUTE FUNCTION package_grants_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON package_team FOR EACH ROW
EXECUTE FUNCTION package_grants_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON package_actions FOR EACH ROW
EXECUTE FUNCTION package_grants_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON package_codespace FOR EACH ROW
EXECUTE FUNCTION package_grants_changed();

CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON membership FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON team_member FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON team_path FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON repository_grant FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON repository_team FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();

-- What a token has proved to an organization.
CREATE TRIGGER rights_changed AFTER UPDATE OR DELETE ON token_sso FOR EACH STATEMENT EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE OR DELETE ON organization_sso FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE OF issuer_id OR DELETE ON account_identity FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE OF token_id, identity_id OR DELETE ON session FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();

-- What every change waits for, or is refused by.
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE ON registry_mode FOR EACH STATEMENT
EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE ON cluster FOR EACH ROW
WHEN ((OLD.behind, OLD.adopted_system, OLD.adopted_timeline)
	IS DISTINCT FROM (NEW.behind, NEW.adopted_system, NEW.adopted_timeline))
EXECUTE FUNCTION rights_changed();

-- Forgets what every snapshot from `before` on has seen; answers with where to begin the next time, when nobody
-- remembers a snapshot that is as old as this one any more.
CREATE FUNCTION rights_changes_forget(before xid8) RETURNS xid8 LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM rights_change c WHERE c.xid < before;
	RETURN pg_snapshot_xmin(pg_current_snapshot());
END $$;

-- upload_start() of 0091 by somebody whose rights hold, and with them that the package is there as it was, and that
-- the server is the adopted one.
CREATE FUNCTION upload_start_known(into_package bigint, its_account bigint, its_token bigint, alg smallint, life interval,
				   OUT upload_id text, OUT package_id bigint, OUT gen bigint)
LANGUAGE plpgsql AS $$
DECLARE
	its_id uuid := gen_random_uuid();
BEGIN
	IF current_setting('packhouse.gens', true) IS DISTINCT FROM 'begun' THEN
		PERFORM gens_begin();
	END IF;
	INSERT INTO instance DEFAULT VALUES RETURNING instance.gen INTO gen;
	INSERT INTO upload (id, package_id, account_id, token_id, gen, algorithm, expires_at)
	VALUES (its_id, into_package, its_account, its_token, upload_start_known.gen, alg, now() + life * 1.25);
	upload_id := its_id::text;
	package_id := into_package;
END $$;
