"""skopeo: copies in and out, indexes with all their images, both kinds of manifests."""

import json
from pathlib import Path

import pytest

from harness.run import Failed


def to(cluster, user, name):
    """A place in the registry, and the options to write there."""
    place = f"docker://{cluster.env['PACKHOUSE_REGISTRY']}/{user.login}/{name}"
    return place, ["--dest-tls-verify=false", "--dest-creds", user.credentials]


def out(user):
    return ["--src-tls-verify=false", "--src-creds", user.credentials]


def raw(skopeo, user, place):
    return skopeo("inspect", "--raw", "--tls-verify=false", "--creds", user.credentials, place)


def test_copy_in_and_out(cluster, user, skopeo, image, tmp_path):
    place, options = to(cluster, user, "image:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", "--preserve-digests", *out(user), place, f"oci:{tmp_path / 'back'}:latest")
    before = {path.name for path in Path(image.split(":")[1]).glob("blobs/sha256/*")}
    after = {path.name for path in (tmp_path / "back/blobs/sha256").iterdir()}
    assert before == after


def test_index_with_all_images(cluster, user, skopeo, index, tmp_path):
    place, options = to(cluster, user, "many:v1")
    skopeo("copy", "--all", *options, index, place)
    assert len(json.loads(raw(skopeo, user, place))["manifests"]) == 3
    skopeo("copy", "--all", *out(user), place, f"dir:{tmp_path / 'back'}")
    assert len(list((tmp_path / "back").glob("*.manifest.json"))) == 3


def test_docker_schema_2(cluster, user, skopeo, image):
    place, options = to(cluster, user, "docker-format:v1")
    skopeo("copy", "--format", "v2s2", *options, image, place)
    kind = json.loads(raw(skopeo, user, place))["mediaType"]
    assert kind == "application/vnd.docker.distribution.manifest.v2+json"


def test_list_tags(cluster, user, skopeo, image):
    for tag in ("b", "c", "a"):
        place, options = to(cluster, user, f"tags:{tag}")
        skopeo("copy", "--preserve-digests", *options, image, place)
    said = skopeo("list-tags", "--tls-verify=false", "--creds", user.credentials, place.rsplit(":", 1)[0])
    assert json.loads(said)["Tags"] == ["a", "b", "c"]


def test_copy_from_package_to_package(cluster, user, skopeo, image):
    place, options = to(cluster, user, "from:v1")
    other, _ = to(cluster, user, "to:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", *out(user), *options, place, other)
    assert raw(skopeo, user, place) == raw(skopeo, user, other)


def test_unknown_tag(cluster, user, skopeo, image):
    place, options = to(cluster, user, "known:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    with pytest.raises(Failed, match="manifest unknown"):
        raw(skopeo, user, place.replace(":v1", ":v2"))
