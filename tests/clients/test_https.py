"""Clients that were not told of the CA of deploy/up --tls trust no gateway that it has a certificate of."""

import pytest

from harness.run import Failed

SHARES_CLUSTER = True

UNKNOWN = "certificate signed by unknown authority"


@pytest.fixture
def visitor(https_site):
    return https_site.cluster.new_user()


def test_docker(https_site, visitor, docker):
    if https_site.loopback:
        pytest.skip("docker looks at no certificate on a loopback address")
    login = ("login", "-u", visitor.login, "-p", visitor.token, https_site.registry)
    with pytest.raises(Failed, match=UNKNOWN):
        docker(*login)
    with docker.trusting(https_site.registry, https_site.cluster.ca):
        docker(*login)
    with pytest.raises(Failed, match=UNKNOWN):
        docker("pull", f"{https_site.registry}/{visitor.login}/image:v1")


def test_skopeo(https_site, visitor, skopeo, image):
    with pytest.raises(Failed, match=UNKNOWN):
        skopeo("copy", "--dest-creds", visitor.credentials, image,
               f"docker://{https_site.registry}/{visitor.login}/image:v1")


def test_podman_and_buildah(https_site, visitor, tool):
    with pytest.raises(Failed, match=UNKNOWN):
        tool("login", "-u", visitor.login, "-p", visitor.token, https_site.registry)
