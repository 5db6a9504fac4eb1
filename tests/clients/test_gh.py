"""gh, GitHub's command, over https: as at an enterprise server, by the host's name and a token."""

import json
import os

import pytest

from harness.run import Failed, run

SHARES_CLUSTER = True

VERSIONS = 7
PACKAGES = ["a", "b/c", "d"]


@pytest.fixture(scope="module")
def owner(https_site):
    """With an organization that has PACKAGES, the first of which has more than one version."""
    owner = https_site.cluster.new_user(("repo", "read:org", "admin:org", "write:packages", "delete:packages"))
    owner.org = f"gh-{owner.login}"
    https_site.cluster.new_organization(owner.org, owner.login)
    for name in PACKAGES:
        owner.registry().push_image(f"{owner.org}/{name}", "v0", [name.encode()])
    for number in range(1, VERSIONS):
        owner.registry().push_image(f"{owner.org}/{PACKAGES[0]}", f"v{number}", [str(number).encode()])
    return owner


@pytest.fixture
def gh(https_site, owner, tmp_path):
    """gh ARGUMENT… with the owner's token; what it said"""
    environment = {**os.environ, "GH_HOST": https_site.registry, "GH_ENTERPRISE_TOKEN": owner.token,
                   "SSL_CERT_FILE": str(https_site.cluster.ca), "GH_CONFIG_DIR": str(tmp_path),
                   "GH_NO_UPDATE_NOTIFIER": "1", "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}

    def call(*arguments):
        return run("/usr/bin/gh", *arguments, env=environment)
    return call


def test_all_pages(gh, owner):
    versions = f"orgs/{owner.org}/packages/container/a/versions"
    whole = [one["id"] for one in json.loads(gh("api", f"{versions}?per_page=100"))]
    assert len(whole) == VERSIONS
    for size in (1, 3, VERSIONS):
        said = gh("api", "--paginate", f"{versions}?per_page={size}", "--jq", ".[].id")
        assert [int(word) for word in said.split()] == whole, f"{size} a page"
    for path in (f"orgs/{owner.org}/packages", f"users/{owner.org}/packages"):
        said = gh("api", "--paginate", f"{path}?package_type=container&per_page=1", "--jq", ".[].name")
        assert sorted(said.split()) == PACKAGES, path
    heads = gh("api", "--include", "--paginate", f"{versions}?per_page=3", "--jq", ".[].id")
    assert heads.count("200 OK") == 3


def test_deleting_and_restoring(gh, owner):
    path = f"orgs/{owner.org}/packages/container/b%2Fc"
    assert json.loads(gh("api", path))["name"] == "b/c"
    gh("api", "--method", "DELETE", path)
    with pytest.raises(Failed, match=r"Package not found\. \(HTTP 404\)"):
        gh("api", path)
    gh("api", "--method", "POST", f"{path}/restore")
    [version] = json.loads(gh("api", f"{path}/versions"))
    with pytest.raises(Failed, match=r"last tagged version.*\(HTTP 400\)"):
        gh("api", "--method", "DELETE", f"{path}/versions/{version['id']}")


def test_who_is_signed_in(gh, owner):
    assert owner.login in gh("auth", "status")
    assert gh("api", "user", "--jq", ".login").strip() == owner.login
