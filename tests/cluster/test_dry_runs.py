"""A dry run of a deletion by conditions tells, over all its pages, what the deletion then does."""

import hashlib
import json
import os
import random

import pytest

from harness.people import Person
from harness.registry import INDEX, MANIFEST, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

EVER = "2999-01-01T00:00:00Z"
CASES = [
    {"older_than": EVER}, {"older_than": EVER, "keep": 3}, {"tags": ["v*"]}, {"tags": ["v1*", "v2*"], "keep": 1},
    {"untagged": True}, {"kinds": ["index"]}, {"kinds": ["image"]}, {"kinds": ["child"]}, {"kinds": ["index", "child"]},
    {"kinds": ["image", "signature"], "keep": 2}, {"older_than": EVER, "force": True},
    {"last_pulled_before": EVER, "keep": 5},
]
ROUNDS = int(os.environ.get("PACKHOUSE_TEST_ROUNDS", "1"))
MODES = ("defer", "refuse", "cascade")


class Store:
    """A user whose packages are written straight into the database."""

    def __init__(self, cluster):
        self.owner = Person(cluster)
        self.database = cluster.database()
        self.cursor = self.database.cursor()
        self.owner_id = self.row("SELECT id FROM account WHERE login = %s", self.owner.login)

    def row(self, statement, *values):
        self.cursor.execute(statement, values)
        return self.cursor.fetchone()[0]

    def package(self, name, chance):
        """Twenty-odd versions: images, indexes of earlier ones, and what is about them."""
        package = self.row("INSERT INTO package (namespace_id, name, publisher_id, published_at, tagged_at) "
                           "VALUES (%s, %s, %s, now(), now()) RETURNING id", self.owner_id, name, self.owner_id)
        there = []  # (id, digest)
        for number in range(24):
            what = chance.choices(("image", "index", "subject", "signature"), (6, 4, 1, 1))[0] if there else "image"
            body = json.dumps({"schemaVersion": 2, "n": f"{name} {number}"}).encode()
            digest = hashlib.sha256(body).digest()
            about = chance.choice(there)[1] if what in ("subject", "signature") else None
            made = self.row(
                "INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, pushed_by, bytes, "
                "variety, subject_algorithm, subject_digest) VALUES (%s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
                "RETURNING id",
                package, digest, 2 if what == "index" else 1, INDEX if what == "index" else MANIFEST, len(body),
                self.owner_id, body, 2 if what == "index" else 1, 1 if what == "subject" else None,
                about if what == "subject" else None)
            for _, child in chance.sample(there, min(len(there), 1 + chance.randrange(3))) if what == "index" else []:
                self.cursor.execute("INSERT INTO manifest_child VALUES (%s, %s, 1, %s)", [made, package, child])
            if what == "signature":
                self.tag(package, f"sha256-{about.hex()}.sig{number}", made)
            elif chance.random() < 0.4:
                self.tag(package, f"v{number}", made)
            there.append((made, digest))

    def tag(self, package, name, manifest):
        self.cursor.execute("INSERT INTO tag (package_id, name, manifest_id, updated_by, aside)"
                            " VALUES (%s, %s, %s, %s, NOT tag_counts(%s))",
                            [package, name, manifest, self.owner_id, name])

    def outcome(self, name, body):
        """What is told of all pages."""
        told, cursor = {"deleted": [], "deferred": [], "refused": []}, None
        while True:
            page = ok(self.owner.ask("POST", f"user/packages/container/{name}/versions/delete",
                                     {**body, **({"cursor": cursor} if cursor else {})}), 200).json()
            for part, ones in told.items():
                ones += [(one["id"], one.get("reason")) for one in page[part]]
            cursor = page["cursor"]
            if cursor is None:
                return told


@pytest.fixture(scope="module")
def store(cluster):
    return Store(cluster)


@pytest.mark.parametrize("mode", MODES)
def test_a_dry_run_is_what_happens(store, mode):
    happened = 0
    for number in range(len(CASES) * ROUNDS):
        case = CASES[number % len(CASES)]
        if "child" in case.get("kinds", []) and (mode == "cascade" or len(case["kinds"]) > 1):
            continue  # what is a child depends on where the pages of the deletion end
        chance = random.Random(f"{mode} {number}")
        name = f"{mode}-{number}"
        store.package(name, chance)
        body = {**case, "dependents": mode, "limit": chance.choice((3, 5, 7))}
        foreseen = store.outcome(name, {**body, "dry_run": True})
        done = store.outcome(name, body)
        assert foreseen == done, f"{name} {body}"
        happened += len(done["deleted"]) + len(done["deferred"]) + len(done["refused"])
    assert happened > 100


def test_what_is_about_each_other_in_a_circle_ends(store):
    """Tags say what is about what, also of two that are about each other."""
    package = store.row("INSERT INTO package (namespace_id, name, publisher_id, published_at, tagged_at) "
                        "VALUES (%s, 'circle', %s, now(), now()) RETURNING id", store.owner_id, store.owner_id)
    made = [(store.row("INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, pushed_by, bytes, "
                       "variety) VALUES (%s, 1, %s, 1, %s, 2, %s, '{}', 1) RETURNING id", package, digest, MANIFEST,
                       store.owner_id), digest)
            for digest in (hashlib.sha256(f"circle {n}".encode()).digest() for n in range(3))]
    for number, (which, _) in enumerate(made):
        store.tag(package, f"sha256-{made[number - 1][1].hex()}.sig", which)
    body = {"older_than": EVER, "dependents": "cascade", "limit": 1}
    foreseen = store.outcome("circle", {**body, "dry_run": True})
    assert foreseen == store.outcome("circle", body)
    assert {one for one, _ in foreseen["deleted"]} == {one for one, _ in made}
