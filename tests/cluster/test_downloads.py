"""Pulls are counted: each once, for what was asked, by the day; none waits for it."""

import concurrent.futures
import datetime
import json
import threading
import time

import pytest

from harness.people import Person, enroll, invalid, refused
from harness.registry import INDEX, MANIFEST, descriptor, digest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

PULLS, THREADS = 1000, 10


@pytest.fixture(name="person", scope="module")
def a_person(cluster):
    return Person(cluster)


def path(person, name, more=""):
    return f"users/{person.login}/packages/container/{name}{more}"


def version(person, name, digest):
    [found] = [one for one in person.get(path(person, name, "/versions")) if one["name"] == digest]
    return found


def until(look, wanted):
    """What was counted is appended and added up in the background."""
    deadline = time.monotonic() + 120
    while look() != wanted:
        assert look() <= wanted, "counted twice"
        assert time.monotonic() < deadline, f"{look()}, not {wanted}"
        time.sleep(0.2)


class LockWatch:
    """Looks all the time for statements of pulls, or about them, that wait for another one's lock."""

    SQL = ("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
           "AND (application_name LIKE 'gateway-%' OR query LIKE '%download%')")

    def __init__(self, cluster):
        self.connection, self.seen, self.looks, self.ends = cluster.database(), [], 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        with self.connection.cursor() as cursor:
            while not self.ends.is_set():
                cursor.execute(self.SQL)
                self.seen += cursor.fetchall()
                self.looks += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        self.connection.close()


def test_a_thousand_at_once_are_a_thousand(cluster, person):
    """Of one tag, over two gateways; nothing waits for a lock."""
    name = f"{person.login}/many"
    digest = digest_of(person.registry().push_image(name, "v1", [b"1"]))

    def pull(number):
        registry = person.registry(1 + number % 2)
        for _ in range(PULLS // THREADS):
            ok(registry.manifest(name, "v1"), 200)

    with LockWatch(cluster) as locks, concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(pull, range(THREADS)))
        until(lambda: version(person, "many", digest)["download_count"], PULLS)
    assert locks.looks > 10 and locks.seen == []
    package = person.get(path(person, "many"))
    assert package["download_count"] == PULLS
    assert package["last_downloaded_at"] == version(person, "many", digest)["last_downloaded_at"]
    tag = person.get(path(person, "many", "/tags/v1/downloads"))
    assert sum(day["download_count"] for day in tag["days"]) == PULLS


def test_what_counts_as_what(person):
    name = f"{person.login}/kinds"
    registry = person.registry()
    digest = digest_of(registry.push_image(name, "v1", [b"1"]))
    other = digest_of(registry.push_image(name, "v2", [b"2"]))
    assert version(person, "kinds", digest)["last_downloaded_at"] is None
    manifests = f"/v2/{name}/manifests/"
    for _ in range(3):
        ok(registry.call("HEAD", manifests + "v1"), 200)
        ok(registry.call("HEAD", manifests + digest), 200)  # counts nowhere
    for reference in ("v1", digest):
        assert registry.call("GET", manifests + reference, headers={"If-None-Match": f'"{digest}"'}).status_code == 304
        assert registry.call("GET", manifests + "none").status_code == 404
    registry.pull_image(name, "v1")
    registry.pull_image(name, digest)
    registry.pull_image(name, digest)
    ok(registry.put_manifest(name, "v1", registry.manifest(name, "v2").content), 201)  # the tag moves
    registry.pull_image(name, "v1")
    until(lambda: person.get(path(person, "kinds"))["download_count"], 5)
    first, second = version(person, "kinds", digest), version(person, "kinds", other)
    assert (first["download_count"], second["download_count"]) == (3, 2)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    for more in ("/downloads", f"/versions/{first['id']}/downloads", "/tags/v1/downloads"):
        found = person.get(path(person, "kinds", more + "?days=3"))["days"]
        assert len(found) == 3 and 0 <= (today - datetime.date.fromisoformat(found[-1]["day"])).days <= 1
    tag = person.get(path(person, "kinds", "/tags/v1/downloads"))
    assert tag["tag"] == "v1" and len(tag["days"]) == 30
    assert [sum(day[what] for day in tag["days"]) for what in ("download_count", "check_count")] == [2, 4]
    assert person.get(path(person, "kinds", f"/versions/{first['id']}")) == first


def test_days_are_apart(cluster, person):
    name = f"{person.login}/days"
    digest = digest_of(person.registry().push_image(name, "v1", [b"1"]))
    person.registry().pull_image(name, "v1")
    until(lambda: version(person, "days", digest)["download_count"], 1)
    found = version(person, "days", digest)
    cluster.query("UPDATE download_version_day SET day = day - 2 WHERE manifest_id = %s RETURNING 1", found["id"])
    person.registry().pull_image(name, digest)
    until(lambda: version(person, "days", digest)["download_count"], 2)
    days = person.get(path(person, "days", f"/versions/{found['id']}/downloads?days=4"))["days"]
    assert sorted(day["download_count"] for day in days) == [0, 0, 1, 1]
    assert person.get(path(person, "days", f"/versions/{found['id']}/downloads?days=1"))["download_count"] == 2


def test_what_is_refused(person):
    name = f"{person.login}/refused"
    person.registry().push_image(name, "v1", [b"1"])
    for days in ("0", "367", "x", "", "-1", "1" * 30):
        invalid(person.ask("GET", path(person, "refused", f"/downloads?days={days}")), "days", "invalid")
    refused(person.ask("GET", path(person, "refused", "/tags/v2/downloads")), 404, "Tag not found.")
    refused(person.ask("GET", path(person, "refused", "/tags/-/downloads")), 404, "Tag not found.")
    for number in ("0", "x", "999999999"):
        refused(person.ask("GET", path(person, "refused", f"/versions/{number}/downloads")), 404,
                "Package version not found.")
    refused(Person(person.cluster).ask("GET", path(person, "refused", "/downloads")), 404, "Package not found.")


def test_what_is_popular_stays_unless_an_owner_insists(cluster, person):
    """More than 5,000 pulls of what is public."""
    admin, org = Person(cluster), f"{person.login}-house"
    cluster.new_organization(org, person.login)
    enroll(cluster, org, admin.login)
    registry = person.registry()
    child = registry.push_image(f"{org}/liked", "v2", [b"2"])
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(child, MANIFEST)]}).encode()
    ok(registry.put_manifest(f"{org}/liked", "v1", index, INDEX), 201)
    registry.push_image(f"{org}/liked", "v3", [b"3"])
    liked = f"orgs/{org}/packages/container/liked"
    ok(person.ask("PUT", f"{liked}/access/users/{admin.login}", {"role": "admin"}), 200, 201, 204)
    ok(person.ask("PUT", f"{liked}/visibility", {"visibility": "public"}), 200)
    ids = {one["name"]: one["id"] for one in person.get(f"{liked}/versions")}
    cluster.query("INSERT INTO download (package_id, manifest_id, day, downloads, checks, last_at) "
                  "SELECT package_id, id, current_date, 5001, 0, now() FROM manifest WHERE id = %s RETURNING 1",
                  ids[digest_of(index)])
    until(lambda: person.get(liked)["download_count"], 5001)
    along = f"{liked}/versions/{ids[digest_of(child)]}?dependents=cascade"  # the index goes with it
    for what in (f"{liked}?", f"{liked}/versions/{ids[digest_of(index)]}?", along):
        for who, more in ((person, ""), (admin, ""), (admin, "&popular=true")):
            refused(who.ask("DELETE", what + more), 400, "with more than 5000 downloads cannot be deleted.")
        invalid(person.ask("DELETE", f"{what}&popular=maybe"), "popular", "invalid")
    many = {"kinds": ["index"], "dry_run": True}
    for who, more in ((person, {}), (admin, {"popular": True})):
        answer = ok(who.ask("POST", f"{liked}/versions/delete", {**many, **more}), 200).json()
        assert [one["reason"] for one in answer["refused"]] == ["popular"] and answer["deleted"] == []
    answer = ok(person.ask("POST", f"{liked}/versions/delete", {**many, "popular": True}), 200).json()
    assert [one["id"] for one in answer["deleted"]] == [ids[digest_of(index)]]
    ok(person.ask("DELETE", f"{along}&popular=true"), 204)
    assert len(person.get(f"{liked}/versions")) == 1
    ok(admin.ask("DELETE", liked), 204)
