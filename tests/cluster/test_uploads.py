"""Uploads in trouble: little memory, clients that stall or go away, two writers on one session."""

import hashlib
import threading
import time

import pytest

from harness.registry import digest_of, ok, random_bytes
from harness.slow import Slow

pytestmark = pytest.mark.asan

MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    """One worker with the smallest buffer budget there is."""
    made = start_cluster(storage=3, workers=1, settings={"buffers.budget": "16M"})
    yield made
    made.stop()


def test_buffer_deadlock(user):
    """Forty unfinished chunks fill the memory and none of their clients says more: others still get through.

    What is unfinished is cut short and sent to make room.
    """
    name, registry = f"{user.login}/stalled", user.registry()
    parts = [random_bytes(MIB + 37 * n, seed=f"stalled/{n}") for n in range(40)]
    stalled = []
    for data in parts:
        place = registry.start_upload(name)
        slow = Slow(user, place, len(data))
        slow.send(data[:len(data) * 2 // 3])
        stalled.append((slow, place))
    began = time.monotonic()
    other = random_bytes(9 * MIB)
    assert ok(registry.blob(name, registry.push_blob(name, other))).content == other
    assert time.monotonic() - began < 50  # those that stall have a minute
    for (slow, place), data in zip(stalled, parts):
        slow.send(data[len(data) * 2 // 3:])
        assert slow.answer().status == 202
        ok(registry.finish_upload(place, b"", digest_of(data)), 201)
        assert ok(registry.blob(name, digest_of(data))).content == data


def test_many_at_once(user):
    """More than the memory holds, pushed and pulled at once; nobody is refused."""
    name, wrong = f"{user.login}/many", []

    def one(number):
        try:
            registry, data = user.registry(), random_bytes(5 * MIB + number, seed=f"many/{number}")
            assert ok(registry.blob(name, registry.push_blob(name, data))).content == data
        except Exception as error:  # told below, by the test's own thread
            wrong.append(f"{number}: {error!r}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_broken_off_upload_goes_on(user):
    """The connection breaks in the middle of a body: the session stands at a byte from which it goes on."""
    name, registry, data = f"{user.login}/broken", user.registry(), random_bytes(11 * MIB + 5)
    place = registry.start_upload(name)
    slow = Slow(user, place, len(data))
    slow.send(data[:7 * MIB + 1])
    slow.break_off()
    deadline = time.monotonic() + 120
    while True:
        stands = int(ok(registry.call("GET", place), 204).headers["Range"].split("-")[1]) + 1
        if stands > 1:
            break
        assert time.monotonic() < deadline, "nothing of the broken upload was kept"
        time.sleep(0.1)
    assert 4 * MIB <= stands <= 7 * MIB + 1
    headers = {"Content-Range": f"{stands}-{len(data) - 1}", "Content-Type": "application/octet-stream"}
    ok(registry.call("PATCH", place, data=data[stands:], headers=headers), 202)
    ok(registry.finish_upload(place, b"", digest_of(data)), 201)
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_two_writers(user):
    """Two clients write to one session: one wins, the other is told where it stands; no bytes are mixed."""
    name, registry = f"{user.login}/two", user.registry()
    texts = [random_bytes(3 * MIB, seed=who) for who in ("a", "b")]
    place = registry.start_upload(name)
    both = [Slow(user, place, len(text)) for text in texts]
    for slow, text in zip(both, texts):
        slow.send(text[:MIB])
    for slow, text in zip(both, texts):
        slow.send(text[MIB:])
    answers = [slow.answer() for slow in both]
    assert sorted(a.status for a in answers) == [202, 416]
    loser, winner = (answers[1], texts[0]) if answers[0].status == 202 else (answers[0], texts[1])
    assert loser.headers["Range"] == f"0-{3 * MIB - 1}"
    ok(registry.finish_upload(place, b"", digest_of(winner)), 201)
    assert ok(registry.blob(name, digest_of(winner))).content == winner


def test_chunked_body_without_a_length(user):
    name, registry, data = f"{user.login}/chunked", user.registry(), random_bytes(5 * MIB + 3)
    place = registry.start_upload(name)
    pieces = (data[n:n + 70000] for n in range(0, len(data), 70000))
    answer = ok(registry.call("PATCH", place, data=pieces), 202)
    assert answer.headers["Range"] == f"0-{len(data) - 1}"
    ok(registry.finish_upload(place, b"", digest_of(data)), 201)
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_sha512(user):
    """In one request, begun for it, and begun without saying so: the bytes are hashed anew then."""
    name, registry, data = f"{user.login}/long", user.registry(), random_bytes(MIB)
    digest = "sha512:" + hashlib.sha512(data).hexdigest()
    ok(registry.finish_upload(registry.start_upload(name), data, digest), 201)
    assert ok(registry.blob(name, digest)).content == data
    for query in ("?digest-algorithm=sha512", ""):
        other = data + query.encode() + b"."
        digest = "sha512:" + hashlib.sha512(other).hexdigest()
        start = ok(registry.call("POST", f"/v2/{name}/blobs/uploads/{query}"), 202)
        place = ok(registry.call("PATCH", start.headers["Location"], data=other), 202).headers["Location"]
        ok(registry.finish_upload(place, b"", digest), 201)
        assert ok(registry.blob(name, digest)).content == other
