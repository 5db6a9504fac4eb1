"""A gateway as a set of processes with sockets: deaths, draining, hostile and slow clients."""

import base64
import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from harness.cluster import is_alive
from harness.drips import Drips, allow_many_files
from harness.load import Load
from harness.registry import digest_of, ok, random_bytes

pytestmark = pytest.mark.asan

PING = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAITS = "waits for the client to send bytes"
FEW = 900  # connections of one address; the slow clients of one test are 800
RUNNING = 50  # requests at a worker
SECONDS = float(os.environ.get("PACKHOUSE_TEST_SECONDS", "5"))


@pytest.fixture(scope="module")
def cluster(start_cluster):
    allow_many_files()
    made = start_cluster(storage=1, gateways=1, settings={
        "gateway.connections_per_address": FEW, "gateway.requests": RUNNING, "gateway.trusted_proxies": "127.0.0.77"})
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def running(cluster):
    """What a test before has stopped runs again."""
    if "gateway-1" not in cluster.pids():
        cluster.up()


def connect(cluster, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", cluster.port), timeout=120, source_address=(source, 0))


def receive_all(connection):
    """Until the gateway closes."""
    got = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return got
        if not piece:
            return got
        got += piece


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.05)


def private(cluster, path):
    return requests.get(f"http://127.0.0.1:{cluster.ports()['gateway-1.private']}/{path}", timeout=120)


def workers(cluster):
    return {pid for pid, name in cluster.family().items() if name.startswith("gateway-1/")}


def begin_to_stop(cluster):
    """SIGTERM; returns when both workers drain."""
    before = cluster.log("gateway-1").count('msg="draining"')
    parent = cluster.pid("gateway-1")
    os.kill(parent, signal.SIGTERM)
    wait_until(lambda: cluster.log("gateway-1").count('msg="draining"') == before + 2)
    return parent


def open_upload(cluster, user, length):
    """A connection on which the head and a first part of an upload's body were sent."""
    place = urlsplit(user.registry().start_upload(f"{user.login}/drain"))
    connection = connect(cluster)
    secret = base64.b64encode(user.credentials.encode()).decode()
    connection.sendall(f"PATCH {place.path}?{place.query} HTTP/1.1\r\nHost: localhost\r\n"
                       f"Authorization: Basic {secret}\r\nContent-Length: {length}\r\n\r\n".encode() + b"x" * 10)
    wait_until(lambda: WAITS in private(cluster, "debug/tasks").text)
    return connection


# deaths


def test_dead_worker_is_replaced(cluster):
    before = workers(cluster)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers(cluster)) == len(before) and victim not in workers(cluster))
    wait_until(lambda: private(cluster, "readyz").status_code == 200)
    ok(cluster.anonymous().call("GET", "/v2/"), 401)


def test_workers_die_with_their_parent(cluster, user):
    before = workers(cluster)
    cluster.kill("gateway-1")
    wait_until(lambda: not any(is_alive(pid) for pid in before))
    cluster.up()
    data = random_bytes(1000)
    assert user.registry().push_blob(f"{user.login}/after", data) == digest_of(data)


# draining


def test_running_upload_is_finished_when_the_gateway_stops(cluster, user):
    connection = open_upload(cluster, user, 20)
    parent = begin_to_stop(cluster)
    connection.sendall(b"y" * 10)
    answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 202 ") and b"\r\nConnection: close\r\n" in answer
    wait_until(lambda: not is_alive(parent))
    with pytest.raises(ConnectionRefusedError):
        connect(cluster)


def test_no_pull_is_lost_to_a_count_when_the_gateway_stops(cluster, user):
    """However late before the end it was answered."""
    name = f"{user.login}/counted"
    user.registry().push_image(name, "v1", [b"1"])
    answered, begun = [], threading.Event()

    def pull():
        registry = user.registry()
        try:
            while len(answered) < 100000:
                answered.append(ok(registry.manifest(name, "v1"), 200))
                begun.set()
        except requests.ConnectionError:
            pass  # it takes no new connections any more

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait(60)
    parent = begin_to_stop(cluster)
    for thread in threads:
        thread.join()
    wait_until(lambda: not is_alive(parent))
    [(counted,)] = cluster.query(
        "SELECT coalesce(sum(d.downloads), 0)::bigint FROM package p, LATERAL ("
        "SELECT downloads FROM download WHERE package_id = p.id UNION ALL "
        "SELECT downloads FROM download_package WHERE package_id = p.id) d WHERE p.name = 'counted'")
    assert counted == len(answered) > 0


def test_idle_connection_may_ask_once_more(cluster):
    connection = connect(cluster)
    connection.sendall(PING)
    assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
    parent = begin_to_stop(cluster)
    connection.sendall(PING)
    answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 401 ") and b"\r\nConnection: close\r\n" in answer
    wait_until(lambda: not is_alive(parent))


# what operators see


def test_tasks_of_all_workers_are_told(cluster, user):
    connection = open_upload(cluster, user, 20)
    told = private(cluster, "debug/tasks").text
    assert all(f"pid {pid}" in told for pid in workers(cluster))
    connection.close()
    wait_until(lambda: WAITS not in private(cluster, "debug/tasks").text)


def test_metrics_count_all_workers(cluster):
    def refusals():
        return cluster.metrics()['packhouse_gateway_requests_total{class="4xx"}']

    before = refusals()
    for _ in range(20):
        cluster.anonymous().call("GET", "/v2/", headers={"Connection": "close"})
    assert refusals() == before + 20


# hostile clients


@pytest.mark.parametrize("text, status", [
    (b"POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PING, 400),
    (b"POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\n" + PING, 400),
    (b"GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + PING, 400),
    (b"GET /v2/ HTTP/1.1\nHost: a\n\n" + PING, 400),
    (b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: 1\r\n Y: 2\r\n\r\n" + PING, 400),
    (b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n", 431),
    (b"GET /v2/ HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
], ids=["length-and-chunked", "blank-before-colon", "two-hosts", "bare-lf", "folded", "too-long", "version", "tls"])
def test_bad_heads_get_one_answer_and_an_end(cluster, text, status):
    connection = connect(cluster)
    connection.sendall(text)
    connection.settimeout(4)  # the answer comes at once, the end when the client is done or seconds later
    answer = connection.recv(65536)
    connection.shutdown(socket.SHUT_WR)
    answer += receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.count(b"\r\nDate: ") == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_pipelined_requests_are_answered_in_order(cluster):
    connection = connect(cluster)
    connection.sendall(PING * 5 + PING.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    answer = receive_all(connection)
    assert answer.count(b"HTTP/1.1 401 ") == 6 and answer.count(b"Connection: close") == 1


def test_slow_clients_stop_nobody(cluster, user):
    slow = [connect(cluster) for _ in range(800)]
    for connection in slow:
        connection.sendall(b"GET /v2/ HT")
    data = random_bytes(300000)
    user.registry().push_blob(f"{user.login}/beside", data)
    for connection in slow:
        connection.close()
    wait_until(lambda: cluster.metrics()["packhouse_gateway_connections"] < 100)


# limits


def is_served(connection):
    connection.sendall(PING)
    return connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def is_reset(cluster, source):
    """A new connection is, at once and without a word."""
    try:
        with connect(cluster, source) as connection:
            return not is_served(connection)
    except ConnectionError:
        return True


def test_one_address_has_so_many_connections(cluster):
    refused = 'packhouse_gateway_connections_refused_total{why="address"}'
    assert cluster.metrics()[refused] == 0
    many = [connect(cluster, "127.0.0.9") for _ in range(FEW)]
    assert all(is_served(connection) for connection in many)
    assert cluster.metrics()[refused] == 0
    assert all(is_reset(cluster, "127.0.0.9") for _ in range(20))
    assert cluster.metrics()[refused] == 20
    assert cluster.log("gateway-1").count('msg="too many connections from one address" address=127.0.0.9 ') in (1, 2)
    assert not is_reset(cluster, "127.0.0.8") and is_served(many[0]) and is_served(many[-1])
    for connection in many:
        connection.close()
    wait_until(lambda: not is_reset(cluster, "127.0.0.9"))


def test_a_dead_worker_gives_its_connections_back(cluster):
    wait_until(lambda: not is_reset(cluster, "127.0.0.9"))
    many = [connect(cluster, "127.0.0.9") for _ in range(FEW - 20)]
    assert all(is_served(connection) for connection in many)
    before = workers(cluster)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(workers(cluster)) == len(before) and not before & workers(cluster))
    again = [connect(cluster, "127.0.0.9") for _ in range(FEW - 20)]
    assert all(is_served(connection) for connection in again)
    for connection in many + again:
        connection.close()


def test_trusted_proxies_have_any_number(cluster):
    many = [connect(cluster, "127.0.0.77") for _ in range(FEW + 20)]
    assert all(is_served(connection) for connection in many[-20:])
    for connection in many:
        connection.close()


def test_requests_over_the_limit_are_told_at_once(cluster, user):
    """Of 150 that wait for their bodies at most 50 run at each of the two workers; these are served."""
    body = f"grant_type=password&password={user.token}".encode()
    head = b"POST /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    many = [connect(cluster) for _ in range(3 * RUNNING)]
    before = cluster.metrics()["packhouse_gateway_requests_refused_total"]
    for connection in many:
        connection.sendall(head)
    running, refused = "packhouse_gateway_requests_running", "packhouse_gateway_requests_refused_total"
    wait_until(lambda: cluster.metrics()[running] + cluster.metrics()[refused] - before == 3 * RUNNING)
    for connection in many:
        connection.sendall(body)
    answers = [connection.recv(65536) for connection in many]
    for connection in many:
        connection.close()
    told = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
    assert RUNNING <= len(told) <= 2 * RUNNING
    assert all(b"too many requests at once" in answer and b"\r\nRetry-After: 5\r\n" in answer for answer in told)
    assert sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers) == 3 * RUNNING - len(told)
    wait_until(lambda: cluster.metrics()[running] == 0)
    assert cluster.log("gateway-1").count('msg="too many requests at once"') in (1, 2)


def test_drips_do_not_stop_a_push(cluster, user):
    """Connections from many addresses that send a byte a second, and come again, beside pushes and pulls."""
    with Drips(cluster.port) as drips:
        drips.await_all()
        wait_until(lambda: cluster.metrics()["packhouse_gateway_connections"] > 0.8 * drips.count)
        with Load(user, clients=2, largest=1 << 20) as load:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                load.await_more(pushed=2, pulled=2)
        load.assert_right()
        print(f"{len(drips.open)} connections, {drips.bytes} bytes, {drips.turned_out} turned out;"
              f" {load.counts()}")
        assert load.counts()["refused"] == 0
    wait_until(lambda: cluster.metrics()["packhouse_gateway_connections"] < 100, seconds=60)
    assert len(cluster.log("gateway-1").split('msg="too many connections')) <= 6
