"""Everything deleted, all windows at 0: no row stays, no copy, and the disks are given back."""

import json

import pytest

from harness.registry import INDEX, MANIFEST, descriptor, digest_of, ok, random_bytes
from harness.whole import assert_clean, wait_for, wait_for_copies, wait_until_whole

pytestmark = pytest.mark.asan

SEGMENT = 1 << 20
TABLES = ("manifest", "manifest_blob", "tag", "upload", "package_blob", "blob", "chunk", "instance")


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, workers=1, settings={
        "keeper.trash_window": 0, "keeper.restore_window": 0, "keeper.reconcile_rate": 5000,
        "storage.segment_size": SEGMENT})
    yield made
    made.stop()


def size_on_disk(path):
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0  # removed just now


def disk_use(cluster):
    """Bytes that each daemon has on its disk, whatever they are for."""
    return {f"storage-{n + 1}": sum(map(size_on_disk, (cluster.dir / "data" / f"storage-{n + 1}").rglob("*")))
            for n in range(cluster.storage)}


def push(registry, name, common, sizes):
    """Images of a common layer and one more each, under an index, and a half-done upload that is given up; their
    manifests, parents first, and the blobs' digests."""
    images = [registry.push_image(name, f"v{n}", [common, random_bytes(size)]) for n, size in enumerate(sizes)]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                        "manifests": [descriptor(image, MANIFEST) for image in images]}).encode()
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    place = registry.start_upload(name)
    ok(registry.call("PATCH", place, data=common[:1000]), 202)
    ok(registry.call("DELETE", place), 204)
    return [index, *images], {part["digest"] for image in map(json.loads, images)
                              for part in (image["config"], *image["layers"])}


def delete(registry, name, manifests, digests):
    for kind, digest in [*(("manifests", digest_of(manifest)) for manifest in manifests),
                         *(("blobs", digest) for digest in digests)]:
        ok(registry.call("DELETE", f"/v2/{name}/{kind}/{digest}"), 202)
    assert registry.tags(name) == []


def rows(cluster):
    counts = cluster.query("SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES))[0]
    return {table: count for table, count in zip(TABLES, counts) if count > 0}


def test_room(cluster, user):
    registry, common = user.registry(), random_bytes(5 << 20)
    many, few = f"{user.login}/many-small", f"{user.login}/few-large"
    pushed = {many: push(registry, many, common, [3000 + 100 * n for n in range(60)]),
              few: push(registry, few, common, [20 << 20, 30 << 20, (4 << 20) + 1])}
    peak = disk_use(cluster)
    for name, what in pushed.items():
        delete(registry, name, *what)
    wait_for("rows are left", lambda: rows(cluster) == {})
    assert all(bytes_used > 60 << 20 for bytes_used in peak.values()), peak

    def is_given_back():
        return all(now <= max(peak[name] // 50, 4 * SEGMENT) for name, now in disk_use(cluster).items())

    wait_for("room was not given back", is_given_back)
    wait_until_whole(cluster)  # a daemon that was slow to delete owes it for a while
    wait_for_copies(cluster, *peak)
    assert_clean(cluster)


def test_room_of_a_deleted_account(cluster):
    """One row is marked when it goes; the keeper takes apart what it had, tags and indexes as well."""
    gone = cluster.new_user()
    name = f"{gone.login}/left-behind"
    push(gone.registry(), name, random_bytes(2 << 20), [3000 + 100 * n for n in range(20)])
    ok(cluster.admin("DELETE", f"admin/users/{gone.login}"), 204)
    cluster.query("UPDATE package_blob SET protect_until = now(), review_at = now() RETURNING 1")
    wait_for("rows stay", lambda: rows(cluster) == {})
    wait_until_whole(cluster)
    wait_for_copies(cluster, *disk_use(cluster))
    assert_clean(cluster)
