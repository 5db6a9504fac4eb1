"""Storage daemons killed while images are pushed and pulled: one is not noticed, two stop pushes only."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from harness.registry import digest_of, random_bytes
from harness.whole import wait_for

MANY = 40


def test_one_killed_among_pushes_and_pulls(cluster, user):
    old = [random_bytes(3 << 20)]
    old_manifest = user.registry().push_image(f"{user.login}/old", "v1", old)
    started = threading.Semaphore(0)

    def push(number):
        layers = [random_bytes(2 << 20), random_bytes(100_000)]
        registry = user.registry(1 + number % 2)
        started.release()
        manifest = registry.push_image(f"{user.login}/new-{number}", "v1", layers)
        return number, manifest, layers

    def pull(number):
        registry = user.registry(1 + number % 2)
        started.release()
        for _ in range(3):
            assert registry.pull_image(f"{user.login}/old", "v1") == (old_manifest, old)

    with ThreadPoolExecutor(2 * MANY) as pool:
        pushes = [pool.submit(push, number) for number in range(MANY)]
        pulls = [pool.submit(pull, number) for number in range(MANY)]
        for _ in range(MANY):
            assert started.acquire(timeout=120)
        cluster.kill("storage-2")
        for future in pulls:
            future.result(timeout=120)
        pushed = [future.result(timeout=120) for future in pushes]

    # whatever was acknowledged is whole, with one daemon still down
    for number, manifest, layers in pushed:
        assert user.registry().pull_image(f"{user.login}/new-{number}", "v1") == (manifest, layers)
    owing = cluster.query("SELECT count(*) FROM partition_owes")[0][0]
    assert owing > 0, "a push that missed a copy leaves a record of what is owed"
    deadline = time.monotonic() + 120
    while cluster.metrics("metadb")["packhouse_keeper_partitions_owing"] == 0:
        assert time.monotonic() < deadline, "the keeper's metrics do not show what is owed"
        time.sleep(0.5)
    cluster.up()


def push_all_copies(cluster, user, name):
    """Pushes, and waits until each member has its copy of everything."""
    layers = [random_bytes(3 << 20)]
    manifest = user.registry().push_image(name, "v1", layers)
    deadline = time.monotonic() + 120
    while cluster.query("SELECT count(*) FROM partition_owes WHERE urgent")[0][0] > 0:
        assert time.monotonic() < deadline, "what is owed is not paid"
        time.sleep(0.5)
    return manifest, layers


def readiness(cluster):
    return requests.get(cluster.private("gateway-1") + "/readyz", timeout=10)


def test_two_killed(cluster, user):
    name = f"{user.login}/before"
    manifest, layers = push_all_copies(cluster, user, name)
    cluster.kill("storage-1")
    cluster.kill("storage-3")

    # what is there is served by the one that is left: each chunk has three copies
    assert user.registry().pull_image(name, "v1") == (manifest, layers)

    registry, data = user.registry(), random_bytes(1 << 20)
    answer = registry.call("POST", f"/v2/{user.login}/half/blobs/uploads/")
    if answer.status_code == 202:
        answer = registry.finish_upload(answer.headers["Location"], data, digest_of(data))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"
    assert not registry.has_blob(f"{user.login}/half", digest_of(data))

    # a load balancer goes on with what can be pulled, as long as there is something
    wait_for("it is not said what is missing", lambda: "reads only: 1 storage nodes up" in readiness(cluster).text)
    assert readiness(cluster).status_code == 200
    cluster.kill("storage-2")
    wait_for("ready without any daemon", lambda: readiness(cluster).status_code == 503)

    cluster.up()
    assert user.registry().pull_image(name, "v1") == (manifest, layers)
    user.registry().push_image(f"{user.login}/half", "v1", layers)
