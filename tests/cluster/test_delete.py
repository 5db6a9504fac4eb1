"""What is deleted is gone everywhere at once; what something needs is not deleted; and it can be pushed again."""

import json

import pytest

from harness.registry import INDEX, MANIFEST, descriptor, digest_of, manifest_of, ok, random_bytes

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


def delete(registry, name, kind, reference):
    return registry.call("DELETE", f"/v2/{name}/{kind}/{reference}")


def refused(answer, status, code):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    error = answer.json()["errors"][0]
    assert error["code"] == code, error
    return error


def changes(cluster, name):
    """Actions in the audit, oldest first; the events must be the same."""
    query = ("SELECT t.action FROM {} t JOIN package p ON p.id = t.package_id"
             " JOIN account a ON a.id = p.namespace_id WHERE a.login || '/' || p.name = %s ORDER BY t.id")
    audit, events = ([row[0] for row in cluster.query(query.format(table), name)] for table in ("audit", "event"))
    assert audit == events
    return audit


def test_manifest_by_digest_goes_with_its_tags(cluster, user):
    name, one, two = f"{user.login}/image", user.registry(1), user.registry(2)
    manifest = one.push_image(name, "v1", [b"layer"])
    for tag in ("v2", "latest"):
        ok(one.put_manifest(name, tag, manifest), 201)
    other = one.push_image(name, "other", [b"another layer"])
    ok(two.manifest(name, "latest"), 200)
    ok(delete(one, name, "manifests", digest_of(manifest)), 202)
    for registry in (two, one):
        for reference in ("v1", "v2", "latest", digest_of(manifest)):
            refused(registry.manifest(name, reference), 404, "MANIFEST_UNKNOWN")
        assert registry.tags(name) == ["other"]
    refused(delete(two, name, "manifests", digest_of(manifest)), 404, "MANIFEST_UNKNOWN")
    assert ok(two.manifest(name, digest_of(other))).content == other
    assert changes(cluster, name)[-1] == "manifest.delete"
    kept = cluster.query("SELECT m.deleted_tags, m.bytes FROM manifest m JOIN package p ON p.id = m.package_id"
                         " JOIN account a ON a.id = p.namespace_id WHERE a.login = %s"
                         " AND m.digest = decode(%s, 'hex')", user.login, digest_of(manifest)[7:])
    assert [(tags, bytes(data)) for tags, data in kept] == [(["latest", "v1", "v2"], manifest)]


def test_tag_goes_alone(cluster, user):
    name, one, two = f"{user.login}/tags", user.registry(1), user.registry(2)
    manifest = one.push_image(name, "v1", [b"layer"])
    ok(one.put_manifest(name, "v2", manifest), 201)
    ok(delete(one, name, "manifests", "v1"), 202)
    refused(two.manifest(name, "v1"), 404, "MANIFEST_UNKNOWN")
    assert two.tags(name) == ["v2"]
    ok(two.manifest(name, "v2"), 200)
    refused(delete(two, name, "manifests", "v1"), 404, "MANIFEST_UNKNOWN")
    refused(delete(two, name, "manifests", "-not-a-tag"), 404, "MANIFEST_UNKNOWN")
    refused(delete(two, name, "manifests", "sha256:12"), 400, "DIGEST_INVALID")
    ok(delete(two, name, "manifests", "v2"), 202)
    ok(one.manifest(name, digest_of(manifest)), 200)
    assert changes(cluster, name)[-2:] == ["tag.delete", "tag.delete"]


def test_blob_that_an_image_needs_stays(cluster, user):
    name, one, two = f"{user.login}/needed", user.registry(1), user.registry(2)
    layer, loose = random_bytes(5000), random_bytes(6000)
    manifest = one.push_image(name, "v1", [layer])
    one.push_blob(name, loose)
    answer = delete(one, name, "blobs", digest_of(layer))
    error = refused(answer, 405, "DENIED")
    assert error["detail"] == {"neededBy": digest_of(manifest)} and digest_of(manifest) in error["message"]
    assert answer.headers["Allow"] == "GET, HEAD"
    assert ok(two.blob(name, digest_of(layer))).content == layer
    ok(delete(one, name, "blobs", digest_of(loose)), 202)
    ok(delete(one, name, "manifests", digest_of(manifest)), 202)
    ok(delete(one, name, "blobs", digest_of(layer)), 202)
    for gone in (layer, loose):
        refused(two.blob(name, digest_of(gone)), 404, "BLOB_UNKNOWN")
        assert not one.has_blob(name, digest_of(gone))
        refused(delete(two, name, "blobs", digest_of(gone)), 404, "BLOB_UNKNOWN")
    assert changes(cluster, name)[-3:] == ["blob.delete", "manifest.delete", "blob.delete"]


def test_blob_of_another_package_stays(user):
    registry, layer = user.registry(), random_bytes(7000)
    for name in ("left", "right"):
        registry.push_image(f"{user.login}/{name}", "v1", [b"base"])
        registry.push_blob(f"{user.login}/{name}", layer)
    ok(delete(registry, f"{user.login}/left", "blobs", digest_of(layer)), 202)
    refused(registry.blob(f"{user.login}/left", digest_of(layer)), 404, "BLOB_UNKNOWN")
    assert ok(registry.blob(f"{user.login}/right", digest_of(layer))).content == layer


def test_index_goes_before_its_children(user):
    name, registry = f"{user.login}/many", user.registry()
    child = registry.push_image(name, "child", [b"layer"])
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(child, MANIFEST)]}).encode()
    ok(registry.put_manifest(name, "all", index, INDEX), 201)
    error = refused(delete(registry, name, "manifests", digest_of(child)), 405, "DENIED")
    assert error["detail"] == {"neededBy": digest_of(index)}
    ok(delete(registry, name, "manifests", "child"), 202)  # a tag of it is only a name
    ok(delete(registry, name, "manifests", digest_of(index)), 202)
    ok(registry.manifest(name, digest_of(child)), 200)
    ok(delete(registry, name, "manifests", digest_of(child)), 202)
    refused(registry.put_manifest(name, "all", index, INDEX), 404, "MANIFEST_BLOB_UNKNOWN")


def test_deleted_image_can_be_pushed_again(user):
    name, registry, layer = f"{user.login}/again", user.registry(), random_bytes(8000)
    manifest = registry.push_image(name, "v1", [layer])
    ok(delete(registry, name, "manifests", digest_of(manifest)), 202)
    ok(registry.put_manifest(name, "v1", manifest), 201)
    ok(delete(registry, name, "manifests", digest_of(manifest)), 202)
    ok(delete(registry, name, "blobs", digest_of(layer)), 202)
    refused(registry.put_manifest(name, "v1", manifest), 404, "MANIFEST_BLOB_UNKNOWN")
    assert registry.push_image(name, "v1", [layer]) == manifest
    assert user.registry(2).pull_image(name, "v1") == (manifest, [layer])


def test_who_may_delete(cluster, user):
    name = f"{user.login}/mine"
    manifest = user.registry().push_image(name, "v1", [b"layer"])
    paths = [("manifests", "v1"), ("manifests", digest_of(manifest)), ("blobs", digest_of(b"layer"))]
    for kind, reference in paths:
        assert delete(cluster.anonymous(), name, kind, reference).status_code == 401
        refused(delete(cluster.new_user().registry(), name, kind, reference), 403, "DENIED")
    user.token = cluster.new_token(user.login, ["write:packages"])
    for kind, reference in paths:
        error = refused(delete(user.registry(), name, kind, reference), 403, "DENIED")
        assert "delete:packages" in error["message"]
    refused(delete(user.registry(), f"{user.login}/never-was", "manifests", "v1"), 404, "NAME_UNKNOWN")
    ok(user.registry().manifest(name, "v1"), 200)


def test_method_that_a_path_does_not_know(user):
    answer = user.registry().call("POST", f"/v2/{user.login}/image/manifests/v1")
    error = refused(answer, 405, "UNSUPPORTED")
    assert error["detail"] == {"allow": answer.headers["Allow"]} and "DELETE" in answer.headers["Allow"]


def test_manifest_without_the_rest_of_it(user):
    """A manifest over a blob that was deleted between its push and the manifest's says which one."""
    name, registry = f"{user.login}/late", user.registry()
    config, layer = b"{}", random_bytes(900)
    for data in (config, layer):
        registry.push_blob(name, data)
    ok(delete(registry, name, "blobs", digest_of(layer)), 202)
    answer = registry.put_manifest(name, "v1", manifest_of(config, [layer]))
    assert refused(answer, 404, "MANIFEST_BLOB_UNKNOWN")["detail"] == {"digest": digest_of(layer)}
