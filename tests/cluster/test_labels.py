"""What a version says of itself is kept, and links its package to the repository that it names; no push fails of it."""

import itertools
import json

import pytest

from harness.registry import CONFIG, INDEX, LAYER, MANIFEST, descriptor, digest_of, manifest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

TEXT = "org.opencontainers.image."
DOCKER = ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json")

numbers = itertools.count(1)


class World:
    """An organization with repositories, and somebody who may write to one of them."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner = cluster.new_user()
        self.org = f"labels-{self.owner.login}"
        cluster.new_organization(self.org, self.owner.login)
        self.repositories = {name: cluster.query(
            "INSERT INTO repository (owner_id, name) SELECT id, %s FROM account WHERE login = %s RETURNING id",
            name, self.org)[0][0] for name in ("app", "closed")}
        cluster.query("INSERT INTO repository_source (source, repository_id) VALUES (%s, %s) RETURNING 1",
                      f"git.example/{self.org}/tool", self.repositories["app"])

    def name(self):
        return f"{self.org}/p{next(numbers)}"

    def push(self, name, tag=None, labels=None, user=None, config=None, config_type=CONFIG, media=MANIFEST, **more):
        """An image with these labels in its config; its descriptor."""
        registry = (user or self.owner).registry()
        layer = str(next(numbers)).encode()
        config = config if config is not None else json.dumps(
            {"os": "linux", "config": {"Labels": labels}, "history": [{"created_by": layer.decode()}]}).encode()
        for data in (layer, config):
            registry.push_blob(name, data)
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": descriptor(config, config_type),
                               "layers": [descriptor(layer, LAYER)], **more}).encode()
        ok(registry.put_manifest(name, tag or digest_of(manifest), manifest, media), 201)
        return descriptor(manifest, media)

    def push_index(self, name, tag, children, **more):
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children, **more}).encode()
        ok(self.owner.registry().put_manifest(name, tag, index, INDEX), 201)
        return descriptor(index, INDEX)

    def labels(self, name, pushed):
        return self.cluster.query(
            "SELECT m.labels FROM manifest m JOIN package p ON p.id = m.package_id"
            " JOIN account a ON a.id = p.namespace_id WHERE a.login || '/' || p.name = %s"
            " AND m.digest = decode(%s, 'hex')", name, pushed["digest"][7:])[0][0]

    def link(self, name):
        """(repository, linked by, inherits)"""
        return self.cluster.query(
            "SELECT r.name, p.linked_by, p.inherits FROM package p JOIN account a ON a.id = p.namespace_id"
            " LEFT JOIN repository r ON r.id = p.repository_id WHERE a.login || '/' || p.name = %s", name)[0]


@pytest.fixture(scope="module", name="world")
def a_world(cluster):
    return World(cluster)


def test_an_images_labels_stand_in_its_config(world):
    name = world.name()
    labels = {TEXT + "description": "däß " * 200, TEXT + "licenses": "MIT", "other": "x"}
    kept = {**labels, TEXT + "description": ("däß " * 200)[:512]}
    assert world.labels(name, world.push(name, "v1", labels)) == kept
    # Docker's types alike; annotations say what labels do not.
    pushed = world.push(name, "v2", labels, media=DOCKER[0], config_type=DOCKER[1],
                        annotations={"other": "no", "more": "yes"})
    assert world.labels(name, pushed) == {**kept, "more": "yes"}
    assert world.labels(name, world.push(name, "v3")) is None


def test_an_artifact_is_what_its_annotations_say(world):
    name = world.name()
    config = b'{"config":{"Labels":{"no":"label"}}}'
    pushed = world.push(name, "v1", config=config, config_type="application/vnd.example.config+json",
                        annotations={TEXT + "licenses": "EUPL-1.2"})
    assert world.labels(name, pushed) == {TEXT + "licenses": "EUPL-1.2"}


@pytest.mark.parametrize("config", [
    b"{", b"[]", b'{"config":{"Labels":"x"}}', b'{"config":{"Labels":{"a":"1","a":"2"}}}', b"[" * 5000,
    b'{"config":{"Labels":{"a":"b"}}' + b" " * (1 << 20) + b"}", b'{"a":"\xff"}', b'{"a":"\\u0000"}'])
def test_a_config_that_says_nothing_is_no_mistake(world, config):
    name = world.name()
    assert world.labels(name, world.push(name, "v1", config=config)) is None


def test_a_config_that_cannot_be_read_is_no_mistake(world):
    """Its labels come with the next push of the same manifest."""
    name, registry = world.name(), world.owner.registry()
    config = json.dumps({"config": {"Labels": {"a": name}}}).encode()
    registry.push_blob(name, config)
    manifest = manifest_of(config, [])
    was = world.cluster.query(
        "UPDATE chunk c SET digest = sha256('nowhere') FROM blob b, chunk old WHERE b.digest = sha256(%s)"
        " AND c.gen = b.gen AND old.gen = c.gen AND old.idx = c.idx RETURNING c.gen, old.digest", config)
    assert len(was) == 1
    try:
        ok(registry.put_manifest(name, "v1", manifest), 201)
    finally:
        world.cluster.query("UPDATE chunk SET digest = %s WHERE gen = %s RETURNING 1", was[0][1], was[0][0])
    assert world.labels(name, {"digest": digest_of(manifest)}) is None
    ok(world.owner.registry(2).put_manifest(name, "v2", manifest), 201)
    assert world.labels(name, {"digest": digest_of(manifest)}) == {"a": name}


def test_an_index_says_what_its_images_say_alike(world):
    name = world.name()
    one, two = (world.push(name, labels={"same": "1", "differs": differs}) for differs in "ab")
    proof = world.push(name, labels=None)
    unknown = {**proof, "platform": {"os": "unknown", "architecture": "unknown"}}
    assert world.labels(name, world.push_index(name, "v1", [one, two, unknown])) == {"same": "1"}
    marked = {**proof, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    pushed = world.push_index(name, "v2", [one, two, marked], annotations={"same": "own", "x": "y"})
    assert world.labels(name, pushed) == {"same": "own", "x": "y"}
    assert world.labels(name, world.push_index(name, "v3", [one, proof])) is None


def source_of(world, repository):
    return {TEXT + "source": f"{world.cluster.url()}/{world.org.upper()}/{repository}.git"}


def test_the_first_tagged_version_links(world):
    name = world.name()
    world.push(name, "v1", source_of(world, "app"))
    assert world.link(name) == ("app", 1, True)
    world.push(name, "v2", source_of(world, "closed"))
    assert world.link(name) == ("app", 1, True)
    actions = world.cluster.query("SELECT action, detail->>'by' FROM audit WHERE action = 'package.link'"
                                  " AND detail->>'name' = %s", name.split("/")[1])
    assert actions == [("package.link", "label")]


def test_children_first_then_the_index_with_an_annotation(world):
    """By an address that the repository was given."""
    name = world.name()
    child = world.push(name, labels=source_of(world, "closed"))
    assert world.link(name) == (None, None, False)
    world.push_index(name, "v1", [child], annotations={TEXT + "source": f"git@git.example:{world.org}/tool"})
    assert world.link(name) == ("app", 1, True)


def test_children_that_agree_link_and_such_that_do_not(world):
    name = world.name()
    children = [world.push(name, labels=source_of(world, repository)) for repository in ("app", "closed", "app")]
    world.push_index(name, "v1", children[:2])
    assert world.link(name) == (None, None, False)
    world.push_index(name, "v2", [children[0], children[2]])
    assert world.link(name) == ("app", 1, False)  # not the first any more


def test_a_label_gives_nobody_what_he_had_not(world):
    """A member who may only read the repository; and a repository of another namespace."""
    user = world.cluster.new_user()
    ok(world.cluster.admin("PUT", f"orgs/{world.org}/memberships/{user.login}", {"role": "member"}), 200)
    name = world.name()
    world.push(name, "v1", source_of(world, "app"), user=user)
    assert world.link(name) == (None, None, False)
    own = f"{user.login}/mine"
    world.push(own, "v1", source_of(world, "app"), user=user)
    assert world.link(own) == (None, None, False)
    for source in ("", "no address", "https://", "https://[", "x" * 5000, f"{world.cluster.url()}/{world.org}"):
        world.push(name, "v2", {TEXT + "source": source}, user=user)
    assert world.link(name) == (None, None, False)
