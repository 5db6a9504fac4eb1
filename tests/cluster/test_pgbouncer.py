"""A gateway behind Debian's pgbouncer in transaction pooling: many gateways, few connections to PostgreSQL; and a
PostgreSQL that stands still, seen through it and without it."""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from urllib.parse import urlsplit

import pytest
import requests

from harness.cluster import free_ports
from harness.registry import Registry, digest_of, ok, random_bytes
from harness.whole import wait_for

CONFIG = """
[databases]
packhouse = host={host} port={port} user={user} password={password} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
pidfile = {folder}/pgbouncer.pid
logfile = {folder}/pgbouncer.log
"""


class Pooler:
    """pgbouncer in front of a cluster's PostgreSQL, as a user who is not root."""

    def __init__(self, cluster, listen):
        self.listen = listen
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="packhouse-pgbouncer-", dir="/var/tmp"))
        target = urlsplit(cluster.env["PACKHOUSE_DATABASE_URL"])
        config = self.folder / "pgbouncer.ini"
        config.write_text(CONFIG.format(host=target.hostname, port=target.port, user=target.username,
                                        password=target.password, name=target.path.strip("/"), listen=listen,
                                        folder=self.folder), encoding="utf-8")
        owner = cluster.dir.joinpath("packhouse.conf").stat().st_uid
        for path in (self.folder, config):
            os.chown(path, owner, -1)
        self.command = ["/usr/sbin/pgbouncer", "-q", str(config)]
        self.owner = owner
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, user=self.owner, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def server_connections(self):
        """How many it has opened since it began."""
        return (self.folder / "pgbouncer.log").read_text(encoding="utf-8").count("new connection to server")


@pytest.fixture(scope="module")
def pooled(start_cluster):
    """A cluster, and one more gateway of it that reaches PostgreSQL through pgbouncer."""
    cluster = start_cluster(storage=3, gateways=1)
    first = free_ports(3)
    pooler = Pooler(cluster, first)
    log = open(pooler.folder / "gateway.log", "wb")
    gateway = subprocess.Popen(
        [cluster.dir / "bin/packhouse-gateway", f"--config={cluster.dir}/packhouse.conf", "--gateway.name=pooled",
         f"--gateway.port={first + 1}", f"--gateway.private=127.0.0.1:{first + 2}",
         f"--database.url=postgresql://anyone@127.0.0.1:{first}/packhouse", "--database.pooled=on"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={})
    wait_ready(first + 2)
    yield cluster, pooler, f"http://127.0.0.1:{first + 1}"
    gateway.terminate()
    gateway.wait(timeout=120)
    pooler.kill()
    log.close()
    shutil.rmtree(pooler.folder)


def wait_ready(port):
    deadline = time.monotonic() + 120
    while True:
        try:
            if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, "the gateway behind pgbouncer does not become ready"
        time.sleep(0.1)


def test_push_and_pull(pooled):
    cluster, _, url = pooled
    user = cluster.new_user()
    registry = Registry(url, user.login, user.token)
    layers = [random_bytes(size) for size in (0, 100, 5_000_000)]
    manifest = registry.push_image(f"{user.login}/pooled", "v1", layers)
    assert registry.pull_image(f"{user.login}/pooled", "v1") == (manifest, layers)
    assert user.registry().pull_image(f"{user.login}/pooled", "v1") == (manifest, layers)


def test_many_at_once_share_three_connections(pooled):
    cluster, pooler, url = pooled
    user = cluster.new_user()

    def push_and_pull(number):
        registry = Registry(url, user.login, user.token)
        layers = [random_bytes(2000 + number)]
        manifest = registry.push_image(f"{user.login}/crowd", f"t{number}", layers)
        return registry.pull_image(f"{user.login}/crowd", f"t{number}") == (manifest, layers)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(push_and_pull, range(64)))
    assert 1 <= pooler.server_connections() <= 3


def test_pgbouncer_away_and_back(pooled):
    cluster, pooler, url = pooled
    user = cluster.new_user()
    registry = Registry(url, user.login, user.token)
    data = random_bytes(1000)
    registry.push_blob(f"{user.login}/away", data)
    pooler.kill()
    answer = registry.blob(f"{user.login}/away", digest_of(data))
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    pooler.start()
    deadline = time.monotonic() + 120
    while registry.blob(f"{user.login}/away", digest_of(data)).status_code != 200:
        assert time.monotonic() < deadline, "the gateway does not come back"
        time.sleep(0.2)
    assert ok(registry.blob(f"{user.login}/away", digest_of(data)), 200).content == data


def signal_postgres(cluster, number):
    """To every process of it."""
    first = cluster.pid("postgres")
    with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
        for pid in (first, *map(int, file.read().split())):
            os.kill(pid, number)


@pytest.mark.parametrize("through", ["pgbouncer", "nothing"])
def test_postgresql_stands_still_and_goes_on(pooled, through):
    """Neither dead nor alive: connections and statements go in, and nothing comes out."""
    cluster, _, url = pooled
    user = cluster.new_user()
    registry = Registry(url if through == "pgbouncer" else cluster.url(), user.login, user.token)
    name, data = f"{user.login}/still", random_bytes(1000)
    registry.push_blob(name, data)
    signal_postgres(cluster, signal.SIGSTOP)
    try:
        pull, push = ("GET", f"/v2/{name}/blobs/{digest_of(data)}"), ("POST", f"/v2/{name}/blobs/uploads/")
        for method, path in (pull, push, pull, push):
            start = time.monotonic()
            answer = registry.call(method, path)
            print(f"{method} through {through}: {answer.status_code} after {time.monotonic() - start:.2f} s")
            assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    finally:
        signal_postgres(cluster, signal.SIGCONT)
    start = time.monotonic()
    wait_for("the gateway does not come back", lambda: registry.blob(name, digest_of(data)).status_code == 200, 20)
    print(f"back after {time.monotonic() - start:.2f} s")
    registry.push_blob(name, random_bytes(500))
