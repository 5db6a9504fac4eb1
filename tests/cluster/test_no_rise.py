"""A writer of a package gets no more than that, whatever he pushes, makes or names; ids of others' things are no keys.

What other tests try already:

    settings of the package, each without the role for it    test_access.py test_nobody_raises_his_own_rights
    labels naming a repository that one only reads           test_labels.py test_a_label_gives_nobody_what_he_had_not
    links by somebody's word to such a repository            test_access.py test_links
    teams made or moved under others', roles in them         test_teams.py test_nobody_gets_more_than_he_has
    tokens with more scopes, limits or time, of people       test_tokens.py test_a_token_passes_on_no_more_than_it_has
    robots' tokens with scopes that the maker has not        test_tokens.py test_a_robot_has_tokens_and_no_more
    workflow tokens by members, with limits, scopes, actors  test_workflow_tokens.py test_who_may_make_them
    workflows that change settings                           test_access.py test_workflows_change_no_settings
    roles on repositories, given by those who have less      test_repositories.py test_collaborators
    tokens of another person                                 test_tokens.py test_the_tokens_of_others_are_nobodys_…
    names that lead to another package, taken by renaming    test_access.py test_rename
"""

import datetime
import itertools
import re

import pytest

from harness.cluster import User
from harness.people import Person, enroll, invalid, refused
from harness.registry import digest_of, manifest_of, ok
from harness.routes import routes

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

SCOPES = ("user", "repo", "admin:org", "write:packages", "delete:packages")
SOURCE = "org.opencontainers.image.source"
numbers = itertools.count(1)


class World:
    """ann's organization, and bob, a member who writes to its package `app`, and is admin of its repository `bobs`."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.ann, self.bob = Person(cluster, SCOPES), Person(cluster, SCOPES)
        self.org = f"rise-{next(numbers)}"
        self.app = f"orgs/{self.org}/packages/container/app"
        cluster.new_organization(self.org, self.ann.login)
        enroll(cluster, self.org, self.bob.login)
        self.push(self.ann, "app", "v1")
        self.do(self.ann, "PUT", f"{self.app}/access/users/{self.bob.login}", {"role": "write"})
        self.do(self.bob, "POST", f"orgs/{self.org}/repos", {"name": "bobs"})
        self.do(self.ann, "PUT", f"repos/{self.org}/bobs/collaborators/{self.bob.login}", {"permission": "admin"})

    def do(self, who, method, path, body=None):
        answer = ok(who.ask(method, path, body), 200, 201, 202, 204)
        return answer.json() if answer.content else None

    def source(self, repository):
        return {SOURCE: f"{self.cluster.url()}/{self.org}/{repository}"}

    def push(self, who, package, tag=None, source=None):
        """An artifact with annotations; by its digest, unless a tag is said. Its digest."""
        registry, layer = who.registry(), str(next(numbers)).encode()
        for data in (layer, b"{}"):
            registry.push_blob(f"{self.org}/{package}", data)
        manifest = manifest_of(b"{}", [layer], annotations=source or {})
        ok(registry.put_manifest(f"{self.org}/{package}", tag or digest_of(manifest), manifest), 201)
        return digest_of(manifest)

    def is_writer(self, who=None, package="app"):
        """He pushes, and neither sees the settings nor deletes."""
        who = who or self.bob
        digest = self.push(who, package)
        path = f"orgs/{self.org}/packages/container/{package}"
        refused(who.ask("GET", f"{path}/access"), 403, "needs the role admin")
        refused(who.ask("PUT", f"{path}/visibility", {"visibility": "public"}), 403, "needs the role admin")
        assert who.registry().call("DELETE", f"/v2/{self.org}/{package}/manifests/{digest}").status_code == 403

    def actions(self):
        listed = self.do(self.ann, "GET", f"{self.app}/access/actions")
        return {row["repository"]["name"]: row["role"] for row in listed}

    def workflow_token(self):
        """That writes, for bob's repository."""
        body = {"permissions": {"packages": "write"}}
        return self.do(self.bob, "POST", f"repos/{self.org}/bobs/workflow-tokens", body)["token"]


@pytest.fixture
def world(cluster):
    return World(cluster)


# labels and links


def test_a_label_gives_a_workflow_what_its_pusher_has(world):
    """To a repository of which he is admin: the link is made, and its workflows only write."""
    world.push(world.bob, "app", "v2", world.source("bobs"))
    said = world.do(world.ann, "GET", f"{world.app}/access")
    assert said["repository"]["name"] == "bobs" and said["inherits"] is False and world.actions() == {"bobs": "write"}
    world.is_writer()
    workflow = Person.__new__(Person)
    workflow.cluster, workflow.token = world.cluster, world.workflow_token()
    refused(workflow.ask("PUT", f"{world.app}/visibility", {"visibility": "public"}), 403, "needs the role admin")
    refused(workflow.ask("PUT", f"{world.app}/access/actions/{world.org}/bobs", {"role": "admin"}), 403, "role admin")


def test_a_tag_gives_no_more_than_a_push(world):
    """Who tags by REST what a writer has pushed does not give the writer's repository what he may himself."""
    digest = world.push(world.bob, "app", None, world.source("bobs"))
    tags = f"{world.app}/tags"
    world.do(world.ann, "PUT", f"{tags}/v2", {"digest": digest})
    assert world.do(world.ann, "GET", f"{world.app}/access")["repository"] is None and world.actions() == {}
    refused(world.bob.ask("DELETE", f"{tags}/v2"), 403, "needs the role admin")
    world.do(world.bob, "PUT", f"{tags}/v2", {"digest": digest})
    assert world.do(world.ann, "GET", f"{world.app}/access")["inherits"] is False
    assert world.actions() == {"bobs": "write"}
    world.is_writer()


def test_the_first_tag_by_name_gives_a_writer_no_more(world):
    """As the first one that is pushed."""
    world.push(world.ann, "young")
    path = f"orgs/{world.org}/packages/container/young"
    world.do(world.ann, "PUT", f"{path}/access/users/{world.bob.login}", {"role": "write"})
    digest = world.push(world.bob, "young", None, world.source("bobs"))
    world.do(world.bob, "PUT", f"{path}/tags/v1", {"digest": digest})
    assert world.do(world.ann, "GET", f"{path}/access")["inherits"] is False
    world.is_writer(package="young")


def test_a_member_claims_no_source(world):
    """Whatever owners push with that address would inherit from his repository, of which he is admin."""
    claim = {"source_url": "https://git.example/rise/app"}
    refused(world.bob.ask("PATCH", f"repos/{world.org}/bobs", claim), 403, "Only owners of the organization")
    refused(world.bob.ask("POST", f"orgs/{world.org}/repos", {"name": "claimed", **claim}), 403, "Only owners")
    refused(world.bob.ask("GET", f"repos/{world.org}/claimed"), 404)
    world.do(world.bob, "POST", "user/repos", {"name": "brought", **claim})
    world.do(world.bob, "POST", f"repos/{world.bob.login}/brought/transfer", {"new_owner": world.org})
    world.push(world.ann, "claimed", "v1", {SOURCE: claim["source_url"]})
    assert world.do(world.ann, "GET", f"orgs/{world.org}/packages/container/claimed/access")["repository"] is None
    assert world.do(world.ann, "PATCH", f"repos/{world.org}/bobs", claim)["source_url"] == claim["source_url"]


def test_the_first_tag_gives_a_writer_no_more(world):
    """The publisher has not tagged it yet: his rights do not go to the writer's repository."""
    world.push(world.ann, "young")
    path = f"orgs/{world.org}/packages/container/young"
    world.do(world.ann, "PUT", f"{path}/access/users/{world.bob.login}", {"role": "write"})
    world.push(world.bob, "young", "v1", world.source("bobs"))
    assert world.do(world.ann, "GET", f"{path}/access")["inherits"] is False
    world.is_writer(package="young")


def test_the_first_tag_gives_a_workflow_no_more(world):
    """Nor do they go to the repository whose workflow may write."""
    world.push(world.ann, "young")
    path = f"orgs/{world.org}/packages/container/young"
    world.do(world.ann, "PUT", f"{path}/access/users/{world.bob.login}", {"role": "write"})
    world.do(world.ann, "PUT", f"{path}/access/actions/{world.org}/bobs", {"role": "write"})
    workflow = User(world.cluster, "ci", world.workflow_token())
    world.push(workflow, "young", "v1", world.source("bobs"))
    assert world.do(world.ann, "GET", f"{path}/access")["inherits"] is False
    world.is_writer(package="young")


def test_a_label_changes_no_link(world):
    """Neither of a package that inherits from another repository, nor of one whose link was ended."""
    world.do(world.ann, "POST", f"orgs/{world.org}/repos", {"name": "site"})
    world.do(world.ann, "PUT", f"repos/{world.org}/site/collaborators/{world.bob.login}", {"permission": "maintain"})
    world.do(world.ann, "PUT", f"{world.app}/repository", {"owner": world.org, "repo": "site"})
    world.do(world.ann, "PUT", f"{world.app}/access/inherit", {"inherit": True})
    world.push(world.bob, "app", "v2", world.source("bobs"))
    world.is_writer()
    refused(world.bob.ask("PUT", f"{world.app}/repository", {"owner": world.org, "repo": "bobs"}), 403, "role admin")
    himself = f"repos/{world.org}/site/collaborators/{world.bob.login}"
    refused(world.bob.ask("PUT", himself, {"permission": "admin"}), 403)
    refused(world.bob.ask("POST", f"repos/{world.org}/site/workflow-tokens", {}), 403, "admin")
    refused(world.bob.ask("POST", f"repos/{world.org}/site/transfer", {"new_owner": world.bob.login}), 403)
    assert world.do(world.ann, "GET", f"{world.app}/access")["repository"]["name"] == "site"
    world.do(world.ann, "DELETE", f"{world.app}/repository")
    world.do(world.ann, "PUT", f"{world.app}/access/users/{world.bob.login}", {"role": "write"})
    world.push(world.bob, "app", "v3", world.source("bobs"))
    assert world.do(world.ann, "GET", f"{world.app}/access")["repository"] is None
    world.is_writer()


def test_a_repository_of_the_same_name(world):
    """Whoever makes the one that is gone anew has what the new one gives: nothing."""
    world.do(world.ann, "POST", f"orgs/{world.org}/repos", {"name": "site"})
    world.do(world.ann, "PUT", f"{world.app}/repository", {"owner": world.org, "repo": "site"})
    assert world.actions() == {"site": "admin"}
    world.do(world.ann, "DELETE", f"repos/{world.org}/site")
    world.do(world.bob, "POST", f"orgs/{world.org}/repos", {"name": "site"})
    assert world.do(world.ann, "GET", f"{world.app}/access")["repository"] is None and world.actions() == {}
    world.is_writer()


# names


def test_names_that_lead_to_it(world):
    """No package of his takes its name or a former one."""
    world.do(world.ann, "POST", f"{world.app}/rename", {"name": "tool"})
    for name in ("tool", "app"):
        world.bob.registry().push_image(f"{world.bob.login}/{name}", "v1", [b"his"])
        answer = world.bob.ask("POST", f"user/packages/container/{name}/transfer", {"new_owner": world.org})
        refused(answer, 422, "Validation Failed" if name == "tool" else "leads to it")
    world.bob.registry().push_image(f"{world.org}/his", "v1", [b"his"])
    mine = f"orgs/{world.org}/packages/container/his"
    for name in ("tool", "app"):
        refused(world.bob.ask("POST", f"{mine}/rename", {"name": name}), 422)
        refused(world.bob.ask("DELETE", f"{mine}/aliases/{world.org}/{name}"), 404)
    refused(world.bob.ask("DELETE", f"orgs/{world.org}/package-aliases/app"), 403, "owner")
    refused(world.bob.ask("DELETE", "user/package-aliases/app"), 404)
    answer = world.bob.registry().call("POST", f"/v2/{world.org}/app/blobs/uploads/")
    assert answer.status_code == 403 and f"{world.org}/tool" in answer.text
    world.is_writer(package="tool")


def test_a_name_takes_no_rights_along(world):
    """What was given to the package that had a name before is not his who gets the name."""
    world.bob.registry().push_image(f"{world.org}/his", "v1", [b"his"])
    his = f"orgs/{world.org}/packages/container/his"
    world.do(world.bob, "POST", f"{his}/rename", {"name": "other"})
    other = f"orgs/{world.org}/packages/container/other"
    world.do(world.bob, "DELETE", f"{other}/aliases/{world.org}/his")
    world.do(world.ann, "POST", f"{world.app}/rename", {"name": "his"})
    world.is_writer(package="his")


# teams


def test_a_team_of_the_same_slug(world):
    """A team's role is not that of another one that is called so."""
    world.do(world.ann, "POST", f"orgs/{world.org}/teams", {"name": "web", "privacy": "closed"})
    world.do(world.ann, "PUT", f"{world.app}/access/teams/web", {"role": "admin"})
    world.do(world.bob, "POST", f"orgs/{world.org}/teams", {"name": "crew", "privacy": "closed"})
    for name in ("web", "WEB", "Web."):
        invalid(world.bob.ask("PATCH", f"orgs/{world.org}/teams/crew", {"name": name}), "name", "already_exists")
    world.is_writer()
    world.do(world.ann, "DELETE", f"orgs/{world.org}/teams/web")
    world.do(world.bob, "PATCH", f"orgs/{world.org}/teams/crew", {"name": "web"})
    world.is_writer()
    assert world.do(world.ann, "GET", f"{world.app}/access")["teams"] == []


# tokens


def later(**delta):
    return (datetime.datetime.utcnow() + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def narrow(world, **body):
    """ann with a token of all scopes that is limited, or ends soon."""
    person = Person.__new__(Person)
    person.cluster, person.login = world.cluster, world.ann.login
    person.token = world.do(world.ann, "POST", "user/tokens", {"scopes": SCOPES, **body})["token"]
    return person


def test_a_token_that_ends_gives_none_that_lasts(world):
    """To a workflow. A robot's is the organization's, and stays."""
    brief, path = narrow(world, expires_at=later(minutes=10)), f"repos/{world.org}/bobs"
    for kind in ("workflow-tokens", "codespace-tokens"):
        refused(brief.ask("POST", f"{path}/{kind}", {"expires_in": 86400}), 403, "outlive")
        ok(brief.ask("POST", f"{path}/{kind}", {"expires_in": 60}), 201)


def test_a_limited_token_gives_none_without_limits(world):
    """Of a robot that has more rights than the limits leave."""
    world.do(world.ann, "POST", f"orgs/{world.org}/robots", {"name": "ci"})
    world.do(world.ann, "PUT", f"{world.app}/access/users/{world.org}%2Bci", {"role": "write"})
    limited = narrow(world, limits=[{"namespace": world.ann.login}])
    answer = limited.ask("POST", f"orgs/{world.org}/robots/ci/tokens", {"scopes": ["write:packages"]})
    if answer.status_code == 201:
        robot = User(world.cluster, "ci", answer.json()["token"])
        assert robot.registry().manifest(f"{world.org}/app", "v1").status_code == 403
    else:
        assert answer.status_code in (403, 404), answer.text


# ids of others


class Foreign:
    """Things of another organization, by the names that the table of routes has for their ids."""

    def __init__(self, world):
        other, do = World(world.cluster), world.do
        do(other.ann, "POST", f"orgs/{other.org}/teams", {"name": "foreign", "privacy": "closed"})
        do(other.ann, "POST", f"orgs/{other.org}/robots", {"name": "foreign"})
        self.robots_token = do(other.ann, "POST", f"orgs/{other.org}/robots/foreign/tokens", {})["id"]
        self.token = do(other.ann, "POST", "user/tokens", {})["id"]
        cluster = world.cluster
        cluster.query("INSERT INTO token_sso SELECT %s, id FROM account WHERE login = %s RETURNING 1", self.token,
                      other.org)
        [(self.version,)] = cluster.query(
            "SELECT max(m.id) FROM manifest m JOIN package p ON p.id = m.package_id JOIN account a"
            " ON a.id = p.namespace_id WHERE a.login = %s", other.org)
        [(self.package,)] = cluster.query(
            "INSERT INTO package (namespace_id, name, publisher_id, published_at, deleted_at)"
            " SELECT p.namespace_id, 'gone', p.publisher_id, now(), now() FROM package p"
            " JOIN account a ON a.id = p.namespace_id WHERE a.login = %s"
            " RETURNING id", other.org)
        do(other.ann, "POST", f"{other.app}/rename", {"name": "foreign"})
        self.world = other


# How a route names what is not meant here: the organization and the package are one's own.
def own(world, pattern):
    names = {"org": world.org, "owner": world.org, "package_type": "container", "package_name": "app",
             "username": world.ann.login, "member": world.ann.login, "repo": "bobs"}
    return re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], m[0]), pattern)


def test_ids_of_another_organization(world):
    """404 on every route that takes one, where one's own would be found."""
    foreign = Foreign(world)
    world.do(world.ann, "POST", f"orgs/{world.org}/robots", {"name": "own"})
    tried = set()
    for method, pattern, _right in routes():
        kinds = set(re.findall(r"\{(\w+)\}", pattern)) & {
            "id", "team_slug", "robot", "alias", "credential_id", "package_version_id", "package_id"}
        if not kinds or "/admin/" in pattern:
            continue
        values = [{"id": foreign.robots_token, "team_slug": "foreign", "robot": "foreign", "alias": "app",
                   "credential_id": foreign.token, "package_version_id": foreign.version,
                   "package_id": foreign.package}]
        if kinds == {"id"}:
            values = [{"id": foreign.token}, {"id": foreign.robots_token}]
        elif kinds == {"id", "robot"}:
            values.append({"id": foreign.robots_token, "robot": "own"})
        for value in values:
            path = own(world, pattern.replace("/api/v3/user/packages", "/api/v3/orgs/{org}/packages"))
            for kind in kinds:
                path = path.replace(f"{{{kind}}}", str(value[kind]))
            body = {"role": "member" if "team_slug" in kinds and "memberships" in path else "read", "name": "x"}
            answer = world.ann.ask(method, path.removeprefix("/api/v3/"), body)
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        tried |= kinds
    assert tried >= {"id", "team_slug", "robot", "alias", "credential_id", "package_id"}
    other = foreign.world  # all of it is still there
    for path in ("teams/foreign", "robots/foreign", "credential-authorizations"):
        assert world.do(other.ann, "GET", f"orgs/{other.org}/{path}")
    assert len(world.do(other.ann, "GET", f"orgs/{other.org}/robots/foreign/tokens")) == 1
    ok(other.ann.registry().manifest(f"{other.org}/app", "v1"), 200)
    world.do(other.ann, "POST", f"orgs/{other.org}/deleted-packages/{foreign.package}/restore")


def test_ids_in_bodies_and_names(world):
    """A parent from elsewhere, a robot from elsewhere."""
    foreign = Foreign(world)
    other = foreign.world
    parent = world.do(other.ann, "GET", f"orgs/{other.org}/teams/foreign")["id"]
    teams = f"orgs/{world.org}/teams"
    child = {"name": "x", "privacy": "closed", "parent_team_id": parent}
    invalid(world.ann.ask("POST", teams, child), "parent_team_id", "missing")
    world.do(world.ann, "POST", teams, {"name": "crew", "privacy": "closed"})
    invalid(world.ann.ask("PATCH", f"{teams}/crew", {"parent_team_id": parent}), "parent_team_id", "missing")
    for target in ({"version_id": foreign.version}, {"digest": f"sha256:{'0' * 64}"}):
        refused(world.ann.ask("PUT", f"{world.app}/tags/v1", target), 404, "Package version not found.")
    robot = f"{other.org}%2Bforeign"
    refused(world.ann.ask("PUT", f"{teams}/crew/memberships/{robot}", {}), 404)
    assert world.ann.ask("PUT", f"{world.app}/access/users/{robot}", {"role": "read"}).status_code in (404, 422)
    assert world.ann.ask("PUT", f"repos/{world.org}/bobs/collaborators/{robot}", {}).status_code in (404, 422)


def test_issuers_and_all_tokens_are_the_sites_matter(world):
    """An owner is not told which there are."""
    made = ok(world.cluster.admin("POST", "admin/issuers", {
        "issuer": f"https://{world.org}.example", "audience": "x", "rules": [
            {"match": {"sub": "x"}, "repository": f"{world.org}/bobs", "packages": "read"}]}), 201).json()
    for path, there in (("admin/issuers", made["id"]), ("admin/tokens", Foreign(world).token)):
        for method in ("GET", "PATCH", "DELETE"):
            said = [world.ann.ask(method, f"{path}/{one}", {}) for one in (there, 987654321)]
            assert said[0].status_code == said[1].status_code and said[0].status_code in (403, 404, 405)
            assert said[0].json()["message"] == said[1].json()["message"]
    ok(world.cluster.admin("DELETE", f"admin/issuers/{made['id']}"), 204)
