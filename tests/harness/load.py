"""Clients that push, pull and delete images of their own, and know what was acknowledged.

    with Load(user, clients=4) as load:
        …what goes wrong…
        load.await_more(pushed=5)
    load.pull_everything()

A client accepts what it asked for, whole and right, or 503 with Retry-After; where processes are killed (`breaks`),
also a connection that breaks. Anything else is wrong, and told by the next call of Load.
"""

import random
import threading
import time

import requests

from .registry import Registry, digest_of, manifest_of, random_bytes


class Interrupted(Exception):
    """503 or a broken connection. What it names is counted."""


class Client(threading.Thread):
    """Pushes, pulls and deletes, and remembers what was acknowledged."""

    def __init__(self, user, number, stop, seed, largest, breaks):
        super().__init__(name=f"client-{number}")
        self.random = random.Random(f"{seed}-{number}")
        self.registries = [Registry(user.cluster.url(1 + gateway), user.login, user.token, user.cluster.ca)
                           for gateway in range(user.cluster.gateways)]
        self.package = f"{user.login}/load-{number}"
        self.stop = stop
        self.largest = largest
        self.breaks = breaks
        self.present = {}  # digest of a manifest → its layers' digests
        self.counts = {"pushed": 0, "pulled": 0, "deleted": 0, "refused": 0, "broken": 0}
        self.wrong = []

    def run(self):
        while not self.stop.is_set() and not self.wrong:
            step = self.random.choices([self.push, self.pull, self.delete], [5, 4, 1])[0]
            try:
                step()
            except Interrupted as why:
                self.counts[str(why)] += 1
                time.sleep(0.1)
            except Exception as error:  # pylint: disable=broad-except # told by the test
                self.wrong.append(f"{self.name}: {step.__name__}: {error!r}")

    def call(self, method, path, wanted, **options):
        try:
            answer = self.random.choice(self.registries).call(method, path, **options)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            if not self.breaks:
                raise
            raise Interrupted("broken") from error
        if answer.status_code == 503:
            assert answer.headers["Retry-After"]
            raise Interrupted("refused")
        assert answer.status_code == wanted, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        # requests does not tell when a body ends early
        if len(answer.content) < int(answer.headers["Content-Length"]):
            raise Interrupted("broken")
        return answer

    def push_blob(self, data):
        place = self.call("POST", f"/v2/{self.package}/blobs/uploads/", 202).headers["Location"]
        self.call("PUT", f"{place}&digest={digest_of(data)}", 201, data=data,
                  headers={"Content-Type": "application/octet-stream"})

    def push(self):
        sizes = [int(100 * (self.largest / 100) ** self.random.random()) for _ in range(2)]
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


class Load:
    def __init__(self, user, clients=4, seed=None, largest=2 << 20, breaks=False):
        self.stop = threading.Event()
        self.clients = [Client(user, number, self.stop, seed if seed is not None else random.randrange(10**9),
                               largest, breaks) for number in range(clients)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for client in self.clients:
            client.join()

    def assert_right(self):
        wrong = [wrong for client in self.clients for wrong in client.wrong]
        assert not wrong, wrong

    def counts(self):
        return {key: sum(client.counts[key] for client in self.clients) for key in self.clients[0].counts}

    def await_more(self, seconds=180, **wanted):
        """Goes on until so many more of each were counted: await_more(pushed=5, pulled=5)."""
        before, deadline = self.counts(), time.monotonic() + seconds
        while True:
            self.assert_right()
            now = self.counts()
            if all(now[key] - before[key] >= more for key, more in wanted.items()):
                return
            assert time.monotonic() < deadline, f"after {seconds} s: wanted {wanted} after {before}, have {now}"
            time.sleep(0.05)

    def pull_everything(self):
        """After it has ended: everything that was acknowledged is there, and right."""
        self.assert_right()
        for client in self.clients:
            for digest in client.present:
                client.pull(digest)
