"""deploy/up and deploy/down: no-ops, kept options, what is killed comes back, what dies is named."""

import re
import signal
import stat
import subprocess

import pytest

from harness.cluster import ROOT, is_alive
from harness.registry import random_bytes
from harness.run import Failed, run


def test_second_start_changes_nothing(cluster):
    before = cluster.pids()
    said = cluster.up()
    assert "starting" not in said
    assert cluster.pids() == before


def test_folder(cluster):
    assert stat.S_IMODE((cluster.dir / "packhouse.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((cluster.dir / "packhouse.conf").stat().st_mode) == 0o600
    names = {"postgres", "metadb", "gateway-1", "gateway-2", "storage-1", "storage-2", "storage-3"}
    assert set(cluster.pids()) == names
    for name in names:
        assert (cluster.dir / "log" / f"{name}.log").exists()
    for name in names - {"metadb", "gateway-1", "gateway-2"}:
        assert (cluster.dir / "data" / name).is_dir()


@pytest.mark.parametrize("options, complaint", [
    (["--storage", "4"], "--storage 4"),
    (["--port", "1"], "--port"),
    (["--tls"], "--tls"),
    (["--gateways", "0"], "--gateways"),
    (["--no-such-option"], "--no-such-option"),
])
def test_refusals(cluster, options, complaint):
    with pytest.raises(Failed, match=re.escape(complaint)):
        run(ROOT / "deploy/up", *cluster.common, *options)
    assert all(is_alive(pid) for pid in cluster.pids().values())


@pytest.mark.asan
def test_all_killed_all_back(cluster, user):
    layers = [random_bytes(5 << 20)]
    pushed = user.registry().push_image(f"{user.login}/kept", "v1", layers)
    for name in cluster.pids():
        cluster.kill(name)
    cluster.up()
    assert user.registry().pull_image(f"{user.login}/kept", "v1") == (pushed, layers)


def test_stop_and_start(cluster, user):
    layers = [random_bytes(1 << 20)]
    pushed = user.registry().push_image(f"{user.login}/stopped", "v1", layers)
    pids = cluster.pids()
    cluster.stop()
    assert not any(is_alive(pid) for pid in pids.values())
    cluster.up()
    assert user.registry().pull_image(f"{user.login}/stopped", "v1") == (pushed, layers)


def read_until(words, process):
    """What it says up to the line with these words."""
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def start_up(*options):
    return subprocess.Popen([str(word) for word in (ROOT / "deploy/up", *options)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def test_a_process_that_dies_while_up_waits_for_it(cluster):
    cluster.kill("gateway-2", signal.SIGSTOP)
    up = start_up(*cluster.common)
    said = read_until("still waiting for gateway-2", up)
    cluster.kill("gateway-2")
    said += up.communicate(timeout=180)[0]
    assert up.returncode == 1 and "gateway-2 ended instead of getting ready" in said
    cluster.up()


def test_in_the_foreground_what_dies_is_named(cluster):
    up = start_up(*(word for word in cluster.common if word != "--detach"))
    read_until("following the logs", up)
    cluster.kill("storage-2")
    read_until("storage-2 has ended", up)
    pids = cluster.pids()
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=180)
    assert up.returncode == 0 and not any(is_alive(pid) for pid in pids.values())
    cluster.up()
