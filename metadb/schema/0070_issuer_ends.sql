-- With an issuer end the tokens that were got through it.
--
-- issuer_id: by whose word a token was made, NULL for all others, and for those made before this script. Rows of
-- issuers go and ids are not used again, so it is no foreign key.
ALTER TABLE token ADD COLUMN issuer_id bigint;
CREATE INDEX token_issuer ON token (issuer_id, expires_at) WHERE issuer_id IS NOT NULL;

-- Ends the valid ones, and tells how many; the issuer's row is locked.
CREATE FUNCTION issuer_tokens_end(which bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	ended bigint;
BEGIN
	UPDATE token SET revoked_at = now()
	WHERE issuer_id = which AND expires_at > now() AND revoked_at IS NULL;
	GET DIAGNOSTICS ended = ROW_COUNT;
	RETURN ended;
END $$;

-- token_issue() of 0049 by the word of an issuer. status 8: there is no such issuer any more. Whoever ends the
-- issuer waits for this, or is waited for.
CREATE FUNCTION token_exchange(who actor, bounds token_bounds, owner bigint, of_kind smallint,
			       of_repository bigint, its_hash bytea, its_hint text, its_scopes integer,
			       its_note text, ends timestamptz, logins text[], names text[],
			       most integer, of_issuer bigint, OUT status smallint, OUT id bigint,
			       OUT created_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM 1 FROM issuer i WHERE i.id = of_issuer AND i.enabled FOR SHARE;
	IF NOT FOUND THEN
		status := 8;
		RETURN;
	END IF;
	SELECT t.status, t.id, t.created_at INTO status, id, created_at
	FROM token_issue(who, bounds, owner, of_kind, of_repository, its_hash, its_hint, its_scopes, its_note,
			 ends, logins, names, most) t;
	UPDATE token SET issuer_id = of_issuer WHERE token.id = token_exchange.id;
END $$;

-- As in 0050, and sessions that it has let in (0065) end. 0 done, 1 no such issuer, 2 somebody has changed it since that version
CREATE OR REPLACE FUNCTION issuer_change(who actor, which bigint, of_version bigint, its_audience text,
					 its_jwks_url text, its_jwks text, its_algorithms smallint,
					 its_rules text, its_enabled boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
	ended bigint := 0;
BEGIN
	UPDATE issuer SET audience = its_audience, jwks_url = its_jwks_url, jwks = its_jwks,
		algorithms = its_algorithms, rules = its_rules, enabled = its_enabled,
		version = version + 1, updated_at = now()
	WHERE id = which AND version = of_version;
	IF NOT FOUND THEN
		RETURN CASE WHEN EXISTS (SELECT FROM issuer WHERE id = which) THEN 2 ELSE 1 END;
	END IF;
	IF NOT its_enabled THEN
		PERFORM issuer_sessions_end(which);
		ended := issuer_tokens_end(which);
	END IF;
	PERFORM record(who, 'issuer.change', NULL, NULL, jsonb_build_object('issuer', which, 'audience',
		its_audience, 'enabled', its_enabled, 'rules', its_rules, 'tokens_ended', ended));
	RETURN 0;
END $$;

-- Likewise; organizations that named it have no sign-on then, and what was authorized for them is no more.
CREATE OR REPLACE FUNCTION issuer_delete(who actor, which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	was text;
BEGIN
	SELECT url INTO was FROM issuer WHERE id = which FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM issuer_sessions_end(which);
	DELETE FROM token_sso WHERE organization_id IN (SELECT o.organization_id FROM organization_sso o
		WHERE o.issuer_id = which);
	DELETE FROM organization_sso WHERE issuer_id = which;
	DELETE FROM account_identity WHERE issuer_id = which;
	DELETE FROM issuer_sign_in WHERE issuer_id = which;
	DELETE FROM issuer WHERE id = which;
	PERFORM record(who, 'issuer.delete', NULL, NULL, jsonb_build_object('issuer', which, 'url', was,
		'tokens_ended', issuer_tokens_end(which)));
	RETURN true;
END $$;
