"""HTTP/2 frame by frame over TLS, so that a test may send what no client would.

    with Frames(cluster) as h2:
        stream = h2.request("GET", "/v2/", end=True)
        answer = h2.answer(stream)      # .status, .headers, .body, .reset

Fields are sent as literals that enter no table; those of answers are decoded with the package hpack. A client gives
windows back as it reads, unless `greedy` is False: then nothing is given back, and the server must stop.
"""

import collections
import select
import socket
import ssl
import struct

import hpack

from .registry import digest_of, random_bytes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 1, 3, 7, 8, 11
MAX_STREAMS, INITIAL_WINDOW, MAX_HEADER_LIST = 3, 4, 6

Frame = collections.namedtuple("Frame", "kind flags stream payload")


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A field that enters no table (RFC 7541 §6.2.2), without Huffman's code."""
    return b"\x00" + text(name) + text(value)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, size = len(data) - 127, b"\x7f"
    while rest >= 128:
        size += bytes([rest % 128 + 128])
        rest //= 128
    return size + bytes([rest]) + data


def running(cluster):
    """Requests of gateway-1 under way."""
    return cluster.metrics()["packhouse_gateway_requests_running"]


def assert_works(cluster, user):
    """A neighbour is served, over HTTP/1.1 and over HTTP/2."""
    registry, name = user.registry(), f"{user.login}/beside"
    data = random_bytes(100000)
    assert registry.blob(name, registry.push_blob(name, data)).content == data
    with Frames(cluster, user=user) as other:
        assert other.call("GET", f"/v2/{name}/blobs/{digest_of(data)}").body == data


class Answer:
    """What came for a stream so far."""

    def __init__(self):
        self.status = None
        self.informational = []
        self.headers = {}
        self.body = b""
        self.ended = False
        self.reset = None


class Frames:
    def __init__(self, cluster, gateway=1, greedy=True, settings=(), preface=PREFACE, source=None, user=None):
        context = ssl.create_default_context(cafile=cluster.ca)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", cluster.port + gateway - 1), timeout=120,
                                         source_address=source and (source, 0))
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.authority = f"localhost:{cluster.port + gateway - 1}"
        self.user = user
        self.greedy = greedy
        self.decoder = hpack.Decoder()
        self.answers = collections.defaultdict(Answer)
        self.settings = {}
        self.windows = collections.defaultdict(lambda: self.settings.get(INITIAL_WINDOW, 65535))
        self.window = 65535
        self.next = 1
        self.pending = b""
        self.goaways = []  # (last stream, code)
        self.pings = 0
        self.closed = False
        self.send(preface + frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in settings)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # sending

    def send(self, data):
        self.socket.sendall(data)

    def try_to_send(self, data):
        """False: the server has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def fields(self, method, path, more=()):
        yield from ((":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path))
        if self.user is not None:
            yield "authorization", f"Bearer {self.user.token}"
        yield from more

    def headers(self, fields, end=False, stream=None):
        """Opens a stream with exactly these fields; its number."""
        if stream is None:
            stream, self.next = self.next, self.next + 2
        block = b"".join(literal(*field) for field in fields)
        kind, flags = HEADERS, END_STREAM if end else 0
        while len(block) > 16384:
            self.send(frame(kind, flags, stream, block[:16384]))
            kind, flags, block = CONTINUATION, 0, block[16384:]
        self.send(frame(kind, flags | END_HEADERS, stream, block))
        return stream

    def request(self, method, path, more=(), end=False):
        return self.headers(self.fields(method, path, more), end)

    def data(self, stream, data, end=False):
        """As the windows allow."""
        at = 0
        while at < len(data) or (end and not data):
            room = min(self.window, self.windows[stream], 16384, len(data) - at)
            if room <= 0 and at < len(data):
                assert self.receive() is not None, "closed while sending"
                assert self.answers[stream].reset is None, f"reset with {self.answers[stream].reset} after {at} bytes"
                continue
            last = end and at + room == len(data)
            self.send(frame(DATA, END_STREAM if last else 0, stream, data[at:at + room]))
            self.window -= room
            self.windows[stream] -= room
            at += room
            if last:
                return

    def cancel(self, stream, code=CANCEL):
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def widen(self, stream, size):
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    # receiving

    def exactly(self, size):
        while len(self.pending) < size:
            try:
                got = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
                got = b""
            if not got:
                self.closed = True
                return None
            self.pending += got
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def receive(self):
        """The next frame, which was taken note of; None at the end."""
        head = self.exactly(9)
        if head is None:
            return None
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        if payload is None:
            return None
        got = Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        self.note(got)
        return got

    def take(self):
        """Takes note of what has come, without waiting; False at the end."""
        while self.socket.pending() or select.select([self.socket], [], [], 0)[0]:
            if self.receive() is None:
                return False
        return True

    def note(self, got):
        answer = self.answers[got.stream]
        if got.kind == HEADERS:
            self.note_head(answer, got)
        elif got.kind == DATA:
            answer.body += got.payload
            if self.greedy and got.payload:
                self.try_to_send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(got.payload))) +
                                 frame(WINDOW_UPDATE, 0, got.stream, struct.pack(">I", len(got.payload))))
        elif got.kind == RST_STREAM:
            answer.reset = int.from_bytes(got.payload, "big")
        elif got.kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", got.payload[:8]))
        elif got.kind == WINDOW_UPDATE:
            self.note_window(got)
        elif got.kind == SETTINGS and not got.flags & ACK:
            self.settings = dict(struct.iter_unpack(">HI", got.payload))
            self.try_to_send(frame(SETTINGS, ACK))
        elif got.kind == PING:
            self.pings += 1
        if got.kind in (HEADERS, DATA) and got.flags & END_STREAM:
            answer.ended = True

    def note_head(self, answer, got):
        assert got.flags & END_HEADERS
        fields = dict(self.decoder.decode(got.payload))
        status = int(fields.pop(":status"))
        if status < 200:
            answer.informational.append(status)
        else:
            answer.status, answer.headers = status, fields

    def note_window(self, got):
        size = int.from_bytes(got.payload, "big")
        if got.stream:
            self.windows[got.stream] += size
        else:
            self.window += size

    def until(self, happened):
        while not happened():
            assert self.receive() is not None, "the server has closed"

    def answer(self, stream):
        """Until the answer is whole, or the stream reset."""
        answer = self.answers[stream]
        self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    def end(self):
        """Whatever comes until the server closes; the code of the last GOAWAY, None without one."""
        while self.receive() is not None:
            pass
        return self.goaways[-1][1] if self.goaways else None

    def call(self, method, path, more=(), body=None):
        """A whole exchange."""
        stream = self.request(method, path, more, end=body is None)
        if body is not None:
            self.data(stream, body, end=True)
        return self.answer(stream)
