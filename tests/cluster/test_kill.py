"""Every process is killed with -9 at random moments of a load: nothing acknowledged is lost or wrong.

Five rounds; tests/run soak:kill makes a hundred (PACKHOUSE_TEST_KILLS, PACKHOUSE_TEST_SEED).
"""

import os
import random
import threading
import time

import pytest
import requests

from harness.registry import Registry, digest_of, manifest_of, random_bytes
from harness.whole import assert_clean, wait_until_whole

KILLS = int(os.environ.get("PACKHOUSE_TEST_KILLS", "5"))
SEED = os.environ.get("PACKHOUSE_TEST_SEED") or str(random.randrange(10**9))
CLIENTS = 6
LARGEST = 20 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings={"keeper.reconcile_rate": 10000})
    yield made
    made.stop()


class Interrupted(Exception):
    """503 or a broken connection: what a client may see while something is killed."""


class Client(threading.Thread):
    """Pushes, pulls and deletes images of its own, and remembers what was acknowledged."""

    def __init__(self, user, number, stop):
        super().__init__(name=f"client-{number}")
        self.random = random.Random(f"{SEED}-{number}")
        self.registries = [Registry(user.cluster.url(gateway), user.login, user.token) for gateway in (1, 2)]
        self.package = f"{user.login}/kill-{number}"
        self.stop = stop
        self.present = {}  # digest of a manifest → its layers' digests
        self.counts = {"pushed": 0, "pulled": 0, "deleted": 0, "interrupted": 0}
        self.wrong = []

    def run(self):
        while not self.stop.is_set() and not self.wrong:
            step = self.random.choices([self.push, self.pull, self.delete], [5, 4, 1])[0]
            try:
                step()
            except Interrupted:
                self.counts["interrupted"] += 1
                time.sleep(0.1)
            except Exception as error:  # pylint: disable=broad-except # told by the test
                self.wrong.append(f"{self.name}: {step.__name__}: {error!r}")

    def call(self, method, path, wanted, **options):
        try:
            answer = self.random.choice(self.registries).call(method, path, **options)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise Interrupted from error
        if answer.status_code == 503:
            assert answer.headers["Retry-After"]
            raise Interrupted
        assert answer.status_code == wanted, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        # requests does not tell when a body ends early
        if len(answer.content) < int(answer.headers["Content-Length"]):
            raise Interrupted
        return answer

    def push_blob(self, data):
        place = self.call("POST", f"/v2/{self.package}/blobs/uploads/", 202).headers["Location"]
        self.call("PUT", f"{place}?digest={digest_of(data)}", 201, data=data,
                  headers={"Content-Type": "application/octet-stream"})

    def push(self):
        sizes = [int(100 * (LARGEST / 100) ** self.random.random()) for _ in range(2)]
        layers = [random_bytes(size, self.random.random()) for size in sizes]
        config = b'{"architecture":"amd64","os":"linux"}' + random_bytes(8, self.random.random()).hex().encode()
        for data in (*layers, config):
            self.push_blob(data)
        manifest = manifest_of(config, layers)
        self.call("PUT", f"/v2/{self.package}/manifests/{digest_of(manifest)}", 201, data=manifest,
                  headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.present[digest_of(manifest)] = [digest_of(data) for data in (*layers, config)]
        self.counts["pushed"] += 1

    def pull(self, digest=None):
        if not self.present:
            return
        digest = digest or self.random.choice(list(self.present))
        for kind, wanted in [("manifests", digest), *(("blobs", layer) for layer in self.present[digest])]:
            answer = self.call("GET", f"/v2/{self.package}/{kind}/{wanted}", 200)
            assert digest_of(answer.content) == wanted, f"{kind} {wanted} has other bytes"
        self.counts["pulled"] += 1

    def delete(self):
        if len(self.present) < 5:
            return
        digest = self.random.choice(list(self.present))
        # From here on, unless it is acknowledged, nobody knows.
        del self.present[digest]
        self.call("DELETE", f"/v2/{self.package}/manifests/{digest}", 202)
        self.counts["deleted"] += 1


def test_kill_rounds(cluster, user):
    print(f"\nseed {SEED}")
    chance, stop = random.Random(SEED), threading.Event()
    clients = [Client(user, number, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.3, 3))
            for name in chance.sample(sorted(cluster.pids()), chance.choice([1, 1, 1, 2])):
                cluster.kill(name)
                time.sleep(chance.uniform(0, 0.5))
            cluster.up()
            assert not [wrong for client in clients for wrong in client.wrong]
    finally:
        stop.set()
        for client in clients:
            client.join()
    print({key: sum(client.counts[key] for client in clients) for key in clients[0].counts})
    assert not [wrong for client in clients for wrong in client.wrong]
    for client in clients:
        assert client.counts["pushed"] > 0
        for digest in client.present:
            client.pull(digest)
    wait_until_whole(cluster)
    assert_clean(cluster)
