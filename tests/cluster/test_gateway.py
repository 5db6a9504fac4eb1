"""A gateway as a set of processes with sockets: deaths, draining, hostile and slow clients."""

import base64
import os
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from harness.cluster import is_alive
from harness.registry import digest_of, ok, random_bytes

pytestmark = pytest.mark.asan

PING = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAITS = "waits for the client to send bytes"


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, gateways=1)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def running(cluster):
    """What a test before has stopped runs again."""
    if "gateway-1" not in cluster.pids():
        cluster.up()


def connect(cluster):
    return socket.create_connection(("127.0.0.1", cluster.port), timeout=20)


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
    return requests.get(f"http://127.0.0.1:{cluster.ports()['gateway-1.private']}/{path}", timeout=10)


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
    began = time.monotonic()
    user.registry().push_blob(f"{user.login}/beside", data)
    assert time.monotonic() - began < 10
    for connection in slow:
        connection.close()
    wait_until(lambda: cluster.metrics()["packhouse_gateway_connections"] < 100)
