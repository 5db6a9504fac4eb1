"""What was taken away is refused at the very next request: by each gateway, also with a bearer token issued before.

One session each stays open at each gateway, by password and by bearer, and has pulled and pushed before.
"""

import itertools

import pytest
import requests

from harness.issuer import Issuer, Key
from harness.people import Person, enroll
from harness.registry import Registry, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

SCOPES = ("user", "repo", "admin:org", "write:packages", "delete:packages")
numbers = itertools.count(1)


class Witness:
    """Whoever shows that token, at both gateways, in both ways."""

    def __init__(self, world, token, name=None):
        self.name = name or f"{world.org}/app"
        self.sessions = []
        for gateway in (1, 2):
            basic, bearer = Registry(world.cluster.url(gateway), "x", token), Registry(world.cluster.url(gateway))
            issued = ok(basic.call("GET", f"/token?scope=repository:{self.name}:pull,push,delete"), 200).json()["token"]
            bearer.session.headers["Authorization"] = f"Bearer {issued}"
            self.sessions += [bearer, basic]

    def may(self, pull, push, name=None, statuses=(401, 403, 404)):
        """Of both, asked in turn: each gateway's first request after a change is a bearer's."""
        name = name or self.name
        for session in self.sessions:
            for wanted, answer in ((pull, session.manifest(name, "v1")),
                                   (push, session.call("POST", f"/v2/{name}/blobs/uploads/"))):
                said = f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:200]}"
                assert answer.status_code in ((200, 202) if wanted else statuses), said


class World:
    """ann's organization, with bob as a member, and its private package `app`."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.ann, self.bob, self.cid = (Person(cluster, SCOPES) for _ in range(3))
        self.org = f"next-{next(numbers)}"
        cluster.new_organization(self.org, self.ann.login)
        enroll(cluster, self.org, self.bob.login)
        self.ann.registry().push_image(f"{self.org}/app", "v1", [b"a layer"])
        self.app = f"orgs/{self.org}/packages/container/app"

    def do(self, method, path, body=None, who=None):
        """As ann, through a gateway that the witness's next request may not be at."""
        answer = ok((who or self.ann).ask(method, path, body, gateway=1 + next(numbers) % 2), 200, 201, 202, 204)
        return answer.json() if answer.content else None

    def grant(self, role, who=None):
        self.do("PUT", f"{self.app}/access/users/{(who or self.bob).login}", {"role": role})

    def witness(self, who=None, may=(True, True)):
        seen = Witness(self, (who or self.bob).token)
        seen.may(*may)
        return seen

    def linked(self):
        """The package inherits from the repository `site`."""
        self.do("POST", f"orgs/{self.org}/repos", {"name": "site"})
        self.do("PUT", f"{self.app}/repository", {"owner": self.org, "repo": "site"})
        self.do("PUT", f"{self.app}/access/inherit", {"inherit": True})

    def share(self, permission, who=None):
        self.do("PUT", f"repos/{self.org}/site/collaborators/{(who or self.bob).login}", {"permission": permission})


@pytest.fixture
def world(cluster):
    return World(cluster)


# credentials


@pytest.mark.parametrize("by", ["himself", "a site admin"])
def test_a_revoked_token(world, by):
    world.grant("write")
    made = world.do("POST", "user/tokens", {"scopes": ["write:packages"]}, world.bob)
    seen, other = Witness(world, made["token"]), world.witness()
    seen.may(True, True)
    if by == "himself":
        world.do("DELETE", f"user/tokens/{made['id']}", None, world.bob)
    else:
        ok(world.cluster.admin("DELETE", f"admin/tokens/{made['id']}"), 204)
    seen.may(False, False, statuses=[401])
    other.may(True, True)


def test_robots(world):
    world.do("POST", f"orgs/{world.org}/robots", {"name": "ci"})
    tokens = f"orgs/{world.org}/robots/ci/tokens"
    made = [world.do("POST", tokens, {"scopes": ["write:packages"]}) for _ in range(2)]
    world.do("PUT", f"{world.app}/access/users/{world.org}%2Bci", {"role": "write"})
    first, second = (Witness(world, one["token"]) for one in made)
    for seen in (first, second):
        seen.may(True, True)
    world.do("DELETE", f"{tokens}/{made[0]['id']}")
    first.may(False, False, statuses=[401])
    second.may(True, True)
    world.do("DELETE", f"orgs/{world.org}/robots/ci")
    second.may(False, False, statuses=[401])


def test_workflow_tokens(world):
    world.do("POST", f"orgs/{world.org}/repos", {"name": "site"})
    actions = f"{world.app}/access/actions/{world.org}/site"
    world.do("PUT", actions, {"role": "write"})
    body = {"permissions": {"packages": "write"}}
    token = world.do("POST", f"repos/{world.org}/site/workflow-tokens", body)["token"]
    seen = Witness(world, token)
    seen.may(True, True)
    world.do("PUT", actions, {"role": "read"})
    seen.may(True, False)
    world.do("DELETE", actions)
    seen.may(False, False)
    world.do("PUT", actions, {"role": "write"})
    seen.may(True, True)
    workflow = Person.__new__(Person)
    workflow.cluster, workflow.token = world.cluster, token
    world.do("DELETE", "installation/token", None, workflow)
    seen.may(False, False, statuses=[401])


def test_a_workflows_repository_is_gone(world):
    world.do("POST", f"orgs/{world.org}/repos", {"name": "site"})
    world.do("PUT", f"{world.app}/access/actions/{world.org}/site", {"role": "write"})
    body = {"permissions": {"packages": "write"}}
    seen = Witness(world, world.do("POST", f"repos/{world.org}/site/workflow-tokens", body)["token"])
    seen.may(True, True)
    world.do("DELETE", f"repos/{world.org}/site")
    seen.may(False, False)


GRANT, JWT = "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:token-type:jwt"


@pytest.fixture(name="believed")
def an_issuer(world):
    """One whose jobs act for the repository `site`; job() is a token for the token of one."""
    world.do("POST", f"orgs/{world.org}/repos", {"name": "site"})
    world.do("PUT", f"{world.app}/access/actions/{world.org}/site", {"role": "write"})
    made = Issuer([Key("EdDSA", "k")])
    rules = [{"match": {"sub": "a job"}, "repository": f"{world.org}/site", "packages": "write"}]
    row = ok(world.cluster.admin("POST", "admin/issuers", {"issuer": made.url, "audience": "packhouse", "rules": rules,
                                                           "jwks": made.jwks()}), 201).json()
    made.path = f"admin/issuers/{row['id']}"

    def job():
        form = {"grant_type": GRANT, "subject_token": made.token(), "subject_token_type": JWT}
        return requests.post(f"{world.cluster.url()}/api/v3/oidc/token", data=form, timeout=120)

    made.job = job
    yield made
    world.cluster.admin("DELETE", made.path)
    made.close()


@pytest.mark.parametrize("way", ["deleted", "disabled"])
def test_the_issuer_of_a_job(world, believed, way):
    """With it end the tokens that were got through it, and no others; enabled again it gives new ones."""
    jobs = [Witness(world, ok(believed.job(), 200).json()["access_token"]) for _ in range(2)]
    body = {"permissions": {"packages": "write"}}
    by_hand = Witness(world, world.do("POST", f"repos/{world.org}/site/workflow-tokens", body)["token"])
    ok(world.cluster.admin("PATCH", believed.path, {"audience": "packhouse"}), 200)  # changed, but enabled
    for seen in (*jobs, by_hand):
        seen.may(True, True)
    if way == "deleted":
        ok(world.cluster.admin("DELETE", believed.path), 204)
    else:
        ok(world.cluster.admin("PATCH", believed.path, {"enabled": False}), 200)
    for seen in jobs:
        seen.may(False, False, statuses=[401])
    by_hand.may(True, True)
    assert believed.job().status_code == 400
    assert world.cluster.query("SELECT (detail ->> 'tokens_ended')::int FROM audit WHERE action IN ('issuer.delete',"
                               " 'issuer.change') ORDER BY id DESC LIMIT 1") == [(2,)]
    if way == "disabled":
        ok(world.cluster.admin("PATCH", believed.path, {"enabled": True}), 200)
        jobs[0].may(False, False, statuses=[401])
        Witness(world, ok(believed.job(), 200).json()["access_token"]).may(True, True)


def test_single_sign_on(world):
    world.grant("write")
    seen = world.witness()
    changed = world.cluster.query("UPDATE account SET sso_required = true WHERE login = %s RETURNING 1", world.org)
    assert changed == [(1,)]
    seen.may(False, False)
    world.cluster.query("INSERT INTO token_sso SELECT t.id, o.id FROM token t, account o WHERE o.login = %s"
                        " AND t.hash = sha256(%s) RETURNING 1", world.org, world.bob.token.encode())
    seen.may(True, True)
    [one] = ok(world.cluster.admin("GET", f"orgs/{world.org}/credential-authorizations"), 200).json()
    ok(world.cluster.admin("DELETE", f"orgs/{world.org}/credential-authorizations/{one['credential_id']}"), 204)
    seen.may(False, False)


# accounts


def test_a_suspended_account(world):
    world.grant("write")
    seen = world.witness()
    ok(world.cluster.admin("PUT", f"users/{world.bob.login}/suspended"), 204)
    seen.may(False, False, statuses=[401])
    ok(world.cluster.admin("DELETE", f"users/{world.bob.login}/suspended"), 204)
    seen.may(True, True)


def test_a_deleted_account_made_anew(world):
    """Its login is another account's now, in the organization even: neither has what the first one had."""
    world.grant("write")
    seen = world.witness()
    ok(world.cluster.admin("DELETE", f"admin/users/{world.bob.login}"), 204)
    seen.may(False, False, statuses=[401])
    ok(world.cluster.admin("POST", "admin/users", {"login": world.bob.login}), 201)
    seen.may(False, False, statuses=[401])
    enroll(world.cluster, world.org, world.bob.login)
    seen.may(False, False, statuses=[401])
    anew = Witness(world, world.cluster.new_token(world.bob.login, ["write:packages"]))
    anew.may(False, False)
    world.grant("read")
    anew.may(True, False)
    seen.may(False, False, statuses=[401])


# roles


def test_a_lowered_role(world):
    world.grant("write")
    seen = world.witness()
    world.grant("read")
    seen.may(True, False)
    world.grant("write")
    seen.may(True, True)
    world.do("DELETE", f"{world.app}/access/users/{world.bob.login}")
    seen.may(False, False)


@pytest.mark.parametrize("way", ["leaves", "is sent away", "membership is ended"])
def test_a_member_no_more(world, way):
    """A grant that is left does not count, and comes back with the membership only where it was kept."""
    world.grant("write")
    seen = world.witness()
    path = f"orgs/{world.org}/{'memberships' if way == 'membership is ended' else 'members'}/{world.bob.login}"
    world.do("DELETE", path, None, world.bob if way == "leaves" else world.ann)
    seen.may(False, False)


def test_an_owner_no_more(world):
    world.do("PUT", f"orgs/{world.org}/memberships/{world.bob.login}", {"role": "admin"})
    seen = world.witness()
    world.do("PUT", f"orgs/{world.org}/memberships/{world.bob.login}", {"role": "member"})
    seen.may(False, False)


def test_members_create_no_packages_any_more(world):
    seen = Witness(world, world.bob.token, f"{world.org}/new")
    seen.may(False, True)
    world.do("PATCH", f"orgs/{world.org}", {"members_can_create_packages": False})
    seen.may(False, False)


def test_teams(world):
    """Lowered, moved from under the one that has the role, left, deleted."""
    top = world.do("POST", f"orgs/{world.org}/teams", {"name": "top", "privacy": "closed"})
    below = {"name": "below", "privacy": "closed", "parent_team_id": top["id"]}
    world.do("POST", f"orgs/{world.org}/teams", below)
    member = f"orgs/{world.org}/teams/below/memberships/{world.bob.login}"
    world.do("PUT", member, {"role": "member"})
    world.do("PUT", f"{world.app}/access/teams/top", {"role": "write"})
    seen = world.witness()
    world.do("PUT", f"{world.app}/access/teams/top", {"role": "read"})
    seen.may(True, False)
    world.do("PUT", f"{world.app}/access/teams/top", {"role": "write"})
    seen.may(True, True)
    world.do("PATCH", f"orgs/{world.org}/teams/below", {"parent_team_id": None})
    seen.may(False, False)
    world.do("PATCH", f"orgs/{world.org}/teams/below", {"parent_team_id": top["id"]})
    seen.may(True, True)
    world.do("DELETE", member)
    seen.may(False, False)
    world.do("PUT", member, {"role": "member"})
    seen.may(True, True)
    world.do("DELETE", f"{world.app}/access/teams/top")
    seen.may(False, False)
    world.do("PUT", f"{world.app}/access/teams/top", {"role": "write"})
    seen.may(True, True)
    world.do("DELETE", f"orgs/{world.org}/teams/top")
    seen.may(False, False)


def test_the_role_on_the_repository(world):
    world.linked()
    world.share("push")
    seen = world.witness()
    world.share("pull")
    seen.may(True, False)
    world.do("PATCH", f"orgs/{world.org}", {"default_repository_permission": "none"})
    world.do("DELETE", f"repos/{world.org}/site/collaborators/{world.bob.login}")
    seen.may(False, False)
    world.share("push", world.cid)
    outside = world.witness(world.cid)
    world.do("DELETE", f"repos/{world.org}/site")
    outside.may(False, False)


def test_inheriting_is_switched(world):
    """What was given on the package ends when it is on, what the repository gave when it is off."""
    world.do("PATCH", f"orgs/{world.org}", {"default_repository_permission": "none"})
    world.grant("write")
    granted = world.witness()
    world.linked()
    granted.may(False, False)
    world.share("push", world.cid)
    through = world.witness(world.cid)
    world.do("PUT", f"{world.app}/access/inherit", {"inherit": False})
    through.may(False, False)
    granted.may(False, False)
    world.do("PUT", f"{world.app}/access/inherit", {"inherit": True})
    through.may(True, True)
    world.do("DELETE", f"{world.app}/repository")
    through.may(False, False)


# packages


def test_visibility(world):
    world.do("PUT", f"{world.app}/visibility", {"visibility": "public"})
    world.grant("write", world.cid)
    seen, nobody = world.witness(world.cid), [Registry(world.cluster.url(gateway)) for gateway in (1, 2)]
    stranger = world.witness(Person(world.cluster), (True, False))
    for session in nobody:
        ok(session.manifest(f"{world.org}/app", "v1"), 200)
    world.do("PUT", f"{world.app}/visibility", {"visibility": "internal"})
    for session in nobody:
        assert session.manifest(f"{world.org}/app", "v1").status_code == 401
    seen.may(True, False)  # what outsiders were given counts on public ones
    stranger.may(True, False)
    world.do("PUT", f"{world.app}/visibility", {"visibility": "private"})
    for one in (seen, stranger):
        one.may(False, False)


def test_a_renamed_package(world):
    """Its old name leads pulls to it, and takes no pushes; not when the name was given up."""
    world.grant("write")
    seen = world.witness()
    world.do("POST", f"{world.app}/rename", {"name": "tool"})
    seen.may(True, False)
    Witness(world, world.bob.token, f"{world.org}/tool").may(True, True)
    world.do("DELETE", f"{world.app.replace('app', 'tool')}/aliases/{world.org}/app")
    seen.may(False, True)  # as a name that a member may publish under


def test_a_transferred_package(world):
    """Who was given it in one organization has nothing of it in the next."""
    world.grant("write")
    world.cluster.new_organization(f"{world.org}-b", world.ann.login)
    seen = world.witness()
    world.do("POST", f"{world.app}/transfer", {"new_owner": f"{world.org}-b"})
    seen.may(False, False)
    Witness(world, world.bob.token, f"{world.org}-b/app").may(False, False)
    Witness(world, world.ann.token, f"{world.org}-b/app").may(True, True)


def test_a_deleted_organization(world):
    world.grant("write")
    seen = world.witness()
    world.do("DELETE", f"orgs/{world.org}")
    seen.may(False, False)
    world.cluster.new_organization(world.org, world.cid.login)
    seen.may(False, False)
