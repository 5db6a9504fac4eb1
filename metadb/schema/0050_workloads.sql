-- Who may say for which repository a program acts: issuers of OpenID Connect tokens (GitHub Actions, GitLab
-- CI, Kubernetes), each with rules that lead from a token's claims to a repository and what its
-- packages may suffer.
--
-- jwks: the issuer's keys themselves, or '' when they are fetched: from jwks_url, or else from where the issuer's
-- own description says. algorithms: bits, 1 RS256, 2 ES256, 4 EdDSA. rules: JSON, read by the
-- gateway, which also has checked it. version counts the changes: what was kept of the keys is stale then.
CREATE TABLE issuer (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	url text COLLATE "C" NOT NULL UNIQUE CHECK (length(url) BETWEEN 1 AND 1024),
	audience text COLLATE "C" NOT NULL CHECK (length(audience) BETWEEN 1 AND 1024),
	jwks_url text NOT NULL DEFAULT '',
	jwks text NOT NULL DEFAULT '' CHECK (jwks = '' OR jwks_url = ''),
	algorithms smallint NOT NULL CHECK (algorithms BETWEEN 1 AND 7),
	rules text NOT NULL DEFAULT '[]',
	enabled boolean NOT NULL DEFAULT true,
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

-- NULL: there is one of that URL
CREATE FUNCTION issuer_create(who actor, its_url text, its_audience text, its_jwks_url text, its_jwks text,
			      its_algorithms smallint, its_rules text, its_enabled boolean)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	made bigint;
BEGIN
	INSERT INTO issuer (url, audience, jwks_url, jwks, algorithms, rules, enabled)
	VALUES (its_url, its_audience, its_jwks_url, its_jwks, its_algorithms, its_rules, its_enabled)
	ON CONFLICT (url) DO NOTHING
	RETURNING id INTO made;
	IF made IS NOT NULL THEN
		PERFORM record(who, 'issuer.create', NULL, NULL, jsonb_build_object('issuer', made, 'url',
			its_url, 'audience', its_audience, 'enabled', its_enabled, 'rules', its_rules));
	END IF;
	RETURN made;
END $$;

-- 0 done, 1 no such issuer, 2 somebody has changed it since that version
CREATE FUNCTION issuer_change(who actor, which bigint, of_version bigint, its_audience text,
			      its_jwks_url text, its_jwks text, its_algorithms smallint,
			      its_rules text, its_enabled boolean)
RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
	UPDATE issuer SET audience = its_audience, jwks_url = its_jwks_url, jwks = its_jwks,
		algorithms = its_algorithms, rules = its_rules, enabled = its_enabled,
		version = version + 1, updated_at = now()
	WHERE id = which AND version = of_version;
	IF NOT FOUND THEN
		RETURN CASE WHEN EXISTS (SELECT FROM issuer WHERE id = which) THEN 2 ELSE 1 END;
	END IF;
	PERFORM record(who, 'issuer.change', NULL, NULL, jsonb_build_object('issuer', which, 'audience',
		its_audience, 'enabled', its_enabled, 'rules', its_rules));
	RETURN 0;
END $$;

CREATE FUNCTION issuer_delete(who actor, which bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	was text;
BEGIN
	DELETE FROM issuer WHERE id = which RETURNING url INTO was;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM record(who, 'issuer.delete', NULL, NULL, jsonb_build_object('issuer', which, 'url', was));
	RETURN true;
END $$;

CREATE INDEX token_repository_end ON token (repository_id, expires_at) WHERE repository_id IS NOT NULL;
DROP INDEX token_repository;

-- Valid ones of a kind: of a repository, or else of an account. Of a repository's, which come by the job,
-- some of those are cleared away that ended more than a day ago.
CREATE FUNCTION token_count(owner bigint, of_kind smallint, of_repository bigint, most integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	old bigint[];
BEGIN
	IF of_repository IS NULL THEN
		RETURN (SELECT count(*) FROM (SELECT FROM token t WHERE t.account_id = owner
			AND t.kind = of_kind AND t.revoked_at IS NULL
			AND coalesce(t.expires_at > now(), true) LIMIT most) n);
	END IF;
	old := ARRAY(SELECT t.id FROM token t WHERE t.repository_id = of_repository
		AND t.expires_at < now() - interval '1 day' ORDER BY t.expires_at LIMIT 20
		FOR UPDATE SKIP LOCKED);
	IF cardinality(old) > 0 THEN
		DELETE FROM token_limit WHERE token_id = ANY (old);
		DELETE FROM token WHERE id = ANY (old);
	END IF;
	RETURN (SELECT count(*) FROM (SELECT FROM token t WHERE t.repository_id = of_repository
		AND t.kind = of_kind AND t.revoked_at IS NULL AND t.expires_at > now() LIMIT most) n);
END $$;
