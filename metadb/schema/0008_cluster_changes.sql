-- Storage daemons make themselves known; the keeper calls this for each announcement worth it.
--
-- The uuid on a disk is the identity. A second disk under a name that a live one has is refused: an
-- empty disk must not pass for the one whose chunks are counted on.
-- status: 0 known, 1 new or changed, 2 refused: the name belongs to another disk, 3 refused: retired
CREATE FUNCTION node_register(its_uuid uuid, its_name text, its_zone text, its_control text,
			      its_bulk text, its_incarnation bigint, total bigint, used bigint,
			      OUT status smallint, OUT node_id integer)
LANGUAGE plpgsql AS $$
DECLARE
	n node;
BEGIN
	SELECT * INTO n FROM node WHERE uuid = its_uuid FOR NO KEY UPDATE;
	IF FOUND AND n.retired_at IS NOT NULL THEN
		status := 3;
		RETURN;
	END IF;
	IF FOUND AND (n.name, n.zone, n.control, n.bulk, n.incarnation)
	   = (its_name, its_zone, its_control, its_bulk, its_incarnation) THEN
		UPDATE node SET seen_at = now(), total_bytes = total, used_bytes = used
		WHERE id = n.id;
		status := 0;
		node_id := n.id;
		RETURN;
	END IF;
	PERFORM 1 FROM node WHERE name = its_name AND retired_at IS NULL AND uuid <> its_uuid;
	IF FOUND THEN
		status := 2;
		RETURN;
	END IF;
	IF n.id IS NOT NULL THEN
		UPDATE node SET name = its_name, zone = its_zone, control = its_control,
			bulk = its_bulk, incarnation = its_incarnation, seen_at = now(),
			total_bytes = total, used_bytes = used
		WHERE id = n.id;
		node_id := n.id;
	ELSE
		-- Two keepers may hear the same new daemon: the unique indexes decide.
		INSERT INTO node (uuid, name, zone, control, bulk, incarnation, total_bytes, used_bytes)
		VALUES (its_uuid, its_name, its_zone, its_control, its_bulk, its_incarnation, total,
			used)
		ON CONFLICT DO NOTHING RETURNING id INTO node_id;
		IF NOT FOUND THEN
			SELECT id INTO node_id FROM node WHERE uuid = its_uuid;
			status := CASE WHEN FOUND THEN 0 ELSE 2 END;
			RETURN;
		END IF;
	END IF;
	PERFORM record(NULL, 'node.register', NULL, NULL, jsonb_build_object(
		'node', node_id, 'uuid', its_uuid, 'name', its_name, 'zone', its_zone,
		'control', its_control, 'bulk', its_bulk));
	status := 1;
END $$;

-- A new key when the newest has signed for `period`, or there is none. It begins to sign `lead` from
-- now, so that all gateways know it by then; the first one begins at once. The advisory lock makes
-- several keepers agree on one. true: it was taken
CREATE FUNCTION signing_key_add(its_seed bytea, its_public bytea, period interval, lead interval)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	newest timestamptz;
BEGIN
	PERFORM pg_advisory_xact_lock(1885430635, 3);
	SELECT max(signs_from) INTO newest FROM signing_key;
	IF newest > now() - period + lead THEN
		RETURN false;
	END IF;
	INSERT INTO signing_key (seed, public, signs_from, expires_at)
	SELECT its_seed, its_public, start, start + 2 * period
	FROM (SELECT CASE WHEN newest IS NULL THEN now() ELSE now() + lead END AS start) AS s;
	DELETE FROM signing_key WHERE expires_at < now();
	PERFORM record(NULL, 'signing_key.create', NULL, NULL, '{}');
	RETURN true;
END $$;
