-- A deleted account's packages and repositories: those of a small one go with it, those of a large one in batches, by
-- the collector. Nobody finds them meanwhile, for nobody finds the account; and none is added (package_home() of 0043).
ALTER TABLE account ADD COLUMN closing boolean NOT NULL DEFAULT false;
CREATE INDEX account_closing ON account (id) WHERE closing;

-- At most `most` of each. How many there were
CREATE FUNCTION account_empty(who actor, which bigint, most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	r record;
	n bigint := 0;
BEGIN
	FOR r IN SELECT id FROM repository WHERE owner_id = which AND deleted_at IS NULL
		ORDER BY id LIMIT most LOOP
		PERFORM repository_delete(who, r.id);
		n := n + 1;
	END LOOP;
	FOR r IN SELECT id FROM package WHERE namespace_id = which AND deleted_at IS NULL
		ORDER BY name LIMIT most LOOP
		PERFORM package_delete(who, r.id);
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;

-- As in 0043; what one batch does not hold is left to accounts_collect().
CREATE OR REPLACE FUNCTION account_close(who actor, which bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	n bigint := account_empty(who, which, 500);
BEGIN
	DELETE FROM account_alias WHERE account_id = which;	-- public_login keeps what must be kept
	UPDATE token SET revoked_at = now() WHERE revoked_at IS NULL AND account_id IN (
		SELECT which UNION ALL SELECT id FROM account WHERE organization_id = which);
	UPDATE account SET deleted_at = now() WHERE organization_id = which AND deleted_at IS NULL;
	UPDATE account SET deleted_at = now(), site_admin = false, closing = n >= 500 WHERE id = which;
END $$;

-- One account. seen: there was one; gone: what went of it
CREATE FUNCTION accounts_collect(most integer, OUT seen bigint, OUT gone bigint) LANGUAGE plpgsql AS $$
DECLARE
	which bigint;
	nobody actor;
BEGIN
	seen := 0;
	gone := 0;
	IF NOT adopted() THEN
		RETURN;
	END IF;
	SELECT id INTO which FROM account WHERE closing ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
	IF FOUND THEN
		seen := 1;
		gone := account_empty(nobody, which, most);
		UPDATE account SET closing = false WHERE id = which AND gone = 0;
	END IF;
END $$;
