"""Bytes that were pushed are pulled, through any gateway, whole and in ranges."""

import pytest

from harness.registry import digest_of, manifest_of, ok, random_bytes

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


def test_image_through_another_gateway(user):
    layers = [random_bytes(n) for n in (0, 1, 65536, 4 << 20, (9 << 20) + 13)]
    pushed = user.registry(1).push_image(f"{user.login}/image", "v1", layers)
    assert user.registry(2).pull_image(f"{user.login}/image", "v1") == (pushed, layers)
    assert user.registry(2).pull_image(f"{user.login}/image", digest_of(pushed)) == (pushed, layers)
    assert user.registry(2).tags(f"{user.login}/image") == ["v1"]


def test_upload_goes_on_at_another_gateway(user):
    name, data = f"{user.login}/parts", random_bytes(7 << 20)
    one, two = user.registry(1), user.registry(2)
    place = one.start_upload(name)
    for number, start in enumerate(range(0, len(data), 3 << 20)):
        part = data[start:start + (3 << 20)]
        registry = (two, one)[number % 2]
        headers = {"Content-Range": f"{start}-{start + len(part) - 1}", "Content-Type": "application/octet-stream"}
        # the location names a path: any gateway takes the next part
        place = ok(registry.call("PATCH", path_of(place), data=part, headers=headers), 202).headers["Location"]
    ok(two.finish_upload(path_of(place), b"", digest_of(data)), 201)
    assert ok(one.blob(name, digest_of(data))).content == data


def path_of(location):
    return "/" + location.split("://", 1)[1].split("/", 1)[1] if "://" in location else location


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=0-0", 0, 0),
    ("bytes=65530-65545", 65530, 65545),
    ("bytes=4194300-4194310", 4194300, 4194310),
    ("bytes=5242870-", 5242870, 5242879),
    ("bytes=-5", 5242875, 5242879),
])
def test_range(cluster, user, asked, first, last):
    data = random_bytes(5 << 20, seed="range")
    name = f"{user.login}/range"
    digest = user.registry().push_blob(name, data)
    answer = ok(user.registry().blob(name, digest, headers={"Range": asked}), 206)
    assert answer.content == data[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"


def test_wrong_digest_is_refused(user):
    registry, name = user.registry(), f"{user.login}/wrong"
    answer = registry.finish_upload(registry.start_upload(name), b"some bytes", digest_of(b"other bytes"))
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "DIGEST_INVALID"
    assert not registry.has_blob(name, digest_of(b"some bytes"))


def test_manifest_needs_its_blobs(user):
    answer = user.registry().put_manifest(f"{user.login}/empty", "v1", manifest_of(b"{}", [b"never pushed"]))
    assert answer.status_code in (400, 404)
    assert {e["code"] for e in answer.json()["errors"]} == {"MANIFEST_BLOB_UNKNOWN"}


def test_who_may(cluster, user):
    name = f"{user.login}/mine"
    user.registry().push_image(name, "v1", [b"layer"])
    anonymous = cluster.anonymous()
    assert anonymous.call("GET", "/v2/").status_code == 401
    assert anonymous.manifest(name, "v1").status_code == 401
    assert "WWW-Authenticate" in anonymous.manifest(name, "v1").headers
    stranger = cluster.new_user().registry()
    for answer in (stranger.manifest(name, "v1"), stranger.call("POST", f"/v2/{name}/blobs/uploads/")):
        assert answer.status_code == 403 and answer.json()["errors"][0]["code"] == "DENIED"
    assert user.registry().manifest(name, "v2").json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"


def test_one_layer_in_two_packages_is_stored_once(cluster, user):
    layer = random_bytes(2 << 20)
    for name in ("one", "two", "one"):
        user.registry().push_image(f"{user.login}/{name}", "v1", [layer])
    rows = cluster.query("SELECT count(*) FROM blob b JOIN instance i USING (gen)"
                         " WHERE i.dead_at IS NULL AND b.digest = decode(%s, 'hex')", digest_of(layer)[7:])
    assert rows == [(1,)]
