"""Two gateways behind a balancer get a new certificate and are restarted, one after the other: no pull fails."""

import signal
import socket
import ssl
import threading

import pytest

from harness.balancer import Balancer
from harness.cluster import is_alive
from harness.registry import Registry, digest_of, ok, random_bytes
from harness.whole import wait_for

pytestmark = pytest.mark.asan

GATEWAYS = ("gateway-1", "gateway-2")
PING = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
PULLERS = 6
SOME = 15  # answers


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, gateways=2, tls=True)
    yield made
    made.stop()


class Puller(threading.Thread):
    """Pulls one image again and again. What fails is not tried again but told."""

    def __init__(self, registry, pull, pause, anew):
        super().__init__()
        self.registry = registry
        self.pull = pull
        self.pause = pause
        self.anew = anew  # a new connection for each image; otherwise one as long as it lasts
        self.stop = threading.Event()
        self.failed = []
        self.pulled = 0

    def run(self):
        while not self.stop.wait(self.pause):
            try:
                self.pull(self.registry)
                self.pulled += 1
            except Exception as error:  # pylint: disable=broad-except # told by the test
                self.failed.append(repr(error))
            if self.anew:
                self.registry.session.close()


class Pulls:
    """Pullers that hurry and that take their time, with connections that last and that do not."""

    def __init__(self, user, url):
        name, layers = f"{user.login}/image", [random_bytes(size) for size in (1000, 100000, 3 << 20)]
        pushed = user.registry().push_image(name, "v1", layers)

        def pull(registry):
            assert registry.pull_image(name, "v1") == (pushed, layers)

        self.all = [Puller(Registry(url, user.login, user.token, user.cluster.ca), pull, pause=0.3 * (n % 3),
                           anew=n % 2 == 1) for n in range(PULLERS)]

    def __enter__(self):
        for puller in self.all:
            puller.start()
        return self

    def __exit__(self, *_):
        for puller in self.all:
            puller.stop.set()
        for puller in self.all:
            puller.join()

    def assert_none_failed(self):
        assert not any(puller.failed for puller in self.all), [puller.failed for puller in self.all]

    def await_each(self):
        """Until each puller has pulled once more, from its start to its end."""
        before = [puller.pulled for puller in self.all]
        wait_for("some pull no more", lambda: all(
            puller.failed or puller.pulled > was + 1 for puller, was in zip(self.all, before)))
        self.assert_none_failed()


def await_answers(cluster, *names):
    """Until each of these gateways has answered some more requests of users."""
    def answered():
        return {name: cluster.metrics(name)['packhouse_gateway_requests_total{class="2xx"}'] for name in names}

    before = answered()
    wait_for(f"no load at one of {names}", lambda: all(now >= before[name] + SOME for name, now in answered().items()))


def tls(cluster, gateway):
    plain = socket.create_connection(("127.0.0.1", cluster.port + gateway), timeout=60)
    return ssl.create_default_context(cafile=cluster.ca).wrap_socket(plain, server_hostname="localhost")


def serial(cluster, gateway):
    with tls(cluster, gateway) as connection:
        return connection.getpeercert()["serialNumber"]


def is_asked(connection):
    connection.sendall(PING)
    return connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def change_certificate(cluster):
    """deploy/up makes a new one and sends SIGHUP to both gateways."""
    old = [tls(cluster, gateway) for gateway in range(2)]
    assert all(is_asked(connection) for connection in old)
    before = old[0].getpeercert()["serialNumber"]
    (cluster.dir / "tls/server.crt").unlink()
    assert "making a certificate" in cluster.up()
    wait_for("the old certificate is still served", lambda: before not in {
        serial(cluster, gateway) for gateway in range(2) for _ in range(10)})
    for connection in old:
        assert is_asked(connection)
        connection.close()


def drain(cluster, name, answer):
    """SIGTERM, in the middle of this answer of 24 MiB; its bytes. Returns when the gateway has gone."""
    pid, told = cluster.pid(name), len(cluster.log(name))
    cluster.kill(name, signal.SIGTERM)
    wait_for("it does not drain", lambda: cluster.log(name)[told:].count('msg="draining"') == 2)
    data = answer.content
    wait_for("it does not end", lambda: not is_alive(pid))
    assert "time to drain is over" not in cluster.log(name)[told:]
    return data


def start(cluster, balancer, name):
    assert f"starting {name}" in cluster.up()
    wait_for("it gets no connections", lambda: name in balancer.ready)


def test_no_pull_fails(cluster, user):
    large = random_bytes(24 << 20)
    digest = user.registry().push_blob(f"{user.login}/large", large)
    with Balancer(cluster) as balancer, Pulls(user, balancer.url) as pulls:
        sleeper = Registry(balancer.url, user.login, user.token, cluster.ca)
        ok(sleeper.call("GET", "/v2/"), 200)
        await_answers(cluster, *GATEWAYS)
        change_certificate(cluster)
        pulls.await_each()
        for gateway, name in enumerate(GATEWAYS):
            await_answers(cluster, *GATEWAYS)
            running = user.registry(gateway + 1).blob(f"{user.login}/large", digest, stream=True)
            assert digest_of(drain(cluster, name, running)) == digest
            pulls.await_each()
            ok(sleeper.call("GET", "/v2/"), 200)  # its connection was ended while it was idle
            await_answers(cluster, GATEWAYS[1 - gateway])
            start(cluster, balancer, name)
            pulls.await_each()
        await_answers(cluster, *GATEWAYS)
    pulls.assert_none_failed()
