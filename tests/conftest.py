"""Fixtures of all tests that talk to real clusters: see harness/README.md."""

import contextlib
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness import openapi  # noqa: E402
from harness.cluster import Cluster  # noqa: E402

openapi.watch()


def pytest_addoption(parser):
    parser.addoption("--build-dir", default=str(HERE.parent / "build/release"), help="where the programs were built")


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: part of the kind asan, which runs it with sanitized programs")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed:
        item.session.packhouse_failed = True


@pytest.fixture(scope="session")
def start_cluster(request):
    """start_cluster(storage=1, set={…}) starts one more cluster; all end with the session.

    The folders of a session with a failed test are kept, for their logs.
    """
    clusters = []

    def start(**options):
        cluster = Cluster(request.config.getoption("--build-dir"), **options)
        clusters.append(cluster)
        cluster.up()
        return cluster

    yield start
    with contextlib.ExitStack() as ends:  # all of them, also after one that fails
        for cluster in clusters:
            ends.callback(cluster.down, purge=not getattr(request.session, "packhouse_failed", False))


@pytest.fixture(scope="session")
def shared_cluster(start_cluster):
    """Of a run's modules that say SHARES_CLUSTER = True: they leave its processes and settings alone."""
    return start_cluster(storage=3, gateways=2, settings={"keeper.downloads_interval": "500ms"})


@pytest.fixture(scope="module")
def cluster(request, start_cluster):
    """Three storage daemons, two gateways: a module's own, so that it may kill what it likes, unless it shares."""
    if getattr(request.module, "SHARES_CLUSTER", False):
        yield request.getfixturevalue("shared_cluster")
        return
    made = start_cluster(storage=3, gateways=2)
    yield made
    made.stop()


@pytest.fixture
def user(cluster):
    """A new account with a token that may write packages."""
    return cluster.new_user()
