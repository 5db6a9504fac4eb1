"""Octokit, GitHub's own client for Node.js: each of its methods for packages, pages, refusals, workflows.

The programs are octokit/*.mjs. They run by Debian's Node.js where octokit/package-lock.json was installed to.
"""

import json
import re
import shutil

import pytest

from harness.cluster import ROOT
from harness.run import run

SHARES_CLUSTER = True

PROGRAMS = ROOT / "tests/clients/octokit"
INSTALLED = ROOT / "build/octokit"  # by tests/runner/get_octokit
PACKAGES = {"pack/many": ["v5", "v4", "v3", "v2", "v1"], "single": ["v1"]}  # tags newest first, as versions are listed


class House:
    """A user and an organization of hers with the same packages, and what the programs are told of them."""

    def __init__(self, site):
        cluster = self.cluster = site.cluster
        self.ca = cluster.ca
        self.user = cluster.new_user(("repo", "admin:org", "user", "write:packages", "delete:packages"))
        self.org = f"octokit-{self.user.login}"
        cluster.new_organization(self.org, self.user.login)
        for owner in (self.user.login, self.org):
            for name, tags in PACKAGES.items():
                self.push(f"{owner}/{name}", tags)
        self.given = {
            "api": f"https://{site.registry}/api/v3", "token": self.user.token, "login": self.user.login,
            "org": self.org, "packages": list(PACKAGES), "tags": PACKAGES["pack/many"], "limit": site.limit,
            "stranger": cluster.new_user().token, "reader": cluster.new_token(self.user.login, ["read:packages"])}

    def push(self, name, tags):
        registry = self.user.registry()
        for tag in reversed(tags):
            registry.push_image(name, tag, [f"{name}:{tag}".encode()])


@pytest.fixture(scope="module")
def house(https_site):
    return House(https_site)


def await_installed():
    """get_octokit begins beside the tests, and gives up soon; its lock is held meanwhile."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    run("flock", "--timeout", 600, INSTALLED / ".lock", "true", timeout=660)
    failed = INSTALLED / "failed"
    assert (INSTALLED / "made-for").exists(), (
        failed.read_text(encoding="utf-8") if failed.exists() else "tests/runner/get_octokit was not called")


@pytest.fixture(scope="module")
def octokit(house, work):
    """octokit("pages") runs pages.mjs and returns what it said."""
    await_installed()
    folder = work / "octokit"
    folder.mkdir()
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(INSTALLED / "node_modules")

    def call(program):
        environment = {"NODE_EXTRA_CA_CERTS": str(house.ca), "PATH": "/usr/bin:/bin"}
        return run("/usr/bin/node", f"{program}.mjs", json.dumps(house.given), cwd=folder, env=environment)
    return call


def test_debians_node_runs_what_is_installed():
    """Whichever Node.js runs it here: nothing in the lock wants a newer one than Debian 12 has."""
    lock = json.loads((PROGRAMS / "package-lock.json").read_text(encoding="utf-8"))
    wanted = {path: package["engines"]["node"] for path, package in lock["packages"].items() if "engines" in package}
    assert len(wanted) > 5
    assert {path: node for path, node in wanted.items() if re.fullmatch(r">= ?1[0-8]", node) is None} == {}
    assert not re.search(r"://|\"resolved\"", json.dumps(lock)), "the lock names a registry"


def test_each_method_for_packages(octokit):
    assert re.match(r"29 methods", octokit("packages"))


def test_pages(octokit):
    octokit("pages")


def test_refusals(octokit):
    octokit("refusals")


def test_conditions_limits_and_versions_of_the_api(octokit):
    octokit("headers")


def test_workflows(octokit):
    octokit("workflow")
