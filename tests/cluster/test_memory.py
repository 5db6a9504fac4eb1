"""Memory is bounded: whatever is pushed and pulled, no process holds more than its budget and a little."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

from harness.memory import Watch
from harness.registry import digest_of, ok, random_bytes

TAKES_LONG = True

MIB = 1 << 20
LARGE = int(os.environ.get("PACKHOUSE_TEST_LARGE_MIB", "1024")) * MIB
BLOCK = random_bytes(MIB, seed="memory")


def stream(size):
    """Blocks of a blob in which no two MiB are equal."""
    for number in range(0, size, MIB):
        yield (number.to_bytes(8, "big") + BLOCK)[:min(MIB, size - number)]


def digest_of_stream(size):
    sha = hashlib.sha256()
    for block in stream(size):
        sha.update(block)
    return "sha256:" + sha.hexdigest()


def test_one_large_blob(start_cluster):
    cluster = start_cluster(storage=1, replicas=1, settings={"storage.segment_size": "64M", "gateway.blob_max": "100G"})
    user = cluster.new_user()
    digest, name = digest_of_stream(LARGE), f"{user.login}/large"
    with Watch(cluster) as watch:
        registry = user.registry()
        place = ok(registry.call("PATCH", registry.start_upload(name), data=stream(LARGE), timeout=600,
                                 headers={"Content-Type": "application/octet-stream"}), 202).headers["Location"]
        ok(registry.finish_upload(place, b"", digest), 201)
        sha, got = hashlib.sha256(), 0
        with ok(registry.blob(name, digest, stream=True), 200) as answer:
            for block in answer.iter_content(MIB):
                sha.update(block)
                got += len(block)
    assert got == LARGE and "sha256:" + sha.hexdigest() == digest
    cluster.stop()
    watch.check(128 * MIB)


def test_forty_pushes_and_pulls_at_once(cluster, user):
    name, old = f"{user.login}/crowd", random_bytes(24 * MIB)
    digest = user.registry().push_blob(name, old)

    def push(number):
        data = number.to_bytes(8, "big") + old[8:]
        begin = time.monotonic()
        user.registry(1 + number % 2).push_blob(name, data)
        return time.monotonic() - begin

    def pull(number):
        begin = time.monotonic()
        assert digest_of(ok(user.registry(1 + number % 2).blob(name, digest), 200).content) == digest
        return time.monotonic() - begin

    with Watch(cluster) as watch, ThreadPoolExecutor(80) as pool:
        times = [pool.submit(push, n) for n in range(40)] + [pool.submit(pull, n) for n in range(40)]
        slowest = max(future.result(timeout=180) for future in times)
    assert slowest < 120
    watch.check(256 * MIB)
