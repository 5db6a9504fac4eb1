"""HTTP/2 misused: heads that may be read in two ways, floods of every kind of frame, frames that are none."""

import json
import struct

import pytest

from harness.frames import (ACK, CALM, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                            INITIAL_WINDOW, MAX_HEADER_LIST, MAX_STREAMS, NO_ERROR, PADDED, PING, PRIORITY,
                            PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE, Frames, assert_works, frame, literal,
                            running)
from harness.memory import Watch
from harness.registry import MANIFEST, random_bytes
from harness.whole import wait_for

pytestmark = pytest.mark.asan

STREAMS = 20
OCTETS = ("content-type", "application/octet-stream")
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, tls=True, workers=1, settings={
        "gateway.http2_streams": STREAMS, "gateway.head_timeout": "5s", "gateway.progress_timeout": "5s"})
    yield made
    made.stop()


@pytest.fixture
def h2(cluster, user):
    with Frames(cluster, user=user) as connection:
        yield connection


# what heads may not say


def bad_fields(*changes, without=()):
    def fields(h2):
        yield from (field for field in h2.fields("GET", "/v2/") if field[0] not in without)
        yield from changes
    return fields


MALFORMED = {
    "upper-case": bad_fields(("Accept", "*/*")),
    "connection": bad_fields(("connection", "close")),
    "keep-alive": bad_fields(("keep-alive", "1")),
    "upgrade": bad_fields(("upgrade", "h2c")),
    "transfer-encoding": bad_fields(("transfer-encoding", "chunked")),
    "te": bad_fields(("te", "gzip")),
    "line-end-in-value": bad_fields(("x", "a\r\ntransfer-encoding: chunked")),
    "nul-in-value": bad_fields(("x", "a\0b")),
    "blank-in-name": bad_fields(("x y", "a")),
    "colon-in-name": bad_fields(("x:y", "a")),
    "pseudo-behind-fields": bad_fields((":path", "/v2/")),
    "no-method": bad_fields(without=[":method"]),
    "no-authority": bad_fields(without=[":authority"]),
    "no-path": bad_fields(without=[":path"]),
    "no-scheme": bad_fields(without=[":scheme"]),
    "unknown-pseudo": lambda h2: [(":proto", "x"), *h2.fields("GET", "/v2/")],
    "two-paths": lambda h2: [(":path", "/v2/"), *h2.fields("GET", "/v2/")],
    "empty-path": lambda h2: h2.fields("GET", ""),
    "relative-path": lambda h2: h2.fields("GET", "v2/"),
    "two-lengths": bad_fields(("content-length", "1"), ("content-length", "2")),
    "bad-authority": lambda h2: [*bad_fields(without=[":authority"])(h2), ("host", "a b")],
    "blank-in-path": lambda h2: h2.fields("GET", "/v2/ HTTP/1.1"),
    "control-in-value": bad_fields(("x", "a\x01b")),
    "bad-length": bad_fields(("content-length", "+1")),
}

REFUSED = {
    "other-host": (bad_fields(("host", "elsewhere")), 400),
    "fragment": (lambda h2: h2.fields("GET", "/v2/#a"), 400),
    "two-authorizations": (bad_fields(("authorization", "Bearer x"), ("authorization", "Bearer y")), 400),
    "expectation": (bad_fields(("expect", "a miracle")), 417),
    "large": (bad_fields(("x", "y" * 33000)), 431),
    "many": (bad_fields(*[("x", str(n)) for n in range(101)]), 431),
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_heads(cluster, fields):
    with Frames(cluster) as h2:
        stream = h2.headers(fields(h2), end=True)
        answer = h2.answer(stream)
        assert answer.reset == PROTOCOL_ERROR or answer.status == 400
        assert h2.call("GET", "/v2/").status == 401


@pytest.mark.parametrize("fields, status", REFUSED.values(), ids=REFUSED.keys())
def test_refused_heads(cluster, fields, status):
    with Frames(cluster) as h2:
        answer = h2.answer(h2.headers(fields(h2), end=True))
        assert answer.status == status and json.loads(answer.body)["errors"][0]["code"] == "REQUEST_INVALID"
        assert h2.call("GET", "/v2/").status == 401


def test_host_may_stand_for_the_authority(cluster):
    with Frames(cluster) as h2:
        fields = [*bad_fields(without=[":authority"])(h2), ("host", h2.authority)]
        assert h2.answer(h2.headers(fields, end=True)).status == 401


@pytest.mark.parametrize("length, sent", [(10, 9), (10, 11), (0, 1)])
def test_length_that_is_not_true(cluster, user, length, sent):
    with Frames(cluster, user=user) as h2:
        name = f"{user.login}/length"
        stream = h2.request("PUT", f"/v2/{name}/manifests/v1", [("content-type", MANIFEST),
                                                                 ("content-length", str(length))])
        h2.data(stream, b"x" * sent, end=True)
        answer = h2.answer(stream)
        assert answer.reset == PROTOCOL_ERROR or answer.status == 400
        assert h2.call("GET", "/v2/").status == 200


# floods


def flood(h2, pieces, limit=60000):
    """Sends until the server closes; the code that it said, if that was seen."""
    block = b""
    for number, piece in enumerate(pieces):
        assert number < limit, "the server takes it all"
        block += piece
        if len(block) > 4000:
            if not h2.try_to_send(block) or not h2.take() or h2.goaways:
                break
            block = b""
    return h2.end()


def rapid_resets(h2):
    while True:
        stream, h2.next = h2.next, h2.next + 2
        block = b"".join(literal(*field) for field in h2.fields("GET", "/v2/"))
        yield (frame(HEADERS, END_HEADERS | END_STREAM, stream, block) +
               frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))


def made_resets(h2):
    """The server is made to reset (CVE-2025-8671): a window update of zero on a stream that runs."""
    while True:
        stream, h2.next = h2.next, h2.next + 2
        block = b"".join(literal(*field) for field in h2.fields("GET", "/v2/"))
        yield frame(HEADERS, END_HEADERS, stream, block) + frame(WINDOW_UPDATE, 0, stream, bytes(4))


def forever(piece):
    def pieces(_):
        while True:
            yield piece
    return pieces


def tiny_windows(h2):
    """CVE-2019-9511: an answer is asked for a byte at a time."""
    h2.send(frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW, 0)))
    stream = h2.request("GET", "/v2/", end=True)
    h2.until(lambda: h2.answers[stream].status)
    while True:
        yield frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))


def empty_data(h2):
    stream = h2.request("PUT", "/v2/a/b/manifests/v1")
    while True:
        yield frame(DATA, 0, stream)


def padding(h2):
    stream = h2.request("PUT", "/v2/a/b/manifests/v1")
    while True:
        yield frame(DATA, PADDED, stream, b"\0")


def continuations(h2):
    yield frame(HEADERS, 0, 1, b"".join(literal(*field) for field in h2.fields("GET", "/v2/")))
    while True:
        yield frame(CONTINUATION, 0, 1, literal("x", "y" * 100))


def empty_continuations(h2):
    yield frame(HEADERS, 0, 1, b"".join(literal(*field) for field in h2.fields("GET", "/v2/")))
    while True:
        yield frame(CONTINUATION, 0, 1)


def bombs(h2):
    """A field of the table's whole size, and heads that name it over and over (one byte each)."""
    entry = b"\x40" + b"\x01b" + b"\x7f\xa0\x1e" + b"v" * 3999  # enters the table as its newest
    while True:
        stream, h2.next = h2.next, h2.next + 2
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream,
                    b"".join(literal(*field) for field in h2.fields("GET", "/v2/")) + entry + b"\xbe" * 9000)
        entry = b""


def many_streams(h2):
    while True:
        stream, h2.next = h2.next, h2.next + 2
        block = b"".join(literal(*field) for field in h2.fields("PUT", "/v2/a/b/manifests/v1"))
        yield frame(HEADERS, END_HEADERS, stream, block)


FLOODS = {
    "rapid-reset-CVE-2023-44487": rapid_resets,
    "made-you-reset-CVE-2025-8671": made_resets,
    "continuation-CVE-2024-28182": continuations,
    "empty-continuation-CVE-2024-27316": empty_continuations,
    "data-dribble-CVE-2019-9511": tiny_windows,
    "ping-CVE-2019-9512": forever(frame(PING, 0, 0, b"12345678")),
    "priority-CVE-2019-9513": lambda _: (frame(PRIORITY, 0, n % 200 * 2 + 1, struct.pack(">IB", n % 99 * 2 + 201, 9))
                                         for n in range(10**9)),
    "reset-CVE-2019-9514": lambda h2: (frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, literal("x y", ""))
                                       for n in range(10**9)),
    "settings-CVE-2019-9515": forever(frame(SETTINGS)),
    "empty-names-CVE-2019-9516": lambda h2: (frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, literal("", "") * 99)
                                             for n in range(10**9)),
    "empty-data-CVE-2019-9518": empty_data,
    "padding": padding,
    "unknown": forever(frame(0xbe)),
    "ping-answers": forever(frame(PING, ACK, 0, b"12345678")),
    "table-size": forever(frame(SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, 1, 4096))),
    "bomb": bombs,
    "streams": many_streams,
}


@pytest.mark.parametrize("pieces", FLOODS.values(), ids=FLOODS.keys())
def test_floods_end(cluster, user, pieces):
    before = {pid for pid, name in cluster.family().items() if name.startswith("gateway-1")}
    with Frames(cluster) as h2:
        flood(h2, pieces(h2))
    assert_works(cluster, user)
    assert {pid for pid, name in cluster.family().items() if name.startswith("gateway-1")} == before
    wait_for("requests go on", lambda: running(cluster) == 0)


def test_flood_is_told(cluster):
    ended = cluster.metrics()["packhouse_gateway_http2_floods_total"]
    with Frames(cluster) as h2:
        assert flood(h2, forever(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)))(h2)) in (CALM, None)
    assert cluster.metrics()["packhouse_gateway_http2_floods_total"] == ended + 1
    assert "its client keeps us busy with nothing" in cluster.log("gateway-1")


def test_answers_nobody_reads(cluster, user):
    """CVE-2019-9517: a wide window, a socket that is not read; memory stays small and the requests end."""
    name, data = f"{user.login}/unread", random_bytes(4 * MIB)
    digest = user.registry().push_blob(name, data)
    with Watch(cluster) as watch, Frames(cluster, user=user, greedy=False,
                                         settings=[(INITIAL_WINDOW, 2**31 - 1)]) as h2:
        h2.widen(0, 2**31 - 1 - 65535)
        for _ in range(STREAMS):
            h2.request("GET", f"/v2/{name}/blobs/{digest}", end=True)
        wait_for("none began", lambda: running(cluster) > 0)
        wait_for("requests go on", lambda: running(cluster) == 0)
    watch.check(400 * MIB if "asan" in str(cluster.build_dir) else 160 * MIB)
    assert_works(cluster, user)


def test_resets_do_not_make_room_for_tasks(cluster, user):
    """Streams that were reset count while their tasks run: an upload's end is the longest of them."""
    name = f"{user.login}/tasks"
    registry = user.registry()
    with Frames(cluster, user=user) as h2:
        for _ in range(6 * STREAMS):
            stream = h2.request("PATCH", registry.start_upload(name), [OCTETS])
            h2.data(stream, b"x" * 100)
            h2.cancel(stream)
            assert running(cluster) <= 2 * STREAMS
    wait_for("requests go on", lambda: running(cluster) == 0)


def test_too_many_streams(h2):
    h2.until(lambda: h2.settings)
    assert (h2.settings[MAX_STREAMS], h2.settings[MAX_HEADER_LIST]) == (STREAMS, 32768)
    for _ in range(STREAMS + 1):
        h2.request("PUT", "/v2/a/b/manifests/v1", [("content-length", "9")])
    assert h2.end() == PROTOCOL_ERROR  # the client knew better


@pytest.mark.parametrize("preface", [b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                     b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\0" * 100],
                         ids=["http", "other", "zeros"])
def test_bad_prefaces(cluster, preface):
    with Frames(cluster, preface=preface) as h2:
        h2.end()
    assert h2.closed


@pytest.mark.parametrize("bad", [
    frame(DATA, 0, 0, b"x"), frame(DATA, 0, 99, b"x"), frame(HEADERS, END_HEADERS, 2, b"\x82"),
    frame(SETTINGS, 0, 0, b"12345"), frame(SETTINGS, ACK, 0, b"123456"), frame(PING, 0, 0, b"1"),
    frame(GOAWAY, 0, 0, b"1"), frame(WINDOW_UPDATE, 0, 0, bytes(4)), frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
    frame(CONTINUATION, END_HEADERS, 1, b"\x82"), frame(HEADERS, END_HEADERS, 1, b"\xff" * 20),
    frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, b"12345678"), b"\x7f\xff\xff\x00\x00\x00\x00\x00\x01",
    frame(HEADERS, END_HEADERS | 8, 1, b"\xff\x82"), frame(RST_STREAM, 0, 0, bytes(4)),
    frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW, 2**31)), frame(5, 4, 1, bytes(4) + b"\x82"),
], ids=["data-0", "data-idle", "even", "settings", "settings-ack", "ping", "goaway", "update-0", "update-most",
        "continuation", "hpack", "interleaved", "too-long", "padding", "reset-0", "window", "push"])
def test_bad_frames_end_a_connection(cluster, bad):
    with Frames(cluster) as h2:
        h2.try_to_send(bad)
        assert h2.end() not in (None, NO_ERROR)


