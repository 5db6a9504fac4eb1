"""A registry of 100,000 packages, a million versions and a million tags, written straight into the database.

Package i of 1 to N is the organization big's up to 6/10 of them, the others are shared by two hundred organizations.
Its name is part-N/iNNN or iNNN; of three one is private, one internal, one public; in big every fourth is linked to one
of 2,000 repositories, and every eighth inherits from it. A package in five hundred is deleted. big's last ones are
large:

    images     100,000 versions, each with three tags
    indexes    100,000: of three versions one is an index of the two before it, and has the tag
    deleted    100,000: every second one is deleted
    referrers  100,000: half of them are about the first one
    t1 … t20   10,000 versions each

and all others have four, with a tag each. Versions of all packages come in turns, so those of one lie apart. Of the
people ada owns big, bob is a member who was given a thousand packages and has a team with as many, eve is nobody's.
"""

import contextlib
import time

MEDIA = "application/vnd.oci.image."
ROWS = {
    "repository": """INSERT INTO repository (owner_id, name, visibility)
        SELECT %(big)s, 'r' || i, i %% 3 FROM generate_series(1, 2000) i""",
    "account": """INSERT INTO account (kind, login) SELECT 2, 'org-' || i FROM generate_series(0, 199) i""",
    # As a push does it: a row first, published by its first manifest. The triggers make words and marks.
    "package": """INSERT INTO package (namespace_id, name, visibility, publisher_id, created_at, inherits,
            repository_id, linked_by)
        SELECT CASE WHEN i <= %(n)s * 6 / 10 THEN %(big)s
                ELSE (SELECT id FROM account WHERE login = 'org-' || i %% 200) END,
            CASE WHEN i %% 10 = 0 THEN 'part-' || i %% 100 || '/' ELSE '' END || 'i' || i, i %% 3, %(ada)s,
            now() - (%(n)s - i + 100) * interval '1 minute', i %% 8 = 1 AND l, CASE WHEN l THEN
            (SELECT id FROM repository WHERE owner_id = %(big)s AND name = 'r' || i / 4 %% 2000 + 1) END,
            CASE WHEN l THEN 3 END
        FROM generate_series(1, %(n)s) i CROSS JOIN LATERAL (SELECT i %% 4 = 1 AND i <= %(n)s * 6 / 10 AS l) linked
        ORDER BY i""",
    "scale": """CREATE TABLE scale AS SELECT p.id, p.i, n.name, CASE WHEN n.name IS NULL THEN 4
            WHEN n.name LIKE 't%%' THEN %(n)s / 10 ELSE %(n)s END AS versions
        FROM (SELECT id, namespace_id, row_number() OVER (ORDER BY id) AS i FROM package WHERE name ~ 'i[0-9]+$') p
        LEFT JOIN LATERAL (SELECT (ARRAY['images', 'indexes', 'deleted', 'referrers'] ||
            ARRAY(SELECT 't' || k FROM generate_series(1, 20) k))[%(n)s * 6 / 10 - p.i + 1] AS name
            WHERE p.i BETWEEN %(n)s * 6 / 10 - 23 AND %(n)s * 6 / 10) n ON true""",
    "names": "UPDATE package p SET name = s.name FROM scale s WHERE s.id = p.id AND s.name IS NOT NULL",
    "published": """UPDATE package SET published_at = created_at, tagged_at = created_at, description =
            CASE id %% 100 WHEN 1 THEN 'A fast proxy for images' WHEN 2 THEN 'Number ' || id END
        WHERE id IN (SELECT id FROM scale)""",
    "package_blob": """INSERT INTO package_blob (package_id, algorithm, digest, protect_until)
        SELECT s.id, 1, b.digest, now() + interval '1 day' FROM scale s CROSS JOIN unnest(ARRAY[
            (%(blobs)s::bytea[])[1 + s.id %% 16], (%(blobs)s::bytea[])[17 + s.id %% 16]]) b(digest)""",
    # Every row's place among all, so that large packages grow beside the others.
    "version": """CREATE TABLE scale_version AS SELECT row_number() OVER (ORDER BY j / versions::float, id) AS at, *,
            convert_to(format('{"schemaVersion":2,"mediaType":"%%s","n":"%%s-%%s"}', CASE WHEN is_index
                THEN %(media)s || 'index.v1+json' ELSE %(media)s || 'manifest.v1+json' END, id, j), 'UTF8') AS bytes
        FROM (SELECT s.id, s.i, s.name, s.versions, j, s.name = 'indexes' AND j %% 3 = 0 AS is_index,
            s.name = 'referrers' AND j > 1 AND j %% 2 = 0 AS refers FROM scale s
            CROSS JOIN LATERAL generate_series(1, s.versions) j) v""",
    "manifest": """INSERT INTO manifest (id, package_id, algorithm, digest, kind, media_type, artifact_type, size,
            subject_algorithm, subject_digest, pushed_by, bytes, variety, platform, created_at, deleted_at, deleted_by)
        OVERRIDING SYSTEM VALUE
        SELECT at + %(before)s, id, 1, sha256(bytes), CASE WHEN is_index THEN 2 ELSE 1 END,
            %(media)s || CASE WHEN is_index THEN 'index.v1+json' ELSE 'manifest.v1+json' END,
            CASE WHEN refers THEN 'example/' || j %% 7 END, length(bytes), CASE WHEN refers THEN 1 END,
            CASE WHEN refers THEN sha256(convert_to(format('{"schemaVersion":2,"mediaType":"%%s","n":"%%s-1"}',
                %(media)s || 'manifest.v1+json', id), 'UTF8')) END, %(ada)s, bytes,
            CASE WHEN is_index THEN 2 WHEN refers THEN 3 ELSE 1 END, CASE WHEN NOT is_index THEN 'linux/amd64' END,
            now() - (%(all)s - at + 1000) * interval '30 seconds',
            CASE WHEN name = 'deleted' AND j %% 2 = 0 THEN now() - interval '1 hour' END,
            CASE WHEN name = 'deleted' AND j %% 2 = 0 THEN %(ada)s END
        FROM scale_version ORDER BY at""",
    "sequence": "SELECT setval(pg_get_serial_sequence('manifest', 'id'), (SELECT max(id) FROM manifest))",
    "manifest_blob": """INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest)
        SELECT v.at + %(before)s, v.id, 1, b.digest FROM scale_version v CROSS JOIN unnest(ARRAY[
            (%(blobs)s::bytea[])[1 + v.id %% 16], (%(blobs)s::bytea[])[17 + v.id %% 16]]) b(digest)
        WHERE NOT v.is_index""",
    "manifest_child": """INSERT INTO manifest_child (manifest_id, package_id, algorithm, digest)
        SELECT i.at + %(before)s, i.id, 1, sha256(c.bytes) FROM scale_version i CROSS JOIN generate_series(1, 2) k
        JOIN scale_version c ON c.id = i.id AND c.j = i.j - k WHERE i.is_index""",
    "tag": """INSERT INTO tag (package_id, name, manifest_id, updated_by, created_at, updated_at)
        SELECT v.id, t.name, v.at + %(before)s, %(ada)s, t.set_at, t.set_at FROM scale_version v
        CROSS JOIN LATERAL (SELECT 'v' || v.j || CASE k WHEN 1 THEN '' ELSE '-' || k END AS name,
            now() - (%(all)s - at + 1000) * interval '30 seconds' AS set_at
            FROM generate_series(1, CASE WHEN v.name = 'images' THEN 3 ELSE 1 END) k) t
        WHERE v.name IS NULL OR v.name = 'images' OR v.is_index OR (v.name = 'deleted' AND v.j %% 2 = 1)
        OR (v.name = 'referrers' AND NOT v.refers) OR v.name LIKE 't%%'""",
    "download_version": """INSERT INTO download_version (manifest_id, package_id, downloads, last_at, popular)
        SELECT at + %(before)s, id, j, now() - interval '1 day', false FROM scale_version WHERE j %% 2 = 0""",
    "deleted": "UPDATE package SET deleted_at = now(), deleted_by = %(ada)s WHERE id IN "
               "(SELECT id FROM scale WHERE i %% 500 = 7)",
    "package_grant": """INSERT INTO package_grant (package_id, account_id, role, namespace_id, name)
        SELECT p.id, %(bob)s, 1, p.namespace_id, p.name FROM package p JOIN scale s USING (id)
        WHERE s.i %% 60 = 3 AND p.namespace_id = %(big)s AND NOT p.inherits""",
    "team": "INSERT INTO team (organization_id, slug, name) VALUES (%(big)s, 'devs', 'devs')",
    "team_path": "INSERT INTO team_path SELECT id, id, 0 FROM team",
    "team_member": "INSERT INTO team_member (team_id, account_id) SELECT id, %(bob)s FROM team",
    "package_team": """INSERT INTO package_team (package_id, team_id, role, namespace_id, name)
        SELECT p.id, t.id, 1, p.namespace_id, p.name FROM team t CROSS JOIN package p JOIN scale s ON s.id = p.id
        WHERE s.i %% 60 = 6 AND p.namespace_id = %(big)s AND NOT p.inherits""",
    "membership": "INSERT INTO membership (organization_id, account_id, role) VALUES (%(big)s, %(bob)s, 1)",
    "repository_grant": """INSERT INTO repository_grant (repository_id, account_id, role)
        SELECT id, %(bob)s, 3 FROM repository WHERE owner_id = %(big)s AND id %% 40 = 0""",
}


def fill(cluster, people, blobs, packages):
    """blobs: 32 digests that are linked somewhere. 24 packages have some 600,000 versions, the others four each."""
    with contextlib.closing(cluster.database()) as database, database.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM manifest")
        values = {**people, "n": packages, "media": MEDIA, "before": cursor.fetchone()[0], "all": packages * 10,
                  "blobs": [bytes.fromhex(blob.split(":")[1]) for blob in blobs]}
        cursor.execute("SET enable_seqscan = on; SET work_mem = '256MB'")
        for name, statement in ROWS.items():
            begin = time.monotonic()
            cursor.execute(statement, values)
            print(f"{name}: {cursor.rowcount} rows in {time.monotonic() - begin:.0f} s", flush=True)
        cursor.execute("DROP TABLE scale_version")
        cursor.execute("VACUUM ANALYZE")
