"""skopeo: copies in and out, indexes with all their images, both kinds of manifests."""

import json
from pathlib import Path

import pytest

from harness.run import Failed

SHARES_CLUSTER = True


def to(site, user, name):
    """A place in the registry, and the options to write there."""
    return f"docker://{site.registry}/{user.login}/{name}", [*site.options("dest-"), "--dest-creds", user.credentials]


def out(site, user):
    return [*site.options("src-"), "--src-creds", user.credentials]


def raw(skopeo, site, user, place):
    return skopeo("inspect", "--raw", *site.options(), "--creds", user.credentials, place)


def test_copy_in_and_out(site, visitor, skopeo, image, tmp_path):
    place, options = to(site, visitor, "image:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", "--preserve-digests", *out(site, visitor), place, f"oci:{tmp_path / 'back'}:latest")
    before = {path.name for path in Path(image.split(":")[1]).glob("blobs/sha256/*")}
    after = {path.name for path in (tmp_path / "back/blobs/sha256").iterdir()}
    assert before == after


def test_index_with_all_images(site, visitor, skopeo, index, tmp_path):
    place, options = to(site, visitor, "many:v1")
    skopeo("copy", "--all", *options, index, place)
    assert len(json.loads(raw(skopeo, site, visitor, place))["manifests"]) == 3
    skopeo("copy", "--all", *out(site, visitor), place, f"dir:{tmp_path / 'back'}")
    assert len(list((tmp_path / "back").glob("*.manifest.json"))) == 3


def test_docker_schema_2(site, visitor, skopeo, image):
    place, options = to(site, visitor, "docker-format:v1")
    skopeo("copy", "--format", "v2s2", *options, image, place)
    kind = json.loads(raw(skopeo, site, visitor, place))["mediaType"]
    assert kind == "application/vnd.docker.distribution.manifest.v2+json"


def test_list_tags(site, visitor, skopeo, image):
    for tag in ("b", "c", "a"):
        place, options = to(site, visitor, f"tags:{tag}")
        skopeo("copy", "--preserve-digests", *options, image, place)
    said = skopeo("list-tags", *site.options(), "--creds", visitor.credentials, place.rsplit(":", 1)[0])
    assert json.loads(said)["Tags"] == ["a", "b", "c"]


def test_copy_from_package_to_package(site, visitor, skopeo, image):
    place, options = to(site, visitor, "from:v1")
    other, _ = to(site, visitor, "to:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    skopeo("copy", *out(site, visitor), *options, place, other)
    assert raw(skopeo, site, visitor, place) == raw(skopeo, site, visitor, other)


def test_unknown_tag(site, visitor, skopeo, image):
    place, options = to(site, visitor, "known:v1")
    skopeo("copy", "--preserve-digests", *options, image, place)
    with pytest.raises(Failed, match="manifest unknown"):
        raw(skopeo, site, visitor, place.replace(":v1", ":v2"))
