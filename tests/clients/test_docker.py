"""docker: login, push and pull, and the words its users know."""

import re

import pytest

from harness.drips import Drips
from harness.run import Failed


SHARES_CLUSTER = True


@pytest.fixture
def registry(site, docker):
    if site.certificates is None:
        yield site.registry
        return
    if site.loopback:
        pytest.skip("docker looks at no certificate on a loopback address")
    with docker.trusting(site.registry, site.cluster.ca):
        yield site.registry


@pytest.fixture
def logged_in(docker, registry, visitor):
    docker("login", "-u", visitor.login, "-p", visitor.token, registry)
    yield visitor
    docker("logout", registry)


@pytest.fixture
def loaded(docker, docker_archive):
    docker("load", "-i", docker_archive)
    return "example/image:latest"


def image_id(docker, name):
    return docker("image", "inspect", "--format", "{{.Id}}", name).strip()


def push(docker, source, target):
    docker("tag", source, target)
    said = docker("push", target)
    docker("rmi", target)
    return re.search(r"digest: (sha256:[0-9a-f]{64})", said).group(1)


def test_push_and_pull(docker, registry, logged_in, loaded):
    name = f"{registry}/{logged_in.login}/image"
    wanted = image_id(docker, loaded)
    digest = push(docker, loaded, f"{name}:v1")
    assert push(docker, loaded, name) == digest, "without a tag it is latest; pushed twice it is the same"
    docker("rmi", loaded)
    for reference in (f"{name}:v1", name, f"{name}@{digest}"):
        docker("pull", reference)
        assert image_id(docker, reference) == wanted
        docker("rmi", reference)


@pytest.mark.parametrize("site", ["http"], indirect=True)
def test_push_and_pull_beside_drips(docker, registry, site, logged_in, loaded):
    """Thousands of connections that send a byte a second do not stop it."""
    with Drips(site.cluster.port) as drips:
        drips.await_all()
        for number in range(3):
            name = f"{registry}/{logged_in.login}/beside-{number}:v1"
            push(docker, loaded, name)
            docker("pull", name)
            docker("rmi", name)
        drips.await_all()


def test_login_with_a_wrong_token(docker, registry, visitor):
    with pytest.raises(Failed, match="unauthorized"):
        docker("login", "-u", visitor.login, "-p", visitor.token[:-4] + "0000", registry)


def test_push_without_login(docker, registry, visitor, loaded):
    docker("tag", loaded, f"{registry}/{visitor.login}/none:v1")
    with pytest.raises(Failed, match="unauthorized: authentication required|no basic auth credentials"):
        docker("push", f"{registry}/{visitor.login}/none:v1")


def test_push_to_a_stranger(docker, registry, site, logged_in, loaded):
    stranger = site.cluster.new_user()
    docker("tag", loaded, f"{registry}/{stranger.login}/theirs:v1")
    with pytest.raises(Failed, match="denied: requested access to the resource is denied"):
        docker("push", f"{registry}/{stranger.login}/theirs:v1")


def test_pull_of_an_unknown_tag(docker, registry, logged_in, loaded):
    name = f"{registry}/{logged_in.login}/known"
    push(docker, loaded, f"{name}:v1")
    with pytest.raises(Failed, match="manifest unknown"):
        docker("pull", f"{name}:v2")
