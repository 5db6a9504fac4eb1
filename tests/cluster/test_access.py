"""Settings of packages by REST: who may what, who sees it, links, names; and that nobody raises his own rights."""

import base64
import json
from urllib.parse import quote

import pytest
import requests

from harness.registry import manifest_of, ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

OWNER_SCOPES = ("write:packages", "delete:packages", "admin:org")


class World:
    """An organization of ann's, with a member bob, who has published acme/app, and cid, who is nobody there."""

    count = 0

    def __init__(self, cluster):
        World.count += 1
        self.cluster = cluster
        self.org, self.other = f"access-{World.count}", f"elsewhere-{World.count}"
        self.ann, self.bob, self.cid = (cluster.new_user(OWNER_SCOPES) for _ in range(3))
        cluster.new_organization(self.org, self.ann.login)
        cluster.new_organization(self.other, self.ann.login)
        self.enroll(self.bob.login)
        self.bob.registry().push_image(f"{self.org}/app", "v1", [b"a layer"])

    def enroll(self, login, role="member"):
        ok(self.cluster.admin("PUT", f"orgs/{self.org}/memberships/{login}", {"role": role}), 200)

    def account(self, login):
        return self.cluster.query("SELECT id FROM account WHERE login = %s", login)[0][0]

    def repository(self, name, owner=None, visibility=0, **roles):
        """Its id; roles of people on it."""
        [(made,)] = self.cluster.query("INSERT INTO repository (owner_id, name, visibility) VALUES (%s, %s, %s)"
                                       " RETURNING id", self.account(owner or self.org), name, visibility)
        for person, role in roles.items():
            self.cluster.query("INSERT INTO repository_grant VALUES (%s, %s, %s) RETURNING 1", made,
                               self.account(getattr(self, person).login), role)
        return made

    def team(self, slug, owner=None, *people):
        [(made,)] = self.cluster.query("INSERT INTO team (organization_id, slug, name) VALUES (%s, %s, %s)"
                                       " RETURNING id", self.account(owner or self.org), slug, slug)
        self.cluster.query("INSERT INTO team_path VALUES (%s, %s, 0) RETURNING 1", made, made)
        for person in people:
            self.cluster.query("INSERT INTO team_member (team_id, account_id) VALUES (%s, %s) RETURNING 1", made,
                               self.account(person.login))
        return made

    def call(self, who, method, path="", body=None, package="app", below=None, gateway=1):
        owner = below or f"orgs/{self.org}"
        url = f"{self.cluster.url(gateway)}/api/v3/{owner}/packages/container/{quote(package, safe='')}{path}"
        token = who if isinstance(who, str) else who.token
        return requests.request(method, url, json=body, timeout=60, headers={"Authorization": f"token {token}"})

    def access(self, who=None):
        return ok(self.call(who or self.ann, "GET", "/access"), 200).json()

    def pulls(self, who, name=None, gateway=2):
        return who.registry(gateway).manifest(name or f"{self.org}/app", "v1").status_code

    def pushes(self, who, name=None):
        return who.registry(2).call("POST", f"/v2/{name or f'{self.org}/app'}/blobs/uploads/").status_code


@pytest.fixture
def world(cluster):
    return World(cluster)


def refused(answer, status, words):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    body = answer.json()
    assert words in body["message"], body
    return body


# a package


def test_a_package(world):
    said = ok(world.call(world.bob, "GET"), 200).json()
    url = f"{world.cluster.url()}/api/v3/orgs/{world.org}/packages/container/app"
    assert (said["name"], said["package_type"], said["visibility"]) == ("app", "container", "private")
    assert said["owner"]["login"] == world.org and said["owner"]["type"] == "Organization" and said["url"] == url
    assert said["html_url"].endswith(f"/orgs/{world.org}/packages/container/package/app")
    assert said["version_count"] == 1 and said["repository"] is None and said["inherits"] is False
    for who, below in ((world.ann, f"users/{world.org}"), (world.ann, f"orgs/{world.org.upper()}")):
        assert ok(world.call(who, "GET", below=below), 200).json()["id"] == said["id"]
    docker = f"{world.cluster.url()}/api/v3/orgs/{world.org}/packages/docker/app"
    assert ok(requests.get(docker, auth=("", world.bob.token), timeout=60), 200).json()["id"] == said["id"]
    for path in (docker.replace("docker", "npm"), docker + "2", docker.replace(world.org, world.other)):
        refused(requests.get(path, auth=("", world.ann.token), timeout=60), 404, "Package not found.")
    refused(world.call(world.cid, "GET"), 404, "Package not found.")
    mine = f"{world.bob.login}/deep/name"
    world.bob.registry().push_image(mine, "v1", [b"a layer"])
    said = ok(world.call(world.bob, "GET", package="deep/name", below="user"), 200).json()
    assert said["name"] == "deep/name" and said["owner"]["login"] == world.bob.login
    assert said["url"].endswith(f"/users/{world.bob.login}/packages/container/deep%2Fname")
    refused(world.call(world.cid, "GET", package="deep/name", below=f"users/{world.bob.login}"), 404, "not found")
    refused(world.call(world.bob, "GET", package="deep/name", below=f"orgs/{world.bob.login}"), 404, "not found")


def test_what_a_package_says_of_itself(world):
    """The newest tagged version speaks for it."""
    registry = world.bob.registry()
    registry.push_blob(f"{world.org}/app", b"{}")
    said = {"org.opencontainers.image.description": "A tool", "org.opencontainers.image.licenses": "MIT"}
    ok(registry.put_manifest(f"{world.org}/app", "v2", manifest_of(b"{}", [b"a layer"], annotations=said)), 201)
    package = ok(world.call(world.bob, "GET"), 200).json()
    assert (package["description"], package["licenses"], package["version_count"]) == ("A tool", "MIT", 2)


def test_a_package_that_is_only_begun_is_not_there(world):
    world.ann.registry().start_upload(f"{world.org}/begun")
    refused(world.call(world.ann, "GET", package="begun"), 404, "Package not found.")
    refused(world.call(world.ann, "PUT", "/visibility", {"visibility": "public"}, package="begun"), 404, "not found")


# people and teams


def test_grants(world):
    """What was given is there at the next request of any gateway, and is gone at the next one."""
    world.enroll(world.cid.login)
    assert world.pulls(world.cid) == 403
    for role, pull, push in (("read", 200, 403), ("write", 200, 202), ("admin", 200, 202), (None, 403, 403)):
        if role:
            ok(world.call(world.bob, "PUT", f"/access/users/{world.cid.login.upper()}", {"role": role}), 204)
        else:
            ok(world.call(world.bob, "DELETE", f"/access/users/{world.cid.login}"), 204)
        assert (world.pulls(world.cid), world.pushes(world.cid)) == (pull, push), role
    refused(world.call(world.bob, "DELETE", f"/access/users/{world.cid.login}"), 404, "Not Found")
    for wrong in ({}, {"role": "king"}, {"role": 3}, {"role": "none"}, {"role": ""}):
        refused(world.call(world.bob, "PUT", f"/access/users/{world.cid.login}", wrong), 422, "Validation Failed")


def test_only_the_organizations_people_while_it_is_not_public(world):
    path = f"/access/users/{world.cid.login}"
    body = refused(world.call(world.bob, "PUT", path, {"role": "read"}), 422,
                   f"does not belong to the organization {world.org}")
    assert body["errors"][0]["field"] == "member"
    ok(world.call(world.bob, "PUT", "/visibility", {"visibility": "public"}), 200)
    ok(world.call(world.bob, "PUT", path, {"role": "write"}), 204)
    assert world.pushes(world.cid) == 202
    ok(world.call(world.ann, "PUT", "/visibility", {"visibility": "private"}), 200)
    assert (world.pushes(world.cid), world.pulls(world.cid)) == (403, 403)
    told = {row["user"]["login"]: row["effective"] for row in world.access()["people"]}
    assert told == {world.bob.login: True, world.cid.login: False}
    world.enroll(world.cid.login)
    assert world.pushes(world.cid) == 202
    assert all(row["effective"] for row in world.access()["people"])


def test_teams(world):
    world.enroll(world.cid.login)
    world.team("web", None, world.cid)
    world.team("ops", world.other)
    ok(world.call(world.bob, "PUT", "/access/teams/WEB", {"role": "write"}), 204)
    assert world.pushes(world.cid) == 202
    assert [(row["team"]["slug"], row["role"]) for row in world.access()["teams"]] == [("web", "write")]
    for method, body in (("PUT", {"role": "read"}), ("DELETE", None)):
        refused(world.call(world.ann, method, "/access/teams/ops", body), 404, "Not Found")
        refused(world.call(world.ann, method, "/access/teams/none", body), 404, "Not Found")
    ok(world.call(world.bob, "DELETE", "/access/teams/web"), 204)
    assert world.pushes(world.cid) == 403
    world.bob.registry().push_image(f"{world.bob.login}/own", "v1", [b"a layer"])
    refused(world.call(world.bob, "PUT", "/access/teams/web", {"role": "read"}, package="own", below="user"), 422,
            "Teams have roles on packages of their organization only")


def test_lists_page_by_page(world):
    for role, person in (("read", world.cluster.new_user()), ("write", world.cluster.new_user())):
        world.enroll(person.login)
        ok(world.call(world.ann, "PUT", f"/access/users/{person.login}", {"role": role}), 204)
    first = ok(world.call(world.bob, "GET", "/access/users?per_page=2"), 200)
    assert len(first.json()) == 2 and first.links["next"]["url"] == first.links["last"]["url"]
    rest = ok(requests.get(first.links["next"]["url"], auth=("", world.bob.token), timeout=60), 200)
    assert len(rest.json()) == 1 and "prev" in rest.links
    said = world.access()
    assert said["people_count"] == 3 and [row["user"]["login"] for row in said["people"]] == [
        row["user"]["login"] for row in first.json() + rest.json()]
    for name, path in (("people", "users"), ("teams", "teams"), ("actions", "actions"), ("codespaces", "codespaces")):
        listed = ok(requests.get(said[f"{name}_url"], auth=("", world.bob.token), timeout=60), 200).json()
        assert listed == said[name] == ok(world.call(world.bob, "GET", f"/access/{path}"), 200).json()
    refused(world.call(world.bob, "GET", "/access/users?page=x"), 422, "Validation Failed")


# the linked repository


def test_inherited_access(world):
    world.repository("Site", cid=3)
    ok(world.call(world.ann, "PUT", f"/access/users/{world.bob.login}", {"role": "write"}), 204)
    refused(world.call(world.ann, "PUT", "/access/inherit", {"inherit": True}), 422, "linked to no repository")
    ok(world.call(world.ann, "PUT", "/repository", {"owner": world.org, "repo": "site"}), 200)
    assert world.pulls(world.cid) == 403
    assert ok(world.call(world.ann, "PUT", "/access/inherit", {"inherit": True}), 200).json()["inherits"] is True
    assert (world.pushes(world.cid), world.pushes(world.bob), world.pulls(world.bob)) == (202, 403, 200)
    said = world.access()
    assert said["inherits"] is True and said["people"] == said["teams"] == []
    assert said["repository"]["full_name"] == f"{world.org}/Site"
    for method, path in (("PUT", "users/" + world.bob.login), ("DELETE", "users/" + world.bob.login),
                         ("PUT", "teams/web"), ("DELETE", "teams/web")):
        refused(world.call(world.ann, method, f"/access/{path}", {"role": "read"} if method == "PUT" else None), 409,
                "remove inherited access first")
    ok(world.call(world.ann, "PUT", f"/access/actions/{world.org}/site", {"role": "read"}), 204)
    assert ok(world.call(world.ann, "PUT", "/access/inherit", {"inherit": False}), 200).json()["inherits"] is False
    said = world.access()
    assert [(row["user"]["login"], row["role"]) for row in said["people"]] == [(world.ann.login, "admin")]
    assert (world.pushes(world.cid), world.pulls(world.bob)) == (403, 403)
    for wrong in ({}, {"inherit": "yes"}, {"inherit": None}, {"inherit": 1}):
        refused(world.call(world.ann, "PUT", "/access/inherit", wrong), 422, "Validation Failed")


def test_links(world):
    world.repository("site", bob=3)
    world.repository("docs", bob=1)
    world.repository("theirs", owner=world.other, visibility=2)
    world.repository("hidden", owner=world.other)
    refused(world.call(world.bob, "GET", "/repository"), 404, "Not Found")
    refused(world.call(world.bob, "DELETE", "/repository"), 404, "Not Found")
    said = ok(world.call(world.bob, "PUT", "/repository", {"repository": f"{world.org}/SITE"}), 200).json()
    assert (said["repository"]["name"], said["linked_by"], said["inherits"]) == ("site", "settings", False)
    assert ok(world.call(world.bob, "GET", "/repository"), 200).json() == said
    assert ok(world.call(world.bob, "GET"), 200).json()["repository"]["full_name"] == f"{world.org}/site"
    refused(world.call(world.bob, "PUT", "/repository", {"repository": f"{world.org}/docs"}), 403,
            f"the role write on the repository {world.org}/docs")
    refused(world.call(world.bob, "PUT", "/repository", {"repository": f"{world.other}/theirs"}), 422,
            f"does not belong to {world.org}")
    for name in (f"{world.other}/hidden", f"{world.org}/none", "none", "/x", "x/", "a/b/c"):
        refused(world.call(world.bob, "PUT", "/repository", {"repository": name}), 422, "Validation Failed")
    for wrong in ({}, {"owner": world.org}, {"repository": 7}, {"repo": "site"}):
        refused(world.call(world.bob, "PUT", "/repository", wrong), 422, "Validation Failed")
    assert [(row["repository"]["name"], row["role"]) for row in world.access()["actions"]] == [("site", "admin")]
    ok(world.call(world.bob, "DELETE", "/repository"), 204)
    said = world.access()
    assert said["repository"] is None and said["actions"] == []


def test_a_private_repository_is_not_named_to_strangers(world):
    world.repository("secret")
    ok(world.call(world.ann, "PUT", "/repository", {"repository": f"{world.org}/secret"}), 200)
    ok(world.call(world.ann, "PUT", "/visibility", {"visibility": "public"}), 200)
    assert ok(world.call(world.ann, "GET"), 200).json()["repository"]["name"] == "secret"
    assert ok(world.call(world.cid, "GET"), 200).json()["repository"] is None
    refused(world.call(world.cid, "GET", "/repository"), 404, "Not Found")


def test_workflows_and_codespaces(world):
    world.repository("site")
    world.repository("theirs", owner=world.other, visibility=2)
    world.repository("hidden", owner=world.other)
    for kind, body in (("actions", {"role": "write"}), ("codespaces", None)):
        ok(world.call(world.bob, "PUT", f"/access/{kind}/{world.org.upper()}/Site", body), 204)
        refused(world.call(world.bob, "PUT", f"/access/{kind}/{world.other}/theirs", body), 422, "does not belong")
        refused(world.call(world.bob, "PUT", f"/access/{kind}/{world.other}/hidden", body), 404, "Not Found")
        refused(world.call(world.bob, "PUT", f"/access/{kind}/nobody-here/x", body), 404, "Not Found")
        refused(world.call(world.bob, "DELETE", f"/access/{kind}/{world.other}/theirs"), 404, "Not Found")
    said = world.access()
    assert [(row["repository"]["name"], row["role"]) for row in said["actions"]] == [("site", "write")]
    assert [row["repository"]["full_name"] for row in said["codespaces"]] == [f"{world.org}/site"]
    for kind in ("actions", "codespaces"):
        ok(world.call(world.bob, "DELETE", f"/access/{kind}/{world.org}/site"), 204)
        assert world.access()[kind] == []


# visibility


def test_visibility(world):
    anybody = world.cluster.anonymous(2)
    assert anybody.manifest(f"{world.org}/app", "v1").status_code == 401
    said = ok(world.call(world.bob, "PUT", "/visibility", {"visibility": "public"}), 200).json()
    assert said["visibility"] == "public"
    ok(anybody.manifest(f"{world.org}/app", "v1"), 200)
    refused(world.call(world.bob, "PUT", "/visibility", {"visibility": "private"}), 403, f"by an owner of {world.org}")
    ok(world.call(world.ann, "PUT", "/visibility", {"visibility": "internal"}), 200)
    assert anybody.manifest(f"{world.org}/app", "v1").status_code == 401 and world.pulls(world.cid) == 200
    ok(world.call(world.bob, "PUT", "/visibility", {"visibility": "private"}), 200)
    assert world.pulls(world.cid) == 403
    for wrong in ({}, {"visibility": "secret"}, {"visibility": 2}):
        refused(world.call(world.bob, "PUT", "/visibility", wrong), 422, "Validation Failed")


def test_the_organizations_rules_say_why(world):
    world.cluster.query("UPDATE account SET visibilities = 1 WHERE login = %s RETURNING 1", world.org)
    for visibility in ("public", "internal"):
        body = refused(world.call(world.ann, "PUT", "/visibility", {"visibility": visibility}), 422,
                       f"The organization {world.org} does not allow {visibility} packages")
        assert body["errors"][0]["field"] == "visibility"
    world.bob.registry().push_image(f"{world.bob.login}/own", "v1", [b"a layer"])
    refused(world.call(world.bob, "PUT", "/visibility", {"visibility": "internal"}, package="own", below="user"), 422,
            "Only packages of organizations can be internal")


# names


def test_rename(world):
    world.bob.registry().push_image(f"{world.org}/lib", "v1", [b"a layer"])
    said = ok(world.call(world.bob, "POST", "/rename", {"name": "app/server"}), 200).json()
    assert said["name"] == "app/server"
    ok(world.bob.registry(2).manifest(f"{world.org}/app/server", "v1"), 200)
    ok(world.bob.registry(2).manifest(f"{world.org}/app", "v1"), 200)
    answer = world.bob.registry(2).call("POST", f"/v2/{world.org}/app/blobs/uploads/")
    assert answer.status_code == 403 and f"{world.org}/app/server" in answer.text
    assert ok(world.call(world.bob, "GET"), 200).json()["name"] == "app/server"
    refused(world.call(world.bob, "PUT", "/visibility", {"visibility": "public"}), 404, f"{world.org}/app/server")
    body = refused(world.call(world.bob, "POST", "/rename", {"name": "app/server"}, package="lib"), 422, "Validation")
    assert body["errors"][0]["code"] == "already_exists"
    refused(world.call(world.bob, "POST", "/rename", {"name": "app"}, package="lib"), 422, "leads to it")
    for wrong in ({}, {"name": ""}, {"name": "App"}, {"name": "a//b"}, {"name": "a" * 300}, {"name": 7},
                  {"name": "../x"}):
        refused(world.call(world.bob, "POST", "/rename", wrong, package="lib"), 422, "Validation Failed")
    listed = ok(world.call(world.bob, "GET", "/aliases", package="app/server"), 200).json()
    assert [(row["owner"], row["name"]) for row in listed] == [(world.org, "app")]
    refused(world.call(world.bob, "DELETE", f"/aliases/{world.org}/app", package="lib"), 404, "Not Found")
    ok(world.call(world.bob, "DELETE", f"/aliases/{world.org}/app", package="app/server"), 204)
    assert world.pulls(world.bob) == 404 and world.pushes(world.bob) == 202


def test_transfer(world):
    """Whose it is no more does not see it any more; the old name leads there, and can be taken back."""
    world.team("web", None, world.bob)
    ok(world.call(world.ann, "PUT", "/access/teams/web", {"role": "read"}), 204)
    for owner, status, words in ((world.other, 403, f"create packages of {world.other}"),
                                 ("nobody-here", 422, "Validation"), (None, 422, "Validation"), (7, 422, "Validation")):
        refused(world.call(world.bob, "POST", "/transfer", {"new_owner": owner}), status, words)
    said = ok(world.call(world.ann, "POST", "/transfer", {"new_owner": world.other.upper()}), 200).json()
    assert said["owner"]["login"] == world.other
    assert (world.pulls(world.ann), world.pulls(world.bob)) == (200, 403)
    assert world.pulls(world.bob, f"{world.other}/app") == 403
    ok(world.ann.registry().manifest(f"{world.other}/app", "v1"), 200)
    elsewhere = ok(world.call(world.ann, "GET", "/access", below=f"orgs/{world.other}"), 200).json()
    assert [row["user"]["login"] for row in elsewhere["people"]] == [world.ann.login] and elsewhere["teams"] == []
    url = f"{world.cluster.url()}/api/v3/orgs/{world.org}/package-aliases/app"
    refused(requests.delete(url, auth=("", world.bob.token), timeout=60), 403, "owner")
    ok(requests.delete(url, auth=("", world.ann.token), timeout=60), 204)
    refused(requests.delete(url, auth=("", world.ann.token), timeout=60), 404, "Not Found")
    assert world.pulls(world.ann) == 404


def test_a_users_former_names(world):
    own = f"{world.bob.login}/own"
    world.bob.registry().push_image(own, "v1", [b"a layer"])
    ok(world.call(world.bob, "POST", "/transfer", {"new_owner": world.org}, package="own", below="user"), 200)
    assert world.pulls(world.bob, own) == 200
    url = f"{world.cluster.url()}/api/v3/user/package-aliases/own"
    weak = world.cluster.new_token(world.bob.login, ["read:packages"])
    refused(requests.delete(url, auth=("", weak), timeout=60), 403, "write:packages scope")
    refused(requests.delete(url, auth=("", world.ann.token), timeout=60), 404, "Not Found")
    ok(requests.delete(url, auth=("", world.bob.token), timeout=60), 204)
    assert world.pulls(world.bob, own) == 404


def test_a_limited_token_transfers_nothing_elsewhere(world):
    token = world.cluster.new_token(world.ann.login, ["write:packages"])
    world.cluster.query("UPDATE token SET limited = true WHERE hash = sha256(%s) RETURNING 1", token.encode())
    world.cluster.query("INSERT INTO token_limit SELECT id, %s FROM token WHERE hash = sha256(%s) RETURNING 1",
                        world.account(world.org), token.encode())
    refused(world.call(token, "POST", "/transfer", {"new_owner": world.other}), 403, "limited to certain packages")
    world.cluster.query("UPDATE account SET sso_required = true WHERE login = %s RETURNING 1", world.other)
    answer = world.call(world.ann, "POST", "/transfer", {"new_owner": world.other})
    refused(answer, 403, "SAML")
    assert answer.headers["X-GitHub-SSO"].startswith("required; url=")
    assert ok(world.call(token, "GET"), 200).json()["owner"]["login"] == world.org


# nobody raises his own rights

CHANGES = [
    ("GET", "/access", None), ("GET", "/access/users", None), ("GET", "/access/teams", None),
    ("GET", "/access/actions", None), ("GET", "/access/codespaces", None), ("GET", "/aliases", None),
    ("PUT", "/access/users/{me}", {"role": "admin"}), ("DELETE", "/access/users/{publisher}", None),
    ("PUT", "/access/teams/web", {"role": "admin"}), ("DELETE", "/access/teams/web", None),
    ("PUT", "/access/inherit", {"inherit": False}), ("PUT", "/access/inherit", {"inherit": True}),
    ("PUT", "/access/actions/{org}/site", {"role": "admin"}), ("DELETE", "/access/actions/{org}/site", None),
    ("PUT", "/access/codespaces/{org}/site", None), ("DELETE", "/access/codespaces/{org}/site", None),
    ("PUT", "/visibility", {"visibility": "public"}), ("PUT", "/repository", {"repository": "{org}/site"}),
    ("DELETE", "/repository", None), ("DELETE", "/aliases/{org}/old", None),
    ("POST", "/rename", {"name": "mine"}), ("POST", "/transfer", {"new_owner": "{me}"}),
]


def test_nobody_raises_his_own_rights(world):
    world.repository("site", cid=3)
    world.team("web", None, world.cid)
    world.cluster.query("INSERT INTO package_alias SELECT namespace_id, 'old', id FROM package WHERE name = 'app'"
                        " AND namespace_id = %s RETURNING 1", world.account(world.org))
    weak = world.cluster.new_token(world.bob.login, ["read:packages", "delete:packages"])
    before = world.access()

    def tried(who, login, status, words, below=None):
        for method, path, body in CHANGES:
            names = {"me": login, "publisher": world.bob.login, "org": world.org}
            text = json.dumps(body)
            for name, value in names.items():
                text, path = text.replace(f"{{{name}}}", value), path.replace(f"{{{name}}}", value)
            refused(world.call(who, method, path, json.loads(text), below=below), status, words)

    tried(world.cid, world.cid.login, 404, "Package not found.")
    tried(weak, world.bob.login, 403, "write:packages scope")
    world.enroll(world.cid.login)
    for role in ("read", "write"):
        ok(world.call(world.ann, "PUT", f"/access/users/{world.cid.login}", {"role": role}), 204)
        tried(world.cid, world.cid.login, 403, "needs the role admin")
    ok(world.call(world.ann, "DELETE", f"/access/users/{world.cid.login}"), 204)
    tried(world.ann, world.ann.login, 404, "Package not found.", below=f"orgs/{world.other}")
    tried(world.ann, world.ann.login, 404, "Package not found.", below=f"users/{world.ann.login}")
    tried(world.cluster.env["PACKHOUSE_ADMIN_TOKEN"], "x", 404, "Package not found.")
    assert world.access() == before


def test_workflows_change_no_settings(world):
    """Whatever role the package gives their repository."""
    site = world.repository("site")
    ok(world.call(world.ann, "PUT", f"/access/actions/{world.org}/site", {"role": "admin"}), 204)
    token = world.cluster.new_token(world.ann.login, ["write:packages"])
    world.cluster.query("UPDATE token SET kind = 3, repository_id = %s WHERE hash = sha256(%s) RETURNING 1", site,
                        token.encode())
    assert ok(world.call(token, "GET"), 200).json()["name"] == "app"
    for path, body in (("/visibility", {"visibility": "public"}), ("/access/inherit", {"inherit": True}),
                       (f"/access/users/{world.ann.login}", {"role": "read"})):
        refused(world.call(token, "PUT", path, body), 403, "Resource not accessible by integration")
    refused(world.call(token, "POST", "/rename", {"name": "mine"}), 403, "Resource not accessible by integration")


def test_texts_that_are_none(world):
    """Bytes that are no UTF-8 are refused before the database sees them."""
    base = f"{world.cluster.url()}/api/v3/orgs/{world.org}/packages/container/app"
    for path in ("/access/users/%ff", "/access/teams/%c3%28", f"/access/actions/{world.org}/%ed%a0%80"):
        answer = requests.put(base + path, json={"role": "read"}, auth=("", world.ann.token), timeout=60)
        refused(answer, 400, "not properly escaped")


def test_what_happened_is_written_down(world):
    ok(world.call(world.bob, "PUT", "/visibility", {"visibility": "internal"}), 200)
    ok(world.call(world.bob, "PUT", f"/access/users/{world.ann.login}", {"role": "read"}), 204)
    rows = world.cluster.query("SELECT action, actor_id, detail FROM audit WHERE namespace_id = %s"
                               " AND action LIKE 'package.%%_set' ORDER BY id", world.account(world.org))
    assert [row[:2] for row in rows] == [(action, world.account(world.bob.login)) for action in (
        "package.visibility_set", "package.access_set")]
    assert rows[0][2]["visibility"] == "internal" and rows[1][2]["role"] == "read"


def test_basic_and_bearer(world):
    """A bearer token of /token is for /v2: it changes no settings."""
    scope = f"repository:{world.org}/app:pull,push,delete"
    token = ok(world.ann.registry().call("GET", f"/token?scope={scope}"), 200).json()
    url = f"{world.cluster.url()}/api/v3/orgs/{world.org}/packages/container/app/visibility"
    answer = requests.put(url, json={"visibility": "public"}, timeout=60,
                          headers={"Authorization": f"Bearer {token['token']}"})
    refused(answer, 401, "Bad credentials")
    basic = base64.b64encode(f"x:{world.ann.token}".encode()).decode()
    ok(requests.put(url, json={"visibility": "public"}, timeout=60, headers={"Authorization": f"Basic {basic}"}), 200)
