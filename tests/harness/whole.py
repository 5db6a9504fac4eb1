"""Is a cluster whole: every copy where it belongs, rows and disks agreeing, nothing owed?"""

import json
import subprocess
import time


def wait_for(what, happened, seconds=180):
    """A bound for what would never happen; what takes how long is not tested."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"after {seconds} s: {what}"
        time.sleep(0.2)


def number(cluster, statement, *values):
    return cluster.query(statement, *values)[0][0]


def wait_until_whole(cluster, seconds=300):
    """Nothing is owed, and every daemon that started was compared."""
    wait_for("partitions are owed", lambda: number(
        cluster, "SELECT (SELECT count(*) FROM partition_owes) + (SELECT count(*) FROM node"
        " WHERE retired_at IS NULL AND incarnation <> compared_incarnation)") == 0, seconds)


def wait_for_copies(cluster, *names):
    """Each of these daemons holds every chunk, and nothing else."""
    wait_for(f"{names} do not hold everything, or too much", lambda: all(
        cluster.metrics(name)["packhouse_storage_bad_chunks"] == 0
        and cluster.metrics(name)["packhouse_storage_chunks"] == number(
            cluster, "SELECT count(DISTINCT (digest, gen)) FROM chunk") for name in names))


def check(cluster, *options):
    """Exit status of packhouse-metadb check, and what it found."""
    command = [cluster.dir / "bin/packhouse-metadb", "check", "--json", *options,
               f"--config={cluster.dir}/packhouse.conf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def assert_clean(cluster):
    status, report = check(cluster)
    assert status == 0 and report["clean"], report
    assert report["partitions"] == 16384
    assert report["warnings"] == {"postgresql_has_no_synchronous_standby": 1, "partition_owes_copies": 0}


def assert_mended(cluster, load):
    """What the load knows is there; nothing is owed or bad; each node has exactly the pairs that the rows name."""
    load.pull_everything()
    wait_until_whole(cluster)
    names = [f"storage-{n + 1}" for n in range(cluster.storage)]
    wait_for("bad copies were not replaced", lambda: not any(
        cluster.metrics(name)["packhouse_storage_bad_chunks"] for name in names))
    wait_until_whole(cluster)  # the debt is paid by the comparison after the one that replaced them
    assert_clean(cluster)
    load.pull_everything()
