"""What a gateway remembers of rights and sessions changes no answer: the next push finds out what has changed.

Gateway 1 has been pushed to and remembers; then something changes at gateway 2, which remembers nothing of it and says
what the answer is.
"""

import base64
import hashlib
import http.client
import itertools
import time

import pytest

from harness.registry import Registry, digest_of, manifest_of, ok, random_bytes
from test_admin_api import READ_ONLY, switches, throw  # noqa: F401
from test_next_request import World

SHARES_CLUSTER = True

numbers = itertools.count(1)
RECALLED, DOUBTED = (f"packhouse_gateway_rights_{word}_total" for word in ("recalled", "doubted"))


def counted(cluster):
    """How many requests at gateway 1 needed no lookup, and how many had one that they might not have needed."""
    metrics = cluster.metrics("gateway-1")
    return metrics[RECALLED], metrics[DOUBTED]


def until(tried, what):
    """What is remembered lives for 10 s: on a machine that is too slow for that now it is tried again."""
    deadline = time.monotonic() + 180
    while not tried():
        assert time.monotonic() < deadline, what


class Pusher:
    """Whoever shows that token, with one connection to each gateway; by bearer or by password."""

    def __init__(self, world, token, name=None, bearer=False):
        self.world, self.cluster, self.name = world, world.cluster, name or f"{world.org}/app"
        self.at = {gateway: Registry(self.cluster.url(gateway), "x", token) for gateway in (1, 2)}
        if bearer:
            answer = ok(self.at[2].call("GET", f"/token?scope=repository:{self.name}:pull,push"), 200)
            for registry in self.at.values():
                registry.session.auth = None
                registry.session.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        self.config = f"config {next(numbers)}".encode()

    def start(self, gateway=1):
        return self.at[gateway].start_upload(self.name)

    def patch(self, place, data=b"", gateway=1, start=None):
        headers = {} if start is None else {"Content-Range": f"{start}-{start + len(data) - 1}"}
        return self.at[gateway].call("PATCH", place, data=data, headers=headers)

    def put(self, place, data, whole=None, gateway=1):
        return self.at[gateway].finish_upload(place, data, digest_of(data if whole is None else whole))

    def put_manifest(self, tag, gateway=1):
        return self.at[gateway].put_manifest(self.name, tag, manifest_of(self.config, []))

    def stands(self, place, gateway=2):
        return ok(self.at[gateway].call("GET", place.split("?")[0]), 204).headers["Range"]

    def warm(self):
        """Until all four statements were answered out of memory; a session with `some ` in it."""
        self.at[1].push_blob(self.name, self.config)
        places = []

        def tried():
            before, _ = counted(self.cluster)
            first = self.start()
            places.append(ok(self.patch(first, b"some "), 202).headers["Location"])
            ok(self.put(self.start(), b"", b""), 201)
            ok(self.put_manifest("warm"), 201)
            return counted(self.cluster)[0] == before + 5

        until(tried, "gateway 1 remembers nothing")
        assert places[-1].endswith("?v=1")
        self.place = places[-1]
        return self

    def everything(self, gateway, place):
        yield self.patch(place, b"more", gateway)
        yield self.put(place, b"more", b"some more", gateway)
        yield self.put(place, b"other", b"wrong digest", gateway)
        for query in ("", f"?digest={digest_of(b'whole')}"):
            data = b"whole" if query else b""
            yield self.at[gateway].call("POST", f"/v2/{self.name}/blobs/uploads/{query}", data=data)
        yield self.put_manifest("new", gateway)
        yield self.put_manifest("not a tag", gateway)

    def recorded(self):
        """All that pushes write, of every package."""
        return [self.cluster.query(f"SELECT {what}") for what in (
            "id, version, size FROM upload ORDER BY id", "count(*) FROM package_blob", "count(*) FROM manifest",
            "package_id, name, manifest_id FROM tag ORDER BY 1, 2", "count(*) FROM package")]

    def refused(self, *statuses):
        """Gateway 1 says what gateway 2 says, and neither records anything."""
        before, (_, doubted) = self.recorded(), counted(self.cluster)
        for one, other in zip(self.everything(1, self.place), self.everything(2, self.place.split("?")[0])):
            said = [(a.status_code, a.headers.get("WWW-Authenticate", "").split(",")[1:],
                     [error["code"] for error in a.json()["errors"]]) for a in (one, other)]
            assert said[0] == said[1], f"{one.request.method} {one.url}: {said} {one.text[:300]}"
            assert said[0][0] in statuses, f"{one.request.method} {one.url}: {said[0]}"
        assert self.recorded() == before
        return counted(self.cluster)[1] - doubted

    def remembered(self):
        """An empty session, of which gateway 1 knows all."""
        self.at[1].push_blob(self.name, b"")
        return self.start()

    def again(self, data):
        """One that was brought on at gateway 2, as gateway 1 knew it before."""
        first = self.remembered()
        ok(self.patch(first, data, 2), 202)
        return first

    def goes_on(self):
        """Its session is where it was."""
        assert self.stands(self.place) == "0-4"
        ok(self.put(self.place, b"more", b"some more"), 201)
        assert self.at[2].blob(self.name, digest_of(b"some more")).content == b"some more"


class Changes(World):
    """What is done at gateway 2. A case is (first, taken, given back): the last may be None."""

    def do(self, method, path, body=None, who=None):
        answer = ok((who or self.ann).ask(method, path, body, gateway=2), 200, 201, 202, 204)
        return answer.json() if answer.content else None

    def admin(self, method, path, body=None):
        ok(self.cluster.admin(method, path, body), 200, 201, 204)

    def granted(self):
        self.grant("write")
        return self.bob.token

    def token_revoked(self):
        self.grant("write")
        made = self.do("POST", "user/tokens", {"scopes": ["write:packages"]}, self.bob)
        return made["token"], lambda: self.do("DELETE", f"user/tokens/{made['id']}", None, self.bob), None

    def suspended(self):
        path = f"users/{self.bob.login}/suspended"
        return self.granted(), lambda: self.admin("PUT", path), lambda: self.admin("DELETE", path)

    def grant_lowered(self):
        return self.granted(), lambda: self.grant("read"), lambda: self.grant("write")

    def grant_removed(self):
        path = f"{self.app}/access/users/{self.bob.login}"
        return self.granted(), lambda: self.do("DELETE", path), lambda: self.grant("write")

    def member_no_more(self):
        path = f"orgs/{self.org}/members/{self.bob.login}"
        return self.granted(), lambda: self.do("DELETE", path), None

    def owner_no_more(self):
        path = f"orgs/{self.org}/memberships/{self.bob.login}"
        self.do("PUT", path, {"role": "admin"})
        return (self.bob.token, lambda: self.do("PUT", path, {"role": "member"}),
                lambda: self.do("PUT", path, {"role": "admin"}))

    def out_of_the_team(self):
        self.do("POST", f"orgs/{self.org}/teams", {"name": "t", "privacy": "closed"})
        path = f"orgs/{self.org}/teams/t/memberships/{self.bob.login}"
        self.do("PUT", path, {"role": "member"})
        self.do("PUT", f"{self.app}/access/teams/t", {"role": "write"})
        return (self.bob.token, lambda: self.do("DELETE", path), lambda: self.do("PUT", path, {"role": "member"}))

    def team_lowered(self):
        token, _, _ = self.out_of_the_team()
        path = f"{self.app}/access/teams/t"
        return (token, lambda: self.do("PUT", path, {"role": "read"}), lambda: self.do("PUT", path, {"role": "write"}))

    def repository_role(self):
        self.do("PATCH", f"orgs/{self.org}", {"default_repository_permission": "none"})
        self.linked()
        self.share("push")
        return self.bob.token, lambda: self.share("pull"), lambda: self.share("push")

    def base_role(self):
        self.do("PATCH", f"orgs/{self.org}", {"default_repository_permission": "write"})
        self.linked()

        def give(permission):
            return lambda: self.do("PATCH", f"orgs/{self.org}", {"default_repository_permission": permission})

        return self.bob.token, give("read"), give("write")

    def inherit_off(self):
        token, _, _ = self.repository_role()
        path = f"{self.app}/access/inherit"
        return (token, lambda: self.do("PUT", path, {"inherit": False}),
                lambda: self.do("PUT", path, {"inherit": True}))

    def inherit_on(self):
        self.do("PATCH", f"orgs/{self.org}", {"default_repository_permission": "none"})
        return self.granted(), self.linked, None

    def actions_access(self):
        self.do("POST", f"orgs/{self.org}/repos", {"name": "site"})
        path = f"{self.app}/access/actions/{self.org}/site"
        self.do("PUT", path, {"role": "write"})
        body = {"permissions": {"packages": "write"}}
        token = self.do("POST", f"repos/{self.org}/site/workflow-tokens", body)["token"]
        return token, lambda: self.do("PUT", path, {"role": "read"}), lambda: self.do("PUT", path, {"role": "write"})

    def robot_deleted(self):
        self.do("POST", f"orgs/{self.org}/robots", {"name": "ci"})
        made = self.do("POST", f"orgs/{self.org}/robots/ci/tokens", {"scopes": ["write:packages"]})
        self.do("PUT", f"{self.app}/access/users/{self.org}%2Bci", {"role": "write"})
        return made["token"], lambda: self.do("DELETE", f"orgs/{self.org}/robots/ci"), None

    def sso_required(self):
        sql = "UPDATE account SET sso_required = %s WHERE login = %s RETURNING 1"
        return (self.granted(), lambda: self.cluster.query(sql, True, self.org),
                lambda: self.cluster.query(sql, False, self.org))

    def hidden_from_outsiders(self):
        path = f"{self.app}/visibility"
        self.do("PUT", path, {"visibility": "public"})
        self.grant("write", self.cid)
        return (self.cid.token, lambda: self.do("PUT", path, {"visibility": "private"}),
                lambda: self.do("PUT", path, {"visibility": "public"}))

    def renamed(self):
        body = {"name": "tool"}
        return (self.granted(), lambda: self.do("POST", f"{self.app}/rename", body),
                lambda: self.do("POST", f"{self.app.replace('app', 'tool')}/rename", {"name": "app"}))

    def transferred(self):
        self.cluster.new_organization(f"{self.org}-b", self.ann.login)
        return self.granted(), lambda: self.do("POST", f"{self.app}/transfer", {"new_owner": f"{self.org}-b"}), None

    def organization_deleted(self):
        return self.granted(), lambda: self.do("DELETE", f"orgs/{self.org}"), None

    def read_only(self):
        return (self.granted(), lambda: throw(self.cluster, READ_ONLY, True),
                lambda: throw(self.cluster, READ_ONLY, False))


@pytest.fixture
def world(cluster):
    return Changes(cluster)


@pytest.fixture
def pusher(world):
    return Pusher(world, world.granted())


ASAN = ("token_revoked", "grant_lowered", "renamed", "read_only")
doubts = []  # of the cases: on a slow machine one may find nothing remembered any more
CASES = [name for name, way in vars(Changes).items() if callable(way) and name not in ("do", "admin", "granted")]


@pytest.mark.parametrize("case", [pytest.param(name, marks=[pytest.mark.asan] * (name in ASAN)) for name in CASES])
def test_a_right_that_is_gone(world, switches, case):  # noqa: F811
    token, taken, given_back = getattr(world, case)()
    pusher = Pusher(world, token, bearer=CASES.index(case) % 2 == 0)
    pusher.warm()
    taken()
    doubts.append(pusher.refused(401, 403, 404, 503))
    if given_back is not None:
        given_back()
        pusher.goes_on()


@pytest.mark.asan
def test_that_was_remembered(world):
    """The cases above have not all been answered by a lookup that any request makes."""
    if not doubts:  # this test was asked for alone
        pusher = Pusher(world, world.granted()).warm()
        before = counted(world.cluster)[1]
        world.do("PUT", f"{world.app}/visibility", {"visibility": "internal"})
        ok(pusher.put_manifest("v2"), 201)
        doubts.append(counted(world.cluster)[1] - before)
    assert sum(doubts) > 0


def test_a_deleted_package_is_made_anew(world):
    """As after a lookup: what is pushed goes to a new package, and sessions of the deleted one are gone."""
    path = "user/packages/container/own"
    name = f"{world.ann.login}/own"
    world.ann.registry().push_image(name, "v1", [b"a layer"])
    pusher = Pusher(world, world.ann.token, name).warm()
    old = world.cluster.query("SELECT id FROM package WHERE name = 'own' AND deleted_at IS NULL AND namespace_id ="
                              " (SELECT id FROM account WHERE login = %s)", world.ann.login)
    world.do("DELETE", path)
    assert pusher.patch(pusher.place, b"more").status_code == 404
    assert pusher.put(pusher.place, b"more", b"some more").status_code == 404
    assert pusher.put_manifest("v2").status_code == 404, "the config is not in the new package"
    pusher.at[1].push_blob(name, pusher.config)
    ok(pusher.put_manifest("v2"), 201)
    assert pusher.at[2].tags(name) == ["v2"]
    new = world.cluster.query("SELECT id FROM package WHERE name = 'own' AND deleted_at IS NULL AND namespace_id ="
                              " (SELECT id FROM account WHERE login = %s)", world.ann.login)
    assert len(new) == 1 and new != old


def test_what_changes_nothing_is_not_asked_about(world):
    """Another token, another package, another account: what is remembered holds."""
    pusher = Pusher(world, world.granted())
    world.ann.registry().push_image(f"{world.org}/other", "v1", [b"a layer"])
    other = f"orgs/{world.org}/packages/container/other"

    def tried():
        pusher.warm()
        made = world.do("POST", "user/tokens", {"scopes": ["write:packages"]}, world.bob)
        world.do("DELETE", f"user/tokens/{made['id']}", None, world.bob)
        world.do("PUT", f"{other}/access/users/{world.bob.login}", {"role": "read"})
        world.do("PUT", f"{other}/visibility", {"visibility": "internal"})
        world.cluster.new_user()
        before = counted(world.cluster)
        ok(pusher.put_manifest("v2"), 201)
        ok(pusher.put(pusher.place, b"more", b"some more"), 201)
        return counted(world.cluster) == (before[0] + 2, before[1])

    until(tried, "what has nothing to do with it was looked up")


def test_a_former_account_of_the_name(world):
    """A bearer token for the namespace as it is now is not measured by what is remembered of the former one."""
    pusher = Pusher(world, world.granted()).warm()
    world.do("DELETE", f"orgs/{world.org}")
    world.cluster.new_organization(world.org, world.bob.login)
    ok(pusher.at[2].call("POST", f"/v2/{pusher.name}/blobs/uploads/"), 202)
    by_bearer = Pusher(world, world.bob.token, bearer=True)
    pusher.at[1].session.auth = None  # the same connection, to the same worker
    pusher.at[1].session.headers.update(by_bearer.at[1].session.headers)
    ok(pusher.at[1].call("POST", f"/v2/{pusher.name}/blobs/uploads/"), 202)


# sessions


def test_a_session_that_was_cancelled_elsewhere(pusher):
    for headers in ({}, {"Content-Range": "0-3"}, {"Content-Range": "a word"}, {"Content-Range": "0-9"}):
        for data in (b"", b"more"):
            place = pusher.remembered()
            ok(pusher.at[2].call("DELETE", place.split("?")[0]), 204)
            answer = pusher.at[1].call("PATCH", place, data=data, headers=headers)
            assert answer.status_code == 404, f"{headers} {data}: {answer.status_code} {answer.text}"
            assert pusher.put(place, data, b"never stored").status_code == 404
            assert pusher.put(place, data, b"wrong").status_code == 404


@pytest.mark.asan
def test_a_session_that_was_finished_elsewhere(pusher):
    """The same PUT again is fine, whatever this gateway thought of it."""
    place = pusher.remembered()
    ok(pusher.patch(place, b"all of it", 2), 202)
    ok(pusher.put(place, b"", b"all of it", 2), 201)
    for data, whole in ((b"", b"all of it"), (b"all of it", b"all of it"), (b"a part", b"all of it")):
        ok(pusher.put(place, data, whole), 201)
    assert pusher.patch(place).status_code == pusher.patch(place, b"more").status_code == 404
    assert pusher.put(place, b"", b"another").status_code == 404


def told_the_place(pusher, ask):
    """The 416 to a request that goes on with what this gateway remembers, and not with what is."""
    answers = []

    def tried():
        answers.append(ask(pusher.again(b"abc")))
        return answers[-1].status_code == 416

    until(tried, "gateway 1 remembers nothing")
    return answers[-1]


@pytest.mark.asan
def test_a_session_that_was_brought_on_elsewhere(pusher):
    """Where nothing of a body was read it is served; else it is told the place. Nothing is lost."""
    first = pusher.remembered()
    ok(pusher.patch(first, b"abc", 2), 202)
    assert ok(pusher.patch(first), 202).headers["Range"] == "0-2"
    first = pusher.again(b"abc")
    assert ok(pusher.patch(first, b"def", start=3), 202).headers["Range"] == "0-5"
    for start in (0, 2, 7):
        answer = pusher.patch(first, b"def", start=start)
        assert (answer.status_code, answer.headers["Range"]) == (416, "0-5")
    for ask in (lambda place: pusher.patch(place, b"def"),
                lambda place: pusher.put(place, b"def", b"abcdef")):  # of `def` alone the digest is wrong
        answer = told_the_place(pusher, ask)
        assert answer.headers["Range"] == "0-2"
        ok(pusher.put(answer.headers["Location"], b"def", b"abcdef"), 201)
    ok(pusher.put(pusher.again(b"abc"), b"", b"abc"), 201)


@pytest.mark.asan
@pytest.mark.parametrize("empty", [True, False])
def test_another_algorithm(pusher, empty):
    """Known before the body is read: so it is served from where it stands."""
    first = pusher.again(b"abc")
    data = b"" if empty else b"def"
    answer = pusher.at[1].finish_upload(first, data, "sha512:" + hashlib.sha512(b"abc" + data).hexdigest())
    assert ok(answer, 201).headers["Docker-Content-Digest"].startswith("sha512:")


def test_a_wrong_digest_ends_only_what_it_was_meant_for(pusher):
    first = told_the_place(pusher, lambda place: pusher.put(place, b"def", b"wrong")).headers["Location"]
    assert pusher.stands(first) == "0-2"
    assert pusher.put(first, b"", b"wrong").status_code == 400  # measured where it stands
    assert pusher.patch(first).status_code == 404
    place = pusher.remembered()
    assert pusher.put(place, b"def", b"wrong").status_code == 400
    assert pusher.patch(place, b"def", 2).status_code == 404


def test_the_first_location_throughout(pusher):
    first = pusher.remembered()
    for part in (b"abc", b"def", b"", b"ghi"):
        ok(pusher.patch(first, part), 202)
    ok(pusher.put(first, b"jkl", b"abcdefghijkl"), 201)


@pytest.mark.parametrize("version", ["", "0x0", "00", "-1", "1", "99999999999999999999999", "%ff", "0/0", "\xff" * 40])
def test_locations_that_nobody_was_given(pusher, version):
    place = pusher.remembered().split("?")[0]
    ok(pusher.patch(f"{place}?v={version}", b"abc"), 202)
    ok(pusher.put(f"{place}?v={version}", b"", b"abc"), 201)


def test_a_session_of_another(world, pusher):
    """Remembered or not, its id opens nothing to others, nor below another package."""
    place = pusher.remembered()
    world.ann.registry().push_image(f"{world.org}/other", "v1", [b"a layer"])
    world.do("PUT", f"orgs/{world.org}/packages/container/other/access/users/{world.bob.login}", {"role": "write"})
    for another in (Pusher(world, world.ann.token), Pusher(world, world.bob.token, f"{world.org}/other")):
        another.warm()
        theirs = place.replace(pusher.name, another.name)
        assert another.patch(theirs, b"abc").status_code == another.put(theirs, b"abc").status_code == 404
    ok(pusher.put(place, b"abc"), 201)


@pytest.mark.asan
def test_what_was_sent_while_rights_changed_is_recorded(world, pusher):
    """A client that is cut off in the middle of a body, when what is remembered does not hold any more."""
    registry = pusher.at[1]
    there = registry.base.split("//")[1]
    credential = base64.b64encode(f"x:{world.bob.token}".encode()).decode()
    headers, data = {"Authorization": f"Basic {credential}"}, random_bytes(600000, 1)
    connection = http.client.HTTPConnection(there, timeout=120)
    for _ in range(3):
        connection.request("POST", f"/v2/{pusher.name}/blobs/uploads/", headers=headers)
        answer = connection.getresponse()
        place = answer.headers["Location"]
        answer.read()
        assert answer.status == 202
    connection.putrequest("PATCH", place)
    for field in {**headers, "Content-Length": "1000000"}.items():
        connection.putheader(*field)
    connection.endheaders()
    connection.send(data)
    world.do("PUT", f"{world.app}/visibility", {"visibility": "internal"})
    connection.close()
    until(lambda: pusher.stands(place) != "0-0", "what was sent is not recorded")
    size = int(pusher.stands(place).split("-")[1]) + 1
    ok(pusher.put(place, b"", data[:size]), 201)
