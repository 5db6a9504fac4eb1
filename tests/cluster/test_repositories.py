"""Records of source repositories: making, changing and moving them, who has which role, and who sees them."""

import base64
import hashlib
import itertools

import pytest
import requests

from harness.registry import ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

SCOPES = ("write:packages", "read:org", "repo")
names = (f"repos-{number}" for number in itertools.count(1))


class Person:
    """A user of REST."""

    def __init__(self, cluster, scopes=SCOPES):
        self.cluster = cluster
        self.user = cluster.new_user(scopes)
        self.login, self.token = self.user.login, self.user.token

    def ask(self, method, path, body=None, **options):
        headers = {"Authorization": f"token {self.token}", **options.pop("headers", {})}
        return requests.request(method, f"{self.cluster.url()}/api/v3/{path}", json=body, timeout=60, headers=headers,
                                **options)

    def get(self, path, status=200):
        answer = ok(self.ask("GET", path), status)
        return answer.json() if answer.content else None

    def with_token(self, scopes):
        other = Person.__new__(Person)
        other.cluster, other.user, other.login = self.cluster, self.user, self.login
        other.token = self.cluster.new_token(self.login, scopes)
        return other


class House:
    """An organization with an owner, a member and a stranger."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner, self.member, self.stranger = (Person(cluster) for _ in range(3))
        self.login = next(names)
        cluster.new_organization(self.login, self.owner.login)
        ok(cluster.admin("PUT", f"orgs/{self.login}/memberships/{self.member.login}", {"role": "member"}), 200)

    def make(self, name, **fields):
        return ok(self.owner.ask("POST", f"orgs/{self.login}/repos", {"name": name, **fields}), 201).json()


@pytest.fixture(scope="module")
def house(cluster):
    return House(cluster)


def refused(answer, status, *errors):
    """errors: (field, code) of a 422."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    said = answer.json()
    assert said["status"] == str(status)
    assert [(one["field"], one["code"]) for one in said.get("errors", [])] == list(errors)
    return said


def test_made_shown_and_found_in_any_case(house):
    made = house.make("Web", description="the site", homepage="https://acme.example",
                      source_url="git@Git.Example:Acme/Web.git")
    assert (made["name"], made["full_name"], made["private"], made["visibility"]) == (
        "Web", f"{house.login}/Web", True, "private")
    assert made["owner"]["login"] == house.login and made["owner"]["type"] == "Organization"
    assert made["source_url"] == "git@Git.Example:Acme/Web.git" and made["homepage"] == "https://acme.example"
    assert made["permissions"]["admin"] is True and made["role_name"] == "admin"
    found = house.member.get(f"repos/{house.login.upper()}/wEB")
    assert found["id"] == made["id"] and found["role_name"] == "read"
    assert found["permissions"] == {"pull": True, "triage": False, "push": False, "maintain": False, "admin": False}
    assert house.owner.get(f"repos/{house.login}/web/readme", 404)["message"] == "Not Found"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "grün", "x" * 101, 7, None])
def test_names_that_are_none(house, name):
    said = refused(house.owner.ask("POST", f"orgs/{house.login}/repos", {"name": name}), 422,
                   ("name", "missing_field" if name is None else "invalid"))
    assert said["message"] == "Validation Failed"


@pytest.mark.parametrize("field, value, code", [
    ("description", "x" * 1025, "too_long"), ("description", 7, "invalid"), ("homepage", "javascript:x", "invalid"),
    ("homepage", "https://" + "x" * 1024, "too_long"), ("source_url", "acme/web", "invalid"),
    ("source_url", "https://h/%00", "invalid"), ("source_url", "https://h/" + "x" * 2048, "too_long"),
    ("visibility", "secret", "invalid"), ("private", "yes", "invalid")])
def test_fields_that_are_wrong(house, field, value, code):
    refused(house.owner.ask("POST", f"orgs/{house.login}/repos", {"name": "wrong", field: value}), 422, (field, code))
    house.owner.get(f"repos/{house.login}/wrong", 404)


@pytest.mark.parametrize("path", ["repos/%ff/web", "repos/-/web", "repos/{0}/%ff", "repos/{0}/%00", "repos/{0}/..",
                                  "repos/{0}/" + "x" * 200, "repos/none-such/web", "orgs/%ff/repos",
                                  "user/repos?type=%ff"])
def test_paths_that_lead_nowhere(house, path):
    assert house.owner.ask("GET", path.format(house.login)).status_code in (400, 404)


def test_names_and_sources_are_taken_once(house):
    house.make("taken", source_url="https://git.example/acme/taken")
    path = f"orgs/{house.login}/repos"
    refused(house.owner.ask("POST", path, {"name": "TAKEN"}), 422, ("name", "already_exists"))
    refused(house.owner.ask("POST", path, {"name": "other", "source_url": "ssh://git@git.example/Acme/Taken.git"}), 422,
            ("source_url", "already_exists"))
    house.make("other")
    other = f"repos/{house.login}/other"
    refused(house.owner.ask("PATCH", other, {"name": "Taken"}), 422, ("name", "already_exists"))
    refused(house.owner.ask("PATCH", other, {"source_url": "http://git.example/acme/taken/"}), 422,
            ("source_url", "already_exists"))
    ok(house.owner.ask("PATCH", f"repos/{house.login}/taken", {"source_url": None}), 200)
    assert ok(house.owner.ask("PATCH", other, {"source_url": "http://git.example/acme/taken/"}),
              200).json()["html_url"] == "http://git.example/acme/taken/"


def test_who_may_make_one_where(house):
    path = f"orgs/{house.login}/repos"
    ok(house.member.ask("POST", path, {"name": "of-a-member"}), 201)
    refused(house.stranger.ask("POST", path, {"name": "foreign"}), 404)
    refused(house.member.with_token(["read:org"]).ask("POST", path, {"name": "narrow"}), 403)
    refused(house.cluster.admin("POST", path, {"name": "of-the-site"}), 403)
    refused(house.member.with_token(["read:org"]).ask("POST", "user/repos", {"name": "narrow"}), 403)
    own = ok(house.member.ask("POST", "user/repos", {"name": "own", "private": False}), 201).json()
    assert own["visibility"] == "public" and own["owner"]["login"] == house.member.login
    refused(house.member.ask("POST", "user/repos", {"name": "inner", "visibility": "internal"}), 422,
            ("visibility", "invalid"))


def test_a_change_keeps_what_it_does_not_name(house):
    house.make("before", description="stays", visibility="internal")
    path = f"repos/{house.login}/before"
    assert ok(house.owner.ask("PATCH", path, {"private": True}), 200).json()["visibility"] == "internal"
    changed = ok(house.owner.ask("PATCH", path, {"name": "After", "visibility": "public"}), 200).json()
    assert (changed["name"], changed["description"], changed["private"]) == ("After", "stays", False)
    house.owner.get(path, 404)
    assert ok(house.owner.ask("PATCH", f"repos/{house.login}/after", {"description": None}), 200).json()[
        "description"] is None
    refused(house.member.ask("PATCH", f"repos/{house.login}/after", {"description": "x"}), 403)
    refused(house.stranger.ask("PATCH", f"repos/{house.login}/after", {"description": "x"}), 403)


def test_who_sees_what(house):
    for visibility in ("private", "internal", "public"):
        house.make(f"seen-{visibility}", visibility=visibility)
    narrow = house.stranger.with_token(["read:packages"])
    seen = {}
    for who, person in (("member", house.member), ("stranger", house.stranger), ("narrow", narrow),
                        ("narrow member", house.member.with_token([]))):
        seen[who] = [person.ask("GET", f"repos/{house.login}/seen-{visibility}").status_code
                     for visibility in ("private", "internal", "public")]
    assert seen == {"member": [200, 200, 200], "stranger": [404, 200, 200], "narrow": [404, 403, 200],
                    "narrow member": [403, 403, 200]}
    listed = {who: {one["name"] for one in person.get(f"orgs/{house.login}/repos?per_page=100")
                    if one["name"].startswith("seen-")}
              for who, person in (("member", house.member), ("stranger", house.stranger), ("narrow", narrow))}
    assert listed == {"member": {"seen-private", "seen-internal", "seen-public"},
                      "stranger": {"seen-internal", "seen-public"}, "narrow": {"seen-public"}}


def test_lists_come_in_pages(cluster):
    house = House(cluster)
    for number in range(5):
        house.make(f"r{number}", visibility="public" if number < 2 else "private")
    path = f"orgs/{house.login}/repos?sort=full_name"
    answer = ok(house.owner.ask("GET", f"{path}&per_page=2"), 200)
    assert [one["name"] for one in answer.json()] == ["r0", "r1"]
    found = []
    while True:
        found += [one["name"] for one in answer.json()]
        if "next" not in answer.links:
            break
        answer = ok(requests.get(answer.links["next"]["url"], timeout=60,
                                 headers={"Authorization": f"token {house.owner.token}"}), 200)
    assert found == ["r0", "r1", "r2", "r3", "r4"]
    assert [one["name"] for one in house.owner.get(f"orgs/{house.login}/repos")] == ["r4", "r3", "r2", "r1", "r0"]
    assert [one["name"] for one in house.owner.get(f"{path}&type=public&direction=desc")] == ["r1", "r0"]
    assert house.owner.get(f"{path}&type=forks") == []
    for wrong in ("type=x", "sort=x", "direction=x"):
        refused(house.owner.ask("GET", f"orgs/{house.login}/repos?{wrong}"), 422, (wrong.split("=")[0], "invalid"))
    refused(house.owner.ask("GET", f"{path}&page=x"), 422, ("page", "invalid"))


def test_lists_of_ones_own(cluster):
    house = House(cluster)
    house.make("given", visibility="private")
    house.make("public", visibility="public")
    ok(house.owner.ask("PUT", f"repos/{house.login}/given/collaborators/{house.stranger.login}"), 204)
    ok(house.stranger.ask("POST", "user/repos", {"name": "mine"}), 201)

    def listed(person, query=""):
        return [one["full_name"] for one in person.get(f"user/repos{query}")]

    mine, given, public = f"{house.stranger.login}/mine", f"{house.login}/given", f"{house.login}/public"
    assert sorted(listed(house.stranger)) == sorted([given, mine])
    assert listed(house.stranger, "?affiliation=owner") == [mine]
    assert listed(house.stranger, "?type=member") == [given]
    assert listed(house.stranger, "?visibility=public") == []
    assert listed(house.member, "?affiliation=organization_member") == [given, public]
    assert listed(house.member.with_token([])) == [public]
    refused(house.member.ask("GET", "user/repos?affiliation=owner,friend"), 422, ("affiliation", "invalid"))
    refused(house.member.ask("GET", "user/repos?type=all&visibility=all"), 422, ("type", "invalid"))
    assert [one["name"] for one in house.member.get(f"users/{house.stranger.login}/repos")] == []
    assert [one["name"] for one in house.stranger.get(f"users/{house.stranger.login}/repos")] == ["mine"]


def test_readme(house):
    house.make("documented")
    path = f"repos/{house.login}/documented/readme"
    text = "# Grüße\n" * 100
    encoded = base64.encodebytes(text.encode()).decode()
    put = ok(house.owner.ask("PUT", path, {"content": encoded}), 200).json()
    assert put == house.member.get(path)
    assert base64.b64decode(put["content"]).decode() == text and put["size"] == len(text.encode())
    assert put["sha"] == hashlib.sha1(b"blob %d\0" % len(text.encode()) + text.encode()).hexdigest()
    refused(house.member.ask("PUT", path, {"content": encoded}), 403)
    for content, code in (("?", "invalid"), (base64.b64encode(b"\xff").decode(), "invalid"), (None, "missing_field"),
                          (base64.b64encode(b"a\0b").decode(), "invalid"),
                          (base64.b64encode(b"x" * (512 * 1024 + 1)).decode(), "too_long")):
        refused(house.owner.ask("PUT", path, {"content": content}), 422, ("content", code))
    ok(house.owner.ask("PUT", path, {"content": ""}), 200)
    house.member.get(path, 404)


def test_collaborators(house):
    house.make("shared")
    path = f"repos/{house.login}/shared"
    one = f"{path}/collaborators/{house.stranger.login}"
    house.stranger.get(path, 404)
    house.owner.get(one, 404)
    ok(house.owner.ask("PUT", one, {"permission": "triage"}), 204)
    assert house.stranger.get(path)["role_name"] == "triage"
    assert house.stranger.get(f"{one}/permission") == {
        **house.stranger.get(f"{one}/permission"), "permission": "read", "role_name": "triage"}
    refused(house.stranger.ask("GET", f"{path}/collaborators/{house.owner.login}/permission"), 403)
    refused(house.stranger.ask("GET", f"{path}/collaborators"), 403)
    ok(house.owner.ask("PUT", one), 204)
    assert house.owner.get(f"{path}/collaborators/{house.owner.login}/permission")["permission"] == "admin"
    listed = {each["login"]: each["role_name"] for each in house.stranger.get(f"{path}/collaborators")}
    assert listed == {house.owner.login: "admin", house.member.login: "read", house.stranger.login: "write"}
    for query, wanted in (("affiliation=direct", {house.stranger.login}),
                          ("affiliation=outside", {house.stranger.login}),
                          ("permission=admin", {house.owner.login})):
        assert {each["login"] for each in house.owner.get(f"{path}/collaborators?{query}")} == wanted
    ok(house.owner.ask("GET", one), 204)
    refused(house.owner.ask("PUT", one, {"permission": "king"}), 422, ("permission", "invalid"))
    refused(house.owner.ask("PUT", f"{path}/collaborators/nobody-here"), 404)
    refused(house.owner.ask("PUT", f"{path}/collaborators/{house.login}"), 404)
    refused(house.stranger.ask("PUT", f"{path}/collaborators/{house.member.login}"), 403)
    refused(house.member.ask("DELETE", one), 403)
    ok(house.stranger.ask("DELETE", one), 204)
    house.stranger.get(path, 404)
    own = ok(house.member.ask("POST", "user/repos", {"name": "alone"}), 201).json()["full_name"]
    refused(house.member.ask("PUT", f"repos/{own}/collaborators/{house.member.login}"), 422, ("username", "invalid"))


def test_teams(cluster):
    house = House(cluster)
    house.make("shared")
    house.make("elsewhere")
    teams = f"orgs/{house.login}/teams"
    admin = house.owner.with_token(["admin:org"])
    above = ok(admin.ask("POST", teams, {"name": "above", "privacy": "closed"}), 201).json()["id"]
    ok(admin.ask("POST", teams, {"name": "below", "privacy": "closed", "parent_team_id": above}), 201)
    ok(admin.ask("POST", teams, {"name": "hidden", "privacy": "secret"}), 201)
    ok(admin.ask("PUT", f"{teams}/below/memberships/{house.member.login}", {"role": "member"}), 200)
    repo, shared = f"repos/{house.login}/shared", f"{house.login}/shared"
    assert house.member.get(repo)["role_name"] == "read"
    house.owner.get(f"{teams}/above/repos/{shared}", 404)
    ok(house.owner.ask("PUT", f"{teams}/above/repos/{shared}", {"permission": "maintain"}), 204)
    ok(house.owner.ask("PUT", f"{teams}/below/repos/{shared}"), 204)
    ok(house.owner.ask("PUT", f"{teams}/hidden/repos/{shared}", {"permission": "admin"}), 204)
    assert house.member.get(repo)["role_name"] == "maintain"
    ok(house.member.ask("GET", f"{teams}/below/repos/{shared}"), 204)
    shown = ok(house.member.ask("GET", f"{teams}/below/repos/{shared}",
                                headers={"Accept": "application/vnd.github.v3.repository+json"}), 200).json()
    assert shown["role_name"] == "maintain" and shown["permissions"]["push"] is True
    assert [(one["name"], one["role_name"]) for one in house.member.get(f"{teams}/below/repos")] == [
        ("shared", "maintain")]
    for person, seen in ((house.owner, ["above:maintain", "below:pull", "hidden:admin"]),
                         (house.member, ["above:maintain", "below:pull"])):
        assert [f"{one['slug']}:{one['permission']}" for one in person.get(f"{repo}/teams")] == seen
    house.stranger.get(f"{repo}/teams", 404)
    house.stranger.get(f"{teams}/above/repos", 404)
    house.member.get(f"{teams}/hidden/repos", 404)
    refused(house.member.ask("PUT", f"{teams}/below/repos/{house.login}/elsewhere"), 403)
    refused(house.owner.ask("PUT", f"{teams}/below/repos/{shared}", {"permission": "king"}), 422,
            ("permission", "invalid"))
    own = ok(house.owner.ask("POST", "user/repos", {"name": "own"}), 201).json()["full_name"]
    refused(house.owner.ask("PUT", f"{teams}/below/repos/{own}"), 422, ("team_slug", "invalid"))
    ok(house.owner.ask("DELETE", f"{teams}/above/repos/{shared}"), 204)
    assert house.member.get(repo)["role_name"] == "read"
    ok(house.owner.ask("DELETE", f"{teams}/above/repos/{shared}"), 204)


def linked(house, name):
    """A repository of the organization with a published package that inherits from it; their full names."""
    repository = house.make(name)
    package = f"{house.login}/{name}-image"
    house.owner.user.registry().push_image(package, "v1", [b"a layer"])
    house.cluster.query("UPDATE package SET repository_id = %s, linked_by = 3, inherits = true WHERE name = %s"
                        " RETURNING id", repository["id"], f"{name}-image")
    return repository["full_name"], package


def pulls(person, package):
    return person.user.registry().call("GET", f"/v2/{package}/manifests/v1").status_code


@pytest.mark.parametrize("way", ["delete", "transfer"])
def test_who_read_through_the_link_reads_no_longer(cluster, way):
    house = House(cluster)
    repository, package = linked(house, way)
    ok(house.owner.ask("PUT", f"repos/{repository}/collaborators/{house.stranger.login}", {"permission": "pull"}), 204)
    assert pulls(house.stranger, package) == 200
    if way == "delete":
        ok(house.owner.ask("DELETE", f"repos/{repository}"), 204)
    else:
        moved = ok(house.owner.ask("POST", f"repos/{repository}/transfer",
                                   {"new_owner": house.owner.login.upper(), "new_name": "moved"}), 202).json()
        assert moved["full_name"] == f"{house.owner.login}/moved"
        assert house.stranger.get(f"repos/{moved['full_name']}")["role_name"] == "read"
    house.owner.get(f"repos/{repository}", 404)
    assert pulls(house.stranger, package) == 403 and pulls(house.member, package) == 403
    assert pulls(house.owner, package) == 200
    grants = cluster.query("SELECT a.login, g.role FROM package_grant g JOIN package p ON p.id = g.package_id"
                           " JOIN account a ON a.id = g.account_id WHERE p.name = %s", f"{way}-image")
    assert grants == [(house.owner.login, 3)]


def test_a_new_name_keeps_the_link(cluster):
    house = House(cluster)
    repository, package = linked(house, "renamed")
    ok(house.owner.ask("PUT", f"repos/{repository}/collaborators/{house.stranger.login}", {"permission": "pull"}), 204)
    ok(house.owner.ask("PATCH", f"repos/{repository}", {"name": "other-name"}), 200)
    assert pulls(house.stranger, package) == 200


def test_whom_a_repository_may_be_given(house):
    house.make("to-give")
    path = f"repos/{house.login}/to-give/transfer"
    for owner in ("nobody-here", 7, None):
        refused(house.owner.ask("POST", path, {"new_owner": owner}), 422,
                ("new_owner", "missing_field" if owner is None else "invalid"))
    refused(house.owner.ask("POST", path, {"new_owner": house.stranger.login}), 403)
    refused(house.member.ask("POST", path, {"new_owner": house.member.login}), 403)
    refused(house.owner.ask("POST", path, {"new_owner": house.owner.login, "new_name": ".."}), 422,
            ("new_name", "invalid"))


def test_single_sign_on(cluster):
    """A token that the organization does not know sees what is public there."""
    house = House(cluster)
    house.make("hidden")
    house.make("open", visibility="public")
    cluster.query("UPDATE account SET sso_required = true WHERE login = %s RETURNING id", house.login)
    answer = house.owner.ask("GET", f"repos/{house.login}/hidden")
    refused(answer, 403)
    assert answer.headers["X-GitHub-SSO"].startswith("required; url=")
    house.owner.get(f"repos/{house.login}/open")
    refused(house.owner.ask("PATCH", f"repos/{house.login}/open", {"description": "x"}), 403)
    assert [one["name"] for one in house.owner.get("user/repos")] == ["open"]
    assert [one["name"] for one in house.owner.get(f"orgs/{house.login}/repos")] == ["open"]


def test_each_change_is_in_the_audit_log(cluster):
    house = House(cluster)
    house.make("watched")
    path = f"repos/{house.login}/watched"
    ok(house.owner.ask("PATCH", path, {"description": "x", "visibility": "public"}), 200)
    ok(house.owner.ask("PUT", f"{path}/readme", {"content": base64.b64encode(b"hello").decode()}), 200)
    ok(house.owner.ask("PUT", f"{path}/collaborators/{house.stranger.login}"), 204)
    ok(house.owner.ask("PUT", f"{path}/collaborators/{house.stranger.login}"), 204)
    ok(house.owner.ask("DELETE", path), 204)
    wanted = [("repo.create",), ("repo.visibility_set",), ("repo.update",), ("repo.update",), ("repo.access_set",),
              ("repo.delete",)]
    for table in ("audit", "event"):
        assert cluster.query(f"SELECT t.action FROM {table} t JOIN account n ON n.id = t.namespace_id JOIN account a ON"
                             " a.id = t.actor_id WHERE n.login = %s AND a.login = %s AND t.action LIKE 'repo.%%'"
                             " ORDER BY t.id", house.login, house.owner.login) == wanted
