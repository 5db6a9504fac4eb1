"""Daemons from which nothing comes any more while their connections stand: stopped, or their packets are lost.

Ten seconds of it; tests/run soak:silence makes a minute (PACKHOUSE_TEST_SILENCE).
"""

import os
import signal
import time

import pytest

from harness.cable import Cable, may_lay
from harness.load import Load
from harness.whole import assert_mended, number

TAKES_LONG = True

SECONDS = int(os.environ.get("PACKHOUSE_TEST_SILENCE", "10"))
SETTINGS = {"keeper.reconcile_rate": 10000, "keeper.trash_window": 0, "keeper.restore_window": 0}


@pytest.fixture(scope="module")
def cable():
    """None where there can be none."""
    made = Cable() if may_lay() else None
    yield made
    if made is not None:
        made.close()


@pytest.fixture(scope="module")
def cluster(start_cluster, cable):
    made = start_cluster(storage=3, gateways=2, settings={**SETTINGS, **(cable.settings() if cable else {})})
    if cable:
        cable.move(made, "storage-2")
    yield made
    made.stop()


def live_on(cluster, load, **wanted):
    """For the whole time."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        load.await_more(**wanted)
    assert number(cluster, "SELECT count(*) FROM partition_owes") > 0


def test_a_stopped_daemon(cluster, user):
    with Load(user, clients=2, largest=256 << 10) as load:
        load.await_more(pushed=3)
        cluster.kill("storage-1", signal.SIGSTOP)
        try:
            live_on(cluster, load, pushed=5, pulled=5)
            assert load.counts()["refused"] == load.counts()["broken"] == 0
            cluster.kill("storage-3", signal.SIGSTOP)
            load.await_more(refused=5, pulled=5)
        finally:
            for name in ("storage-1", "storage-3"):
                cluster.kill(name, signal.SIGCONT)
        load.await_more(pushed=5, pulled=5)
    assert_mended(cluster, load)


def test_lost_packets(cluster, cable, user):
    if cable is None:
        pytest.skip("only root in a network of its own can lose packets")
    with Load(user, clients=2, largest=256 << 10) as load:
        load.await_more(pushed=3, pulled=3)
        cable.cut()
        live_on(cluster, load, pushed=5, pulled=5)
        cable.mend()
        load.await_more(pushed=5, pulled=5)
    assert load.counts()["refused"] == load.counts()["broken"] == 0
    assert_mended(cluster, load)
