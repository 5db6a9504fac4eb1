"""Every route with every method, by every kind of caller, on every kind of package: status, code and challenge.

What is expected is worked out here, from what each route needs (harness/route_needs.py) and from the rules of who may
do what (decide): the gateway's own table is only read to see that no route was forgotten. In short: no credential is
401 with a challenge where it does not suffice, an invalid one is 401 everywhere, a bearer token that names too little
is 401 insufficient_scope; what the caller may read or create and is not there is 404; all else is 403, and then what
is private and what is missing look the same. A method that a path does not know is 405 to anybody: nothing is looked
up for it.
"""

import base64
import dataclasses
import http.client
import json
import re
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from harness import openapi
from harness.registry import MANIFEST, digest_of, ok, random_bytes
from harness.route_needs import BLOB, MANIFESTS, REPO, ROUTES, UPLOAD, UPLOADS
from harness.routes import routes

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PACKAGES = ("public", "internal", "private", "missing")
READ, WRITE, ADMIN = 1, 2, 3
ROLE = {"pull": READ, "push": WRITE, "delete": ADMIN}
SCOPES = {"pull": {"read:packages"}, "push": {"write:packages"}, "delete": {"read:packages", "delete:packages"}}
CHALLENGE = {"pull": "pull", "push": "push,pull", "delete": "delete"}
IMPLIED = {"write:packages": "read:packages", "admin:org": "read:org"}

CALLERS = ("anonymous", "wrong password", "revoked token", "narrow bearer", "bearer for elsewhere", "anonymous bearer",
           "read-only token", "reader", "writer", "admin", "stranger", "site admin")


@dataclasses.dataclass
class Caller:
    header: str = None  # Authorization
    secret: str = ""  # what it shows in the form of POST /token
    valid: bool = True  # the credential
    login: str = None  # nobody's
    scopes: tuple = ()
    role: int = 0  # on each package of the table
    creates: tuple = ()  # where it may
    membership: str = None
    bearer: tuple = None  # what a bearer token of ours names, of each package of the table

    def holds(self, scopes):
        return set(scopes) <= {*self.scopes, *(IMPLIED.get(scope) for scope in self.scopes)}


# the rules


def decide(action, caller, where, package):
    """None: it is done; otherwise status, code and the challenge's error."""
    if not caller.valid:
        return 401, "UNAUTHORIZED", None
    if caller.bearer is not None and action not in caller.bearer:
        return 401, "UNAUTHORIZED", "insufficient_scope"
    exists = package in ("public", "internal", "private")
    anybody = action == "pull" and package == "public"
    everybody = action == "pull" and package == "internal" and caller.login is not None
    creates = not exists and where in caller.creates
    role = exists and caller.role >= ROLE[action]
    may = anybody or everybody or role or (creates and action == "push")
    if may and (anybody or caller.holds(SCOPES[action])):
        return None
    if caller.login is None:
        return 401, "UNAUTHORIZED", None
    return (404, "NAME_UNKNOWN", None) if creates and not may else (403, "DENIED", None)


def sees_nothing(caller, where):
    """May it neither read what is private nor create what is missing?"""
    return not caller.valid or caller.bearer == () or (not caller.role and where not in caller.creates)


def decide_registry(need, caller, method):
    """Of the routes that are about no package: status and the challenge's error."""
    if need == "token":
        fine = caller.valid and caller.bearer is None and (method == "GET" or caller.login is not None)
        return (200 if fine else 401), None
    if not caller.valid:
        return 401, None
    if need == "catalog" and caller.bearer is not None:
        return 401, "insufficient_scope"
    return (200 if caller.login is not None else 401), None


def decide_rest_package(need, caller, own):
    """Of a private package: the organization's, the owner's, or (own) the caller's. Other callers have none there."""
    if need == "explain" and "site_admin" in caller.scopes and not own:
        return None
    if caller.role == 0 or (own and "user" not in caller.creates):
        return 404
    action = {"read": "pull", "explain": "pull", "delete": "delete"}.get(need, "push")
    enough = caller.role >= (WRITE if need == "write" else READ if action == "pull" else ADMIN)
    return None if enough and caller.holds(SCOPES[action]) else 403


def decide_rest(need, caller, own=False):
    """None: it is done; otherwise the status. A bearer token is for packages, and is nothing here."""
    if need == "nothing":
        return None
    if not caller.valid or caller.bearer is not None:
        return 401
    if need == "valid":
        return None
    if caller.login is None:
        return 401
    if need == "acting":
        return None if "site_admin" in caller.scopes else decide_repository("admin", caller)
    if need == "packages of repo":
        return decide_repository("read", caller) or (None if caller.holds({"read:packages"}) else 403)
    if need.startswith("repo "):
        return decide_repository(need.split()[1], caller)
    if need == "own repo":
        return None if caller.holds({"repo"}) else 403
    if need in ("read", "explain", "write", "settings", "delete", "restore"):
        return decide_rest_package(need, caller, own)
    if need in ("read:packages", "write:packages"):
        return None if caller.holds({need}) else 403
    if need == "own profile":
        return None if caller.holds({"user"}) else 403
    if need == "own membership" and caller.membership is None:
        return 404
    if need == "own log":
        return None if caller.holds({"admin:org"}) else 403
    if need == "account" or "site_admin" in caller.scopes:
        return None
    if need in ("own orgs", "own membership"):
        return None if caller.holds({"read:org"}) else 403
    if need == "manager":
        return None if caller.holds({"user"}) else 403
    if need == "site":
        return 403
    if caller.membership is None:
        return 404
    if need == "member's repo":
        return None if caller.holds({"repo"}) else 403
    owns = need == "member" or caller.membership == "owner"
    return None if owns and caller.holds({"read:org" if need == "member" else "admin:org"}) else 403


def decide_repository(needed, caller):
    """Being a site admin is no role."""
    if caller.membership is None:
        return 404
    admin = caller.membership == "owner"
    return None if caller.holds({"repo"}) and (admin or needed == "read") else 403


# what it is tried on


class Wire:
    """A connection that is kept; what is asked reaches the gateway as it is written here."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def ask(self, method, path, headers=None, body=None):
        self.connection.request(method, path, body, {**(headers or {})})
        answer = self.connection.getresponse()
        answer.body = answer.read()
        openapi.check(method, path, answer.status, answer.headers, answer.body)
        answer.asked = f"{method} {path}: {answer.status} {answer.body[:300]}"
        return answer


class World:
    """An organization's and a user's packages of each kind; callers of each kind."""

    loose = random_bytes(700, seed="loose")  # a blob that no manifest needs

    def __init__(self, cluster):
        self.cluster = cluster
        self.fresh = 0
        self.owner = cluster.new_user(("write:packages", "delete:packages", "admin:org", "user", "repo"))
        self.people = {name: cluster.new_user(("write:packages", "delete:packages", *scopes)) for name, scopes in (
            ("reader", ["read:org", "repo"]), ("writer", ["read:org", "repo"]),
            ("stranger", ["admin:org", "user", "repo"]), ("spare", []))}
        self.namespaces = {"organization": f"routes-{self.owner.login}", "user": self.owner.login}
        cluster.new_organization(self.namespaces["organization"], self.owner.login)
        for name in ("reader", "writer", "spare"):
            self.enroll(self.people[name].login)
        self.make_repository()
        for where in self.namespaces:
            self.push_all(where)
        place = self.owner.registry().start_upload(self.name("user", "private"))
        self.session = urlsplit(place).path.rsplit("/", 1)[1]
        self.callers = self.make_callers()

    def kinds(self, where):
        """Those of PACKAGES; internal ones are an organization's only. "started" has had no manifest yet."""
        return [kind for kind in (*PACKAGES, "started") if where == "organization" or kind != "internal"]

    def name(self, where, kind):
        return f"{self.namespaces[where]}/{kind}"

    def enroll(self, login):
        ok(self.cluster.admin("PUT", f"orgs/{self.namespaces['organization']}/memberships/{login}",
                              {"role": "member"}), 200)

    def make_repository(self):
        ok(requests.post(f"{self.cluster.url()}/api/v3/orgs/{self.namespaces['organization']}/repos", timeout=60,
                         json={"name": "record"}, headers={"Authorization": f"token {self.owner.token}"}), 201)

    def push(self, name):
        registry = self.owner.registry()
        self.manifest = registry.push_image(name, "v1", [b"a layer"])
        registry.push_blob(name, self.loose)

    def push_all(self, where):
        """With grants and visibility, for which there is no route."""
        self.owner.registry().start_upload(self.name(where, "started"))
        for kind in set(self.kinds(where)) & {"public", "internal", "private"}:
            self.push(self.name(where, kind))
            visibility = ("private", "internal", "public").index(kind)
            [(package,)] = self.cluster.query(
                "UPDATE package SET visibility = %s WHERE name = %s AND namespace_id ="
                " (SELECT id FROM account WHERE login = %s) RETURNING id", visibility, kind, self.namespaces[where])
            for who, role in (("reader", READ), ("writer", WRITE)):
                self.cluster.query("INSERT INTO package_grant (package_id, account_id, role)"
                                   " SELECT %s, id, %s FROM account WHERE login = %s RETURNING role", package, role,
                                   self.people[who].login)

    def bearer(self, credentials, actions, *names):
        """Of whoever these are."""
        query = urlencode([("scope", f"repository:{name}:{actions}") for name in names])
        answer = ok(self.cluster.anonymous().call("GET", f"/token?{query}", auth=credentials), 200)
        return answer.json()["token"]

    def spoilt(self, change):
        """A token of the owner's that looks like any other and is none (any more)."""
        token = self.cluster.new_token(self.owner.login, ["write:packages", "admin:org", "user", "repo"])
        self.cluster.query(f"UPDATE token SET {change} WHERE hash = sha256(%s) RETURNING id", token.encode())
        return token

    def make_callers(self):
        names = [self.name(where, kind) for where in self.namespaces for kind in self.kinds(where)]
        owner, site = self.owner, self.cluster.env["PACKHOUSE_ADMIN_TOKEN"]
        admin = {"login": owner.login, "role": ADMIN, "creates": ("organization", "user"), "membership": "owner"}
        all_scopes = ("write:packages", "delete:packages", "admin:org", "user", "repo")
        credentials = (owner.login, owner.token)
        read_only = self.cluster.new_token(owner.login, ["read:packages"])
        member = {"creates": ("organization",), "membership": "member",
                  "scopes": ("write:packages", "delete:packages", "read:org", "repo")}

        def basic(user, token, **more):
            secret = base64.b64encode(f"{user}:{token}".encode()).decode()
            return Caller(header=f"Basic {secret}", secret=token, **{"login": user, **more})

        def bearer(token, **more):
            return Caller(header=f"Bearer {token}", secret=token, **more)

        def person(name, **more):
            return basic(self.people[name].login, self.people[name].token, **more)

        return {
            "anonymous": Caller(),
            "wrong password": basic(owner.login, self.spoilt("hash = sha256(hash)"), valid=False, login=None),
            "revoked token": basic(owner.login, self.spoilt("revoked_at = now()"), valid=False, login=None),
            "narrow bearer": bearer(self.bearer(credentials, "pull", *names), bearer=("pull",), scopes=all_scopes,
                                    **admin),
            "bearer for elsewhere": bearer(self.bearer(credentials, "pull,push,delete", f"{owner.login}/elsewhere"),
                                           bearer=(), scopes=all_scopes, **admin),
            "anonymous bearer": bearer(self.bearer(None, "pull", *names), bearer=("pull",)),
            "read-only token": basic(owner.login, read_only, **{**admin, "scopes": ("read:packages",)}),
            "reader": person("reader", role=READ, **member),
            "writer": person("writer", role=WRITE, **member),
            "admin": basic(*credentials, scopes=all_scopes, **admin),
            "stranger": person("stranger", scopes=all_scopes),
            "site admin": basic(self.cluster.env["PACKHOUSE_ADMIN_LOGIN"], site, scopes=("site_admin",)),
        }


@pytest.fixture(scope="module")
def world(cluster):
    return World(cluster)


def test_the_table_here_is_the_gateways():
    known = {(method, pattern) for pattern, methods in ROUTES.items() for method in methods}
    assert known == {(method, pattern) for method, pattern, _right in routes()}


# what is asked


def fill(world, pattern, name="", session=None):
    settings = "{package_name}" in pattern
    path = pattern.format(name=name, session=session or world.session, digest=digest_of(world.loose), reference="v1",
                          org=world.namespaces["organization"],
                          username=(world.owner if settings else world.people["spare"]).login,
                          id=0, credential_id=0, robot="none", package_version_id=0, package_id=0, tag="none",
                          package_type="container", package_name="private",
                          member=world.people["spare"].login, team_slug="none", alias="none",
                          owner="nobody-here" if settings else world.namespaces["organization"],
                          repo="none" if settings else "record")
    return path + (f"?digest={digest_of(world.loose)}" if pattern == UPLOAD else "")


def request_of(world, caller, method, pattern):
    """Headers and body that do what the route is for."""
    headers = {"Authorization": caller.header} if caller.header else {}
    if (method, pattern) == ("POST", "/token"):
        return ({"Content-Type": "application/x-www-form-urlencoded"},
                urlencode({"grant_type": "password", "username": caller.login or "", "password": caller.secret}))
    if (method, pattern) == ("PUT", MANIFESTS):
        return {**headers, "Content-Type": MANIFEST}, world.manifest
    if method not in ("POST", "PUT", "PATCH"):
        return headers, None
    if pattern.startswith("/api"):
        return {**headers, "Content-Type": "application/json"}, b"{}"
    return {**headers, "Content-Type": "application/octet-stream"}, world.loose if pattern == UPLOAD else b""


# what is answered


def check_method(answer, pattern, method):
    """The path does not know it."""
    assert answer.status == 405, answer.asked
    assert set(answer.headers["Allow"].split(", ")) == set(ROUTES[pattern]), answer.asked
    if method != "HEAD":
        body = json.loads(answer.body)
        assert (body["status"] == "405" if pattern.startswith("/api") else
                body["errors"][0]["code"] == "UNSUPPORTED"), answer.asked


def check_challenge(answer, url, scope, error):
    """A Bearer challenge with these, or none at all where scope is False."""
    found = answer.headers.get_all("WWW-Authenticate", [])
    if scope is False:
        assert found == [], answer.asked
        return
    assert len(found) == 1 and found[0].startswith("Bearer "), answer.asked
    wanted = {"realm": f"{url}/token", "service": "packhouse", "scope": scope, "error": error}
    assert dict(re.findall(r'(\w+)="([^"]*)"', found[0])) == {
        key: value for key, value in wanted.items() if value is not None}, answer.asked


def check_registry(answer, method, status, code):
    assert answer.status == status, answer.asked
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0", answer.asked
    if method == "HEAD":
        assert answer.body == b"", answer.asked
    elif code is not None:
        assert answer.headers["Content-Type"] == "application/json", answer.asked
        assert [error["code"] for error in json.loads(answer.body)["errors"]][0] == code, answer.asked


def look_of(answer, name):
    """All that the caller sees, but for when it was and which package he named."""
    headers = [(key, value.replace(name, "NAME")) for key, value in answer.getheaders()
               if key not in ("Date", "X-Request-Id")]
    return answer.status, headers, answer.body.replace(name.encode(), b"NAME")


class Try:
    """One caller, one namespace: all the requests about packages."""

    def __init__(self, world, caller, where):
        self.world, self.caller, self.where = world, caller, where
        self.url = world.cluster.url()
        self.wire = Wire(self.url)
        self.count = 0

    def ask(self, method, pattern, name, session=None):
        self.count += 1
        headers, body = request_of(self.world, self.caller, method, pattern)
        return self.wire.ask(method, fill(self.world, pattern, name, session), headers, body)

    def own_session(self, name):
        answer = self.ask("POST", UPLOADS, name)
        assert answer.status == 202, answer.asked
        return urlsplit(answer.headers["Location"]).path.rsplit("/", 1)[1]

    def one(self, method, pattern, kind):
        """Asks and checks; the answer as it looked."""
        name = self.world.name(self.where, kind)
        if method not in ROUTES[pattern]:
            answer = self.ask(method, pattern, name)
            check_method(answer, pattern, method)
            return look_of(answer, name)
        need, done, *absent = ROUTES[pattern][method]
        action = "pull" if need == "discover" else need
        refused = decide(action, self.caller, self.where, kind)
        if need == "discover" and refused == (404, "NAME_UNKNOWN", None):
            refused = None  # distribution-spec: nothing refers to it, and that is no error
        if refused is None:
            return self.do(method, pattern, kind, [(done, None), *absent][-1 if kind == "missing" else 0])
        status, code, error = refused
        answer = self.ask(method, pattern, name)
        check_registry(answer, method, status, code)
        scope = f"repository:{name}:{CHALLENGE[action]}" if status == 401 else False
        check_challenge(answer, self.url, scope, error)
        return look_of(answer, name)

    def do(self, method, pattern, kind, wanted):
        """It is allowed. What is missing stays so: each push is of another name. What is deleted is pushed again."""
        name, session = self.world.name(self.where, kind), None
        if kind == "missing" and method in ("POST", "PUT", "PATCH"):
            self.world.fresh += 1
            name += str(self.world.fresh)
        elif kind != "missing" and pattern == UPLOAD:
            session = self.own_session(name)
        answer = self.ask(method, pattern, name, session)
        check_registry(answer, method, *wanted)
        check_challenge(answer, self.url, False, None)
        if method == "DELETE" and pattern in (BLOB, MANIFESTS) and kind != "missing":
            self.world.push(name)
        return None


@pytest.mark.parametrize("where", ["organization", "user"])
@pytest.mark.parametrize("name", CALLERS)
def test_packages(world, name, where):
    caller = world.callers[name]
    outsider = sees_nothing(caller, where)
    tried = Try(world, caller, where)
    for pattern in ROUTES:
        if "{name}" not in pattern:
            continue
        for method in METHODS:
            seen = {kind: tried.one(method, pattern, kind) for kind in world.kinds(where)
                    if outsider or kind != "started"}
            if outsider:
                assert seen["private"] == seen["missing"] == seen["started"], (method, pattern)
                assert seen["private"] is not None
    assert tried.count > 6 * 7 * len(PACKAGES) - 50


@pytest.mark.parametrize("name", CALLERS)
def test_registry_without_a_package(world, name):
    caller, url = world.callers[name], world.cluster.url()
    wire = Wire(url)
    for pattern in ("/v2/", "/v2/_catalog", "/token"):
        for method in METHODS:
            headers, body = request_of(world, caller, method, pattern)
            answer = wire.ask(method, pattern, headers, body)
            if method not in ROUTES[pattern]:
                check_method(answer, pattern, method)
                continue
            need, done = ROUTES[pattern][method]
            status, error = decide_registry(need, caller, method)
            check_registry(answer, method, status, None if status == done else "UNAUTHORIZED")
            if status == 401 and need == "token":
                assert answer.headers.get_all("WWW-Authenticate") == ['Basic realm="packhouse"'], answer.asked
            elif status == 401:
                check_challenge(answer, url, "registry:catalog:*" if need == "catalog" else None, error)


@pytest.mark.parametrize("name", CALLERS)
def test_pages(world, name):
    """Who is signed in elsewhere is nobody here: they are answered alike, in text."""
    wire = Wire(world.cluster.url())
    for pattern in [pattern for pattern in ROUTES if not pattern.startswith(("/api", "/v2", "/token"))]:
        for method in METHODS:
            need, done = ROUTES[pattern].get(method, ("nothing", 405))
            headers, body = request_of(world, world.callers[name], method, pattern)
            answer = wire.ask(method, fill(world, pattern), headers, body)
            assert need == "nothing" and answer.status == done, answer.asked
            assert answer.headers["Content-Type"].startswith("text/plain"), answer.asked


@pytest.mark.parametrize("name", CALLERS)
def test_rest(world, name):
    caller = world.callers[name]
    wire = Wire(world.cluster.url())
    for pattern in [pattern for pattern in ROUTES if pattern.startswith("/api")]:
        for method in METHODS:
            need, done = ROUTES[pattern].get(method, ("", 405))
            refused = decide_rest(need, caller, own=pattern.startswith("/api/v3/user/")) if need else None
            if done is None and refused is None:
                continue  # it would throw a switch
            headers, body = request_of(world, caller, method, pattern)
            answer = wire.ask(method, fill(world, pattern), headers, body)
            if not need:
                check_method(answer, pattern, method)
                continue
            assert answer.status == (refused or done), answer.asked
            if refused:
                said = json.loads(answer.body)
                assert said["status"] == str(refused) and said["message"] and said["documentation_url"], answer.asked
            assert answer.headers.get_all("WWW-Authenticate", []) == (
                ['Basic realm="packhouse"'] if refused == 401 else []), answer.asked
            if method == "DELETE" and not refused:
                world.enroll(world.people["spare"].login)
            if (method, pattern) == ("DELETE", REPO) and not refused:
                world.make_repository()
