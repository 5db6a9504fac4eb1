"""Clients that trust the CA of deploy/up --tls push to and pull from a gateway that speaks TLS."""

import shutil
from pathlib import Path

import pytest

from harness.run import Failed


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, tls=True)
    yield made
    made.stop()


@pytest.fixture
def certificates(cluster, tmp_path):
    """A folder as skopeo, podman and docker want it: with the CA and nothing else."""
    folder = tmp_path / "certs.d"
    folder.mkdir()
    shutil.copy(cluster.ca, folder / "ca.crt")
    return folder


def test_skopeo(cluster, user, skopeo, image, certificates, tmp_path):
    place = f"docker://{cluster.env['PACKHOUSE_REGISTRY']}/{user.login}/image:v1"
    with pytest.raises(Failed, match="certificate"):
        skopeo("copy", "--dest-creds", user.credentials, image, place)
    skopeo("copy", "--preserve-digests", "--dest-cert-dir", certificates, "--dest-creds", user.credentials, image,
           place)
    skopeo("copy", "--preserve-digests", "--src-cert-dir", certificates, "--src-creds", user.credentials, place,
           f"oci:{tmp_path / 'back'}:latest")
    before = {path.name for path in Path(image.split(":")[1]).glob("blobs/sha256/*")}
    assert {path.name for path in (tmp_path / "back/blobs/sha256").iterdir()} == before
