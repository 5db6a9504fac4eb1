"""Pushing, pulling and deleting the same few blobs while the collector runs without any windows.

Whoever was told 201 or 200 about a blob may name it in a manifest for as long as was promised, counted from that
answer. Twenty seconds; tests/run soak:collect makes it a minute and longer promises (PACKHOUSE_TEST_SECONDS,
PACKHOUSE_TEST_PROTECTION, PACKHOUSE_TEST_SEED).
"""

import collections
import os
import random
import threading
import time

import pytest

from harness.registry import digest_of, manifest_of, random_bytes
from harness.whole import assert_clean, wait_for

SECONDS = int(os.environ.get("PACKHOUSE_TEST_SECONDS", "20"))
SEED = os.environ.get("PACKHOUSE_TEST_SEED") or str(random.randrange(10**9))
CLIENTS = 20
BLOBS = 50
PACKAGES = 40  # so many that a link is forgotten from time to time, and goes
RARE = 20  # of the blobs are in one package only and seldom used: the blob itself goes, too
WEIGHTS = [0.02] * RARE + [1] * (BLOBS - RARE)
PROTECTION = int(os.environ.get("PACKHOUSE_TEST_PROTECTION", "6"))  # kept twice as long, and then links do go
LAST = 0.95 * PROTECTION  # an older answer is not relied upon: the manifest's push takes time, too
SETTINGS = {
    "keeper.trash_window": 0,
    "keeper.restore_window": 0,
    "gateway.blob_protection": f"{PROTECTION}s",
    "keeper.reconcile_rate": 5000,
}


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=2, gateways=1, settings=SETTINGS)
    yield made
    made.stop()


class Client(threading.Thread):
    """Pushes images of a few common blobs, reads them, deletes them."""

    def __init__(self, user, number, blobs, answered):
        super().__init__(name=f"client-{number}")
        self.registry = user.registry()
        self.login = user.login
        self.random = random.Random(f"{SEED}-{number}")
        self.blobs = blobs
        self.answered = answered  # (package, blob) → when somebody was told last that it is there; of all clients
        self.end = time.monotonic() + SECONDS
        self.counts = collections.Counter()
        self.wrong = []

    def run(self):
        try:
            while time.monotonic() < self.end:
                self.once()
        except Exception as error:  # pylint: disable=broad-except # told by the test
            self.wrong.append(f"{self.name}: {error!r}")

    def ensure(self, package, data):
        """The blob is there by an answer that is not too old, which may have been another client's."""
        age = time.monotonic() - self.answered.get((package, data), 0)
        if age < LAST and self.random.random() < 0.7:
            self.counts["old answers relied upon"] += 1
            return
        self.counts["HEADs"] += 1
        if not self.registry.has_blob(package, digest_of(data)):
            self.registry.push_blob(package, data)
            self.counts["blobs pushed"] += 1
        self.answered[package, data] = time.monotonic()

    def choose(self):
        """Config, layer and package."""
        numbers = self.random.choices(range(BLOBS), WEIGHTS, k=2)
        package = "rare" if min(numbers) < RARE else self.random.randrange(PACKAGES)
        return self.blobs[numbers[0]], self.blobs[numbers[1]], f"{self.login}/race-{package}"

    def once(self):
        config, layer, package = self.choose()
        for data in (config, layer):
            self.ensure(package, data)
        told = min(self.answered[package, data] for data in (config, layer))
        manifest = manifest_of(config, [layer])
        answer = self.registry.put_manifest(package, digest_of(manifest), manifest)
        if answer.status_code != 201:
            age = time.monotonic() - told
            if answer.json()["errors"][0]["code"] != "MANIFEST_BLOB_UNKNOWN" or age < PROTECTION:
                self.wrong.append(f"PUT manifest, {age:.1f} s after: {answer.status_code} {answer.text[:200]}")
            self.counts["manifests too late"] += 1
            return
        self.counts["manifests pushed"] += 1
        answer = self.registry.blob(package, digest_of(layer))
        if answer.status_code == 200 and answer.content != layer:
            self.wrong.append("other bytes")
        if answer.status_code != 200 and time.monotonic() - told < PROTECTION:
            self.wrong.append(f"GET blob: {answer.status_code} {answer.text[:200]}")
        answer = self.registry.call("DELETE", f"/v2/{package}/manifests/{digest_of(manifest)}")
        self.counts["manifests deleted"] += answer.status_code == 202
        if answer.status_code not in (202, 404):  # 404: another client deleted it
            self.wrong.append(f"DELETE manifest: {answer.status_code} {answer.text[:200]}")


def assert_nothing_is_left(cluster):
    """Everything is deleted, every promise is over: no row and no copy is left."""
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE manifest SET deleted_at = now() WHERE deleted_at IS NULL")
        cursor.execute("UPDATE package_blob SET protect_until = now(), review_at = least(review_at, now())")
    connection.close()
    wait_for("rows are left", lambda: cluster.query(
        "SELECT (SELECT count(*) FROM manifest), (SELECT count(*) FROM package_blob), (SELECT count(*) FROM blob),"
        " (SELECT count(*) FROM chunk), (SELECT count(*) FROM instance)")[0] == (0, 0, 0, 0, 0))
    assert_clean(cluster)


def test_no_blob_is_unknown_within_its_protection(cluster):
    print(f"\nseed {SEED}")
    user = cluster.new_user()
    blobs = [random_bytes(2000 + 3000 * n) for n in range(BLOBS)]
    answered = {}
    clients = [Client(user, number, blobs, answered) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    gone = {what: cluster.metrics("metadb")[metric] for what, metric in {
        "links": 'packhouse_keeper_collected_total{what="link"}',
        "blobs": 'packhouse_keeper_collected_total{what="blob"}',
        "instances": "packhouse_keeper_instances_purged_total"}.items()}
    print(dict(sum((client.counts for client in clients), collections.Counter())), "collected meanwhile:", gone)
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert all(client.counts["manifests pushed"] > 0 for client in clients)
    assert gone["links"] > 0
    assert_nothing_is_left(cluster)
