"""What people do in their first days with a registry like this, with docker: the steps of GitHub's own guide.

Login with a token; push; it is private; made public; pulled without login, and by digest; labels that say where it
comes from; workflows that push what is new, and are refused elsewhere until somebody grants it.
"""

import contextlib
import re

import pytest

from harness.image import layer_of
from harness.people import Person
from harness.registry import ok, random_bytes
from harness.run import Failed

SHARES_CLUSTER = True

SCOPES = ("write:packages", "delete:packages", "admin:org", "user", "repo")


class Steps:
    """An organization of `ada`, its repository `site`, and docker."""

    def __init__(self, site, docker, work):
        self.registry, self.docker, self.folder = site.registry, docker, work
        self.ada = Person(site.cluster, SCOPES)
        self.org = f"steps-{self.ada.login}"
        site.cluster.new_organization(self.org, self.ada.login)
        ok(self.ada.ask("POST", f"orgs/{self.org}/repos", {"name": "site", "private": True}), 201)
        self.images = 0

    def name(self, package):
        return f"{self.registry}/{self.org}/{package}"

    def image(self, name, **labels):
        """A new image of one small file under that name."""
        self.images += 1
        archive = self.folder / f"first-steps-{self.images}.tar"
        archive.write_bytes(layer_of({"file": random_bytes(20_000)}))
        changes = [f"--change=LABEL org.opencontainers.image.{key}={value!r}" for key, value in labels.items()]
        self.docker("import", *changes, archive, f"{name}:v1")
        archive.unlink()
        return f"{name}:v1"

    @contextlib.contextmanager
    def logged_in(self, token):
        self.docker("login", "-u", "anything", "-p", token, self.registry)
        yield
        self.docker("logout", self.registry)

    def push(self, name):
        said = self.docker("push", name)
        return re.search(r"digest: (sha256:[0-9a-f]{64})", said).group(1)

    def pull(self, name):
        with contextlib.suppress(Failed):
            self.docker("rmi", "--force", name)
        self.docker("pull", name)

    def package(self, name):
        return self.ada.get(f"orgs/{self.org}/packages/container/{name}")

    def workflow(self, repository="site", permission="write"):
        answer = self.ada.ask("POST", f"repos/{self.org}/{repository}/workflow-tokens",
                              {"permissions": {"packages": permission}})
        return ok(answer, 201).json()["token"]


@pytest.fixture(scope="module")
def steps(http_site, docker, work):
    return Steps(http_site, docker, work)


def test_private_then_public(steps):
    name = steps.image(steps.name("hello"))
    with steps.logged_in(steps.ada.token):
        digest = steps.push(name)
    assert steps.package("hello")["visibility"] == "private"
    with pytest.raises(Failed, match="unauthorized"):
        steps.pull(name)
    ok(steps.ada.ask("PUT", f"orgs/{steps.org}/packages/container/hello/visibility", {"visibility": "public"}))
    for reference in (name, f"{steps.name('hello')}@{digest}"):
        steps.pull(reference)


def test_labels(steps):
    """They link the package and describe it; a name that equals a repository's does nothing."""
    source = f"http://{steps.registry}/{steps.org}/site"
    labelled = steps.image(steps.name("labelled"), source=source, description="Says hello", licenses="MIT")
    plain = steps.image(steps.name("site"))
    with steps.logged_in(steps.ada.token):
        steps.push(labelled)
        steps.push(plain)
    package = steps.package("labelled")
    assert package["repository"]["full_name"] == f"{steps.org}/site"
    assert (package["description"], package["licenses"]) == ("Says hello", "MIT")
    assert steps.package("site").get("repository") is None


def test_workflows(steps):
    new, by_hand = steps.image(steps.name("from-workflow")), steps.image(steps.name("by-hand"))
    with steps.logged_in(steps.ada.token):
        steps.push(by_hand)
    with steps.logged_in(steps.workflow()):
        steps.push(new)
        with pytest.raises(Failed, match="needs the role write.*an admin of the package can give it"):
            steps.push(by_hand)
    assert steps.package("from-workflow")["repository"]["full_name"] == f"{steps.org}/site"
    listed = steps.ada.get(f"orgs/{steps.org}/packages/container/from-workflow/access/actions")
    assert [(one["repository"]["full_name"], one["role"]) for one in listed] == [(f"{steps.org}/site", "admin")]
    ok(steps.ada.ask("PUT", f"orgs/{steps.org}/packages/container/by-hand/access/actions/{steps.org}/site",
                     {"role": "write"}))
    with steps.logged_in(steps.workflow()):
        steps.push(by_hand)
        steps.pull(by_hand)
