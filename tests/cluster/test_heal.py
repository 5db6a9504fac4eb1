"""Copies that get lost or damaged are whole again by themselves, and what nobody needs goes."""

import shutil
import signal
import subprocess
import time

import pytest

from harness.registry import digest_of, ok, random_bytes
from harness.whole import assert_clean, check, number, wait_for, wait_for_copies, wait_until_whole

TAKES_LONG = True

DAEMONS = ("storage-1", "storage-2", "storage-3")
SETTINGS = {
    "keeper.reconcile_rate": 10000,
    "keeper.trash_window": 0,
    "keeper.restore_window": 0,
    "keeper.replace_after": "3s",
    "storage.scrub_age": "60s",
}


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings=SETTINGS)
    yield made
    made.stop()


def damage(cluster, name, data):
    """Flips a bit of this payload wherever it is whole in a daemon's segments; how many places.

    The daemon stands still meanwhile, or it might compact, and remove, what is being read here.
    """
    found = 0
    cluster.kill(name, signal.SIGSTOP)
    for path in (cluster.dir / "data" / name / "segments").glob("*.seg"):
        with open(path, "r+b") as file:
            at = file.read().find(data)
            if at >= 0:
                file.seek(at + len(data) // 2)
                byte = file.read(1)[0]
                file.seek(at + len(data) // 2)
                file.write(bytes([byte ^ 0x10]))
                found += 1
    cluster.kill(name, signal.SIGCONT)
    return found


def bad_copies(cluster, name):
    return cluster.metrics(name)["packhouse_storage_bad_copies_found_total"]


def test_a_daemon_that_missed_pushes(cluster, user):
    layers = [random_bytes(3 << 20), random_bytes(70_000)]
    cluster.kill("storage-2")
    for count in range(10):
        user.registry().push_image(f"{user.login}/missed-{count}", "v1", [*layers, random_bytes(5000)])
    assert number(cluster, "SELECT count(*) FROM partition_owes") > 0
    assert check(cluster)[0] == 2, "what a daemon that is down holds is not known"
    cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert_clean(cluster)


@pytest.mark.parametrize("damaged", [("storage-1",), ("storage-2", "storage-3")])
def test_damaged_copies(cluster, user, damaged):
    data = random_bytes(2 << 20)
    name = f"{user.login}/rot"
    user.registry().push_blob(name, data)
    wait_until_whole(cluster)
    bad = {daemon: bad_copies(cluster, daemon) for daemon in damaged}
    for daemon in damaged:
        assert damage(cluster, daemon, data[:64 << 10]) >= 1

    def read_until_found():
        assert ok(user.registry().blob(name, digest_of(data)), 200).content == data
        return all(bad_copies(cluster, daemon) > bad[daemon] for daemon in damaged)

    wait_for("no reader met the damage", read_until_found)
    wait_for_copies(cluster, *DAEMONS)
    for _ in range(50):
        assert ok(user.registry().blob(name, digest_of(data)), 200).content == data
    assert all(bad_copies(cluster, daemon) == bad[daemon] + 1 for daemon in damaged), "a bad copy was read again"


def test_damage_that_nobody_reads(cluster, user):
    data = random_bytes(1 << 20)
    user.registry().push_blob(f"{user.login}/unread", data)
    wait_until_whole(cluster)
    found = bad_copies(cluster, "storage-1")
    assert damage(cluster, "storage-1", data[:64 << 10]) >= 1
    wait_for("the scrub did not find it", lambda: bad_copies(cluster, "storage-1") > found, 300)
    wait_for_copies(cluster, *DAEMONS)


def test_all_copies_damaged_then_pushed_again(cluster, user):
    data = random_bytes(1 << 20)
    name = f"{user.login}/lost"
    registry = user.registry()
    registry.push_blob(name, data)
    wait_until_whole(cluster)
    for daemon in DAEMONS:
        assert damage(cluster, daemon, data[:64 << 10]) >= 1

    def is_lost():
        try:
            answer = registry.blob(name, digest_of(data))
            assert answer.status_code == 503
        except OSError:
            pass  # broken off in the middle: no wrong byte was sent
        return number(cluster, "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL") == 1

    wait_for("the blob is not known to be lost", is_lost)
    assert registry.blob(name, digest_of(data)).status_code == 503
    assert registry.call("HEAD", f"/v2/{name}/blobs/{digest_of(data)}").status_code == 404
    registry.push_blob(name, data)
    assert registry.has_blob(name, digest_of(data))
    assert ok(registry.blob(name, digest_of(data)), 200).content == data
    assert number(cluster, "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL") == 0
    wait_until_whole(cluster)


def test_a_wiped_disk_is_a_new_one(cluster, user):
    layers = [random_bytes(2 << 20) for _ in range(3)]
    name = f"{user.login}/wiped"
    manifest = user.registry().push_image(name, "v1", layers)
    wait_until_whole(cluster)
    epoch = number(cluster, "SELECT max(epoch) FROM cluster_map")
    cluster.kill("storage-3")
    folder = cluster.dir / "data" / "storage-3"
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    cluster.up()
    wait_for("no new epoch", lambda: number(cluster, "SELECT max(epoch) FROM cluster_map") == epoch + 1)
    assert number(cluster, "SELECT count(*) FROM node WHERE name = 'storage-3'") == 2
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    cluster.kill("storage-1")  # the new disk counts: with another one gone, reading and writing go on
    assert user.registry().pull_image(name, "v1") == (manifest, layers)
    user.registry().push_image(f"{user.login}/after", "v1", layers)
    cluster.up()
    wait_until_whole(cluster)
    assert_clean(cluster)


def test_a_disk_that_went_back_in_time(cluster, user):
    folder = cluster.dir / "data" / "storage-2"
    user.registry().push_image(f"{user.login}/old", "v1", [random_bytes(100_000)])
    cluster.kill("storage-2")
    backup = cluster.dir / "data" / "backup"
    subprocess.run(["cp", "-a", folder, backup], check=True, timeout=60)
    cluster.up()
    user.registry().push_image(f"{user.login}/new", "v1", [random_bytes(3 << 20)])
    wait_until_whole(cluster)
    cluster.kill("storage-2")
    shutil.rmtree(folder)
    backup.rename(folder)
    cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert_clean(cluster)


def test_a_keeper_killed_while_it_mends(cluster, user):
    cluster.kill("storage-1")
    for count in range(20):
        user.registry().push_image(f"{user.login}/killed-{count}", "v1", [random_bytes(200_000)])
    cluster.up()
    for _ in range(3):
        time.sleep(1)
        cluster.kill("metadb")
        cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert_clean(cluster)


def test_claims_of_a_killed_keeper(cluster, user):
    """They would last an hour, but another keeper is in its place."""
    user.registry().push_blob(f"{user.login}/claimed", random_bytes(100_000))
    wait_until_whole(cluster)

    def stopped_with_claims():
        cluster.query("SELECT partitions_due(ARRAY(SELECT generate_series(0, 4095)::smallint), 0, true)")
        cluster.kill("metadb", signal.SIGSTOP)
        claimed = cluster.query("UPDATE partition_owes SET not_before = now() + interval '1 hour'"
                                " WHERE claimed_by IS NOT NULL AND not_before > now() RETURNING part")
        if not claimed:
            cluster.kill("metadb", signal.SIGCONT)
        return claimed

    wait_for("nothing is claimed", stopped_with_claims)
    cluster.kill("metadb")
    cluster.up()
    wait_until_whole(cluster)


def test_check_finds_what_is_wrong(cluster, user):
    user.registry().push_image(f"{user.login}/wrong", "v1", [random_bytes(1 << 20)])
    wait_until_whole(cluster)
    assert check(cluster, "--sample", "100")[0] == 0
    cluster.kill("metadb")  # it would mend things at once
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO instance DEFAULT VALUES")
        cursor.execute("UPDATE chunk SET len = len + 1, digest = set_byte(digest, 31, get_byte(digest, 31) # 1)"
                       " WHERE gen = (SELECT max(gen) FROM blob)")
        status, report = check(cluster)
        cursor.execute("UPDATE chunk SET len = len - 1, digest = set_byte(digest, 31, get_byte(digest, 31) # 1)"
                       " WHERE gen = (SELECT max(gen) FROM blob)")
        cursor.execute("DELETE FROM instance WHERE gen NOT IN (SELECT gen FROM chunk) AND gen NOT IN"
                       " (SELECT gen FROM blob) AND gen NOT IN (SELECT gen FROM upload)")
    connection.close()
    found = {name: count for name, count in report["checks"].items() if count > 0}
    assert status == 1
    assert found == {"live_instance_of_nobody": 1, "blob_and_chunks_disagree": 1, "copy_missing": 3,
                     "chunk_without_any_copy": 1, "copy_without_a_row": 3}
    cluster.up()
    wait_until_whole(cluster)
    assert_clean(cluster)


def test_everything_deleted_is_gone(cluster, user):
    user.registry().push_image(f"{user.login}/gone", "v1", [random_bytes(1 << 20)])
    user.registry().start_upload(f"{user.login}/half")
    wait_until_whole(cluster)
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tag")
        cursor.execute("UPDATE manifest SET deleted_at = now()")
        cursor.execute("UPDATE package_blob SET protect_until = now(), review_at = now()")
        cursor.execute("UPDATE upload SET expires_at = now()")
    connection.close()
    for table in ("upload", "manifest", "manifest_blob", "package_blob", "blob", "blob_review", "chunk", "instance"):
        wait_for(f"rows in {table}", lambda: number(cluster, f"SELECT count(*) FROM {table}") == 0)
    wait_for_copies(cluster, *DAEMONS)
    assert_clean(cluster)


def test_another_server_must_be_adopted(cluster, user):
    user.registry().push_blob(f"{user.login}/adopt", b"before")
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cluster SET adopted_timeline = adopted_timeline + 1")
    answer = user.registry().call("POST", f"/v2/{user.login}/adopt/blobs/uploads/")
    assert answer.status_code == 503
    assert user.registry().has_blob(f"{user.login}/adopt", digest_of(b"before"))
    wait_for("the keeper has not seen it", lambda: cluster.metrics("metadb")["packhouse_keeper_adopted"] == 0)
    before = number(cluster, "SELECT max(gen) FROM instance")
    cluster.metadb("adopt")
    user.registry().push_blob(f"{user.login}/adopt", b"after")
    assert number(cluster, "SELECT max(gen) FROM instance") > before + (1 << 32)
    wait_until_whole(cluster)
    connection.close()
