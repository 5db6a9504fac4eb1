"""What is over a limit is told the limit, and its session is gone; who is slow may go on where the session stands."""

import time

import pytest

from harness.registry import digest_of, ok, random_bytes
from harness.slow import Slow

pytestmark = pytest.mark.asan

MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, workers=1, settings={
        "gateway.blob_max": "9M", "gateway.blob_chunks": "5", "gateway.manifest_max": "64K",
        "gateway.progress_timeout": "1s", "gateway.upload_timeout": "4s"})
    yield made
    made.stop()


def refused(answer, status, code, words):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    error = answer.json()["errors"][0]
    assert error["code"] == code and words in error["message"], error


def gone(registry, place):
    refused(registry.call("GET", place), 404, "BLOB_UPLOAD_UNKNOWN", "unknown")


def pieces(data, size=65536):
    """A body of which the server is not told the length."""
    return (data[n:n + size] for n in range(0, len(data), size))


def range_of(answer):
    return int(answer.headers["Range"].split("-")[1]) + 1


@pytest.mark.parametrize("shape", ["told", "chunked", "later", "put", "whole"])
def test_blob(user, shape):
    name, registry, data = f"{user.login}/large", user.registry(), random_bytes(9 * MIB + 1)
    place = registry.start_upload(name)
    if shape == "told":
        answer = registry.call("PATCH", place, data=data)
    elif shape == "chunked":
        answer = registry.call("PATCH", place, data=pieces(data))
    elif shape == "later":
        ok(registry.call("PATCH", place, data=data[:5 * MIB]), 202)
        answer = registry.call("PATCH", place, data=data[5 * MIB:])
    elif shape == "put":
        answer = registry.finish_upload(place, data, digest_of(data))
    else:
        answer = registry.call("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data=data)
    refused(answer, 413, "SIZE_INVALID", str(9 * MIB))
    if shape != "whole":
        gone(registry, place)
    most = data[:-1]
    ok(registry.finish_upload(registry.start_upload(name), most, digest_of(most)), 201)


@pytest.mark.parametrize("last", ["PATCH", "PUT"])
def test_chunks(user, last):
    name, registry = f"{user.login}/crumbs", user.registry()
    place = registry.start_upload(name)
    for _ in range(5):
        ok(registry.call("PATCH", place, data=b"crumb"), 202)
    if last == "PATCH":
        refused(registry.call("PATCH", place, data=b"crumb"), 413, "SIZE_INVALID", "at most 5 chunks")
    else:
        refused(registry.finish_upload(place, b"crumb", digest_of(b"crumb" * 6)), 413, "SIZE_INVALID", "5 chunks")
    gone(registry, place)
    place = registry.start_upload(name)
    for _ in range(5):
        ok(registry.call("PATCH", place, data=b"crumb"), 202)
    ok(registry.finish_upload(place, b"", digest_of(b"crumb" * 5)), 201)


def test_manifest(user):
    answer = user.registry().put_manifest(f"{user.login}/much", "v1", b" " * (65 * 1024))
    refused(answer, 413, "SIZE_INVALID", "65536")


def test_nesting(user):
    answer = user.registry().put_manifest(f"{user.login}/deep", "v1", b'{"a":' * 32 + b"{}" + b"}" * 32)
    refused(answer, 413, "SIZE_INVALID", "at most 32")


def stalls(user, place, data, sent):
    slow = Slow(user, place, len(data))
    slow.send(data[:sent])
    return slow


def test_no_progress(user):
    """What came before the client fell silent is kept, to the byte."""
    name, registry, data = f"{user.login}/silent", user.registry(), random_bytes(6 * MIB)
    place = registry.start_upload(name)
    began = time.monotonic()
    answer = stalls(user, place, data, 5 * MIB + 77).answer()
    assert 0.9 < time.monotonic() - began < 4
    assert answer.status == 408 and f"byte {5 * MIB + 77}".encode() in answer.body
    assert b"no byte came for 1 s" in answer.body and answer.headers["Range"] == f"0-{5 * MIB + 76}"
    stands = range_of(ok(registry.call("GET", place), 204))
    assert stands == 5 * MIB + 77
    ok(registry.finish_upload(place, data[stands:], digest_of(data)), 201)
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_too_long(user):
    """A client that always has another byte is stopped as well, and goes on with another request."""
    name, registry, data = f"{user.login}/drips", user.registry(), random_bytes(3 * MIB)
    place = registry.start_upload(name)
    began = time.monotonic()
    slow = stalls(user, place, data, MIB)
    sent = MIB
    while time.monotonic() - began < 8 and not slow.has_answer():
        sent += 1
        slow.send(data[sent - 1:sent])
        time.sleep(0.1)
    answer = slow.answer()
    assert 3.9 < time.monotonic() - began < 7
    assert answer.status == 408 and b"may take 4 s" in answer.body
    stands = range_of(ok(registry.call("GET", place), 204))
    assert MIB + 20 < stands <= sent and answer.headers["Range"] == f"0-{stands - 1}"
    ok(registry.finish_upload(place, data[stands:], digest_of(data)), 201)


def test_slow_storage_keeps_the_session(start_cluster):
    """No quorum: 503, and the session stands where it did."""
    cluster = start_cluster(storage=2, workers=1, settings={"gateway.storage_timeout": "1s"})
    user = cluster.new_user()
    name, registry, data = f"{user.login}/waits", user.registry(), random_bytes(6 * MIB)
    place = registry.start_upload(name)
    ok(registry.call("PATCH", place, data=data[:5 * MIB]), 202)
    cluster.kill("storage-2")
    answer = registry.call("PATCH", place, data=data[5 * MIB:])
    refused(answer, 503, "UNAVAILABLE", "try again")
    assert answer.headers["Retry-After"] == "5"
    assert range_of(ok(registry.call("GET", place), 204)) == 5 * MIB
    cluster.up()
    deadline = time.monotonic() + 120
    while True:
        stands = range_of(ok(registry.call("GET", place), 204))
        answer = registry.finish_upload(place, data[stands:], digest_of(data))
        if answer.status_code == 201:
            break
        assert answer.status_code == 503 and time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    assert ok(registry.blob(name, digest_of(data))).content == data
    cluster.stop()
