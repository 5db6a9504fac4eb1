"""Any gateway takes the next request of an upload: also after one was killed, and for clients that went away."""

import itertools
import os
import signal
import threading
import time

import pytest
import requests

from harness.cluster import is_alive
from harness.registry import digest_of, ok, random_bytes
from harness.slow import Slow

MIB = 1 << 20
UPLOADS = int(os.environ.get("PACKHOUSE_TEST_UPLOADS", "16"))
LEFT = 'msg="what a lost client has sent"'
KILL_EVERY = float(os.environ.get("PACKHOUSE_TEST_KILL_EVERY", "3"))


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings={"gateway.drain_timeout": "1s"})
    yield made
    made.stop()


def stands_at(registry, place):
    """The byte at which the session goes on; an empty one says 0-0, like one of a single byte."""
    last = int(ok(registry.call("GET", place), 204).headers["Range"].split("-")[1])
    return last + 1 if last > 0 else 0


def part_headers(start, end):
    return {"Content-Range": f"{start}-{end - 1}", "Content-Type": "application/octet-stream"}


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.05)


@pytest.mark.asan
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_each_request_at_another_gateway(user, algorithm):
    """The state of the hash travels along, also in the middle of a block of it."""
    import hashlib

    name, data = f"{user.login}/travels", random_bytes(9 * MIB + 7, seed=algorithm)
    both = itertools.cycle([user.registry(1), user.registry(2)])
    start = ok(next(both).call("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm={algorithm}"), 202)
    place, sent = start.headers["Location"], 0
    for size in (1, 63, 64, 65, 4 * MIB, 5, 3 * MIB + 1, 127, len(data)):
        part = data[sent:sent + size]
        answer = next(both).call("PATCH", place, data=part, headers=part_headers(sent, sent + len(part)))
        sent += len(part)
        assert ok(answer, 202).headers["Range"] == f"0-{sent - 1}"
        assert stands_at(next(both), place) == (sent if sent > 1 else 0)
    digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    ok(next(both).finish_upload(place, b"", digest), 201)
    assert ok(next(both).blob(name, digest)).content == data


def test_gateway_killed_in_the_middle_of_a_body(cluster, user):
    """What was recorded by then, every other second, is where another gateway goes on."""
    name, two, data = f"{user.login}/killed", user.registry(2), random_bytes(24 * MIB)
    place = two.start_upload(name)
    slow = Slow(user, place, len(data), gateway=1)
    for start in range(0, 20 * MIB, 2 * MIB):
        slow.send(data[start:start + 2 * MIB])
        time.sleep(0.4)
    cluster.kill("gateway-1")
    stands = stands_at(two, place)
    assert 4 * MIB <= stands <= 20 * MIB and stands % (4 * MIB) == 0
    ok(two.call("PATCH", place, data=data[stands:], headers=part_headers(stands, len(data))), 202)
    cluster.up()
    ok(user.registry(1).finish_upload(place, b"", digest_of(data)), 201)
    assert ok(user.registry(1).blob(name, digest_of(data))).content == data


@pytest.mark.asan
def test_two_writers_at_two_gateways(user):
    """One wins; the other is told at its first record where the session stands, before it has sent everything."""
    name, registry = f"{user.login}/duel", user.registry()
    data = random_bytes(10 * MIB)
    place = registry.start_upload(name)
    loser = Slow(user, place, 40 * MIB, gateway=2)
    loser.send(random_bytes(MIB))
    wait_until(lambda: stands_at(registry, place) == 0)
    time.sleep(0.2)
    ok(registry.call("PATCH", place, data=data), 202)
    deadline = time.monotonic() + 120
    while not loser.has_answer():
        assert time.monotonic() < deadline
        try:
            loser.send(random_bytes(MIB, seed="loser"))
        except (BrokenPipeError, ConnectionResetError):
            break
        time.sleep(0.3)
    answer = loser.answer()
    assert answer.status == 416 and answer.headers["Range"] == f"0-{len(data) - 1}"
    assert stands_at(user.registry(2), place) == len(data)
    ok(user.registry(2).finish_upload(place, b"", digest_of(data)), 201)
    assert ok(registry.blob(name, digest_of(data))).content == data


@pytest.mark.asan
@pytest.mark.parametrize("whole, reset", [(False, False), (True, False), (True, True)])
def test_client_lost_while_storage_is_slow(cluster, user, whole, reset):
    """The request is over, but what it brought is stored and recorded all the same."""
    name, registry, data, sent = f"{user.login}/lost", user.registry(), random_bytes(11 * MIB), 8 * MIB
    place = registry.start_upload(name)
    daemons = [f"storage-{n}" for n in (1, 2, 3)]
    for daemon in daemons:
        cluster.kill(daemon, signal.SIGSTOP)
    try:
        slow = Slow(user, place, sent if whole else len(data))
        slow.send(data[:sent])
        time.sleep(0.3)
        slow.break_off(reset)
        time.sleep(0.3)
        assert stands_at(registry, place) == 0
    finally:
        for daemon in daemons:
            cluster.kill(daemon, signal.SIGCONT)
    wait_until(lambda: stands_at(registry, place) >= (sent if whole else 8 * MIB))
    stands = stands_at(registry, place)
    assert stands <= sent
    if whole:
        wait_until(lambda: LEFT in cluster.log("gateway-1"))
    ok(registry.finish_upload(place, data[stands:], digest_of(data)), 201)
    assert ok(user.registry(2).blob(name, digest_of(data))).content == data


@pytest.mark.asan
def test_gateway_stopped_while_storage_is_slow(cluster, user):
    """The time to drain is over and the request is dropped; the gateway still waits for what it has sent to storage."""
    name, two, data = f"{user.login}/stopped", user.registry(2), random_bytes(11 * MIB)
    place = two.start_upload(name)
    daemons = [f"storage-{n}" for n in (1, 2, 3)]
    for daemon in daemons:
        cluster.kill(daemon, signal.SIGSTOP)
    try:
        slow = Slow(user, place, len(data), gateway=1)
        slow.send(data[:8 * MIB])
        time.sleep(0.3)
        before = cluster.log("gateway-1").count(LEFT)
        parent = cluster.pid("gateway-1")
        os.kill(parent, signal.SIGTERM)
        wait_until(lambda: 'msg="time to drain is over"' in cluster.log("gateway-1"))
        assert stands_at(two, place) == 0
    finally:
        for daemon in daemons:
            cluster.kill(daemon, signal.SIGCONT)
    wait_until(lambda: not is_alive(parent))
    assert cluster.log("gateway-1").count(LEFT) == before + 1
    stands = stands_at(two, place)
    assert stands == 8 * MIB
    ok(two.finish_upload(place, data[stands:], digest_of(data)), 201)
    cluster.up()
    assert ok(user.registry(1).blob(name, digest_of(data))).content == data


class Uploader:
    """Pushes blobs in parts, each request to the next gateway, and goes on wherever it is told to."""

    def __init__(self, user, number):
        self.registries = itertools.cycle([user.registry(1), user.registry(2)])
        self.name = f"{user.login}/robin"
        self.data = random_bytes(3 * MIB + number % 7 * 3 * MIB + number, seed=f"robin/{number}")
        self.digest = digest_of(self.data)
        self.troubles = 0
        self.deadline = time.monotonic() + 180

    def call(self, *args, **options):
        """The next gateway that answers, with anything but 503."""
        while True:
            assert time.monotonic() < self.deadline, "no gateway answers"
            try:
                answer = next(self.registries).call(*args, **options)
                whole = len(answer.content) == int(answer.headers.get("Content-Length", 0))
                if answer.status_code != 503 and whole:  # the client does not check it
                    return answer
            except requests.ConnectionError:
                pass
            self.troubles += 1
            time.sleep(0.1)

    def once(self, *args, **options):
        """The next gateway's answer, None when there is none."""
        try:
            answer = next(self.registries).call(*args, **options)
            if answer.status_code not in (503, 416):
                return answer
        except requests.ConnectionError:
            pass
        self.troubles += 1
        return None

    def push(self):
        place = ok(self.call("POST", f"/v2/{self.name}/blobs/uploads/"), 202).headers["Location"]
        stands = 0
        while stands < len(self.data):
            end = min(stands + 4 * MIB + 1000, len(self.data))
            answer = self.once("PATCH", place, data=self.data[stands:end], headers=part_headers(stands, end))
            if answer is None:
                answer = ok(self.call("GET", place), 204)
            last = int(ok(answer, 202, 204).headers["Range"].split("-")[1])
            stands = last + 1 if last > 0 else 0
        # a repetition of what was done already is answered 201 as well
        ok(self.call("PUT", f"{place}&digest={self.digest}"), 201)
        assert ok(self.call("GET", f"/v2/{self.name}/blobs/{self.digest}")).content == self.data


def kill_in_turn(cluster, over, kills):
    for name in itertools.cycle(["gateway-1", "gateway-2"]):
        if over.wait(KILL_EVERY):
            return
        cluster.kill(name)
        kills.append(name)
        cluster.up()


def test_round_robin_while_gateways_are_killed(cluster, user):
    """Every upload completes: so many, and more until each gateway was killed."""
    numbers, wrong, kills, over, uploaders = itertools.count(), [], [], threading.Event(), []

    def work():
        while True:
            number = next(numbers)
            if number >= UPLOADS and len(kills) >= 2:
                return
            try:
                uploader = Uploader(user, number)
                uploaders.append(uploader)
                uploader.push()
            except Exception as error:  # told below, by the test's own thread
                wrong.append(f"{number}: {error!r}")

    killer = threading.Thread(target=kill_in_turn, args=(cluster, over, kills))
    workers = [threading.Thread(target=work) for _ in range(3)]
    for thread in (killer, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    over.set()
    killer.join()
    cluster.up()
    print(f"{len(uploaders)} uploads, {len(kills)} kills, {sum(u.troubles for u in uploaders)} broken requests")
    assert not wrong
    assert len(uploaders) >= UPLOADS and any(uploader.troubles for uploader in uploaders)
    assert cluster.query("SELECT count(*) FROM chunk c JOIN blob b USING (gen) WHERE b.lost_at IS NOT NULL") == [(0,)]
