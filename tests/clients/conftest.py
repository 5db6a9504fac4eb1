"""Images and clients, each client with folders of its own so that nothing of this machine is used or left behind."""

import os
import pathlib
import shutil

import pytest

from harness.dockerd import Dockerd
from harness.image import make_image, make_index
from harness.run import run


@pytest.fixture(scope="session")
def work():
    """A folder of the session with room for images; /var/tmp, because /tmp may be small and in memory.

    Its name has digits only: podman makes an image's name of the path of a layout.
    """
    folder = pathlib.Path(f"/var/tmp/packhouse-clients-{os.getpid()}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def image(work):
    return f"oci:{make_image(work / 'image')}:latest"


@pytest.fixture(scope="session")
def index(work):
    return f"oci:{make_index(work / 'index')}:latest"


@pytest.fixture(scope="session")
def docker_archive(work, image):
    """The image as `docker load` takes it, named example/image:latest."""
    file = work / "image.tar"
    run("skopeo", "--insecure-policy", "copy", image, f"docker-archive:{file}:example/image:latest")
    return file


@pytest.fixture
def skopeo(tmp_path):
    def call(*arguments, timeout=300):
        return run("skopeo", "--insecure-policy", "--tmpdir", tmp_path, *arguments, timeout=timeout)
    return call


@pytest.fixture(scope="session")
def docker(work):
    if os.getuid() != 0:
        pytest.skip("a docker daemon needs root")
    folder = work / "docker"
    folder.mkdir()
    daemon = Dockerd(folder)
    yield daemon
    daemon.stop()


@pytest.fixture(params=["podman", "buildah"])
def tool(request, work, tmp_path):
    """podman or buildah with a store of its own; both know the same commands for images."""
    if os.getuid() != 0:
        pytest.skip("needs subordinate user ids, or root")
    store = work / request.param

    def call(*arguments, timeout=300):
        common = ["--root", store / "root", "--runroot", store / "run", "--storage-driver", "vfs"]
        if request.param == "podman":
            common += ["--cgroup-manager", "cgroupfs", "--events-backend", "none"]
        environment = {**os.environ, "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
        return run(request.param, *common, *arguments, timeout=timeout, env=environment)

    call.name = request.param
    return call
