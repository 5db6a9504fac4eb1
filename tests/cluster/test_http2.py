"""HTTP/2: pushes and pulls over many streams of a connection, windows and the memory they bound, time, draining."""

import json
import os
import signal
import time

import pytest

from harness.cluster import Stopped, is_alive
from harness.frames import (DATA, END_STREAM, FLOW_CONTROL_ERROR, HEADERS, INITIAL_WINDOW, NO_ERROR, PING,
                            Frames, frame, literal, running)
from harness.registry import CONFIG, MANIFEST, digest_of, manifest_of, ok, random_bytes
from harness.run import run
from harness.whole import wait_for

pytestmark = pytest.mark.asan

STREAMS = 20
OCTETS = ("content-type", "application/octet-stream")
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, tls=True, workers=1, settings={
        "gateway.http2_streams": STREAMS, "gateway.head_timeout": "3s", "gateway.idle_timeout": "5s",
        "gateway.progress_timeout": "5s"})
    yield made
    made.stop()


@pytest.fixture
def h2(cluster, user):
    with Frames(cluster, user=user) as connection:
        yield connection


def start_upload(h2, name):
    answer = h2.call("POST", f"/v2/{name}/blobs/uploads/")
    assert answer.status == 202, answer.body
    return answer.headers["location"]


def begin_blob(h2, name, data, more=()):
    """The stream of a PUT whose body is still to be sent."""
    place = start_upload(h2, name) + "&digest=" + digest_of(data)
    return h2.request("PUT", place, (OCTETS, ("content-length", str(len(data))), *more))


def push_blob(h2, name, data):
    stream = begin_blob(h2, name, data)
    h2.data(stream, data, end=True)
    answer = h2.answer(stream)
    assert answer.status == 201, answer.body
    return digest_of(data)


# pushing and pulling


def test_curl(cluster, user, tmp_path):
    registry, name = user.registry(), f"{user.login}/curl"
    data = random_bytes(5 * MIB + 17)
    (tmp_path / "blob").write_bytes(data)
    place = registry.start_upload(name)

    def curl(*arguments):
        return run("curl", "-sS", "--http2", "--cacert", cluster.ca, "-H", f"Authorization: Bearer {user.token}", "-w",
                   "%{http_version} %{http_code}", *arguments)

    assert curl("-T", tmp_path / "blob", "-H", "Content-Type: application/octet-stream",
                f"{cluster.url()}{place}&digest={digest_of(data)}") == "2 201"
    assert curl("-o", tmp_path / "back", f"{cluster.url()}/v2/{name}/blobs/{digest_of(data)}") == "2 200"
    assert (tmp_path / "back").read_bytes() == data
    assert curl("-r", "100000-2100000", "-o", tmp_path / "part",
                f"{cluster.url()}/v2/{name}/blobs/{digest_of(data)}") == "2 206"
    assert (tmp_path / "part").read_bytes() == data[100000:2100001]
    assert curl("-I", "-o", "/dev/null", f"{cluster.url()}/v2/{name}/blobs/{digest_of(data)}") == "2 200"
    assert " http=2 status=206 " in cluster.log("gateway-1")


def test_image_in_frames(h2, user):
    name, config, layer = f"{user.login}/image", b"{}", random_bytes(3 * MIB)
    for data in (config, layer):
        push_blob(h2, name, data)
    manifest = manifest_of(config, [layer])
    put = h2.call("PUT", f"/v2/{name}/manifests/v1", [("content-type", MANIFEST)], manifest)
    assert put.status == 201, put.body
    got = h2.call("GET", f"/v2/{name}/manifests/v1")
    assert (got.status, got.body, got.headers["content-type"]) == (200, manifest, MANIFEST)
    assert json.loads(got.body)["config"]["mediaType"] == CONFIG
    assert h2.call("GET", f"/v2/{name}/blobs/{digest_of(layer)}").body == layer


def test_body_of_unknown_length(h2, user):
    """Neither Content-Length nor frames of one size; trailers behind it; a manifest, too."""
    name, data = f"{user.login}/unknown", random_bytes(700001)
    place = start_upload(h2, name)
    stream = h2.request("PATCH", place, [OCTETS])
    for size in (1, 1, 1, 9000, 16384, 3, 16384 * 40):
        h2.data(stream, data[:size])
        data = data[size:]
    h2.data(stream, data)
    h2.headers([("x-checksum", "none")], end=True, stream=stream)
    assert h2.answer(stream).status == 202
    small = b'{"schemaVersion": 2}'
    stream = h2.request("PUT", f"/v2/{name}/manifests/v1", [("content-type", MANIFEST)])
    for at in range(len(small)):
        h2.data(stream, small[at:at + 1])
    h2.data(stream, b"", end=True)
    assert h2.answer(stream).status == 400


def test_padding_is_given_back(h2, user):
    """Padding counts for windows: whoever pads everything can go on all the same."""
    name, data = f"{user.login}/padded", random_bytes(2 * MIB)
    stream = begin_blob(h2, name, data)
    for at in range(0, len(data), 8192):
        h2.until(lambda: min(h2.window, h2.windows[stream]) >= 8192 + 256)
        last = END_STREAM if at + 8192 >= len(data) else 0
        h2.send(frame(DATA, last | 8, stream, b"\xff" + data[at:at + 8192] + b"\0" * 255))
        h2.window -= 8192 + 256
        h2.windows[stream] -= 8192 + 256
    assert h2.answer(stream).status == 201


def test_streams_beside_each_other(h2, user):
    """As many as there may be, uploads and downloads mixed frame by frame, each whole."""
    name = f"{user.login}/beside"
    blobs = [random_bytes(MIB // 2 + n) for n in range(STREAMS)]
    half = STREAMS // 2
    for data in blobs[:half]:
        push_blob(h2, name, data)
    pulls = [h2.request("GET", f"/v2/{name}/blobs/{digest_of(data)}", end=True) for data in blobs[:half]]
    places = [user.registry().start_upload(name) for _ in blobs[half:]]
    pushes = [h2.request("PUT", f"{place}&digest={digest_of(data)}", [OCTETS])
              for place, data in zip(places, blobs[half:])]
    for at in range(0, MIB, 16384):
        for stream, data in zip(pushes, blobs[half:]):
            h2.data(stream, data[at:at + 16384])
    for stream in pushes:
        h2.data(stream, b"", end=True)
    assert [h2.answer(stream).status for stream in pushes] == [201] * half
    assert [h2.answer(stream).body for stream in pulls] == blobs[:half]


def test_h2load(cluster, user):
    """A client that keeps all its streams busy."""
    name = f"{user.login}/many"
    digest = user.registry().push_blob(name, random_bytes(20000))
    before = cluster.metrics()['packhouse_gateway_protocol_requests_total{protocol="h2"}']
    said = run("h2load", "-n", 1000, "-c", 2, "-m", STREAMS, "-H", f"authorization: Bearer {user.token}",
               f"{cluster.url()}/v2/{name}/blobs/{digest}")
    assert "1000 succeeded, 0 failed, 0 errored" in said and "status codes: 1000 2xx" in said
    assert cluster.metrics()['packhouse_gateway_protocol_requests_total{protocol="h2"}'] == before + 1000


def test_streams_are_served_in_turns(h2, user):
    """Of two large answers neither waits for the other's end, though the client asks for that."""
    name, data = f"{user.login}/turns", random_bytes(8 * MIB)
    digest = push_blob(h2, name, data)
    pulls = [h2.request("GET", f"/v2/{name}/blobs/{digest}", [("priority", f"u={urgency}")], end=True)
             for urgency in (0, 7)]
    first, second = (h2.answers[stream] for stream in pulls)
    h2.until(lambda: first.ended or second.ended)
    assert min(len(first.body), len(second.body)) > 2 * MIB
    assert h2.answer(pulls[0]).body == h2.answer(pulls[1]).body == data


def test_reader_that_takes_nothing_stops_no_other(cluster, user):
    name, data = f"{user.login}/stopped", random_bytes(2 * MIB)
    digest = user.registry().push_blob(name, data)
    with Frames(cluster, user=user, greedy=False, settings=[(INITIAL_WINDOW, 1000)]) as h2:
        h2.widen(0, 100 * MIB)
        stopped = [h2.request("GET", f"/v2/{name}/blobs/{digest}", end=True) for _ in range(STREAMS - 2)]
        h2.until(lambda: all(len(h2.answers[stream].body) == 1000 for stream in stopped))
        taken = h2.request("GET", f"/v2/{name}/blobs/{digest}", end=True)
        h2.widen(taken, 100 * MIB)
        assert h2.answer(taken).body == data
        # Who takes nothing for too long is not waited for.
        assert {h2.answer(stream).reset for stream in stopped} - {None}
        assert all(len(h2.answers[stream].body) == 1000 for stream in stopped)


def test_expectation(h2, user, cluster):
    """100 is said once the request may go on, and to no other."""
    name, data = f"{user.login}/expects", random_bytes(100000)
    stream = begin_blob(h2, name, data, [("expect", "100-continue")])
    h2.until(lambda: h2.answers[stream].informational)
    h2.data(stream, data, end=True)
    answer = h2.answer(stream)
    assert (answer.informational, answer.status) == ([100], 201)
    with Frames(cluster) as stranger:
        stream = stranger.request("PUT", f"/v2/{name}/manifests/v1", [("expect", "100-continue"),
                                                                       ("content-length", "100")])
        answer = stranger.answer(stream)
        assert (answer.informational, answer.status) == ([], 401)


def test_answers_without_a_body(h2, user):
    name, data = f"{user.login}/bodyless", random_bytes(1000)
    digest = push_blob(h2, name, data)
    head = h2.call("HEAD", f"/v2/{name}/blobs/{digest}")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1000")
    same = h2.call("GET", f"/v2/{name}/blobs/{digest}", [("if-none-match", f'"{digest}"')])
    assert (same.status, same.body) == (304, b"") and "content-length" not in same.headers
    assert h2.call("GET", f"/v2/{user.login}/none/blobs/{digest}").status == 404


def test_refused_upload_is_stopped(cluster, h2, user):
    """Of a large body that nobody reads the rest is not wanted, of a small one it is read past."""
    with Frames(cluster) as stranger:
        stream = stranger.request("PUT", "/v2/a/b/blobs/uploads/1?digest=" + digest_of(b""),
                                  [("content-length", str(10 * MIB))])
        answer = stranger.answer(stream)
        assert answer.status == 401
        stranger.until(lambda: answer.reset is not None)
        assert answer.reset == NO_ERROR
        stream = stranger.request("PUT", "/v2/a/b/manifests/v1", [("content-length", "30000")])
        assert stranger.answer(stream).status == 401
        stranger.data(stream, b"x" * 30000, end=True)
        assert stranger.call("GET", "/v2/").status == 401
        assert stranger.answers[stream].reset is None


# windows and memory


def test_windows_are_enforced(cluster, user):
    """Bytes beyond a stream's window reset it, beyond the connection's they end that; whole windows are taken."""
    def put(h2):
        more = [("content-type", MANIFEST), ("content-length", str(MIB))]
        return h2.request("PUT", f"/v2/{user.login}/new/manifests/v1", more)

    def send(h2, stream, size):
        for at in range(0, size, 16384):
            h2.send(frame(DATA, 0, stream, bytes(min(16384, size - at))))
        h2.window -= size
        h2.windows[stream] -= size

    with Frames(cluster, user=user) as h2, Frames(cluster, user=user) as other:
        push_blob(h2, f"{user.login}/more", random_bytes(MIB))  # from now on the connection's window is a larger one
        assert other.call("GET", "/v2/").status == 200
        with Stopped(cluster, "postgres"):  # so nobody reads yet: the rights on `new` are looked up first
            streams = [put(h2), put(h2)]
            send(h2, streams[0], 65535)
            send(h2, streams[1], 65536)
            assert h2.answer(streams[1]).reset == FLOW_CONTROL_ERROR
            send(other, put(other), 65536)
            assert other.end() == FLOW_CONTROL_ERROR
        h2.data(streams[0], bytes(MIB - 65535), end=True)
        assert h2.answer(streams[0]).status == 400


def test_broken_off_upload_keeps_what_came(h2, user):
    name, data = f"{user.login}/broken", random_bytes(5 * MIB)
    place = start_upload(h2, name)
    stream = h2.request("PATCH", place, [OCTETS, ("content-length", str(len(data)))])
    h2.data(stream, data[:len(data) - 1])
    h2.cancel(stream)
    registry = user.registry()

    def stands_at():
        return int(registry.call("GET", place).headers["Range"].split("-")[1]) + 1

    wait_for("nothing was kept", lambda: stands_at() >= 4 * MIB)
    assert h2.call("GET", "/v2/").status == 200


def test_cancelled_requests_end(cluster, h2, user):
    """Downloads that are cancelled in the middle: their tasks end, the connection goes on."""
    name, data = f"{user.login}/cancelled", random_bytes(8 * MIB)
    digest = push_blob(h2, name, data)
    h2.greedy = False
    for _ in range(3):
        streams = [h2.request("GET", f"/v2/{name}/blobs/{digest}", end=True) for _ in range(3)]
        h2.until(lambda: any(h2.answers[stream].status for stream in streams))
        for stream in streams:
            h2.cancel(stream)
    wait_for("requests go on", lambda: running(cluster) == 0)
    h2.widen(0, 100 * MIB)
    h2.greedy = True
    assert h2.call("GET", f"/v2/{name}/blobs/{digest}").body == data


# time


def test_slow_head(cluster):
    with Frames(cluster) as h2:
        h2.send(frame(HEADERS, 0, 1, literal(":method", "GET")))
        h2.end()
    assert h2.closed


def test_no_preface(cluster):
    with Frames(cluster, preface=b"PRI") as h2:
        h2.end()
    assert h2.closed


def test_idle_connection_ends(cluster):
    """PING does not keep it."""
    with Frames(cluster) as h2:
        assert h2.call("GET", "/v2/").status == 401
        deadline = time.monotonic() + 120
        while h2.try_to_send(frame(PING, 0, 0, b"12345678")) and not h2.goaways:
            assert time.monotonic() < deadline
            assert h2.receive() is not None or h2.closed
            time.sleep(0.1)
        assert h2.end() == NO_ERROR


def test_body_that_stops(h2, user):
    name = f"{user.login}/stops"
    place = start_upload(h2, name)
    stream = h2.request("PATCH", place, [OCTETS, ("content-length", "100000")])
    h2.data(stream, b"x" * 1000)
    answer = h2.answer(stream)
    assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (408, "TIMEOUT")
    assert h2.call("GET", "/v2/").status == 200


# last: the gateway is stopped


def test_drain(cluster, user):
    """Open streams are finished, those of the next moments taken, then GOAWAY; a new gateway follows."""
    name, data = f"{user.login}/drain", random_bytes(2 * MIB)
    with Frames(cluster, user=user) as h2, Frames(cluster, user=user) as idle:
        assert idle.call("GET", "/v2/").status == 200
        stream = begin_blob(h2, name, data)
        h2.data(stream, data[:MIB])
        parent = cluster.pid("gateway-1")
        os.kill(parent, signal.SIGTERM)
        h2.until(lambda: h2.goaways)
        assert h2.goaways[0] == (2**31 - 1, NO_ERROR)
        assert h2.call("GET", "/v2/").status == 200  # it may have been on its way
        assert idle.end() == NO_ERROR
        h2.until(lambda: len(h2.goaways) == 2)
        assert h2.goaways[1] == (h2.next - 2, NO_ERROR)
        h2.data(stream, data[MIB:], end=True)
        assert h2.answer(stream).status == 201
        assert h2.end() == NO_ERROR
    wait_for("it goes on", lambda: not is_alive(parent))
    cluster.up()
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


def test_turned_off(cluster, user):
    cluster.restart("gateway-1", flags=["--gateway.http2=off"])
    with pytest.raises(OSError):
        Frames(cluster)
    said = run("curl", "-sS", "--http2", "--cacert", cluster.ca, "-o", "/dev/null", "-w", "%{http_version}",
               f"{cluster.url()}/v2/")
    assert said == "1.1"
