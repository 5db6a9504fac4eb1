"""A gateway that speaks TLS: pushes and pulls, clients that speak something else, new certificates."""

import hashlib
import re
import select
import signal
import socket
import ssl
import time

import pytest

from harness.frames import Frames
from harness.load import Load
from harness.registry import Registry, digest_of, ok, random_bytes
from harness.run import Failed, run
from harness.whole import wait_for

pytestmark = pytest.mark.asan

PING = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST_PING = PING.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
REFUSED = "the old certificate stays"
HANDSHAKES = 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, tls=True, settings={"gateway.head_timeout": "8s",
                                                        "gateway.tls_handshakes": HANDSHAKES})
    yield made
    made.stop()


@pytest.fixture(scope="module", autouse=True)
def silent(cluster):
    """Two clients that stop within their handshakes, one before it and one after a part of a record's head."""
    connections = [connect(cluster), connect(cluster)]
    connections[1].sendall(b"\x16\x03\x01")
    return connections


@pytest.fixture(scope="module")
def files(cluster):
    return cluster.dir / "tls"


def connect(cluster):
    return socket.create_connection(("127.0.0.1", cluster.port), timeout=60)


def trusting(cluster):
    return ssl.create_default_context(cafile=cluster.ca)


def tls(cluster, context=None):
    return (context or trusting(cluster)).wrap_socket(connect(cluster), server_hostname="localhost",
                                                      suppress_ragged_eofs=False)


def ping(connection):
    connection.sendall(PING)
    return connection.recv(65536)


def receive_all(connection):
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


def serial(cluster):
    with tls(cluster) as connection:
        return connection.getpeercert()["serialNumber"]


def await_new_serial(cluster, before):
    """Until no worker shows the certificate of that number any more."""
    seen = []
    wait_for("the old certificate is still served", lambda: seen.append(serial(cluster)) or (
        len(seen) > 10 and before not in seen[-10:]))


# bytes


def test_push_and_pull(cluster, user):
    registry, name = user.registry(), f"{user.login}/image"
    layers = [random_bytes((37 << 20) + 5), random_bytes(17), random_bytes(16384)]
    pushed = registry.push_image(name, "v1", layers)
    assert registry.pull_image(name, "v1") == (pushed, layers)
    data = random_bytes(3 << 20)
    chunks = (data[n:n + 50001] for n in range(0, len(data), 50001))
    ok(registry.finish_upload(registry.start_upload(name), chunks, digest_of(data)), 201)
    part = registry.blob(name, digest_of(data), headers={"Range": "bytes=100000-2100000"})
    assert ok(part, 206).content == data[100000:2100001]


def test_urls_say_https(cluster):
    assert cluster.env["PACKHOUSE_URL"].startswith("https://")
    challenge = cluster.anonymous().call("GET", "/v2/").headers["WWW-Authenticate"]
    assert f'realm="{cluster.url()}/' in challenge


def test_a_sign_in_is_bound_to_https(cluster):
    url = "https://login.example"
    made = ok(cluster.admin("POST", "admin/issuers", {"issuer": url, "audience": "jobs"}), 201).json()
    ok(cluster.admin("PUT", f"admin/issuers/{made['id']}/sign-in", {
        "client_id": "us", "authorization_url": f"{url}/a", "token_url": f"{url}/t"}), 200)
    sent = cluster.anonymous().call("GET", f"/login/oidc/{made['id']}", allow_redirects=False)
    assert sent.status_code == 303, sent.text
    cookie, place = sent.headers["Set-Cookie"], sent.headers["Location"]
    assert re.fullmatch("__Host-packhouse-sign-in=[0-9a-f]{64}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure",
                        cookie), cookie
    assert place.startswith(f"{url}/a?response_type=code&client_id=us&redirect_uri=https%3A%2F%2F"), place


def test_reader_that_pauses(cluster, user):
    """The gateway's writes stop in the middle of a record and go on."""
    data = random_bytes(24 << 20)
    registry, name = user.registry(), f"{user.login}/slow"
    digest = registry.push_blob(name, data)
    answer = registry.blob(name, digest, stream=True)
    seen = hashlib.sha256()
    for number, piece in enumerate(answer.iter_content(1 << 20)):
        time.sleep(0.02 if number < 10 else 0)
        seen.update(piece)
    assert "sha256:" + seen.hexdigest() == digest


def test_pipelined_requests_in_one_record(cluster):
    with tls(cluster) as connection:
        connection.sendall(PING * 5 + LAST_PING)
        answer = receive_all(connection)  # raises when the end comes without close_notify
    assert answer.count(b"HTTP/1.1 401 ") == 6 and answer.count(b"Connection: close") == 1


def test_request_byte_by_byte(cluster):
    with tls(cluster) as connection:
        for byte in LAST_PING:
            connection.sendall(bytes([byte]))
        assert receive_all(connection).startswith(b"HTTP/1.1 401 ")


def test_client_that_ends_its_half(cluster):
    with tls(cluster) as connection:
        assert ping(connection).startswith(b"HTTP/1.1 401 ")
        plain = connection.unwrap()  # close_notify both ways
        assert plain.recv(1) == b""


# who may speak


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_and_protocol(cluster, version):
    context = trusting(cluster)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["http/1.1", "h2"])
    with tls(cluster, context) as connection:
        assert connection.selected_alpn_protocol() == "h2"
    context.set_alpn_protocols(["http/0.9", "http/1.1"])
    with tls(cluster, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert ping(connection).startswith(b"HTTP/1.1 401 ")
        assert ping(connection).startswith(b"HTTP/1.1 401 ")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(cluster):
    context = trusting(cluster)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    failed = cluster.metrics()["packhouse_gateway_tls_handshakes_failed_total"]
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls(cluster, context)
    wait_for("it was not counted", lambda: cluster.metrics()["packhouse_gateway_tls_handshakes_failed_total"] > failed)
    assert 'msg="TLS handshake failed" why="unsupported protocol"' in cluster.log("gateway-1")


@pytest.mark.parametrize("text", [PING, b"\x00\x01\x02\x03", b"\r\n"], ids=["http", "noise", "empty-line"])
def test_plain_text_is_answered_in_plain_text(cluster, text):
    with connect(cluster) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        got = receive_all(connection)
    assert got.startswith(b"HTTP/1.1 400 ") and b"use https" in got


@pytest.mark.parametrize("text", [b"\x16\x03\x01\x00\x05hello", b"\x16\x16\x16\x16\x16\x16\x16\x16\x16",
                                  b"\x16\x03\x01\xff\xff" + b"x" * 70000], ids=["record", "noise", "too-long"])
def test_bad_records_end_a_connection(cluster, text):
    before = {pid for pid, name in cluster.family().items() if name.startswith("gateway-1")}
    with connect(cluster) as connection:
        try:
            connection.sendall(text)
            receive_all(connection)
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert {pid for pid, name in cluster.family().items() if name.startswith("gateway-1")} == before


# certificates


def test_new_certificate(cluster, user, files):
    """deploy/up makes a new one for a running gateway; a load does not notice."""
    before = serial(cluster)
    with tls(cluster) as old, Load(user, clients=2, largest=1 << 20) as load:
        load.await_more(pushed=2, pulled=2)
        (files / "server.crt").unlink()
        assert "making a certificate" in cluster.up()
        await_new_serial(cluster, before)
        load.await_more(pushed=2, pulled=2)
        assert old.getpeercert()["serialNumber"] == before
    load.assert_right()


def test_new_certificate_beside_streams(cluster, user, files):
    """An upload, an answer and a connection of HTTP/2 go on with the old one; the next connection sees the new one."""
    name, data, more = f"{user.login}/streams", random_bytes(2 << 20), random_bytes(2 << 20)
    digest = user.registry().push_blob(name, data)
    with Frames(cluster, user=user) as busy, Frames(cluster, user=user, greedy=False) as slow:
        place = busy.call("POST", f"/v2/{name}/blobs/uploads/").headers["location"] + "&digest=" + digest_of(more)
        upload = busy.request("PUT", place, [("content-length", str(len(more)))])
        busy.data(upload, more[:1 << 20])
        pull = slow.request("GET", f"/v2/{name}/blobs/{digest}", end=True)
        slow.until(lambda: len(slow.answers[pull].body) == 65535)
        before = busy.socket.getpeercert()["serialNumber"]
        (files / "server.crt").unlink()
        assert "making a certificate" in cluster.up()
        await_new_serial(cluster, before)
        with Frames(cluster, user=user) as new:
            assert new.socket.getpeercert()["serialNumber"] != before
            assert new.call("GET", f"/v2/{name}/blobs/{digest}").body == data
        busy.data(upload, more[1 << 20:], end=True)
        assert busy.answer(upload).status == 201
        slow.widen(0, 4 << 20)
        slow.widen(pull, 4 << 20)
        assert slow.answer(pull).body == data
        assert slow.call("GET", "/v2/").status == 200 and not busy.goaways + slow.goaways


def test_broken_certificate_is_refused(cluster, files):
    good, before = (files / "server.key").read_bytes(), serial(cluster)
    refusals = cluster.log("gateway-1").count(REFUSED)
    with tls(cluster) as open_before:
        try:
            (files / "server.key").write_bytes(b"no key\n")
            cluster.kill("gateway-1", signal.SIGHUP)
            wait_for("no refusal in the log", lambda: cluster.log("gateway-1").count(REFUSED) > refusals)
            assert {serial(cluster) for _ in range(10)} == {before}
            assert cluster.log("gateway-1").count(REFUSED) == refusals + 1
            assert ping(open_before).startswith(b"HTTP/1.1 401 ")
        finally:
            (files / "server.key").write_bytes(good)


def test_expired_certificate_is_served_with_a_warning(cluster, files):
    good = {name: (files / name).read_bytes() for name in ("server.crt", "server.key")}
    try:
        run("openssl", "req", "-new", "-key", files / "server.key", "-subj", "/CN=old", "-out", files / "old.csr")
        run("openssl", "x509", "-req", "-in", files / "old.csr", "-signkey", files / "server.key", "-days", "-1",
            "-out", files / "server.crt")
        cluster.kill("gateway-1", signal.SIGHUP)
        wait_for("no warning", lambda: "the certificate has expired" in cluster.log("gateway-1"))
    finally:
        for name, data in good.items():
            (files / name).write_bytes(data)
    cluster.kill("gateway-1", signal.SIGHUP)
    wait_for("the good one is not read", lambda: re.search(r"has expired.*certificate read again",
                                                           cluster.log("gateway-1"), re.S))


@pytest.mark.parametrize("flags, words", [
    (["--gateway.tls_certificate={files}/none"], "{files}/none: No such file or directory"),
    (["--gateway.tls_certificate={files}/names"], "{files}/names: no start line"),
    (["--gateway.tls_key={files}/ca.key"], "{files}/ca.key: key values mismatch"),
    (["--gateway.tls_key="], "go together"),
], ids=["no-file", "not-pem", "other-key", "no-key"])
def test_start_with_unusable_files(cluster, files, flags, words):
    with pytest.raises(Failed) as failed:
        run(cluster.dir / "bin/packhouse-gateway", f"--config={cluster.dir}/packhouse.conf", "--gateway.port=1",
            *[flag.format(files=files) for flag in flags])
    lines = failed.value.output.splitlines()
    assert len(lines) == 1 and words.format(files=files) in lines[0], lines


# last: their time began with the module


def test_handshakes_that_stop_are_ended(silent):
    for connection in silent:
        assert connection.recv(100) == b""
        connection.close()


def test_handshakes_are_bounded(cluster, user):
    """Of a hundred silent clients most are ended, not the youngest, and who speaks comes through."""
    ended = 'packhouse_gateway_connections_refused_total{why="handshake"}'
    many = [connect(cluster) for _ in range(100)]
    wait_for("none is ended", lambda: cluster.metrics()[ended] >= 100 - 2 * HANDSHAKES)
    assert cluster.metrics()["packhouse_gateway_tls_handshakes"] <= 2 * HANDSHAKES
    closed = select.select(many, [], [], 0)[0]
    assert len(closed) >= 100 - 2 * HANDSHAKES and many[-1] not in closed
    assert all(connection.recv(100) == b"" for connection in closed)
    data = random_bytes(100000)
    assert user.registry().push_blob(f"{user.login}/beside", data) == digest_of(data)
    assert 'msg="too many handshakes at once: the oldest is ended"' in cluster.log("gateway-1")
    for connection in many:
        connection.close()
