"""What waits in connections of HTTP/2 is bounded: uploads by windows, downloads by what their client takes."""

import pytest

from harness.cluster import Stopped
from harness.frames import DATA, Frames, assert_works, frame, running
from harness.memory import Watch
from harness.registry import random_bytes
from harness.whole import wait_for

TAKES_LONG = True

STREAMS = 20
OCTETS = ("content-type", "application/octet-stream")
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, tls=True, workers=1, settings={"gateway.progress_timeout": "20s"})
    yield made
    made.stop()


def send_all_it_may(h2, streams, data):
    """Frame by frame over the streams, until the windows are used up, or the server does not read; bytes sent."""
    sent = 0
    h2.socket.settimeout(0.5)
    try:
        while h2.take():
            able = [stream for stream in streams if h2.windows[stream] >= 16384]
            if not able or h2.window < 16384:
                break
            for stream in able[:h2.window // 16384]:
                h2.send(frame(DATA, 0, stream, data[:16384]))
                h2.window -= 16384
                h2.windows[stream] -= 16384
                sent += 16384
    except OSError:
        pass
    return sent


def test_windows_bound_what_waits(cluster, user):
    """Uploads that nobody stores yet, more than fit into memory, and downloads that nobody reads: both wait."""
    name, data = f"{user.login}/stalled", random_bytes(4 * MIB)
    registry = user.registry()
    digest = registry.push_blob(name, data)
    with Watch(cluster) as watch:
        many = [Frames(cluster, user=user, greedy=False) for _ in range(16)]
        for h2 in many:
            for _ in range(STREAMS // 2):
                h2.request("GET", f"/v2/{name}/blobs/{digest}", end=True)
        uploads = [[h2.request("PATCH", registry.start_upload(name), [OCTETS]) for _ in range(STREAMS // 2)]
                   for h2 in many]
        with Stopped(cluster, "storage-1"):
            sent = sum(send_all_it_may(h2, streams, data) for h2, streams in zip(many, uploads))
        assert sent > 32 * MIB
        for h2 in many:
            h2.socket.close()
    watch.check(256 * MIB)
    wait_for("requests go on", lambda: running(cluster) == 0)
    assert_works(cluster, user)
