"""Disks without any room: one is not noticed, two stop pushes only, and freeing them is all that has to be done."""

import os

import pytest

from harness.disasters import SmallDisk
from harness.load import Load
from harness.registry import digest_of, ok, random_bytes
from harness.run import Failed
from harness.whole import assert_mended, number, wait_for

SETTINGS = {"keeper.reconcile_rate": 10000, "keeper.trash_window": 0, "keeper.restore_window": 0, "storage.floor": 0}
DAEMONS = ("storage-1", "storage-2", "storage-3")


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings=SETTINGS)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def disks(cluster):
    """The three daemons', 128 MiB each."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = [SmallDisk(cluster, name) for name in DAEMONS]
    try:
        try:
            for disk in made:
                disk.mount(128 << 20)
        except Failed as error:
            pytest.skip(f"a small file system cannot be mounted here: {error.output}")
        cluster.up()
        yield made
    finally:
        cluster.stop()
        for disk in made:
            disk.unmount()


def push(registry, name, data):
    """The last answer, 201 or 503."""
    answer = registry.call("POST", f"/v2/{name}/blobs/uploads/")
    if answer.status_code == 202:
        answer = registry.finish_upload(answer.headers["Location"], data, digest_of(data))
    if answer.status_code == 503:
        assert answer.json()["errors"][0]["code"] == "UNAVAILABLE" and int(answer.headers["Retry-After"]) > 0
        return answer
    return ok(answer, 201)


def test_disks_filled_by_pushes_are_emptied_by_deletes(cluster, disks, user):
    """Pushes leave a reserve on each disk, which is enough to delete and to compact."""
    registry, pushed = user.registry(), {}
    for disk in disks:
        disk.fill(leave=32 << 20)
    for count in range(64):
        data = random_bytes(1 << 20)
        name = f"{user.login}/fills-{count}"
        if push(registry, name, data).status_code == 503:
            break
        pushed[name] = data
    assert 10 < len(pushed) < 64
    assert all(disk.room() > 0 for disk in disks)
    for name, data in pushed.items():
        assert ok(registry.blob(name, digest_of(data)), 200).content == data
    for name, data in pushed.items():
        ok(registry.call("DELETE", f"/v2/{name}/blobs/{digest_of(data)}"), 202)
    data = random_bytes(8 << 20)
    wait_for("deleting made no room", lambda: push(
        registry, f"{user.login}/fits-again", data).status_code == 201)
    for disk in disks:
        disk.free()


def test_full_disks(cluster, disks, user):
    with Load(user, largest=512 << 10, breaks=True) as load:
        load.await_more(pushed=3)
        disks[0].fill()
        wait_for("a full disk is not noticed", lambda: cluster.metrics("storage-1")["packhouse_storage_full"])
        load.await_more(pushed=5, pulled=5)
        assert load.counts()["refused"] == 0
        assert number(cluster, "SELECT count(*) FROM partition_owes") > 0
        for disk in disks[1:]:
            disk.fill()
            load.await_more(refused=5, pulled=5)
        for name in DAEMONS:
            cluster.kill(name)
        cluster.up()
        load.await_more(refused=5, pulled=5)
        for disk in disks:
            disk.free()
        load.await_more(pushed=5, pulled=5)
    assert_mended(cluster, load)
