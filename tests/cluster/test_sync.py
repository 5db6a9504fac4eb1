"""packhouse-metadb sync: organizations get the members, teams and repositories of a file, an API, another Packhouse."""

import http.server
import itertools
import json
import os
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harness.registry import ok
from harness.run import Failed

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

numbers = itertools.count(1)


class House:
    """An organization with an owner, and people who are in it or not."""

    def __init__(self, cluster, people=("ada", "bob", "carl")):
        self.cluster = cluster
        self.login = f"sync-{next(numbers)}"
        self.owner = cluster.new_user(("admin:org", "repo"))
        cluster.new_organization(self.login, self.owner.login)
        self.people = {name: cluster.new_user(()).login for name in people}

    def get(self, path):
        return ok(requests.get(f"{self.cluster.url()}/api/v3/{path}", timeout=60,
                               headers={"Authorization": f"token {self.owner.token}"}), 200).json()

    def repositories(self):
        return {one["name"]: one for one in self.get(f"orgs/{self.login}/repos?per_page=100")}

    def shares(self, name):
        """Who was given the repository: {login or slug: role}."""
        path = f"repos/{self.login}/{name}"
        return {**{one["login"]: one["role_name"] for one in self.get(f"{path}/collaborators?affiliation=direct")},
                **{one["slug"]: one["role_name"] for one in self.get(f"{path}/teams")}}

    def members(self, slug):
        path = f"orgs/{self.login}/teams/{slug}/members"
        return {one["login"]: role for role in ("member", "maintainer") for one in self.get(f"{path}?role={role}")}


    def belong(self):
        """Who belongs to the organization: {login: role}."""
        path = f"orgs/{self.login}/members"
        return {one["login"]: role for role in ("member", "admin") for one in self.get(f"{path}?role={role}")}


def words_of(cluster, *options, **more):
    """Its lines, but for those of the sanitizer, which warns of tasks' stacks."""
    return [line for line in cluster.metadb("sync", *options, **more).splitlines() if not line.startswith("==")]


@pytest.fixture
def house(cluster):
    return House(cluster)


@pytest.fixture
def sync(cluster, tmp_path):
    """sync(wanted or URL, option…): the lines it printed, without the summary; checks the status."""
    tmp_path.chmod(0o755)

    def call(source, *options, token=None, summary=None):
        if isinstance(source, str):
            where = f"--url={source}"
        else:
            path = tmp_path / f"wanted-{next(numbers)}.json"
            path.write_text(json.dumps(source), encoding="utf-8")
            where = f"--file={path}"
        environment = {key: value for key, value in os.environ.items() if key != "PACKHOUSE_SYNC_TOKEN"}
        if token is not None:
            environment["PACKHOUSE_SYNC_TOKEN"] = token
        *lines, last = words_of(cluster, where, *options, env=environment)
        assert summary is None or last == summary, (lines, last)
        return lines

    return call


def wanted(house, **organization):
    return {"format": 1, "organizations": [{"login": house.login, **organization}]}


def person(house, name, **role):
    return {"login": house.people[name], **role}


def everything(house):
    """Two teams, two repositories, all kinds of roles."""
    return wanted(house, teams=[
        {"slug": "core", "name": "Core", "description": "the middle", "parent": "all",
         "members": [person(house, "ada", role="maintainer"), person(house, "bob")]},
        {"slug": "all", "privacy": "closed", "members": []},
    ], repositories=[
        {"name": "Web", "visibility": "internal", "description": "the site", "homepage": "https://acme.example",
         "source_url": f"git@git.example:{house.login}/web.git",
         "collaborators": [person(house, "carl", permission="push"), {"login": "no-such-user", "permission": "pull"}],
         "teams": [{"slug": "core", "permission": "maintain"}]},
        {"name": "tools", "collaborators": [{"login": "no-such-user", "permission": "admin"}],
         "teams": [{"slug": "all", "permission": "pull"}]},
    ])


def test_a_file_comes_to_be_and_stays(house, sync):
    people = house.people
    lines = sync(everything(house), summary="9 added, 0 changed, 0 removed, 1 skipped")
    assert lines == [
        f"add team {house.login}/all", f"add team {house.login}/core",
        f"add member {house.login}/core {people['ada']}: maintainer",
        f"add member {house.login}/core {people['bob']}: member",
        f"add repository {house.login}/Web", f"add team {house.login}/Web core: maintain",
        f"add collaborator {house.login}/Web {people['carl']}: write", "skip user no-such-user: there is none",
        f"add repository {house.login}/tools", f"add team {house.login}/tools all: read"]
    web = house.repositories()["Web"]
    assert (web["visibility"], web["description"], web["source_url"]) == (
        "internal", "the site", f"git@git.example:{house.login}/web.git")
    assert house.shares("Web") == {people["carl"]: "write", "core": "maintain"}
    assert house.members("core") == {people["ada"]: "maintainer", people["bob"]: "member"}
    core = house.get(f"orgs/{house.login}/teams/core")
    assert core["parent"]["slug"] == "all" and (core["name"], core["description"]) == ("Core", "the middle")
    assert sync(everything(house), "--prune", summary="0 added, 0 changed, 0 removed, 1 skipped") == [
        "skip user no-such-user: there is none"]


def test_a_dry_run_tells_the_same_and_writes_nothing(house, sync):
    told = sync(everything(house), "--dry-run", "--create-users", "--prune")
    assert house.repositories() == {} and house.get(f"orgs/{house.login}/teams") == []
    assert house.cluster.query("SELECT count(*) FROM account WHERE login = 'no-such-user'") == [(0,)]
    assert "add user no-such-user" in told
    done = sync(everything(house), "--prune")
    told, done = ([line for line in lines if "no-such-user" not in line] for lines in (told, done))
    assert told == done and len(done) == 9


def test_changes_and_what_goes(house, sync):
    people = house.people
    sync(everything(house))
    after = wanted(house, teams=[
        {"slug": "core", "name": "Kernel", "privacy": "closed", "parent": None,
         "members": [person(house, "ada"), person(house, "carl")]}],
        repositories=[{"name": "web", "visibility": "public", "description": "",
                       "collaborators": [person(house, "carl", permission="admin")], "teams": []}])
    lines = sync(after)
    assert not [line for line in lines if line.startswith("remove")]
    assert house.shares("web") == {people["carl"]: "admin", "kernel": "maintain"} and "tools" in house.repositories()
    assert house.members("kernel") == {people["ada"]: "member", people["bob"]: "member", people["carl"]: "member"}
    gone = sync(after, "--prune", summary="0 added, 0 changed, 4 removed, 0 skipped")
    assert sorted(gone) == sorted([
        f"remove member {house.login}/core {people['bob']}", f"remove team {house.login}/all",
        f"remove repository {house.login}/tools", f"remove team {house.login}/web kernel"])
    repositories = house.repositories()
    assert list(repositories) == ["web"] and repositories["web"]["visibility"] == "public"
    assert house.shares("web") == {people["carl"]: "admin"}
    assert house.members("kernel") == {people["ada"]: "member", people["carl"]: "member"}
    assert [one["name"] for one in house.get(f"orgs/{house.login}/teams")] == ["Kernel"]
    after["organizations"][0]["repositories"][0]["teams"] = [{"slug": "core", "permission": "triage"}]
    assert sync(after, "--prune") == [f"add team {house.login}/web kernel: triage"]
    assert sync(after, "--prune") == []


def listed(house, **roles):
    """Its owner, and people with what they are to be."""
    people = [person(house, name, role=role) for name, role in roles.items()]
    return [{"login": house.owner.login, "role": "admin"}, *people]


def test_members_come_and_go(house, sync):
    ada, bob, carl = (house.people[name] for name in ("ada", "bob", "carl"))
    house.people["eve"] = house.cluster.new_user(()).login
    first = wanted(house, members=[*listed(house, ada="admin", bob="member"), {"login": house.people["eve"].upper()}],
                   teams=everything(house)["organizations"][0]["teams"],
                   repositories=[{"name": "web", "collaborators": [person(house, name, permission="push")
                                                                   for name in ("bob", "carl", "eve")]}])
    assert sync(first)[:3] == [f"add member {house.login} {ada}: admin", f"add member {house.login} {bob}: member",
                               f"add member {house.login} {house.people['eve']}: member"]
    assert house.belong() == {house.owner.login: "admin", ada: "admin", bob: "member", house.people["eve"]: "member"}
    # ada is demoted, bob stays because a team names him, eve goes with what she has, carl comes
    second = wanted(house, members=listed(house, carl="member", ada="member"),
                    teams=[{"slug": "core", "members": [person(house, "bob")]}, {"slug": "all"}])
    assert sync(second) == [f"add member {house.login} {carl}: member", f"change member {house.login} {ada}: member"]
    told = sync(second, "--prune", "--dry-run")
    assert house.belong()[house.people["eve"]] == "member"
    assert sync(second, "--prune") == told
    assert f"remove member {house.login} {house.people['eve']}" in told
    assert house.belong() == {house.owner.login: "admin", ada: "member", bob: "member", carl: "member"}
    assert house.shares("web") == {bob: "write", carl: "write"} and house.members("core") == {bob: "member"}
    assert house.cluster.query("SELECT actor_id, detail ->> 'role' FROM audit WHERE action = 'org.member_set' AND"
                               " (detail ->> 'account')::bigint = (SELECT id FROM account WHERE login = %s)"
                               " ORDER BY id", house.people["eve"]) == [(None, "member"), (None, "none")]


def test_whoever_goes_and_stays_a_collaborator(house, sync):
    """What goes with his membership comes again, in a dry run as well."""
    bob = house.people["bob"]
    repositories = [{"name": "web", "collaborators": [person(house, "bob", permission="push")]}]
    sync(wanted(house, members=listed(house, bob="member"), repositories=repositories))
    after = wanted(house, members=listed(house), repositories=repositories)
    told = sync(after, "--prune", "--dry-run")
    assert told == [f"remove member {house.login} {bob}", f"add collaborator {house.login}/web {bob}: write"]
    assert sync(after, "--prune") == told and sync(after, "--prune") == []
    assert house.shares("web") == {bob: "write"} and bob not in house.belong()


def test_the_last_owner_stays(house, sync):
    owner, stays = house.owner.login, f"skip member {house.login} {house.owner.login}: nobody else owns it"
    for members in ([], [person(house, "ada")], [{"login": owner, "role": "member"}],
                    [{"login": "no-such-user", "role": "admin"}]):
        for options in (("--prune", "--dry-run"), ("--prune",)):
            assert stays in sync(wanted(house, members=members), *options)
    assert house.belong() == {owner: "admin"}
    # another one first, then he may go
    lines = sync(wanted(house, members=[person(house, "ada", role="admin")]), "--prune",
                 summary="1 added, 0 changed, 1 removed, 0 skipped")
    assert lines == [f"add member {house.login} {house.people['ada']}: admin", f"remove member {house.login} {owner}"]


def test_what_is_left_out_is_not_touched(house, sync):
    sync(everything(house))
    before = (house.repositories(), house.shares("Web"), house.members("core"), house.belong())
    for document in (wanted(house), wanted(house, repositories=[{"name": "Web"}, {"name": "tools"}]),
                     wanted(house, teams=[{"slug": "core"}, {"slug": "all"}])):
        assert sync(document, "--prune") == []
    assert (house.repositories(), house.shares("Web"), house.members("core"), house.belong()) == before
    sync(wanted(house, repositories=[]), "--prune", summary="0 added, 0 changed, 2 removed, 0 skipped")


def test_one_organization_only(house, cluster, sync):
    other = House(cluster)
    both = {"format": 1, "organizations": [{"login": one.login, "repositories": [{"name": "web"}]}
                                           for one in (house, other)]}
    assert sync(both, "--org", house.login.upper()) == [f"add repository {house.login}/web"]
    assert other.repositories() == {}
    both["organizations"].append({"login": "no-such-org", "repositories": []})
    assert sync(both) == [f"add repository {other.login}/web", "skip organization no-such-org: there is none"]
    with pytest.raises(Failed, match="is not listed"):
        sync(both, "--org", "nobody-wants-it")


def test_the_program_itself_does_it(house, cluster, sync):
    login = f"made-{house.login}"
    sync(wanted(house, repositories=[{"name": "web", "collaborators": [{"login": login, "permission": "pull"}]}]),
         "--create-users", summary="3 added, 0 changed, 0 removed, 0 skipped")
    for table in ("audit", "event"):
        assert cluster.query(f"SELECT action, actor_id FROM {table} WHERE detail ->> 'login' = %s OR (detail ->> 'name'"
                             " = 'web' AND namespace_id = (SELECT id FROM account WHERE login = %s)) ORDER BY id",
                             login, house.login) == [("repo.create", None), ("user.create", None),
                                                     ("repo.access_set", None)]


def test_what_is_refused_is_skipped(house, cluster, sync):
    other, url = House(cluster), f"https://git.example/{house.login}/taken"
    for owner in (house, other):  # what another owner says of his is no matter
        assert f"add repository {owner.login}/taken" in sync(
            wanted(owner, repositories=[{"name": "taken", "source_url": url}]))
    lines = sync(wanted(house, teams=[{"slug": "a", "parent": "b"}, {"slug": "b", "parent": "a"},
                                      {"slug": "lost", "parent": "nowhere"}, {"slug": "fine"}],
                        repositories=[{"name": "mine", "source_url": url}, {"name": "fine", "teams": [
                            {"slug": "none", "permission": "pull"}]}]))
    assert f"skip repository {house.login}/mine: another repository has its source_url" in lines
    assert f"skip team none of {house.login}/fine: there is none" in lines
    assert f"skip team {house.login}/lost: its parent nowhere is not listed" in lines
    assert f"add team {house.login}/fine" in lines and f"add repository {house.login}/fine" in lines
    assert [line for line in lines if line.startswith("skip team") and "stands below it" in line]


@pytest.mark.parametrize("document, words", [
    ({"organizations": []}, "format: 1 is wanted"), ({"format": 1}, "organizations: is missing"),
    ({"format": 1, "organizations": [7]}, "a list of objects"),
    ({"format": 1, "organizations": [{"login": "a", "teams": [{}]}]}, "organizations[0].teams[0].slug: is missing"),
    ({"format": 1, "organizations": [{"login": "a", "repositories": [{"name": "a/b"}]}]},
     "organizations[0].repositories[0].name: is no name"),
    ({"format": 1, "organizations": [{"login": "a", "repositories": [{"name": "a", "source_url": "x"}]}]},
     "source_url: is no address"),
    ({"format": 1, "organizations": [{"login": "a", "repositories": [
        {"name": "a", "collaborators": [{"login": "b", "permission": "king"}]}]}]}, "permission: pull, triage"),
    ({"format": 1, "organizations": [{"login": "a", "teams": [{"slug": "a", "privacy": "x"}]}]}, "closed or secret"),
    ({"format": 1, "organizations": [{"login": "a", "members": [{"login": "b", "role": "owner"}]}]},
     "organizations[0].members[0].role: member or admin"),
    ([], "format: 1 is wanted")])
def test_files_that_are_wrong(sync, document, words):
    with pytest.raises(Failed) as failed:
        sync(document)
    assert words in str(failed.value)


@pytest.mark.parametrize("options, words", [
    ((), "either --file FILE or --url URL"), (("--file=/x", "--url=http://h"), "either --file FILE or --url URL"),
    (("--url=ftp://h",), "http or https"), (("--file=/nowhere",), "/nowhere"),
    (("--file=/dev/null", "--what"), "--what"),
    (("--url=http://127.0.0.1:1", "--org=a", "--token-file=/nowhere"), "/nowhere"),
    (("--url=http://127.0.0.1:1", "--org=a"), "connect")])
def test_commands_that_are_wrong(cluster, options, words):
    with pytest.raises(Failed) as failed:
        cluster.metadb("sync", *options)
    assert words in str(failed.value).lower() or words in str(failed.value)


# an API


class Api:
    """GitHub as far as `sync` asks it: {path: list}, two elements a page. `odd` may answer instead."""

    def __init__(self):
        self.lists, self.odd, self.asked = {}, None, []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802, pylint: disable=invalid-name
                url = urlsplit(self.path)
                query = {key: value[0] for key, value in parse_qs(url.query).items()}
                api.asked.append((self.path, dict(self.headers)))
                if api.odd is not None and api.odd(self, url.path, query):
                    return
                key = url.path + (f"?role={query['role']}" if "role" in query else "")
                if key not in api.lists:
                    self.answer(404, {"message": "Not Found"})
                    return
                page = int(query.get("page", 1))
                found, headers = api.lists[key], {}
                if len(found) > 2 * page:
                    headers["Link"] = (f'<{api.url}/x?page=1>; rel="prev", <{api.url}{url.path}?page={page + 1}'
                                       + (f"&role={query['role']}" if "role" in query else "") + '>; rel="next"')
                self.answer(200, found[2 * page - 2:2 * page], headers)

            def answer(self, status, body, headers=()):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def fill(self, house):
        org, people = f"/orgs/{house.login}", house.people
        admin = {key: True for key in ("pull", "triage", "push", "maintain", "admin")}
        self.lists = {
            f"{org}/members?role=admin": [{"login": house.owner.login}],
            f"{org}/members?role=member": [{"login": login} for login in people.values()],
            f"{org}/repos": [{"name": f"r{i}", "private": i != 0, "description": None, "homepage": "",
                              "html_url": f"https://git.example/{house.login}/r{i}"} for i in range(5)],
            f"{org}/teams": [{"slug": "above", "name": "Above", "description": None, "privacy": "closed",
                              "parent": None},
                             {"slug": "below", "name": "Below", "description": "x", "privacy": "closed",
                              "parent": {"slug": "above"}}],
            f"{org}/teams/above/members?role=member": [{"login": people["ada"]}, {"login": people["bob"]}],
            f"{org}/teams/above/members?role=maintainer": [{"login": people["carl"]}],
            f"{org}/teams/below/members?role=member": [{"login": people["bob"].upper()}],
            f"{org}/teams/below/members?role=maintainer": []}
        for i in range(5):
            path = f"/repos/{house.login}/r{i}"
            self.lists[f"{path}/collaborators"] = [
                {"login": people["carl"], "role_name": "our own", "permissions": {"pull": True, "push": True}}]
            self.lists[f"{path}/teams"] = [{"slug": "above", "permission": "pull"}, {
                "slug": "below", "permission": "our own", "permissions": admin}][:i % 3]


@pytest.fixture
def api():
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_api_is_read_page_by_page(house, sync, api):
    api.fill(house)
    people = house.people
    lines = sync(f"{api.url}/", "--org", house.login, token="a-secret")
    assert len([line for line in lines if line.startswith("add repository")]) == 5
    assert {name: one["visibility"] for name, one in house.repositories().items()} == {
        "r0": "public", "r1": "private", "r2": "private", "r3": "private", "r4": "private"}
    assert house.shares("r2") == {people["carl"]: "write", "above": "read", "below": "admin"}
    assert house.repositories()["r2"]["source_url"] == f"https://git.example/{house.login}/r2"
    members = house.cluster.query("SELECT t.slug, a.login, m.role FROM team_member m JOIN team t ON t.id = m.team_id"
                                  " JOIN account a ON a.id = m.account_id WHERE t.organization_id = (SELECT id FROM"
                                  " account WHERE login = %s)", house.login)
    assert sorted(members) == sorted([("above", people["ada"], 1), ("above", people["carl"], 2),
                                      ("below", people["bob"], 1)])
    assert house.belong() == {house.owner.login: "admin", **{login: "member" for login in people.values()}}
    assert all(headers["Authorization"] == "Bearer a-secret" and headers["Accept"] == "application/vnd.github+json"
               for _path, headers in api.asked)
    assert sync(api.url, "--org", house.login, "--prune", token="a-secret") == []


def test_a_token_from_a_file(house, sync, api, tmp_path):
    api.fill(house)
    path = tmp_path / "token"
    path.write_text("of-a-file\n", encoding="utf-8")
    sync(api.url, "--org", house.login, "--token-file", path, token="of-the-environment")
    assert {headers["Authorization"] for _path, headers in api.asked} == {"Bearer of-a-file"}
    path.write_text("two words\n", encoding="utf-8")
    with pytest.raises(Failed, match="is no token"):
        sync(api.url, "--org", house.login, "--token-file", path)


def spoil(when):
    """Another answer for one path: (status, body, headers)."""
    def make(status, body, **headers):
        def odd(handler, path, _query):
            if not path.endswith(when):
                return False
            handler.answer(status, body, {key.replace("_", "-"): value for key, value in headers.items()})
            return True
        return odd
    return make


@pytest.mark.parametrize("odd, words", [
    (spoil("/r3/teams")(500, {}), "status 500"), (spoil("/r3/teams")(401, {}), "status 401"),
    (spoil("/r3/teams")(404, {}), "status 404"), (spoil("/repos")(200, {"a": 1}), "a list is wanted"),
    (spoil("/repos")(200, b"[1, 2"), "line 1"), (spoil("/repos")(200, b"["[:1] * 10000), "line 1"),
    (spoil("/repos")(200, b" " * (8 * 1024 * 1024 + 1)), "has more than 8388608 bytes"),
    (spoil("/repos")(200, [], Link='<http://127.0.0.2/next>; rel="next"'), "the next page is elsewhere"),
    (spoil("/repos")(302, [], Location="file:///etc/passwd"), "rotocol"),
    (spoil("/repos")(429, {}, Retry_After="3600"), "status 429"),
    (spoil("/members")(200, []), "it lists no owner"),
    (spoil("/members")(200, [{"login": "ada"}]), "it lists owners among the members"),
    (spoil("/repos")(200, [{"name": 7}]), "status 404")])
def test_nothing_is_changed_when_anything_is_missing(house, sync, api, odd, words):
    sync(everything(house))
    before = house.repositories()
    api.fill(house)
    api.odd = odd
    with pytest.raises(Failed) as failed:
        sync(api.url, "--org", house.login, "--prune")
    assert words in str(failed.value), failed.value
    assert house.repositories() == before


def test_a_list_without_end(house, sync, api):
    api.odd = lambda handler, path, query: handler.answer(
        200, [], {"Link": f'<{api.url}{path}?page={int(query.get("page", 1)) + 1}>; rel="next"'}) or True
    with pytest.raises(Failed, match="more than 1000 pages"):
        sync(api.url, "--org", house.login)


def test_what_passes_is_waited_for(house, sync, api):
    api.fill(house)
    answers = iter([(429, {"Retry-After": "1"}), (503, {}), (403, {"Retry-After": "0"})])

    def odd(handler, _path, _query):
        status, headers = next(answers, (None, None))
        return status is not None and (handler.answer(status, {}, headers) or True)

    api.odd = odd
    assert len(sync(api.url, "--org", house.login)) > 5


def test_all_organizations_that_the_api_knows(house, cluster, sync, api):
    other = House(cluster)
    api.fill(house)
    lines = sync(api.url, "--dry-run")
    assert f"skip organization {other.login}: the API does not know it" in lines
    assert f"add repository {house.login}/r0" in lines


def test_another_packhouse_is_such_an_api(house, cluster, start_cluster, sync):
    """What it says comes to be here, and from then on nothing is to be done."""
    sync(everything(house))
    there = start_cluster(storage=1)
    copy = House.__new__(House)
    copy.cluster, copy.login, copy.people = there, house.login, house.people
    copy.owner = there.new_user(("admin:org", "repo"))
    there.new_organization(copy.login, copy.owner.login)
    environment = {**os.environ, "PACKHOUSE_SYNC_TOKEN": house.owner.token}
    options = (f"--url={cluster.url()}/api/v3", f"--org={house.login}", "--create-users", "--prune")
    there.metadb("sync", *options, env=environment)
    copy.owner.token = there.new_token(house.owner.login, ("admin:org", "repo"))  # he owns it now, who made it is gone

    def look(which):
        fields = ("name", "visibility", "description", "homepage", "source_url")
        return ({name: [one[field] for field in fields] for name, one in which.repositories().items()},
                {name: which.shares(name) for name in which.repositories()},
                {one["slug"]: (one["name"], one["description"], one["privacy"], which.members(one["slug"]))
                 for one in which.get(f"orgs/{house.login}/teams")}, which.belong())

    assert look(copy) == look(house)
    assert words_of(there, *options, env=environment) == ["0 added, 0 changed, 0 removed, 0 skipped"]
