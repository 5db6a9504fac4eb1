-- Two switches for the whole registry: read-only (users change nothing) and maintenance (users are told to wait).
--
-- Each request asks for `mode` together with its caller, so it is one row that nothing else writes. It
-- is enum registry_mode: 0 normal, 1 read-only, 2 maintenance, which is the stronger one.
CREATE TABLE registry_mode (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	read_only boolean NOT NULL DEFAULT false,
	read_only_message text NOT NULL DEFAULT '',
	maintenance boolean NOT NULL DEFAULT false,
	maintenance_message text NOT NULL DEFAULT '',
	mode smallint NOT NULL GENERATED ALWAYS AS
		(CASE WHEN maintenance THEN 2 WHEN read_only THEN 1 ELSE 0 END) STORED
);
INSERT INTO registry_mode DEFAULT VALUES;

-- which: 1 or 2, as in `mode`. A message of NULL stays as it was. Who sets what is set already leaves no trace.
CREATE FUNCTION registry_mode_set(who actor, which smallint, its_on boolean, its_message text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	was registry_mode;
	now_is registry_mode;
BEGIN
	SELECT * INTO STRICT was FROM registry_mode WHERE one FOR UPDATE;
	IF which = 1 THEN
		UPDATE registry_mode SET read_only = its_on,
			read_only_message = coalesce(its_message, read_only_message) WHERE one
		RETURNING * INTO now_is;
	ELSE
		UPDATE registry_mode SET maintenance = its_on,
			maintenance_message = coalesce(its_message, maintenance_message) WHERE one
		RETURNING * INTO now_is;
	END IF;
	IF now_is IS DISTINCT FROM was THEN
		PERFORM record(who, CASE which WHEN 1 THEN 'registry.read_only'
			ELSE 'registry.maintenance' END, NULL, NULL, jsonb_build_object('enabled', its_on,
			'message', CASE which WHEN 1 THEN now_is.read_only_message
				ELSE now_is.maintenance_message END));
	END IF;
END $$;
