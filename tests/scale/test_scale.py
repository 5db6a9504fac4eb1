"""What clients ask of a registry with 100,000 packages, a million versions and a million tags costs a page.

Cost are the pages of the database that the statements of one request touch (pg_stat_statements), in memory or not;
times are only told. PACKHOUSE_TEST_PACKAGES: how many packages.
"""

import os
import time

import pytest
import requests

from harness.cluster import Stopped
from harness.people import Person
from harness.registry import ok, random_bytes

from .asks import ASKS, BULK, DRY_RUN, PACKAGE
from .world import fill

PACKAGES = int(os.environ.get("PACKHOUSE_TEST_PACKAGES", "100000"))
TOUCHED = """SELECT shared_blks_hit + shared_blks_read, calls, total_exec_time, query FROM pg_stat_statements
    WHERE queryid <> ALL (%s) AND query NOT LIKE '%%pg_stat_statements%%' ORDER BY 1 DESC"""


class Meter:
    """What one request costs."""

    def __init__(self, cluster):
        self.cursor = cluster.database(superuser=True).cursor()
        self.cursor.execute("CREATE EXTENSION pg_stat_statements")
        self.cursor.execute("SELECT pg_stat_statements_reset()")
        time.sleep(20)  # what gateways ask by themselves, every few seconds
        self.cursor.execute("SELECT coalesce(array_agg(queryid), '{}') FROM pg_stat_statements")
        [[self.idle]] = self.cursor.fetchall()
        self.lines = []
        self.dear = []

    def cost(self, name, ask, most):
        """The answer of a request whose statements touch at most so many pages."""
        self.cursor.execute("SELECT pg_stat_statements_reset()")
        begin = time.monotonic()
        answer = ask()
        took = 1000 * (time.monotonic() - begin)
        self.cursor.execute(TOUCHED, [self.idle])
        statements = self.cursor.fetchall()
        touched = sum(row[0] for row in statements)
        inside = sum(row[2] for row in statements)
        text = (f"{touched:8} of {most:6} pages {took:8.1f} ms, {inside:8.1f} in {sum(row[1] for row in statements):4} "
                f"statements: {name}")
        self.lines.append(text)
        if touched > most:
            self.dear.append(f"{text}\n    {statements[0]}")
        return ok(answer, 200)

    def assert_cheap(self):
        dear, self.dear = self.dear, []
        assert dear == [], "\n".join(dear)


class World:
    def __init__(self, cluster):
        self.cluster = cluster
        self.people = {name: Person(cluster) for name in ("ada", "bob", "eve")}
        cluster.new_organization("big", self.people["ada"].login)
        blobs = [self.people["ada"].registry().push_blob("big/blobs", random_bytes(100, i)) for i in range(32)]
        ids = {name: cluster.query("SELECT id FROM account WHERE login = %s", login)[0][0]
               for name, login in [("big", "big"), *((name, who.login) for name, who in self.people.items())]}
        fill(cluster, ids, blobs, PACKAGES)
        [[referred]] = cluster.query(
            "SELECT encode(subject_digest, 'hex') FROM manifest WHERE subject_digest IS NOT NULL LIMIT 1")
        [[small]] = cluster.query("SELECT name FROM package WHERE namespace_id = %s AND name ~ '^i' AND deleted_at "
                                  "IS NULL ORDER BY id OFFSET %s LIMIT 1", ids["big"], PACKAGES // 4)
        [[self.open]] = cluster.query("SELECT name FROM package WHERE namespace_id = %s AND visibility = 2 AND name ~ "
                                      "'^i' AND deleted_at IS NULL ORDER BY id LIMIT 1", ids["big"])
        self.words = {"REFERRED": "sha256:" + referred, "SMALL": small, "OPEN": self.open}
        self.anonymous = requests.get(f"{cluster.url()}/token?scope=repository:big/{self.open}:pull", timeout=120)
        self.wait_for_counts()

    def wait_for_counts(self):
        deadline = time.monotonic() + 1800
        while self.cluster.query("SELECT id FROM version_count_place") != self.cluster.query(
                "SELECT max(id) FROM manifest"):
            assert time.monotonic() < deadline, "the keeper does not count"
            time.sleep(1)

    def ask(self, who, path, method="GET", body=None):
        """REST, or the registry."""
        for word, meaning in self.words.items():
            path = path.replace(word, meaning)
        headers, auth = {}, None
        if who == "admin":
            headers = {"Authorization": "token " + self.cluster.env["PACKHOUSE_ADMIN_TOKEN"]}
        elif path.startswith("/api/"):
            headers = {"Authorization": f"token {self.people[who].token}"}
        elif who == "anonymous":
            headers = {"Authorization": "Bearer " + self.anonymous.json()["token"]}
        else:
            auth = (self.people[who].login, self.people[who].token)
        return requests.request(method, self.cluster.url() + path, timeout=300, headers=headers, auth=auth, json=body)


@pytest.fixture(scope="module")
def world(start_cluster):
    cluster = start_cluster(storage=1, replicas=1, gateways=1, workers=1)
    cluster.database(superuser=True).cursor().execute(
        "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    cluster.stop()
    cluster.up()
    return World(cluster)


@pytest.fixture(scope="module")
def meter(world):
    with Stopped(world.cluster, "metadb"):
        made = Meter(world.cluster)
        yield made
        print("\n" + "\n".join(made.lines))


def test_a_page_costs_a_page(world, meter):
    for most, who, path in ASKS:
        for _ in range(2):  # the second time with statements that are known
            meter.cost(f"{who} {path}", lambda: world.ask(who, path), most)
    meter.assert_cheap()


def test_a_dry_run_costs_a_page(world, meter):
    for package, body in BULK:
        path = f"{PACKAGE}{package}/versions/delete"
        answer = meter.cost(f"ada {path} {body}", lambda: world.ask("ada", path, "POST", {**body, "dry_run": True}),
                            DRY_RUN)
        if answer.json()["cursor"] is not None:
            again = {**body, "dry_run": True, "cursor": answer.json()["cursor"]}
            meter.cost("    the page behind it", lambda: world.ask("ada", path, "POST", again), DRY_RUN)
    meter.assert_cheap()


def test_versions_are_counted(world):
    for name in ("images", "indexes", "deleted", "referrers", "t1", "SMALL"):
        package = ok(world.ask("ada", PACKAGE + name), 200).json()
        [[there]] = world.cluster.query("SELECT count(*) FROM manifest WHERE package_id = %s AND deleted_at IS NULL",
                                        package["id"])
        assert package["version_count"] == there


def test_rows_agree(world):
    told = world.cluster.metadb("check", timeout=3600)
    print(told)
