"""Images and clients, each client with folders of its own so that nothing of this machine is used or left behind."""

import os
import pathlib
import shutil

import pytest

from harness.cable import may_lay
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


class Site:
    """A cluster as clients reach it."""

    def __init__(self, cluster, address="localhost", certificates=None, limit=None):
        self.cluster = cluster
        self.registry = f"{address}:{cluster.port}"
        self.certificates = certificates
        self.limit = limit  # of an account's requests in a minute
        self.loopback = address == "localhost"

    def options(self, side=""):
        """What skopeo, podman and buildah have to be told; side is "src-" or "dest-" where they know two."""
        if self.certificates is None:
            return [f"--{side}tls-verify=false"]
        return [f"--{side}cert-dir", self.certificates]


@pytest.fixture(scope="session")
def http_site(shared_cluster):
    return Site(shared_cluster)


@pytest.fixture(scope="session")
def https_site(start_cluster, work):
    """With the CA of deploy/up --tls, and if that can be at an address other than loopback, where docker looks at no
    certificate; with a limit of requests that nobody meets here, but that answers tell of."""
    address, limit = "localhost", 1000000
    if may_lay():
        address = "10.77.0.3"
        run("ip", "address", "replace", f"{address}/32", "dev", "lo")
    cluster = start_cluster(storage=1, tls=True, bind=f"127.0.0.1,{address}" if may_lay() else None,
                            settings={"gateway.rate_per_caller": limit})
    certificates = work / "certificates"
    certificates.mkdir()
    shutil.copy(cluster.ca, certificates / "ca.crt")
    return Site(cluster, address, certificates, limit)


@pytest.fixture(params=["http", "https"])
def site(request):
    return request.getfixturevalue(f"{request.param}_site")


@pytest.fixture
def visitor(site):
    """A new account there, with a token that may write packages."""
    return site.cluster.new_user()


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
