"""Damage at every part of the log, on one to three disks: nothing wrong is served, and it heals.

What all copies have lost is pushed again; all else heals by itself.
"""

import contextlib
import shutil
import signal

import pytest

from harness.disasters import Segments
from harness.registry import digest_of, ok, random_bytes
from harness.whole import assert_clean, number, wait_for, wait_for_copies, wait_until_whole

SETTINGS = {"keeper.reconcile_rate": 10000, "keeper.trash_window": 0, "keeper.restore_window": 0}
DAEMONS = ("storage-1", "storage-2", "storage-3")
# Of one chunk each copy is damaged at the next place. First and last byte are far apart: where one copy has lost only
# its first block, and another one its last, readers take the rest of each.
PLACES = ("first byte", "magic", "digest", "gen", "last byte", "header's checksum", "first block's checksum",
          "last block's checksum")


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings=SETTINGS)
    yield made
    made.stop()


@contextlib.contextmanager
def standing_still(cluster, name):
    cluster.kill(name, signal.SIGSTOP)
    try:
        yield Segments(cluster, name)
    finally:
        cluster.kill(name, signal.SIGCONT)


def is_read(user, name, data):
    """True: all of it, and right. False: refused, or broken off. Anything else is wrong."""
    try:
        answer = user.registry().blob(name, digest_of(data))
    except OSError:
        return False
    if answer.status_code == 503:
        return False
    content = ok(answer, 200).content
    assert data.startswith(content)
    return content == data


def push(user, package, count, size):
    """New blobs, each in a package of its own."""
    blobs = {f"{user.login}/{package}-{n}": random_bytes(size) for n in range(count)}
    for name, data in blobs.items():
        user.registry().push_blob(name, data)
    return blobs


def truncate(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)


def assert_served_without(cluster, user, daemon, blobs):
    with standing_still(cluster, daemon):
        for name, data in blobs.items():
            assert is_read(user, name, data)


def test_damage_to_two_and_to_all_copies(cluster, user):
    """While the daemons run."""
    two = push(user, "two", len(PLACES), 300_000)
    three = push(user, "three", len(PLACES), 300_000)
    cut = push(user, "cut", 1, 2 << 20)
    wait_until_whole(cluster)
    for shift, name in enumerate(DAEMONS):
        with standing_still(cluster, name) as segments:
            for blobs in (two, three) if shift < 2 else (three,):
                for n, data in enumerate(blobs.values()):
                    segments.damage(data, PLACES[(n + shift) % len(PLACES)])
            if shift < 2:
                for path, _ in segments.records(*cut.values()):
                    truncate(path, (1 << 20) if shift else 8192)
    two |= cut
    cluster.kill("storage-3")  # without it no good copy is left of these, but nobody knows that they are lost
    for name, data in (two | three).items():
        assert not is_read(user, name, data)
    assert number(cluster, "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL") == 0
    cluster.up()
    for name, data in two.items():
        wait_for(f"{name} is not served by the third copy", lambda: is_read(user, name, data))
    for name, data in three.items():
        assert not is_read(user, name, data)
    wait_for("the blobs are not known to be lost", lambda: number(
        cluster, "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL") == len(three))
    for name, data in three.items():
        user.registry().push_blob(name, data)
        assert is_read(user, name, data)
    wait_for_copies(cluster, *DAEMONS)
    wait_until_whole(cluster)
    assert_clean(cluster)
    assert_served_without(cluster, user, "storage-3", two | three)


def test_segments_damaged_while_a_daemon_is_down(cluster, user):
    """Each blob has a segment of its own. One daemon has kept its index, another one has only the log."""
    blobs = push(user, "segment", 6 + len(PLACES), 1 << 20)
    datas = list(blobs.values())
    wait_until_whole(cluster)
    for name in ("storage-1", "storage-2"):
        cluster.kill(name)
        segments = Segments(cluster, name)
        path = [next(segments.records(data))[0] for data in datas]
        segments.flip(path[0], 100)
        segments.flip(path[1], 4096 + 100)
        for superblock in (0, 4096):
            segments.flip(path[2], superblock + 60)
        truncate(path[3], path[3].stat().st_size // 2)
        truncate(path[4], 0)
        path[5].unlink()
    for n, place in enumerate(PLACES):
        Segments(cluster, "storage-2").damage(datas[6 + n], place)
    shutil.rmtree(cluster.dir / "data" / "storage-2" / "index")
    cluster.up()
    for name, data in blobs.items():
        assert is_read(user, name, data)
    wait_for_copies(cluster, *DAEMONS)
    wait_until_whole(cluster)
    assert_clean(cluster)
    assert_served_without(cluster, user, "storage-3", blobs)
