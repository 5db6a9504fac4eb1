"""PostgreSQL fails over to a standby that had not received everything, or a cold copy of it is put back: nothing is
begun or deleted until an operator adopts it, and afterwards no generation number comes a second time."""

import subprocess
import time

import pytest

from harness.cluster import free_ports
from harness.registry import digest_of, ok, random_bytes
from harness.whole import assert_clean, check, number, wait_for, wait_for_copies, wait_until_whole

PROGRAMS = "/usr/lib/postgresql/15/bin"
SETTINGS = {
    "keeper.trash_window": 0,
    "keeper.restore_window": 0,
    "gateway.blob_protection": "30s",
    "keeper.reconcile_rate": 10000,
}
LAST_GEN = "SELECT last_value FROM instance_gen_seq"


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=2, gateways=1, settings=SETTINGS)
    yield made
    made.stop()


class Standby:
    """A streaming standby of the cluster's private PostgreSQL, on a port of its own."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner = cluster.dir.joinpath("packhouse.conf").stat().st_uid
        self.home = cluster.dir / "data/postgres"
        self.data = cluster.dir / "data/standby"
        self.socket = cluster.dir / "run/postgres"
        self.options = (f"-c port={free_ports(1)} -c unix_socket_directories={self.socket}"
                        f" -c external_pid_file={cluster.dir}/run/standby.lock")
        # deploy/up writes this file at each start and reads it only then
        with (self.home / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("local replication all peer map=operators\n")
        self.sql(cluster.ports()["postgres"], "SELECT pg_reload_conf()")
        self.run("pg_basebackup", "--pgdata", self.data, "--write-recovery-conf", "--checkpoint=fast",
                 "--host", self.socket, "--port", cluster.ports()["postgres"], "--username=postgres")

    def run(self, program, *arguments):
        done = subprocess.run([f"{PROGRAMS}/{program}", *map(str, arguments)], user=self.owner, cwd="/", text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def sql(self, port, statement):
        return self.run("psql", "-h", self.socket, "-p", port, "-U", "postgres", "-d", "packhouse", "-Atqc", statement)

    def control(self, *verb):
        self.run("pg_ctl", "--pgdata", self.data, "--wait", "--silent", "--options", self.options,
                 "--log", self.cluster.dir / "log/standby.log", *verb)

    def has_everything(self):
        return self.sql(self.cluster.ports()["postgres"], "SELECT count(*) FROM pg_stat_replication WHERE"
                        " state = 'streaming' AND replay_lsn = pg_current_wal_flush_lsn()") == "1"

    def take_over(self):
        """The primary is gone for good; the standby is promoted and gets its port."""
        self.cluster.kill("postgres")
        self.control("start")
        self.control("promote")
        self.control("stop")
        self.home.rename(self.cluster.dir / "data/postgres.old")
        self.data.rename(self.home)
        self.cluster.up()


def assert_refused(answer):
    assert answer.status_code == 503, answer.text
    assert answer.json()["errors"][0]["code"] == "UNAVAILABLE" and answer.headers["Retry-After"] == "5"
    assert "until an operator has adopted it" in answer.json()["errors"][0]["message"]


def forget_without_asking(cluster, manifest):
    """What an adopted server would collect and purge at once."""
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tag WHERE manifest_id = (SELECT id FROM manifest WHERE digest = %s)", [manifest])
        cursor.execute("UPDATE manifest SET deleted_at = now() WHERE digest = %s", [manifest])
        cursor.execute("UPDATE package_blob SET protect_until = now(), review_at = now()")
        cursor.execute("UPDATE instance SET dead_at = now() WHERE gen IN (SELECT gen FROM upload)")
        cursor.execute("DELETE FROM upload")
    connection.close()


def assert_waits_for_an_operator(cluster, registry, name):
    """Pulls go on; nothing is begun, deleted, collected or purged."""
    def left():
        return (cluster.query("SELECT (SELECT count(*) FROM manifest), (SELECT count(*) FROM instance),"
                              " (SELECT count(*) FROM chunk), (SELECT count(*) FROM package_blob)"),
                [cluster.metrics(f"storage-{number}")["packhouse_storage_chunks"] for number in (1, 2)])

    forget_without_asking(cluster, bytes.fromhex(digest_of(ok(registry.manifest(name, "doomed")).content)[7:]))
    before = left()
    assert_refused(registry.call("POST", f"/v2/{name}/blobs/uploads/"))
    assert_refused(registry.call("DELETE", f"/v2/{name}/manifests/kept"))
    digest = digest_of(ok(registry.manifest(name, "kept")).content)
    assert_refused(registry.call("DELETE", f"/v2/{name}/manifests/{digest}"))
    status, report = check(cluster)
    assert status == 1 and report["checks"]["postgresql_is_not_the_adopted_one"] == 1
    time.sleep(3)  # some rounds of a keeper that has nothing else to do
    assert left() == before
    registry.pull_image(name, "kept")


def put_back(cluster, copy, running):
    """A copy of PostgreSQL's folder takes its place; the other processes run meanwhile, or are stopped."""
    home = cluster.dir / "data/postgres"
    if running:
        cluster.kill("postgres")
    else:
        cluster.stop()
    home.rename(cluster.dir / f"data/postgres.{time.monotonic_ns()}")
    subprocess.run(["cp", "-a", copy, home], check=True)
    cluster.up()


def newest_gen(cluster):
    return number(cluster, "SELECT max(gen) FROM instance")


def adoption(cluster):
    return number(cluster, "SELECT adoption FROM cluster")


def test_failover(cluster):
    user = cluster.new_user()
    registry, name = user.registry(), f"{user.login}/failover"
    layers = [random_bytes(size) for size in (0, 1000, 5_000_000)]
    kept = registry.push_image(name, "kept", layers)
    registry.push_image(name, "doomed", [random_bytes(2000)])
    registry.start_upload(name)

    standby = Standby(cluster)
    standby.control("start")
    wait_for("the standby does not stream", standby.has_everything)
    standby.control("stop")
    missed = [random_bytes(size) for size in (3000, 4_500_000)]
    for _ in range(40):  # a sequence is logged in steps of 32
        registry.start_upload(name)
    registry.push_image(name, "missed", missed)
    gens_given = number(cluster, LAST_GEN)
    standby.take_over()

    wait_for("the keeper takes it for the old one", lambda: cluster.metrics("metadb")["packhouse_keeper_adopted"] == 0)
    assert number(cluster, LAST_GEN) < gens_given
    ok(registry.manifest(name, "missed"), 404)
    assert_waits_for_an_operator(cluster, registry, name)

    cluster.metadb("adopt")
    again = registry.push_image(name, "missed", missed)
    assert number(cluster, "SELECT max(gen) FROM instance") > gens_given + 2**31
    assert registry.pull_image(name, "kept") == (kept, layers)
    assert registry.pull_image(name, "missed") == (again, missed)
    ok(registry.call("DELETE", f"/v2/{name}/manifests/kept"), 202)
    wait_for("what was deleted is not collected", lambda: number(
        cluster, "SELECT count(*) FROM manifest WHERE deleted_at IS NOT NULL") == 0)
    wait_until_whole(cluster)
    wait_for_copies(cluster, "storage-1", "storage-2")
    assert_clean(cluster)


def test_a_cold_copy_is_put_back(cluster):
    """It has the system identifier and the timeline of what it replaces: only the storage daemons know better."""
    user = cluster.new_user()
    registry, name = user.registry(), f"{user.login}/put-back"
    layers = [random_bytes(size) for size in (0, 1000, 5_000_000)]
    kept = registry.push_image(name, "kept", layers)
    registry.push_image(name, "doomed", [random_bytes(2000)])
    cluster.stop()
    copy = cluster.dir / "data/postgres.copy"
    subprocess.run(["cp", "-a", cluster.dir / "data/postgres", copy], check=True)
    cluster.up()

    for running in (False, True):
        missed = [random_bytes(size) for size in (3000, 4_500_000)]
        registry.push_image(name, "missed", missed)
        wait_until_whole(cluster)
        gens_given, adoptions = newest_gen(cluster), adoption(cluster)
        put_back(cluster, copy, running)

        wait_for("the keeper takes it for the newest",
                 lambda: cluster.metrics("metadb")["packhouse_keeper_behind"] == 1)
        assert "PostgreSQL is older than storage daemons have seen it" in cluster.log("metadb")
        ok(registry.manifest(name, "missed"), 404)
        assert_waits_for_an_operator(cluster, registry, name)
        assert check(cluster)[1]["checks"]["postgresql_is_older_than_storage_has_seen_it"] == 1

        known = newest_gen(cluster)
        assert known < gens_given
        cluster.metadb("adopt")
        assert adoption(cluster) > adoptions
        wait_for("the keeper does not go on", lambda: cluster.metrics("metadb")["packhouse_keeper_adopted"] == 1)
        again = registry.push_image(name, "missed", missed)
        assert number(cluster, "SELECT min(gen) FROM instance WHERE gen > %s", known) > gens_given
        assert registry.pull_image(name, "kept") == (kept, layers)
        assert registry.pull_image(name, "missed") == (again, missed)
        wait_until_whole(cluster)
        wait_for_copies(cluster, "storage-1", "storage-2")
        assert_clean(cluster)
