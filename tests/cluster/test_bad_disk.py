"""A disk that cannot sync, write or read: its clients notice nothing, nothing wrong is served, and it heals."""

import pytest

from harness.disasters import FaultyDisk
from harness.load import Load
from harness.registry import digest_of, ok, random_bytes
from harness.whole import assert_mended, number, wait_for

SETTINGS = {"keeper.reconcile_rate": 10000, "keeper.trash_window": 0, "keeper.restore_window": 0}


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings=SETTINGS)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def disk(cluster):
    return FaultyDisk(cluster, "storage-2")


def poisoned(cluster, name="storage-2"):
    return cluster.metrics(name)["packhouse_storage_poisoned"] == 1


def test_a_failed_sync_ends_writing_until_a_restart(cluster, user):
    disk = FaultyDisk(cluster, "storage-2")
    with Load(user) as load:
        load.await_more(pushed=3)
        disk.set("sync EIO")
        wait_for("a failed fdatasync did not poison the disk", lambda: poisoned(cluster))
        load.await_more(pushed=5, pulled=5)
        disk.set()  # the kernel would say so as well: the next fdatasync succeeds
        load.await_more(pushed=3, pulled=3)
        assert poisoned(cluster)
        assert number(cluster, "SELECT count(*) FROM partition_owes") > 0
        cluster.kill("storage-2")
        cluster.up()
        load.await_more(pushed=3, pulled=3)
    assert load.counts()["refused"] == load.counts()["broken"] == 0
    assert not poisoned(cluster)
    assert_mended(cluster, load)


def test_writes_and_reads_that_fail(cluster, user, disk):
    with Load(user) as load:
        for fault in ("write EIO", "write ENOSPC", "write torn", "write short", "read EIO", "read short"):
            load.await_more(pushed=2)
            disk.set(fault)
            load.await_more(pushed=5, pulled=5)
            disk.set()
    assert load.counts()["refused"] == load.counts()["broken"] == 0
    assert not poisoned(cluster)
    assert_mended(cluster, load)


def test_two_disks_that_cannot_be_written(cluster, user):
    """Less than a quorum: writers are told to come again, readers notice nothing."""
    disks = [FaultyDisk(cluster, name) for name in ("storage-1", "storage-3")]
    data, name = random_bytes(3 << 20), f"{user.login}/kept"
    user.registry().push_blob(name, data)
    with Load(user) as load:
        load.await_more(pushed=3)
        for disk in disks:
            disk.set("write EIO")
        load.await_more(refused=5)
        for _ in range(5):
            assert ok(user.registry().blob(name, digest_of(data)), 200).content == data
        for disk in disks:
            disk.set()
        load.await_more(pushed=3)
    assert_mended(cluster, load)
