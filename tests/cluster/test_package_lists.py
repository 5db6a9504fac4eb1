"""Versions and packages in REST: what they are, and finding them by that."""

import itertools
import json

import pytest
import requests

from harness.people import Person, enroll, invalid, links, refused, walk
from harness.registry import CONFIG, INDEX, LAYER, MANIFEST, descriptor, digest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

names = (f"lists-{number}" for number in itertools.count(1))
IN_TOTO = "application/vnd.in-toto+json"


class House:
    """An organization with an owner, a member and a stranger, and packages of each visibility."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner, self.member, self.stranger = (Person(cluster) for _ in range(3))
        self.login = next(names)
        cluster.new_organization(self.login, self.owner.login)
        enroll(cluster, self.login, self.member.login)
        self.registry = self.owner.registry()
        for name in ("base/private-tools", "internal", "base/public-tools"):
            self.push(name, "v1", f"of {name}".encode(), "org.opencontainers.image.description=Fast & small")
            self.show(name, name.rsplit("/", maxsplit=1)[-1].split("-", maxsplit=1)[0])

    def path(self, name):
        return f"orgs/{self.login}/packages/container/{name.replace('/', '%2F')}"

    def show(self, name, visibility):
        ok(self.owner.ask("PUT", f"{self.path(name)}/visibility", {"visibility": visibility}), 200)

    def push(self, name, tag, layer, label="", **config):
        """An image's bytes; its config is what buildkit writes."""
        key, _, value = label.partition("=")
        said = json.dumps({"os": "linux", "architecture": "amd64", **config,
                           "config": {"Labels": {key: value} if key else {}}}).encode()
        return self.put(name, tag, manifest(said, layer), said, layer)

    def put(self, name, reference, data, *blobs, media=MANIFEST):
        for blob in blobs:
            self.registry.push_blob(f"{self.login}/{name}", blob)
        ok(self.registry.put_manifest(f"{self.login}/{name}", reference or digest_of(data), data, media), 201)
        return data

    def versions(self, name, query=""):
        return self.owner.get(f"{self.path(name)}/versions{query}")

    def version(self, name, data):
        [version] = self.versions(name, f"?digest={digest_of(data)}")
        return version

    def found(self, person, query, where="packages"):
        return [one["name"] for one in walk(person, f"{where}?owner={self.login}{query}")]


def manifest(config, layer, layer_type=LAYER, **more):
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG),
                       "layers": [descriptor(layer, layer_type)], **more}).encode()


def index(*entries):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


@pytest.fixture(scope="module")
def house(cluster):
    return House(cluster)


@pytest.fixture(scope="module")
def built(house):
    """What buildkit pushes: an index of two images, one of which says nothing of its platform, and an attestation."""
    nothing, proof = b"{}", b'{"os":"unknown","architecture":"unknown"}'
    one = house.push("built", None, b"one", architecture="arm", variant="v7")
    two = house.put("built", None, manifest(nothing, b"two!"), nothing, b"two!")
    about = house.put("built", None, manifest(proof, b"proof", IN_TOTO), proof, b"proof")
    whole = index(descriptor(one, MANIFEST),
                  {**descriptor(two, MANIFEST), "platform": {"os": "linux", "architecture": "s390x"}},
                  {**descriptor(about, MANIFEST), "platform": {"os": "unknown", "architecture": "unknown"}})
    house.put("built", "all", whole, media=INDEX)
    return {"one": one, "two": two, "about": about, "whole": whole}


def test_a_version_says_what_it_is(house, built):
    seen = {name: house.version("built", data) for name, data in built.items()}
    assert {name: one["kind"] for name, one in seen.items()} == {
        "one": "image", "two": "image", "about": "attestation", "whole": "index"}
    assert seen["one"]["platform"] == {"os": "linux", "architecture": "arm", "variant": "v7"}
    assert seen["two"]["platform"] == {"os": "linux", "architecture": "s390x", "variant": None}
    assert seen["about"]["platform"] is None and seen["whole"]["platform"] is None
    assert (seen["two"]["compressed_size"], seen["two"]["unique_size"], seen["two"]["shared_size"]) == (6, 6, 0)
    blobs = sum(seen[name]["compressed_size"] for name in ("one", "two", "about"))
    assert (seen["whole"]["compressed_size"], seen["whole"]["unique_size"]) == (blobs, blobs)
    house.put("built", "again", manifest(b"{}", b"two!", annotations={"a": "b"}))
    again = house.version("built", built["two"])
    assert (again["compressed_size"], again["unique_size"], again["shared_size"]) == (6, 0, 6)
    assert house.version("built", built["whole"])["unique_size"] == blobs - 6


def test_versions_are_found_by_what_they_are(house, built):
    whole = house.versions("built")

    def found(query):
        return walk(house.owner, f"{house.path('built')}/versions?{query}")

    for kind in ("image", "index", "attestation", "signature", "image,index"):
        wanted = [one for one in whole if one["kind"] in kind.split(",")]
        assert found(f"kind={kind}") == found(f"kind={kind}&after=&per_page=1") == wanted
    assert found("kind=-attestation,-image") == [one for one in whole if one["kind"] == "index"]
    for tagged in (True, False):
        wanted = [one for one in whole if bool(one["metadata"]["container"]["tags"]) == tagged]
        query = f"tagged={str(tagged).lower()}"
        assert found(query) == found(f"{query}&after=&per_page=1") == found(f"{query}&per_page=1") == wanted
    assert found("after=&per_page=2") == whole
    assert [one["name"] for one in found("tag=all")] == [digest_of(built["whole"])] and found("tag=none") == []
    for query, field in (("kind=x", "kind"), ("kind=image,-index", "kind"), ("tagged=1", "tagged"), ("tag=*", "tag"),
                         ("state=deleted&tagged=true", "tagged"), ("digest=x", "digest"), ("after=x", "after"),
                         ("tag=a&digest=b", "digest"), ("after=&page=1", "page"), ("after=" + "A" * 9999, "after")):
        invalid(house.owner.ask("GET", f"{house.path('built')}/versions?{query}"), field, "invalid")


def test_numbered_pages_have_a_last_one(house):
    answer = ok(house.owner.ask("GET", f"orgs/{house.login}/packages?package_type=container&per_page=1"), 200)
    assert links(answer).keys() == {"next", "last"}
    auth = {"Authorization": f"token {house.owner.token}"}
    answer = ok(requests.get(links(answer)["last"], headers=auth, timeout=60), 200)
    assert links(answer).keys() == {"first", "prev"} and len(answer.json()) == 1


def test_packages_are_found_by_words_and_by_what_they_are(house, built):
    assert house.found(house.owner, "&q=tools") == ["base/private-tools", "base/public-tools"]
    assert house.found(house.owner, "&q=tools&per_page=1") == ["base/private-tools", "base/public-tools"]
    for person in (house.member, house.stranger):
        assert house.found(person, "&q=TOO%20base") == ["base/public-tools"]
        assert house.found(person, "") == ["base/public-tools", "internal"]
    assert house.found(house.owner, "&q=pub") == house.found(house.owner, "&visibility=public") == ["base/public-tools"]
    assert sorted(house.found(house.owner, "&q=small%20fast")) == [
        "base/private-tools", "base/public-tools", "internal"]
    assert house.found(house.owner, "&q=fast%20none") == []
    assert house.found(house.owner, f"&creator={house.member.login}") == []
    assert "built" in house.found(house.owner, f"&creator={house.owner.login}&since=2020-01-01T00:00:00Z&per_page=1")
    assert house.found(house.owner, "&since=2100-01-01T00:00:00Z") == []
    where = f"orgs/{house.login}/packages?package_type=container"
    assert [one["name"] for one in walk(house.member, f"{where}&after=&per_page=1")] == [
        "base/public-tools", "internal"]
    assert [one["name"] for one in walk(house.member, f"{where}&q=fast")] == ["internal", "base/public-tools"]
    house.push("internal", "v2", b"else", "org.opencontainers.image.description=Slow")
    assert house.found(house.owner, "&q=slow") == ["internal"]
    assert "internal" not in house.found(house.owner, "&q=fast")
    for query, field in (("q=", "q"), ("q=--", "q"), ("q=" + "a" * 257, "q"), ("since=today", "since"),
                         ("creator=*", "creator"), ("repository=x", "repository"), ("package_type=x", "package_type"),
                         ("owner=*", "owner"), ("after=x", "after")):
        invalid(house.owner.ask("GET", f"packages?{query}"), field, "invalid")
    assert house.owner.get("packages?package_type=npm") == house.owner.get("packages?owner=nobody-at-all") == []
    refused(Person(house.cluster, ("read:org",)).ask("GET", "packages"), 403, "read:packages")


def test_a_site_admin_lists_everything(house, built):
    answer = ok(house.cluster.admin("GET", f"admin/packages?owner={house.login}"), 200).json()
    assert {one["name"] for one in answer} == {"base/private-tools", "internal", "base/public-tools", "built"}
    refused(house.owner.ask("GET", "admin/packages"), 403)


def test_packages_of_a_repository(house):
    token = house.cluster.new_token(house.owner.login, ["repo", "write:packages"])
    headers = {"Authorization": f"token {token}"}
    api = f"{house.cluster.url()}/api/v3"
    ok(requests.post(f"{api}/orgs/{house.login}/repos", json={"name": "app"}, headers=headers, timeout=60), 201)
    for name in ("base/private-tools", "base/public-tools"):
        ok(requests.put(f"{api}/{house.path(name)}/repository", headers=headers, timeout=60,
                        json={"repository": f"{house.login}/app"}), 200, 201)
    listed = requests.get(f"{api}/repos/{house.login}/app/packages", headers=headers, timeout=60)
    assert [one["name"] for one in ok(listed, 200).json()] == ["base/public-tools", "base/private-tools"]
    hidden = f"&repository={house.login}/app"  # private: of one that he may not know of nothing is listed
    assert house.found(house.stranger, hidden) == []
    assert house.found(house.owner, hidden) == ["base/public-tools", "base/private-tools"]


def test_deleted_packages_are_restored_by_id(house):
    path, listed = house.path("twice"), f"orgs/{house.login}/deleted-packages"
    for layer in (b"first", b"second"):
        house.push("twice", "v1", layer)
        ok(house.owner.ask("DELETE", path), 204)
    newer, older = walk(house.owner, f"{listed}?per_page=1")
    assert newer["name"] == older["name"] == "twice" and newer["id"] > older["id"] and older["deleted_at"]
    assert house.member.get(listed) == house.stranger.get(listed) == house.owner.get("user/deleted-packages") == []
    for person, number in ((house.member, older["id"]), (house.owner, 0), (house.owner, "x"), (house.owner, 10 ** 20)):
        refused(person.ask("POST", f"{listed}/{number}/restore"), 404, "Package not found.")
    weak = house.cluster.new_token(house.owner.login, ["read:packages"])
    refused(requests.post(f"{house.cluster.url()}/api/v3/{listed}/{older['id']}/restore", timeout=60,
                          headers={"Authorization": f"token {weak}"}), 403, "write:packages")
    ok(house.owner.ask("POST", f"{listed}/{older['id']}/restore"), 204)
    assert house.owner.get(path)["id"] == older["id"]
    refused(house.owner.ask("POST", f"{listed}/{newer['id']}/restore"), 409)
    assert [one["id"] for one in house.owner.get(listed)] == [newer["id"]]
