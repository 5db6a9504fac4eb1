"""Fixtures of the kind faults: a folder of failpoints, and a cluster that looks there."""

import pytest

from harness.failpoints import Failpoints

SETTINGS = {
    "keeper.reconcile_rate": 10000,
    "keeper.trash_window": 0,
    "keeper.restore_window": 0,
    "keeper.replace_after": "3s",
    "storage.scrub_age": "60s",
}


@pytest.fixture(scope="module")
def points():
    made = Failpoints()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cluster(start_cluster, points):  # pylint: disable=redefined-outer-name # that is how pytest's fixtures go
    made = start_cluster(storage=3, gateways=2, settings=SETTINGS)
    yield made
    for path in points.folder.iterdir():
        path.unlink()
    made.stop()
