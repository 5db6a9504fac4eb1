"""Pushing, pulling and deleting the same few blobs while the collector runs without any windows."""

import random
import threading
import time

import pytest

from harness.registry import MANIFEST, digest_of, manifest_of, random_bytes

CLIENTS = 12
BLOBS = 30
SECONDS = 20
PROTECTION = 10
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


class Client:
    """Pushes images of a few common blobs, reads them, deletes them."""

    def __init__(self, cluster, user, number, blobs):
        self.registry = user.registry()
        self.name = f"{user.login}/race-{number % 3}"
        self.random = random.Random(number)
        self.blobs = blobs
        self.pushed = 0
        self.wrong = []

    def run(self, end):
        try:
            while time.monotonic() < end:
                self.once()
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(repr(error))

    def once(self):
        config, layer = self.random.sample(self.blobs, 2)
        start = time.monotonic()
        for data in (config, layer):
            if not self.registry.has_blob(self.name, digest_of(data)):
                self.registry.push_blob(self.name, data)
        manifest = manifest_of(config, [layer])
        answer = self.registry.call("PUT", f"/v2/{self.name}/manifests/{digest_of(manifest)}", data=manifest,
                                    headers={"Content-Type": MANIFEST})
        if answer.status_code != 201:
            if time.monotonic() - start < PROTECTION / 2 - 1:  # a HEAD renews when less than half is left
                self.wrong.append(f"PUT manifest: {answer.status_code} {answer.text[:200]}")
            return
        self.pushed += 1
        answer = self.registry.blob(self.name, digest_of(layer))
        if answer.status_code == 200 and answer.content != layer:
            self.wrong.append("other bytes")
        if answer.status_code not in (200, 404):  # 404: somebody else deleted the manifest meanwhile
            self.wrong.append(f"GET blob: {answer.status_code} {answer.text[:200]}")
        self.registry.call("DELETE", f"/v2/{self.name}/manifests/{digest_of(manifest)}")


def test_no_blob_is_unknown_within_its_protection(cluster):
    user = cluster.new_user()
    blobs = [random_bytes(2000 + 3000 * n) for n in range(BLOBS)]
    clients = [Client(cluster, user, number, blobs) for number in range(CLIENTS)]
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=client.run, args=(end,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert sum(client.pushed for client in clients) > 100

    # then everything is deleted: no row and no copy is left
    connection = cluster.database()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE manifest SET deleted_at = now() WHERE deleted_at IS NULL")
    deadline = time.monotonic() + PROTECTION + 30
    left = None
    while left != (0, 0, 0, 0, 0):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)
        left = cluster.query("SELECT (SELECT count(*) FROM manifest), (SELECT count(*) FROM package_blob),"
                             " (SELECT count(*) FROM blob), (SELECT count(*) FROM chunk),"
                             " (SELECT count(*) FROM instance)")[0]
    connection.close()
    said = cluster.metadb("check", timeout=120)
    assert "0 findings" in said and " 0 copies" in said
