"""Packages and their versions in REST: lists, pages, and who sees what."""

import itertools
import json

import pytest
import requests

from harness.people import Person, enroll, invalid, links, refused, walk
from harness.registry import INDEX, MANIFEST, descriptor, digest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

names = (f"versions-{number}" for number in itertools.count(1))
CONTAINERS = "packages?package_type=container"


def index_of(*images):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                       "manifests": [descriptor(image, MANIFEST) for image in images]}).encode()


class House:
    """An organization with an owner, a member and a stranger."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner, self.member, self.stranger = (Person(cluster) for _ in range(3))
        self.login = next(names)
        cluster.new_organization(self.login, self.owner.login)
        enroll(cluster, self.login, self.member.login)

    def push(self, name, tag="v1", layer=b"a layer"):
        """The digest of what was pushed."""
        return digest_of(self.owner.registry().push_image(f"{self.login}/{name}", tag, [layer]))

    def show(self, name, visibility):
        ok(self.owner.ask("PUT", f"orgs/{self.login}/packages/container/{name}/visibility",
                          {"visibility": visibility}), 200)

    def versions(self, name, path="", person=None, status=200):
        return (person or self.owner).get(f"orgs/{self.login}/packages/container/{name}/versions{path}", status)

    def listed(self, person, more="", prefix=None):
        return [one["name"] for one in person.get(f"{prefix or f'orgs/{self.login}'}/{CONTAINERS}{more}")]


@pytest.fixture(scope="module")
def house(cluster):
    house = House(cluster)
    for name in ("private", "internal", "public"):
        house.push(name)
        house.show(name, name)
    return house


def test_a_list_shows_what_its_reader_may_read_newest_first(house):
    assert house.listed(house.owner) == ["public", "internal", "private"]
    assert house.listed(house.member) == house.listed(house.stranger) == ["public", "internal"]
    assert house.listed(house.owner, "&visibility=private") == ["private"]
    assert house.listed(house.member, "&visibility=private") == []
    assert house.listed(house.stranger, "&visibility=internal") == ["internal"]
    ok(house.owner.ask("PUT", f"orgs/{house.login}/packages/container/private/access/users/{house.member.login}",
                       {"role": "read"}), 204, 200, 201)
    assert house.listed(house.member) == ["public", "internal", "private"]
    assert house.listed(house.member, prefix=f"users/{house.login}") == ["public", "internal", "private"]
    assert house.listed(house.member, prefix="user") == []
    [first] = house.owner.get(f"orgs/{house.login}/{CONTAINERS}&per_page=1")
    assert first == house.owner.get(f"orgs/{house.login}/packages/container/public")


def test_a_list_has_pages_and_bounds(house):
    whole = house.listed(house.owner)
    assert [one["name"] for one in walk(house.owner, f"orgs/{house.login}/{CONTAINERS}&per_page=1")] == whole
    assert house.listed(house.owner, "&page=100&per_page=100") == []
    refused(house.owner.ask("GET", f"orgs/{house.login}/{CONTAINERS}&page=101&per_page=100"), 400)
    invalid(house.owner.ask("GET", f"orgs/{house.login}/packages"), "package_type", "missing_field")
    invalid(house.owner.ask("GET", f"orgs/{house.login}/packages?package_type=deb"), "package_type", "invalid")
    invalid(house.owner.ask("GET", f"orgs/{house.login}/{CONTAINERS}&visibility=x"), "visibility", "invalid")
    assert house.owner.get(f"orgs/{house.login}/packages?package_type=npm") == []
    assert len(house.owner.get(f"orgs/{house.login}/packages?package_type=docker")) == len(whole)
    refused(house.owner.ask("GET", f"orgs/{house.owner.login}/{CONTAINERS}"), 404, "Not Found")
    refused(house.owner.ask("GET", f"users/nobody-at-all/{CONTAINERS}"), 404, "Not Found")


def test_a_list_needs_the_scope(house):
    weak = Person(house.cluster, ("read:org",))
    refused(weak.ask("GET", f"orgs/{house.login}/{CONTAINERS}"), 403, "read:packages")
    refused(weak.ask("GET", "user/docker/conflicts"), 403, "read:packages")
    assert house.owner.get(f"users/{house.login}/docker/conflicts") == []


def test_a_token_without_sign_on_lists_what_is_public(cluster):
    house = House(cluster)
    house.push("hidden")
    house.push("open")
    house.show("open", "public")
    cluster.query("UPDATE account SET sso_required = true WHERE login = %s RETURNING id", house.login)
    answer = ok(house.owner.ask("GET", f"orgs/{house.login}/{CONTAINERS}"), 200)
    assert [one["name"] for one in answer.json()] == ["open"]
    assert answer.headers["X-GitHub-SSO"].startswith("partial-results; organizations=")


def test_a_limited_token_lists_its_limits(house):
    token = ok(house.owner.ask("POST", "user/tokens", {"scopes": ["read:packages"], "limits": [
        {"namespace": house.login, "package": "private"}]}), 201).json()["token"]
    answer = ok(requests.get(f"{house.cluster.url()}/api/v3/orgs/{house.login}/{CONTAINERS}", timeout=120,
                             headers={"Authorization": f"token {token}"}), 200)
    assert [one["name"] for one in answer.json()] == ["public", "private"]


def without_pulls(*versions):
    """What was pulled is added up while a test looks."""
    return [{key: one[key] for key in one if key not in ("download_count", "last_downloaded_at")} for one in versions]


def test_versions_newest_first_with_tags_and_parents(house):
    name = f"{house.login}/many"
    registry = house.owner.registry()
    first = house.push("many", "one", b"1")
    ok(registry.put_manifest(name, "uno", registry.manifest(name, "one").content), 201)
    second = house.push("many", "two", b"2")
    index = index_of(registry.manifest(name, "two").content)
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    house.push("many", "two", b"3")
    third, whole, child, old = house.versions("many")
    assert [old["name"], child["name"], whole["name"]] == [first, second, digest_of(index)]
    assert [one["metadata"]["container"]["tags"] for one in (third, whole, child, old)] == [
        ["two"], ["all"], [], ["uno", "one"]]
    assert (whole["kind"], child["kind"], child["parents"], whole["parents"]) == (
        "index", "image", [whole["name"]], [])
    assert whole["size"] == len(index) and whole["media_type"] == INDEX
    assert without_pulls(house.versions("many", f"/{child['id']}")) == without_pulls(child)
    assert child["url"].endswith(f"/orgs/{house.login}/packages/container/many/versions/{child['id']}")
    assert child["html_url"].endswith(f"/orgs/{house.login}/packages/container/many/{child['id']}")
    assert child["package_html_url"].endswith(f"/orgs/{house.login}/packages/container/package/many")
    answer = ok(house.owner.ask("GET", f"users/{house.login}/packages/docker/many/versions?per_page=3"), 200)
    assert links(answer).keys() == {"next", "last"} and links(answer)["last"].endswith("page=2")
    assert without_pulls(*walk(house.owner, f"orgs/{house.login}/packages/container/many/versions?per_page=1")) == (
        without_pulls(third, whole, child, old))


def test_versions_are_for_readers_of_their_package(house):
    [version] = house.versions("private")
    refused(house.stranger.ask("GET", f"orgs/{house.login}/packages/container/private/versions"), 404,
            "Package not found.")
    for name, number in (("public", version["id"]), ("private", version["id"] + 1000), ("private", 0),
                         ("private", "x"), ("private", 10 ** 30)):
        refused(house.owner.ask("GET", f"orgs/{house.login}/packages/container/{name}/versions/{number}"), 404,
                "Package version not found.")
    assert house.versions("public", person=house.stranger)
    refused(house.stranger.ask("GET", f"orgs/{house.login}/packages/container/public/versions?state=deleted"), 403)
    invalid(house.owner.ask("GET", f"orgs/{house.login}/packages/container/public/versions?state=x"), "state",
            "invalid")


def version_of(house, name, digest, state="active"):
    [version] = [one for one in house.versions(name, f"?state={state}") if one["name"] == digest]
    return version


def test_a_version_is_deleted_and_restored_with_its_tags(house):
    name = f"{house.login}/restored"
    registry, digest = house.owner.registry(), house.push("restored", "old", b"1")
    ok(registry.put_manifest(name, "other", registry.manifest(name, "old").content), 201)
    house.push("restored", "new", b"2")
    version = version_of(house, "restored", digest)
    path = f"orgs/{house.login}/packages/container/restored/versions/{version['id']}"
    ok(house.owner.ask("DELETE", path), 204)
    refused(house.owner.ask("GET", path), 404, "Package version not found.")
    refused(house.owner.ask("DELETE", path), 404, "Package version not found.")
    assert registry.manifest(name, digest).status_code == 404 and registry.tags(name) == ["new"]
    gone = version_of(house, "restored", digest, "deleted")
    assert gone["id"] == version["id"] and gone["deleted_at"]
    assert sorted(gone["metadata"]["container"]["tags"]) == ["old", "other"]
    house.push("restored", "other", b"3")
    ok(house.owner.ask("POST", f"{path}/restore"), 204)
    refused(house.owner.ask("POST", f"{path}/restore"), 404, "Package version not found.")
    assert house.owner.get(path)["metadata"]["container"]["tags"] == ["old"]
    registry.pull_image(name, "old")
    assert house.versions("restored", "?state=deleted") == []


def test_the_last_tagged_version_stays(house):
    name = f"{house.login}/last"
    registry, digest = house.owner.registry(), house.push("last", "v1", b"1")
    signature = house.push("last", f"{digest.replace(':', '-')}.sig", b"2")
    path = f"orgs/{house.login}/packages/container/last/versions"
    last = version_of(house, "last", digest)
    refused(house.owner.ask("DELETE", f"{path}/{last['id']}"), 400,
            "You cannot delete the last tagged version of a package. You must delete the package instead.")
    registry.pull_image(name, "v1")
    ok(house.owner.ask("DELETE", f"{path}/{version_of(house, 'last', signature)['id']}"), 204)
    invalid(house.owner.ask("DELETE", f"{path}/{last['id']}?force=maybe"), "force", "invalid")
    ok(house.owner.ask("DELETE", f"{path}/{last['id']}?force=true"), 204)
    assert house.versions("last") == []


def tree_of(house, package):
    """A tagged index of a tagged image, and another image: digest of the image, the index, ids by digest, path."""
    name, registry = f"{house.login}/{package}", house.owner.registry()
    child = house.push(package, "child", b"1")
    index = index_of(registry.manifest(name, "child").content)
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    house.push(package, "other", b"2")
    return (child, index, {one["name"]: one["id"] for one in house.versions(package)},
            f"orgs/{house.login}/packages/container/{package}/versions")


def test_what_an_index_needs_goes_with_it_and_comes_back_with_it(house):
    child, index, ids, path = tree_of(house, "tree")
    name, registry, whole = f"{house.login}/tree", house.owner.registry(), digest_of(index)
    refused(house.owner.ask("DELETE", f"{path}/{ids[child]}?dependents=refuse"), 409, whole)
    invalid(house.owner.ask("DELETE", f"{path}/{ids[child]}?dependents=all"), "dependents", "invalid")
    told = ok(house.owner.ask("DELETE", f"{path}/{ids[child]}?dry_run=true"), 200).json()
    assert [one["name"] for one in told["deferred"] + told["needed_by"]] == [child, whole]
    ok(house.owner.ask("DELETE", f"{path}/{ids[child]}"), 204)
    refused(house.owner.ask("GET", f"{path}/{ids[child]}"), 404, "Package version not found.")
    gone = version_of(house, "tree", child, "deleted")
    assert gone["deferred"] is True and gone["parents"] == [whole]
    assert gone["metadata"]["container"]["tags"] == ["child"] and sorted(registry.tags(name)) == ["all", "other"]
    registry.pull_image(name, child)
    ok(house.owner.ask("DELETE", f"{path}/{ids[whole]}"), 204)
    assert registry.manifest(name, child).status_code == 404
    assert version_of(house, "tree", child, "deleted")["deferred"] is False
    ok(house.owner.ask("POST", f"{path}/{ids[whole]}/restore"), 204)
    assert ok(registry.manifest(name, "all"), 200).content == index
    registry.pull_image(name, child)
    actions = house.cluster.query("SELECT a.action FROM audit a JOIN manifest m USING (package_id) WHERE m.id = %s"
                                  " AND a.action LIKE 'manifest.de%%' ORDER BY a.id", ids[whole])
    assert actions == [("manifest.defer",), ("manifest.delete",), ("manifest.delete",)]


def test_what_waits_is_restored_alone(house):
    child, _index, ids, path = tree_of(house, "alone")
    ok(house.owner.ask("DELETE", f"{path}/{ids[child]}"), 204)
    ok(house.owner.ask("POST", f"{path}/{ids[child]}/restore"), 204)
    assert house.owner.get(f"{path}/{ids[child]}")["metadata"]["container"]["tags"] == ["child"]


def test_what_comes_back_with_an_index_has_its_tags(house):
    child, index, ids, path = tree_of(house, "named")
    name, registry = f"{house.login}/named", house.owner.registry()
    ok(registry.put_manifest(name, "taken", registry.manifest(name, "child").content), 201)
    for digest in (child, digest_of(index)):
        ok(house.owner.ask("DELETE", f"{path}/{ids[digest]}"), 204)
    house.push("named", "taken", b"3")
    ok(house.owner.ask("POST", f"{path}/{ids[digest_of(index)]}/restore"), 204)
    assert registry.tags(name) == ["all", "child", "other", "taken"]
    assert version_of(house, "named", child)["metadata"]["container"]["tags"] == ["child"]


def test_a_cascade_takes_indexes_and_signatures(house):
    child, index, ids, path = tree_of(house, "fall")
    signature = house.push("fall", f"{digest_of(index).replace(':', '-')}.sig", b"3")
    told = ok(house.owner.ask("DELETE", f"{path}/{ids[digest_of(index)]}?dry_run=true"), 200).json()
    assert [one["name"] for one in told["about"]] == [signature] and len(told["deleted"]) == 1
    told = ok(house.owner.ask("DELETE", f"{path}/{ids[child]}?dependents=cascade&dry_run=true"), 200).json()
    assert {one["name"] for one in told["deleted"]} == {child, digest_of(index), signature}
    assert len(house.versions("fall")) == 4
    ok(house.owner.ask("DELETE", f"{path}/{ids[child]}?dependents=cascade"), 204)
    assert [one["metadata"]["container"]["tags"] for one in house.versions("fall")] == [["other"]]


def many(house, package, status=200, **body):
    path = f"orgs/{house.login}/packages/container/{package}/versions/delete"
    return ok(house.owner.ask("POST", path, body), status).json()


def tags_of(part):
    return [one["tags"] for one in part]


def test_versions_are_deleted_by_conditions(house):
    child, index, _ids, path = tree_of(house, "bulk")
    for number in range(4):
        digest = house.push("bulk", f"pr-{number}", f"pr {number}".encode())
    about = {end: house.push("bulk", f"{digest.replace(':', '-')}.{end}", end.encode()) for end in ("sig", "sbom")}
    told = many(house, "bulk", tags=["pr-?"], keep=1, dry_run=True)
    assert tags_of(told["deleted"]) == [["pr-2"], ["pr-1"], ["pr-0"]] and told["dry_run"] and told["cursor"] is None
    for kind, end in (("signature", "sig"), ("attestation", "sbom")):  # as lists have them
        assert [one["name"] for one in many(house, "bulk", kinds=[kind], dry_run=True)["deleted"]] == [about[end]]
        assert [one["name"] for one in house.owner.get(f"{path}?kind={kind}")] == [about[end]]
    assert [one["name"] for one in many(house, "bulk", kinds=["child"], dry_run=True)["deferred"]] == [child]
    both = many(house, "bulk", kinds=["index", "child"], dry_run=True)
    assert [one["name"] for one in both["deleted"]] == [digest_of(index), child] and both["deferred"] == []
    assert many(house, "bulk", older_than="2020-01-01T00:00:00Z")["deleted"] == []
    assert many(house, "bulk", last_pulled_before="2020-01-01T00:00:00Z")["deleted"] == []
    assert many(house, "bulk", untagged=True)["deleted"] == []
    page, cursor = [], None
    while page == [] or cursor is not None:
        answer = many(house, "bulk", tags=["pr-*", "none"], keep=1, limit=2, **({"cursor": cursor} if cursor else {}))
        page, cursor = page + answer["deleted"], answer["cursor"]
    assert tags_of(page) == [["pr-2"], ["pr-1"], ["pr-0"]]
    assert sorted(house.owner.registry().tags(f"{house.login}/bulk"))[:3] == ["all", "child", "other"]
    refused_ones = many(house, "bulk", kinds=["child"], dependents="refuse")["refused"]
    assert [(one["name"], one["reason"]) for one in refused_ones] == [(child, "needed")]
    rest = many(house, "bulk", older_than="2100-01-01T00:00:00Z")
    assert [one["reason"] for one in rest["refused"]] == ["last_tagged"] and len(rest["deleted"]) == 5


def test_a_dry_run_tells_what_comes_of_what_it_defers(house):
    """Two tagged images that an untagged index needs: the second one deferred would be the last tagged one."""
    registry, name = house.owner.registry(), f"{house.login}/dry"
    images = [registry.push_image(name, tag, [tag.encode()]) for tag in ("a", "b")]
    index = index_of(*images)
    ok(registry.put_manifest(name, digest_of(index), index, INDEX), 201)
    told = [many(house, "dry", kinds=["child"], dry_run=dry) for dry in (True, False)]
    for answer in told:
        assert tags_of(answer["deferred"]) == [["b"]] and answer["deleted"] == []
        assert [(one["tags"], one["reason"]) for one in answer["refused"]] == [(["a"], "last_tagged")]


def test_what_a_deletion_by_conditions_does_not_understand(house):
    path = f"orgs/{house.login}/packages/container/public/versions/delete"
    for body, field, code in (({}, "older_than", "missing_field"), ({"older_than": "x"}, "older_than", "invalid"),
                              ({"last_pulled_before": 1}, "last_pulled_before", "invalid"),
                              ({"tags": []}, "tags", "invalid"), ({"tags": ["a/b"]}, "tags", "invalid"),
                              ({"tags": ["*" * 9]}, "tags", "invalid"), ({"tags": [1]}, "tags", "invalid"),
                              ({"tags": ["a"], "untagged": True}, "tags", "invalid"),
                              ({"kinds": ["x"]}, "kinds", "invalid"), ({"keep": -1}, "keep", "invalid"),
                              ({"keep": 1, "limit": 1001}, "limit", "invalid"),
                              ({"keep": 1, "cursor": "1"}, "cursor", "invalid"),
                              ({"keep": 1, "dry_run": "yes"}, "dry_run", "invalid"),
                              ({"keep": 1, "dependents": "x"}, "dependents", "invalid")):
        invalid(house.owner.ask("POST", path, body), field, code)
    refused(house.stranger.ask("POST", path, {"keep": 1}), 403, "admin")


def test_owners_purge_what_was_deleted(house):
    """Versions and packages; an admin who owns nothing does not, nor does a token without the scope."""
    admin = Person(house.cluster)
    digest, path = house.push("ended", "old", b"1"), f"orgs/{house.login}/packages/container/ended"
    house.push("ended", "new", b"2")
    ok(house.owner.ask("PUT", f"{path}/visibility", {"visibility": "public"}), 200)
    ok(house.owner.ask("PUT", f"{path}/access/users/{admin.login}", {"role": "admin"}), 204, 200, 201)
    version = f"{path}/versions/{version_of(house, 'ended', digest)['id']}"
    refused(house.owner.ask("POST", f"{version}/purge"), 404, "Package version not found.")
    ok(admin.ask("DELETE", version), 204)
    refused(admin.ask("POST", f"{version}/purge"), 403, "Only owners")
    refused(house.stranger.ask("POST", f"{version}/purge"), 403, "admin")
    ok(house.owner.ask("POST", f"{version}/purge"), 204)
    refused(house.owner.ask("POST", f"{version}/restore"), 404, "Package version not found.")
    refused(house.owner.ask("POST", f"{path}/purge"), 404, "Package not found.")
    ok(admin.ask("DELETE", path), 204)
    refused(read_only(house).ask("POST", f"{path}/purge"), 403, "delete:packages")
    refused(house.stranger.ask("POST", f"{path}/purge"), 404, "Package not found.")
    refused(admin.ask("POST", f"{path}/purge"), 403, "Only owners")
    ok(house.owner.ask("POST", f"{path}/purge"), 204)
    refused(house.owner.ask("POST", f"{path}/restore"), 404, "Package not found.")


def test_deleting_and_restoring_need_an_admin_and_the_scopes(house):
    path = f"orgs/{house.login}/packages/container/public/versions/{house.versions('public')[0]['id']}"
    refused(house.stranger.ask("DELETE", path), 403, "admin")
    refused(house.stranger.ask("POST", f"{path}/restore"), 403, "admin")
    weak = house.cluster.new_token(house.owner.login, ["write:packages"])
    answer = requests.delete(f"{house.cluster.url()}/api/v3/{path}", headers={"Authorization": f"token {weak}"},
                             timeout=120)
    refused(answer, 403, "delete:packages")


def test_a_package_is_deleted_and_restored_with_all_it_had(house):
    name, digest = f"{house.login}/whole", house.push("whole", "v1", b"1")
    package = house.owner.get(f"orgs/{house.login}/packages/container/whole")
    path = f"orgs/{house.login}/packages/container/whole"
    ok(house.owner.ask("DELETE", path), 204)
    refused(house.owner.ask("DELETE", path), 404, "Package not found.")
    refused(house.owner.ask("GET", path), 404, "Package not found.")
    assert "whole" not in house.listed(house.owner)
    for person in (house.member, house.stranger):
        refused(person.ask("POST", f"{path}/restore"), 404, "Package not found.")
    refused(read_only(house).ask("POST", f"{path}/restore"), 403, "write:packages")
    ok(house.owner.ask("POST", f"users/{house.login}/packages/docker/whole/restore"), 204)
    refused(house.owner.ask("POST", f"{path}/restore"), 404, "Package not found.")
    assert house.owner.get(path) == package
    assert house.versions("whole")[0]["name"] == digest
    house.owner.registry().pull_image(name, "v1")
    actions = house.cluster.query("SELECT action FROM audit WHERE package_id = %s ORDER BY id DESC LIMIT 2",
                                  package["id"])
    assert actions == [("package.restore",), ("package.delete",)]


def read_only(house):
    """The owner, with a token that changes nothing."""
    other = Person.__new__(Person)
    other.cluster, other.token = house.cluster, house.cluster.new_token(house.owner.login, ["read:packages"])
    return other


def test_a_deleted_package_whose_name_is_taken_waits(house):
    path = f"orgs/{house.login}/packages/container/twice"
    first = house.push("twice", "v1", b"1")
    ok(house.owner.ask("DELETE", path), 204)
    house.push("twice", "v1", b"2")
    refused(house.owner.ask("POST", f"{path}/restore"), 409, f"{house.login}/twice")
    ok(house.owner.ask("POST", f"{path}/rename", {"name": "second"}), 200)
    refused(house.owner.ask("POST", f"{path}/restore"), 404)  # a former name leads to another package
    ok(house.owner.ask("DELETE", f"orgs/{house.login}/packages/container/second/aliases/{house.login}/twice"), 204)
    ok(house.owner.ask("POST", f"{path}/restore"), 204)
    assert house.versions("twice")[0]["name"] == first


def test_a_push_that_was_given_up_is_no_package(house):
    """Not for REST, and not in the way of the deleted one that had the name."""
    path, name = f"orgs/{house.login}/packages/container/begun", f"{house.login}/begun"
    digest, registry = house.push("begun"), house.owner.registry()
    ok(house.owner.ask("DELETE", path), 204)
    registry.push_blob(name, b"of a push that is given up")
    for method, more, body in (("GET", "", None), ("DELETE", "", None), ("GET", "/versions", None),
                               ("PUT", "/visibility", {"visibility": "public"})):
        refused(house.owner.ask(method, f"{path}{more}", body), 404, "Package not found.")
    ok(house.owner.ask("POST", f"{path}/restore"), 204)
    assert [one["name"] for one in house.versions("begun")] == [digest]
    registry.pull_image(name, "v1")
    house.push("begun", "v2", b"another layer")
    assert registry.tags(name) == ["v1", "v2"]


def test_what_was_deleted_last_is_restored_first(house):
    """An older package that had been restored by its id meanwhile."""
    path = f"orgs/{house.login}/packages/container/last-gone"
    digests, ids = [], []
    for layer in (b"1", b"2"):
        digests.append(house.push("last-gone", "v1", layer))
        ids.append(house.owner.get(path)["id"])
        ok(house.owner.ask("DELETE", path), 204)
    ok(house.owner.ask("POST", f"orgs/{house.login}/deleted-packages/{ids[0]}/restore"), 204)
    ok(house.owner.ask("DELETE", path), 204)
    ok(house.owner.ask("POST", f"{path}/restore"), 204)
    assert [one["name"] for one in house.versions("last-gone")] == digests[:1]
    ok(house.owner.ask("DELETE", path), 204)
    ok(house.owner.ask("POST", f"{path}/purge"), 204)
    ok(house.owner.ask("POST", f"{path}/restore"), 204)
    assert house.owner.get(path)["id"] == ids[1]


def test_deleting_a_package_needs_an_admin(house):
    path = f"orgs/{house.login}/packages/container/public"
    refused(house.stranger.ask("DELETE", path), 403, "admin")
    refused(read_only(house).ask("DELETE", path), 403, "delete:packages")
    refused(house.stranger.ask("DELETE", f"orgs/{house.login}/packages/container/private"), 404, "Package not found.")


def test_a_workflow_deletes_and_restores_where_its_repository_is_admin(house):
    def ask(token, method, path, body=None):
        return requests.request(method, f"{house.cluster.url()}/api/v3/{path}", json=body, timeout=120,
                                headers={"Authorization": f"token {token}"})

    owner = house.cluster.new_token(house.owner.login, ["repo", "write:packages", "delete:packages"])
    ok(ask(owner, "POST", f"orgs/{house.login}/repos", {"name": "app"}), 201)
    digest = house.push("built", "v1", b"1")
    house.push("built", "v2", b"2")
    path = f"orgs/{house.login}/packages/container/built"
    version = f"{path}/versions/{version_of(house, 'built', digest)['id']}"
    workflow = ok(ask(owner, "POST", f"repos/{house.login}/app/workflow-tokens",
                      {"permissions": {"packages": "write"}}), 201).json()["token"]
    refused(ask(workflow, "GET", f"orgs/{house.login}/{CONTAINERS}"), 403, "Resource not accessible by integration")
    for role, deleted, restored in (("write", 403, 403), ("admin", 204, 204)):
        ok(ask(owner, "PUT", f"{path}/access/actions/{house.login}/app", {"role": role}), 200, 201, 204)
        ok(ask(workflow, "DELETE", version), deleted)
        ok(ask(workflow, "POST", f"{version}/restore"), restored)
    ok(ask(workflow, "DELETE", path), 204)
    ok(ask(workflow, "POST", f"{path}/restore"), 204)
    assert len(house.versions("built")) == 2
