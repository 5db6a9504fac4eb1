"""Every process is killed with -9 at random moments of a load: nothing acknowledged is lost or wrong.

Five rounds; tests/run soak:kill makes a hundred (PACKHOUSE_TEST_KILLS, PACKHOUSE_TEST_SEED).
"""

import os
import random
import time

import pytest

from harness.load import Load
from harness.whole import assert_clean, wait_until_whole

TAKES_LONG = True

KILLS = int(os.environ.get("PACKHOUSE_TEST_KILLS", "5"))
SEED = os.environ.get("PACKHOUSE_TEST_SEED") or str(random.randrange(10**9))
CLIENTS = 6


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=3, gateways=2, settings={"keeper.reconcile_rate": 10000})
    yield made
    made.stop()


def test_kill_rounds(cluster, user):
    print(f"\nseed {SEED}")
    chance = random.Random(SEED)
    with Load(user, CLIENTS, SEED, largest=20 << 20, breaks=True) as load:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.3, 3))
            for name in chance.sample(sorted(cluster.pids()), chance.choice([1, 1, 1, 2])):
                cluster.kill(name)
                time.sleep(chance.uniform(0, 0.5))
            cluster.up()
            load.assert_right()
    print(load.counts())
    assert all(client.counts["pushed"] > 0 for client in load.clients)
    load.pull_everything()
    wait_until_whole(cluster)
    assert_clean(cluster)
