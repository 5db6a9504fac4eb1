"""docker: login, push and pull, and the words its users know."""

import re

import pytest

from harness.drips import Drips
from harness.run import Failed


@pytest.fixture
def registry(cluster):
    return cluster.env["PACKHOUSE_REGISTRY"]


@pytest.fixture
def logged_in(docker, registry, user):
    docker("login", "-u", user.login, "-p", user.token, registry)
    yield user
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


def test_push_and_pull_beside_drips(docker, registry, cluster, logged_in, loaded):
    """Thousands of connections that send a byte a second do not stop it."""
    with Drips(cluster.port) as drips:
        drips.await_all()
        for number in range(3):
            name = f"{registry}/{logged_in.login}/beside-{number}:v1"
            push(docker, loaded, name)
            docker("pull", name)
            docker("rmi", name)
        drips.await_all()


def test_login_with_a_wrong_token(docker, registry, user):
    with pytest.raises(Failed, match="unauthorized"):
        docker("login", "-u", user.login, "-p", user.token[:-4] + "0000", registry)


def test_push_without_login(docker, registry, user, loaded):
    docker("tag", loaded, f"{registry}/{user.login}/none:v1")
    with pytest.raises(Failed, match="unauthorized: authentication required|no basic auth credentials"):
        docker("push", f"{registry}/{user.login}/none:v1")


def test_push_to_a_stranger(docker, registry, cluster, logged_in, loaded):
    stranger = cluster.new_user()
    docker("tag", loaded, f"{registry}/{stranger.login}/theirs:v1")
    with pytest.raises(Failed, match="denied: requested access to the resource is denied"):
        docker("push", f"{registry}/{stranger.login}/theirs:v1")


def test_pull_of_an_unknown_tag(docker, registry, logged_in, loaded):
    name = f"{registry}/{logged_in.login}/known"
    push(docker, loaded, f"{name}:v1")
    with pytest.raises(Failed, match="manifest unknown"):
        docker("pull", f"{name}:v2")
