"""What clients are told when something is wrong: status, code, words, and the challenge where there is one."""

import base64
import json
import re
import time

import pytest

from harness.registry import INDEX, MANIFEST, descriptor, digest_of, manifest_of, ok, random_bytes
from harness.slow import Slow

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

NOWHERE = "sha256:" + "0" * 64


def error_of(answer, status, code):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    error = answer.json()["errors"][0]
    assert error["code"] == code
    return error["message"]


def challenge_of(answer):
    found = answer.headers["WWW-Authenticate"]
    assert found.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', found))


@pytest.fixture(scope="module")
def owner(cluster):
    """A user with one private image, "image:v1"."""
    made = cluster.new_user()
    made.layer = random_bytes(1000, seed="errors")
    made.manifest = made.registry().push_image(f"{made.login}/image", "v1", [made.layer])
    return made


# no credential, wrong credential


def test_base_asks_for_a_credential(cluster):
    answer = cluster.anonymous().call("GET", "/v2/")
    assert error_of(answer, 401, "UNAUTHORIZED") == "authentication required"
    challenge = challenge_of(answer)
    assert challenge["realm"] == cluster.url() + "/token" and challenge["service"] and "scope" not in challenge


@pytest.mark.parametrize("method, path, actions", [
    ("GET", "manifests/v1", "pull"),
    ("HEAD", "manifests/v1", "pull"),
    ("GET", "tags/list", "pull"),
    ("GET", f"blobs/{NOWHERE}", "pull"),
    ("POST", "blobs/uploads/", "push,pull"),
    ("PUT", "manifests/v1", "push,pull"),
])
@pytest.mark.parametrize("name", ["image", "never-was"])
def test_anonymous_is_challenged_alike_for_private_and_missing(cluster, owner, method, path, actions, name):
    answer = cluster.anonymous().call(method, f"/v2/{owner.login}/{name}/{path}")
    assert answer.status_code == 401
    assert challenge_of(answer)["scope"] == f"repository:{owner.login}/{name}:{actions}"
    if method != "HEAD":
        assert error_of(answer, 401, "UNAUTHORIZED") == "authentication required"


@pytest.mark.parametrize("header", [
    "Basic " + base64.b64encode(b"somebody:wrong").decode(),
    "Basic ***",
    "Bearer e30.e30.e30",
    "Bearer nonsense",
    "Digest username=x",
])
@pytest.mark.parametrize("path", ["/v2/", "/v2/a/b/tags/list", "/token"])
def test_invalid_credential_is_401_everywhere(cluster, header, path):
    answer = cluster.anonymous().call("GET", path, headers={"Authorization": header})
    assert error_of(answer, 401, "UNAUTHORIZED") == "authentication required"
    assert "WWW-Authenticate" in answer.headers


def test_expired_token_is_401(cluster, owner):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    made = ok(cluster.admin("POST", f"admin/users/{owner.login}/authorizations",
                            {"scopes": ["read:packages"], "expires_at": soon}), 201).json()
    headers = {"Authorization": "Bearer " + made["token"]}
    ok(cluster.anonymous().call("GET", "/v2/", headers=headers), 200)
    time.sleep(3)
    error_of(cluster.anonymous().call("GET", "/v2/", headers=headers), 401, "UNAUTHORIZED")


# every form of a valid one


@pytest.mark.parametrize("form", ["basic", "bearer", "bearer64", "bearer64-user", "compact"])
def test_every_form_of_a_credential(cluster, owner, form):
    path = f"/v2/{owner.login}/image/manifests/v1"
    pair = base64.b64encode(owner.credentials.encode()).decode()
    token = owner.token
    header = {
        "basic": f"Basic {pair}",
        "bearer": f"Bearer {token}",
        "bearer64": "Bearer " + base64.b64encode(token.encode()).decode(),
        "bearer64-user": f"Bearer {pair}",
    }.get(form)
    if form == "compact":
        header = "Bearer " + token_for(owner, f"repository:{owner.login}/image:pull")
    ok(cluster.anonymous().call("GET", path, headers={"Authorization": header}), 200)


def token_for(user, *scopes, method="GET"):
    if method == "GET":
        answer = user.registry().call("GET", "/token", params={"service": "packhouse", "scope": scopes})
    else:
        answer = user.cluster.anonymous().call("POST", "/token", data={
            "grant_type": "password", "username": user.login, "password": user.token, "scope": " ".join(scopes)})
    said = ok(answer, 200).json()
    assert said["token"] == said["access_token"] and said["expires_in"] >= 60 and said["issued_at"].endswith("Z")
    assert "refresh_token" not in said
    return said["token"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bearer_too_narrow(cluster, owner, method):
    bearer = token_for(owner, f"repository:{owner.login}/image:pull", f"repository:{owner.login}/other:pull,push",
                       method=method)
    headers = {"Authorization": f"Bearer {bearer}"}
    ok(cluster.anonymous().call("GET", f"/v2/{owner.login}/image/tags/list", headers=headers), 200)
    refused = cluster.anonymous().call("POST", f"/v2/{owner.login}/image/blobs/uploads/", headers=headers)
    error_of(refused, 401, "UNAUTHORIZED")
    challenge = challenge_of(refused)
    assert challenge["error"] == "insufficient_scope"
    assert challenge["scope"] == f"repository:{owner.login}/image:push,pull"


def test_challenge_taken_apart_at_its_commas(cluster, owner):
    """As clean-up actions do: what is before the comma is enough to push a manifest with."""
    name = f"{owner.login}/comma"
    owner.registry().push_image(name, "v1", [b"x"])
    manifest, path = owner.registry().call("GET", f"/v2/{name}/manifests/v1"), f"/v2/{name}/manifests/v2"
    kind = {"Content-Type": manifest.headers["Content-Type"]}
    challenge = cluster.anonymous().call("PUT", path, data=manifest.content, headers=kind).headers["WWW-Authenticate"]
    [scope] = [part.removeprefix("scope=") for part in challenge.split(",") if part.startswith("scope=")]
    assert scope == f'"repository:{name}:push'
    bearer = {"Authorization": f"Bearer {token_for(owner, scope)}"}
    ok(cluster.anonymous().call("PUT", path, data=manifest.content, headers=kind | bearer), 201)
    error_of(cluster.anonymous().call("DELETE", path, headers=bearer), 401, "UNAUTHORIZED")


def test_bearer_never_exceeds_its_credential(cluster, owner):
    reader = cluster.new_token(owner.login, ["read:packages"])
    answer = cluster.anonymous().call("GET", "/token", auth=(owner.login, reader),
                                      params={"scope": f"repository:{owner.login}/image:pull,push"})
    headers = {"Authorization": "Bearer " + ok(answer, 200).json()["token"]}
    ok(cluster.anonymous().call("GET", f"/v2/{owner.login}/image/tags/list", headers=headers), 200)
    refused = cluster.anonymous().call("POST", f"/v2/{owner.login}/image/blobs/uploads/", headers=headers)
    assert "write:packages" in error_of(refused, 403, "DENIED")


def test_anonymous_bearer_opens_nothing_private(cluster, owner):
    answer = cluster.anonymous().call("GET", "/token", params={"scope": f"repository:{owner.login}/image:pull"})
    headers = {"Authorization": "Bearer " + ok(answer, 200).json()["token"]}
    refused = cluster.anonymous().call("GET", f"/v2/{owner.login}/image/manifests/v1", headers=headers)
    error_of(refused, 401, "UNAUTHORIZED")


# somebody else


def test_private_and_missing_are_alike_to_strangers(cluster, owner):
    stranger = cluster.new_user().registry()
    for method, path in (("GET", "manifests/v1"), ("GET", "tags/list"), ("POST", "blobs/uploads/"),
                         ("GET", f"blobs/{digest_of(owner.layer)}"), ("PUT", "manifests/v1")):
        seen = []
        for name in ("image", "never-was"):
            answer = stranger.call(method, f"/v2/{owner.login}/{name}/{path}")
            assert error_of(answer, 403, "DENIED") == "requested access to the resource is denied"
            seen.append(answer.text.replace(name, "NAME"))
        assert seen[0] == seen[1]


def test_own_but_absent(owner):
    error_of(owner.registry().manifest(f"{owner.login}/never-was", "v1"), 404, "NAME_UNKNOWN")
    assert error_of(owner.registry().manifest(f"{owner.login}/image", "v9"), 404, "MANIFEST_UNKNOWN") == \
        "manifest unknown"
    error_of(owner.registry().manifest(f"{owner.login}/image", NOWHERE), 404, "MANIFEST_UNKNOWN")
    error_of(owner.registry().blob(f"{owner.login}/image", NOWHERE), 404, "BLOB_UNKNOWN")


def test_session_of_somebody_else(cluster, owner):
    """An upload's id alone opens nothing: it belongs to a package and a caller (CVE-2026-32589 of a peer)."""
    place = owner.registry().start_upload(f"{owner.login}/image")
    stranger = cluster.new_user()
    foreign = place.replace(f"/{owner.login}/image/", f"/{stranger.login}/image/")
    stranger.registry().push_image(f"{stranger.login}/image", "v1", [b"x"])
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        for where in (place, foreign):
            answer = stranger.registry().call(method, where + f"&digest={NOWHERE}", data=b"")
            assert answer.status_code == (403 if where == place else 404)
    error_of(owner.registry().call("GET", place.replace("/image/", "/other/")), 404, "BLOB_UPLOAD_UNKNOWN")
    ok(owner.registry().call("GET", place), 204)


# what is sent is wrong


@pytest.mark.parametrize("path, status, code", [
    ("/v2/UPPER/case/tags/list", 400, "NAME_INVALID"),
    ("/v2/single/tags/list", 400, "NAME_INVALID"),
    ("/v2/{login}/image/manifests/sha256:12", 400, "DIGEST_INVALID"),
    ("/v2/{login}/image/manifests/.nothing", 404, "MANIFEST_UNKNOWN"),
    ("/v2/{login}/image/blobs/sha256:12", 400, "DIGEST_INVALID"),
    ("/v2/{login}/image/tags/list?n=x", 400, "PAGINATION_INVALID"),
    ("/v2/{login}/image/no/such/path", 404, "NOT_FOUND"),
])
def test_paths(owner, path, status, code):
    error_of(owner.registry().call("GET", path.format(login=owner.login)), status, code)


def test_manifests_that_are_none(owner):
    name, registry = f"{owner.login}/image", owner.registry()
    good = owner.manifest
    for data, media, words in (
            (b"", MANIFEST, "cannot be read"),
            (good, INDEX, "Content-Type"),
            (good.replace(b'"layers"', b'"manifests": [], "layers"'), MANIFEST, "manifests"),
            (b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+json", "schema version 1")):
        assert words in error_of(registry.put_manifest(name, "bad", data, media), 400, "MANIFEST_INVALID")
    error_of(registry.put_manifest(name, NOWHERE, good), 400, "DIGEST_INVALID")
    error_of(registry.put_manifest(name, "-bad", good), 400, "TAG_INVALID")
    for data, limit in ((b" " * (5 << 20), str(4 << 20)), (b'{"a":' * 33 + b"1" + b"}" * 33, "at most 32")):
        assert limit in error_of(registry.put_manifest(name, "big", data), 413, "SIZE_INVALID")
    assert registry.tags(name) == ["v1"]


def test_each_missing_blob_is_named(owner):
    wanted = [b"one", b"two", b"three"]
    manifest = manifest_of(owner.layer, wanted)
    answer = owner.registry().put_manifest(f"{owner.login}/image", "v2", manifest)
    assert {e["detail"]["digest"] for e in answer.json()["errors"]} == {digest_of(b) for b in wanted}
    assert {e["code"] for e in answer.json()["errors"]} == {"MANIFEST_BLOB_UNKNOWN"}


def test_index_needs_its_children(owner):
    name, registry = f"{owner.login}/image", owner.registry()
    child = descriptor(owner.manifest, MANIFEST)
    index = json_index([child])
    ok(registry.put_manifest(name, "multi", index, INDEX), 201)
    nested = json_index([descriptor(index, INDEX)])
    ok(registry.put_manifest(name, digest_of(nested), nested, INDEX), 201)
    assert ok(registry.manifest(name, digest_of(nested))).content == nested
    absent = {**child, "digest": NOWHERE}
    for children in ([absent], [child, absent], [absent, descriptor(index, INDEX)]):  # none is to be "sparse"
        answer = registry.put_manifest(name, "multi", json_index(children), INDEX)
        error_of(answer, 404, "MANIFEST_BLOB_UNKNOWN")
        assert [error["detail"] for error in answer.json()["errors"]] == [{"digest": NOWHERE}]
        assert registry.manifest(name, digest_of(json_index(children))).status_code == 404
    assert ok(registry.manifest(name, "multi")).content == index


def json_index(children):
    import json
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode()


# uploads


def test_upload_out_of_order(owner):
    name, registry = f"{owner.login}/image", owner.registry()
    place, data = registry.start_upload(name), random_bytes(300)

    def patch(first, part):
        headers = {"Content-Range": f"{first}-{first + len(part) - 1}"}
        return registry.call("PATCH", place, data=part, headers=headers)

    assert ok(registry.call("GET", place), 204).headers["Range"] == "0-0"
    assert ok(patch(0, data[:100]), 202).headers["Range"] == "0-99"
    refused = patch(200, data[200:])
    error_of(refused, 416, "RANGE_INVALID")
    assert refused.headers["Range"] == "0-99" and refused.headers["Location"]
    error_of(patch(0, data[:100]), 416, "RANGE_INVALID")
    ok(patch(100, data[100:]), 202)
    assert ok(registry.call("GET", place), 204).headers["Range"] == "0-299"
    answer = ok(registry.finish_upload(place, b"", digest_of(data)), 201)
    assert answer.headers["Docker-Content-Digest"] == digest_of(data)
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_finished_upload_may_be_repeated(owner):
    """The answer to a PUT was lost: the client asks again and is told the same."""
    name, registry = f"{owner.login}/image", owner.registry()
    place, data = registry.start_upload(name), random_bytes(100)
    for _ in range(2):
        ok(registry.finish_upload(place, data, digest_of(data)), 201)
    error_of(registry.finish_upload(place, data, NOWHERE), 404, "BLOB_UPLOAD_UNKNOWN")


def test_cancelled_upload_is_gone(owner):
    registry = owner.registry()
    place = registry.start_upload(f"{owner.login}/image")
    ok(registry.call("DELETE", place), 204)
    for method in ("GET", "DELETE", "PATCH"):
        error_of(registry.call(method, place, data=b""), 404, "BLOB_UPLOAD_UNKNOWN")


def test_upload_with_a_wrong_or_no_digest(owner):
    name, registry = f"{owner.login}/image", owner.registry()
    error_of(registry.call("PUT", registry.start_upload(name), data=b"x"), 400, "DIGEST_INVALID")
    error_of(registry.finish_upload(registry.start_upload(name), b"x", "sha256:12"), 400, "DIGEST_INVALID")
    error_of(registry.finish_upload(registry.start_upload(name), b"x", NOWHERE), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("size", [0, 1, 5 << 20])
def test_upload_in_one_request(owner, size):
    name, registry, data = f"{owner.login}/whole", owner.registry(), random_bytes(size)
    headers = {"Content-Type": "application/octet-stream"}
    answer = registry.call("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data=data, headers=headers)
    assert ok(answer, 201).headers["Location"].endswith(digest_of(data))
    head = ok(registry.call("HEAD", f"/v2/{name}/blobs/{digest_of(data)}"), 200)
    assert int(head.headers["Content-Length"]) == size
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_range_beyond_the_end(owner):
    answer = owner.registry().blob(f"{owner.login}/image", digest_of(owner.layer), headers={"Range": "bytes=5000-"})
    error_of(answer, 416, "RANGE_INVALID")
    assert answer.headers["Content-Range"] == "bytes */1000"


def test_tags_by_pages(owner):
    name, registry = f"{owner.login}/tags", owner.registry()
    manifest = registry.push_image(name, "b", [b"layer"])
    for tag in ("a", "C", "d-1"):
        ok(registry.put_manifest(name, tag, manifest), 201)
    seen, path = [], f"/v2/{name}/tags/list?n=3"
    while path:
        answer = ok(registry.call("GET", path), 200)
        seen.append(answer.json()["tags"])
        link = answer.headers.get("Link")
        path = re.match(r"<([^>]+)>; rel=\"next\"", link).group(1) if link else None
    assert seen == [["C", "a", "b"], ["d-1"]]
    assert ok(registry.call("GET", f"/v2/{name}/tags/list?n=0"), 200).json()["tags"] == []


def test_a_package_is_visible_with_its_first_manifest(owner):
    name, registry = f"{owner.login}/young", owner.registry()
    data = b"bytes without a manifest"
    headers = {"Content-Type": "application/octet-stream"}
    ok(registry.call("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data=data, headers=headers), 201)
    error_of(registry.call("GET", f"/v2/{name}/tags/list"), 404, "NAME_UNKNOWN")
    registry.push_image(name, "v1", [data])
    assert ok(registry.call("GET", f"/v2/{name}/tags/list"), 200).json()["tags"] == ["v1"]


@pytest.mark.parametrize("role, status", [("member", 403), ("admin", 201)])
def test_somebody_else_publishes_the_package_meanwhile(cluster, user, role, status):
    """The rights that count are those of the package as it is when the manifest is there."""
    organization = f"acme-{user.login}"
    cluster.new_organization(organization, user.login)
    other = cluster.new_user()
    ok(cluster.admin("PUT", f"orgs/{organization}/memberships/{other.login}", {"role": role}), 200)
    name, late = f"{organization}/raced", other.registry()
    config, layer = b"{}", random_bytes(100)
    late.push_blob(name, config)
    late.push_blob(name, layer)
    manifest = manifest_of(config, [layer])
    slow = Slow(other, f"/v2/{name}/manifests/late", len(manifest), method="PUT", media=MANIFEST)
    slow.send(manifest[:10])
    time.sleep(0.5)  # its rights are checked
    user.registry().push_image(name, "first", [random_bytes(10)])
    slow.send(manifest[10:])
    answer = slow.answer()
    assert answer.status == status, answer.body
    assert status == 201 or json.loads(answer.body)["errors"][0]["code"] == "DENIED"
