"""podman and buildah: login, push and pull by tag, by digest and without a tag."""

import pytest

from harness.run import Failed

SHARES_CLUSTER = True


def test_push_and_pull(site, visitor, tool, image, tmp_path):
    name = f"{site.registry}/{visitor.login}/{tool.name}"
    tool("login", *site.options(), "-u", visitor.login, "-p", visitor.token, site.registry)
    loaded = tool("pull", "-q", image).split()[-1]
    for reference in (f"{name}:v1", f"{name}:latest"):
        tool("push", *site.options(), "--digestfile", tmp_path / "digest", loaded, f"docker://{reference}")
    digest = (tmp_path / "digest").read_text(encoding="ascii").strip()
    tool("rmi", "-f", loaded)
    for reference in (f"{name}:v1", name, f"{name}@{digest}"):
        pulled = tool("pull", "-q", *site.options(), reference).split()[-1]
        assert pulled == loaded
        tool("rmi", "-f", pulled)
    tool("logout", site.registry)


def test_login_with_a_wrong_token(site, visitor, tool):
    with pytest.raises(Failed, match="invalid username/password|unauthorized"):
        tool("login", *site.options(), "-u", visitor.login, "-p", "wrong", site.registry)
