"""Indexes of which only some children are there, where the operator allows them; whole when the rest comes."""

import json

import pytest
import requests

from harness.registry import INDEX, MANIFEST, descriptor, digest_of, manifest_of, ok, random_bytes
from harness.whole import check, wait_for

pytestmark = pytest.mark.asan


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, workers=1, settings={
        "gateway.sparse_indexes": "on", "keeper.trash_window": 0, "keeper.restore_window": 0})
    yield made
    made.stop()


@pytest.fixture
def registry(user):
    return user.registry()


def images(registry, name, count):
    """Manifests whose blobs are there; none is pushed."""
    made = []
    for number in range(count):
        made.append(registry.push_image(f"{name}-source", f"v{number}", [random_bytes(1000)]))
        for part in (json.loads(made[-1])["config"], *json.loads(made[-1])["layers"]):
            data = ok(registry.blob(f"{name}-source", part["digest"])).content
            assert registry.push_blob(name, data) == part["digest"]
    return made


def index_of(manifests, media=MANIFEST):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                       "manifests": [descriptor(manifest, media) for manifest in manifests]}).encode()


def assert_consistent(cluster):
    status, report = check(cluster)
    assert status == 0 and report["clean"], report


def delete(registry, name, manifest):
    return registry.call("DELETE", f"/v2/{name}/manifests/{digest_of(manifest)}")


def statuses(registry, name, manifests):
    return [registry.manifest(name, digest_of(manifest)).status_code for manifest in manifests]


def test_children_come_one_by_one(cluster, user, registry):
    name = f"{user.login}/parts"
    made = images(registry, name, 3)
    index = index_of(made)
    ok(registry.put_manifest(name, digest_of(made[1]), made[1]), 201)
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    assert ok(registry.manifest(name, "all")).content == index
    assert statuses(registry, name, made) == [404, 200, 404]
    missing = registry.manifest(name, digest_of(made[0])).json()["errors"][0]
    assert missing["code"] == "MANIFEST_UNKNOWN"
    assert delete(registry, name, made[1]).status_code == 405  # as of any index
    for number in (0, 2):
        ok(registry.put_manifest(name, digest_of(made[number]), made[number]), 201)
        assert delete(registry, name, made[number]).status_code == 405
    assert statuses(registry, name, made) == [200, 200, 200]
    assert_consistent(cluster)


def test_index_alone(cluster, user, registry):
    """It makes the package, and an index of it need not be whole either; blobs must be there."""
    name = f"{user.login}/alone"
    inner = index_of([b"{}"])
    outer = index_of([inner], INDEX)
    ok(registry.put_manifest(name, "outer", outer, INDEX), 201)
    ok(registry.put_manifest(name, "inner", inner, INDEX), 201)
    assert delete(registry, name, inner).status_code == 405
    lacking = index_of([b"no such blob"], "application/octet-stream")
    answer = registry.put_manifest(name, "lacking", lacking, INDEX)
    assert answer.status_code == 404 and answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    assert_consistent(cluster)


def test_a_late_child_is_what_its_index_says(cluster, user, registry):
    name = f"{user.login}/late"
    for data in (b"{}", b"layer", b"proof"):
        registry.push_blob(name, data)
    image, proof = manifest_of(b"{}", [b"layer"]), manifest_of(b"{}", [b"proof"])
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {**descriptor(image, MANIFEST), "platform": {"os": "linux", "architecture": "s390x"}},
        {**descriptor(proof, MANIFEST), "platform": {"os": "unknown", "architecture": "unknown"}}]}).encode()
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    for child in (image, proof):
        ok(registry.put_manifest(name, digest_of(child), child), 201)
    answer = requests.get(f"{cluster.url()}/api/v3/user/packages/container/late/versions", timeout=120,
                          headers={"Authorization": f"token {user.token}"})
    told = {version["name"]: (version["kind"], version["platform"]) for version in ok(answer, 200).json()}
    assert told[digest_of(image)] == ("image", {"os": "linux", "architecture": "s390x", "variant": None})
    assert told[digest_of(proof)] == ("attestation", None)
    assert_consistent(cluster)


def test_absent_child_holds_nothing(cluster, user, registry):
    """A child that was deleted before the index came is collected, with what it needed."""
    name = f"{user.login}/holds"
    child = images(registry, name, 1)[0]
    ok(registry.put_manifest(name, "child", child), 201)
    ok(delete(registry, name, child), 202)
    index = index_of([child])
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    query = "SELECT count(*) FROM manifest WHERE digest = decode(%s, 'hex') AND package_id = " \
            "(SELECT p.id FROM package p JOIN account a ON a.id = p.namespace_id WHERE a.login || '/' || p.name = %s)"
    wait_for("the child is kept", lambda: cluster.query(query, digest_of(child)[7:], name) == [(0,)])
    assert statuses(registry, name, [index, child]) == [200, 404]
    ok(registry.put_manifest(name, "child", child), 201)
    assert statuses(registry, name, [index, child]) == [200, 200]
    ok(delete(registry, name, index), 202)
    ok(delete(registry, name, child), 202)
    assert_consistent(cluster)
