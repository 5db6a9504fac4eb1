"""podman and buildah: login, push and pull by tag, by digest and without a tag."""

import pytest

from harness.run import Failed


def test_push_and_pull(cluster, user, tool, image, tmp_path):
    registry = cluster.env["PACKHOUSE_REGISTRY"]
    name = f"{registry}/{user.login}/{tool.name}"
    tool("login", "--tls-verify=false", "-u", user.login, "-p", user.token, registry)
    loaded = tool("pull", "-q", image).split()[-1]
    for reference in (f"{name}:v1", f"{name}:latest"):
        tool("push", "--tls-verify=false", "--digestfile", tmp_path / "digest", loaded, f"docker://{reference}")
    digest = (tmp_path / "digest").read_text(encoding="ascii").strip()
    tool("rmi", "-f", loaded)
    for reference in (f"{name}:v1", name, f"{name}@{digest}"):
        pulled = tool("pull", "-q", "--tls-verify=false", reference).split()[-1]
        assert pulled == loaded
        tool("rmi", "-f", pulled)
    tool("logout", registry)


def test_login_with_a_wrong_token(cluster, user, tool):
    with pytest.raises(Failed, match="invalid username/password|unauthorized"):
        tool("login", "--tls-verify=false", "-u", user.login, "-p", "wrong", cluster.env["PACKHOUSE_REGISTRY"])
