"""At each failpoint the process that comes there first is killed; what was acknowledged is there afterwards."""

import hashlib
import signal
import time

import pytest
import requests
from conftest import SETTINGS

from harness.cluster import Cluster, is_alive
from harness.failpoints import names
from harness.load import Client, Load
from harness.registry import digest_of, ok, random_bytes
from harness.run import Failed
from harness.whole import assert_mended, number, wait_for, wait_until_whole

TAKES_LONG = True

DAEMONS = ("storage-1", "storage-2", "storage-3")
STARTS = ("storage.adopt.before", "storage.recover.opened", "storage.recover.replayed", "storage.scrub.bad")
PULLS = ("keeper.reconcile.pull", "storage.pull.begun", "storage.pull.fetched")
LIMIT = 300


@pytest.fixture(scope="module")
def cluster(request, points):
    """Not started yet: there is a point that only a new disk comes to."""
    made = Cluster(request.config.getoption("--build-dir"), storage=3, gateways=2,
                   settings={**SETTINGS, "gateway.storage_timeout": "3s"})
    yield made
    for path in points.folder.iterdir():
        path.unlink()
    made.down(purge=not getattr(request.session, "packhouse_failed", False))


class Patcher(Client):
    """Sends each blob in two parts, and deletes some that no manifest names."""

    def push_blob(self, data):
        place = self.call("POST", f"/v2/{self.package}/blobs/uploads/", 202).headers["Location"]
        half = len(data) // 2
        place = self.call("PATCH", place, 202, data=data[:half]).headers["Location"]
        self.call("PUT", f"{place}&digest={digest_of(data)}", 201, data=data[half:],
                  headers={"Content-Type": "application/octet-stream"})

    def push(self):
        super().push()
        data = random_bytes(700_000, self.random.random())
        self.push_blob(data)
        self.call("DELETE", f"/v2/{self.package}/blobs/{digest_of(data)}", 202)


def unreached(points):
    return [name for name in names() if not points.is_reached(name)]


def arm(points, *which):
    for name in which:
        points.set(name, "crash once")


def up(cluster, points):
    """Whoever was killed is started again; a start in which somebody is killed is repeated.

    Only points of a start are there meanwhile: deploy/up waits long for one who waits for another one who died.
    """
    for name in unreached(points):
        if name not in STARTS:
            points.release(name)
    while True:
        before = unreached(points)
        try:
            cluster.up()
            return
        except Failed:
            if unreached(points) == before:
                raise


def is_whole(cluster):
    """Does every process run that was started?"""
    return all(is_alive(pid) for pid in cluster.pids().values())


class Rotten:
    """A blob whose copies on these daemons are damaged."""

    def __init__(self, user, name, daemons):
        self.cluster = user.cluster
        self.registry = user.registry()
        self.data = random_bytes(300_000)
        self.name = f"{user.login}/{name}"
        self.daemons = daemons
        self.registry.push_blob(self.name, self.data)

    def damage(self):
        """Daemons stand still meanwhile, or they might compact, and remove, what is being read here."""
        for daemon in self.daemons:
            found = 0
            self.cluster.kill(daemon, signal.SIGSTOP)
            for path in (self.cluster.dir / "data" / daemon / "segments").glob("*.seg"):
                with open(path, "r+b") as file:
                    at = file.read().find(self.data[:4096])
                    if at >= 0:
                        file.seek(at + 2048)
                        file.write(bytes([self.data[2048] ^ 0x10]))
                        found += 1
            self.cluster.kill(daemon, signal.SIGCONT)
            assert found > 0

    def read(self):
        """503, or broken off before a wrong byte."""
        try:
            answer = self.registry.blob(self.name, digest_of(self.data))
            assert answer.status_code == 503
        except OSError:
            pass


def rot(cluster, user, points):
    """A blob without a good copy, which is read; and one with a bad one that the scrub has to find.

    Recovery would find it, too, but for the checkpoint that the one before has ended with. A daemon that does not know
    how far its scrub has come begins anew.
    """
    lost, unread = Rotten(user, "lost", DAEMONS), Rotten(user, "unread", ["storage-2"])
    wait_until_whole(cluster)
    cluster.kill("storage-2")
    cluster.up()
    lost.damage()
    unread.damage()
    arm(points, "gateway.read.failed", "keeper.reconcile.suspect")
    wait_for("nobody suspects that it is lost",
             lambda: lost.read() or points.is_reached("keeper.reconcile.suspect"), LIMIT)
    cluster.kill("storage-2")
    (cluster.dir / "data/storage-2/scrub").unlink(missing_ok=True)
    arm(points, "storage.scrub.bad")
    up(cluster, points)
    points.wait("storage.scrub.bad", LIMIT)
    up(cluster, points)
    return lost, unread


def leave_garbage(cluster, user, points):
    """Durable chunks without rows, of a session that ends then."""
    data, name = random_bytes(100_000), f"{user.login}/garbage"
    place = user.registry().start_upload(name)
    arm(points, "gateway.append.before", "keeper.reconcile.drop")
    with pytest.raises(requests.ConnectionError):
        user.registry().call("PATCH", place, data=data)
    ok(user.registry(2).call("DELETE", place), 204)
    cluster.query("SELECT partitions_due(ARRAY[%s]::smallint[], 0, true)",
                  int.from_bytes(hashlib.sha256(data).digest()[:2], "big") >> 2)
    points.wait("keeper.reconcile.drop", LIMIT)
    up(cluster, points)


def miss_a_copy(cluster, user, points, name):
    """Writes fail on one disk, one each, and the daemon goes on: what it lacks is pulled at once."""
    def push():
        points.set("storage.batch.before", "error -5 once by storage-3")
        user.registry().push_blob(f"{user.login}/missing", random_bytes(100_000))
        return points.is_reached(name)

    arm(points, name)
    wait_for(f"nobody comes to {name}", push, LIMIT)
    points.release("storage.batch.before")
    up(cluster, points)


def crash_everywhere(cluster, user, points):
    """Clients work until the other points are reached, too; what they know."""
    load, began = Load(user, clients=1, breaks=True), time.monotonic()
    load.clients.append(Patcher(user, len(load.clients), load.stop, 1, 2 << 20, True))
    arm(points, "storage.batch.before", *unreached(points))
    with load:
        while unreached(points) and time.monotonic() - began < LIMIT:
            load.assert_right()
            if not is_whole(cluster):
                up(cluster, points)
                arm(points, *unreached(points))
            cluster.query("SELECT partitions_due(ARRAY(SELECT part FROM chunk ORDER BY gen DESC LIMIT 16), 0, true)")
            if not points.is_reached("keeper.start.before"):  # it comes there before deploy/up has ended
                cluster.query("UPDATE node SET compared_incarnation = 0 WHERE name = 'storage-1' RETURNING 1")
            time.sleep(0.2)
    print(f"{time.monotonic() - began:.0f} s", load.counts())
    for name in names():
        points.release(name)
    up(cluster, points)
    return load


def test_a_crash_at_each_point(cluster, points):
    arm(points, "storage.adopt.before")
    up(cluster, points)
    user = cluster.new_user()
    lost, unread = rot(cluster, user, points)
    leave_garbage(cluster, user, points)
    for name in PULLS:
        miss_a_copy(cluster, user, points, name)
    load = crash_everywhere(cluster, user, points)
    wait_for("the blob without a good copy is not known to be lost", lambda: number(
        cluster, "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL AND digest = %s",
        hashlib.sha256(lost.data).digest()) == 1, LIMIT)
    lost.registry.push_blob(lost.name, lost.data)
    for blob in (lost, unread):
        assert ok(blob.registry.blob(blob.name, digest_of(blob.data)), 200).content == blob.data
    assert_mended(cluster, load)
    assert not unreached(points)
