"""Tags of a package in REST: who set which one when, in two orders, and set or deleted without a push."""

import itertools

import pytest

from harness.people import Person, invalid, links, refused, walk
from harness.registry import digest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

names = (f"tagged-{number}" for number in itertools.count(1))


class Package:
    """Somebody's, with two versions: the older one is `b`, the newer one `a` and has a signature."""

    def __init__(self, cluster):
        self.owner, self.name = Person(cluster), next(names)
        self.full, self.registry = f"{self.owner.login}/{self.name}", self.owner.registry()
        self.path = f"user/packages/container/{self.name}"
        self.old = digest_of(self.registry.push_image(self.full, "b", [b"1"]))
        self.new = digest_of(self.registry.push_image(self.full, "a", [b"2"]))
        self.signature = f"{self.new.replace(':', '-')}.sig"
        self.registry.push_image(self.full, self.signature, [b"3"])

    def tags(self, query=""):
        return [one["name"] for one in walk(self.owner, f"{self.path}/tags?per_page=2{query}")]

    def put(self, tag, status, **body):
        return ok(self.owner.ask("PUT", f"{self.path}/tags/{tag}", body), status).json()


@pytest.fixture(scope="module")
def package(cluster):
    return Package(cluster)


def test_tags_by_name_and_by_age_page_by_page(package):
    assert package.tags() == ["a", "b", package.signature]
    assert package.tags("&direction=desc") == [package.signature, "b", "a"]
    assert package.tags("&sort=updated") == [package.signature, "a", "b"]
    assert package.tags("&sort=updated&direction=asc") == ["b", "a", package.signature]
    answer = ok(package.owner.ask("GET", f"{package.path}/tags?per_page=2"), 200)
    assert links(answer)["last"].endswith("page=2")
    for name in ("sort", "direction"):
        invalid(package.owner.ask("GET", f"{package.path}/tags?{name}=x"), name, "invalid")


def test_a_tag_says_who_set_it_and_leads_to_its_version(cluster):
    package = Package(cluster)
    tag = package.owner.get(f"{package.path}/tags/a")
    assert tag["digest"] == package.new and tag["updated_by"]["login"] == package.owner.login
    assert tag["created_at"] == tag["updated_at"]
    version = package.owner.get(f"{package.path}/versions/{tag['version_id']}")
    assert version["name"] == package.new and tag["version_url"] == version["url"]
    refused(package.owner.ask("GET", f"{package.path}/tags/c"), 404, "Tag not found.")
    ok(package.owner.ask("PUT", f"{package.path}/visibility", {"visibility": "public"}), 200)
    other = Person(cluster)
    shown = other.get(f"users/{package.owner.login}/packages/container/{package.name}/tags/a")
    assert shown["updated_by"] is None and shown["digest"] == package.new


def test_a_tag_is_set_as_by_a_push(cluster):
    package = Package(cluster)
    old = package.owner.get(f"{package.path}/tags/b")
    assert package.put("c", 201, digest=package.old)["version_id"] == old["version_id"]
    assert package.put("a", 200, version_id=old["version_id"])["digest"] == package.old
    assert package.put("a", 200, digest=package.old)["digest"] == package.old
    assert package.registry.tags(package.full) == ["a", "b", "c", package.signature]
    package.registry.pull_image(package.full, "c")
    rows = cluster.query("SELECT a.action, a.detail ->> 'tags' FROM audit a JOIN manifest m USING (package_id)"
                         " WHERE m.id = %s ORDER BY a.id DESC LIMIT 2", old["version_id"])
    assert rows == [("manifest.push", '["a"]'), ("manifest.push", '["c"]')]


def test_what_is_no_tag_or_no_version_is_refused(package):
    ask, path = package.owner.ask, f"{package.path}/tags"
    version = package.owner.get(f"{path}/b")["version_id"]
    for body, field, code in (({}, "digest", "missing_field"), ({"digest": "x"}, "digest", "invalid"),
                              ({"version_id": "1"}, "version_id", "invalid"),
                              ({"version_id": 0}, "version_id", "invalid"),
                              ({"version_id": version, "digest": package.old}, "version_id", "invalid")):
        invalid(ask("PUT", f"{path}/c", body), field, code)
    invalid(ask("PUT", f"{path}/-c", {"digest": package.old}), "tag", "invalid")
    invalid(ask("PUT", f"{path}/{'c' * 129}", {"digest": package.old}), "tag", "invalid")
    for body in ({"version_id": version + 100000}, {"digest": f"sha256:{'0' * 64}"}):
        refused(ask("PUT", f"{path}/c", body), 404, "Package version not found.")
    assert package.tags() == ["a", "b", package.signature]


def test_a_deleted_version_gets_no_tag(cluster):
    package = Package(cluster)
    version = package.owner.get(f"{package.path}/tags/b")["version_id"]
    ok(package.owner.ask("DELETE", f"{package.path}/versions/{version}"), 204)
    for body in ({"version_id": version}, {"digest": package.old}):
        refused(package.owner.ask("PUT", f"{package.path}/tags/c", body), 404, "Package version not found.")


def test_a_tag_is_deleted_alone(cluster):
    package = Package(cluster)
    ok(package.owner.ask("DELETE", f"{package.path}/tags/a"), 204)
    refused(package.owner.ask("DELETE", f"{package.path}/tags/a"), 404, "Tag not found.")
    ok(package.registry.manifest(package.full, package.new), 200)
    assert package.tags() == ["b", package.signature]
