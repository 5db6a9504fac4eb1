"""Teams through REST: their tree, who sees and changes them, who is in them."""

import pytest

from harness.people import Person, enroll, invalid, refused, walk
from harness.registry import ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


class Company:
    """An organization with an owner and two members, and somebody else."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner, self.ann, self.bob, self.zoe = (Person(cluster) for _ in range(4))
        self.login = f"{self.owner.login}-co"
        cluster.new_organization(self.login, self.owner.login)
        for person in (self.ann, self.bob):
            enroll(cluster, self.login, person.login)
        self.path = f"orgs/{self.login}/teams"

    def make(self, person, name, **more):
        return ok(person.ask("POST", self.path, {"name": name, "privacy": "closed", **more}), 201).json()

    def put(self, person, slug, who, role="member"):
        return person.ask("PUT", f"{self.path}/{slug}/memberships/{who.login}", {"role": role})


@pytest.fixture(name="co")
def a_company(cluster):
    return Company(cluster)


def test_a_team_has_githubs_shape(co):
    made = co.make(co.ann, "My TEam Näme", description="We")
    assert made["slug"] == "my-team-name" and made["parent"] is None and made["members_count"] == 1
    assert made["organization"]["login"] == co.login and made["privacy"] == "closed"
    assert co.bob.get(f"{co.path}/my-team-name")["id"] == made["id"]
    assert [team["slug"] for team in co.bob.get(co.path)] == ["my-team-name"]
    assert [team["id"] for team in co.ann.get("user/teams")] == [made["id"]]
    assert co.ann.get(f"{co.path}/my-team-name/memberships/{co.ann.login}")["role"] == "maintainer"
    renamed = ok(co.ann.ask("PATCH", f"{co.path}/my-team-name", {"name": "Other", "description": None}), 200).json()
    assert renamed["slug"] == "other" and renamed["description"] is None and renamed["id"] == made["id"]
    refused(co.ann.ask("GET", f"{co.path}/my-team-name"), 404)


def test_bodies_that_make_no_team(co):
    co.make(co.ann, "taken")
    for body, field, code in (({}, "name", "missing_field"), ({"name": ""}, "name", "invalid"),
                              ({"name": "x" * 101}, "name", "too_long"), ({"name": "---"}, "name", "invalid"),
                              ({"name": "TAKEN"}, "name", "already_exists"),
                              ({"name": "a", "privacy": "open"}, "privacy", "invalid"),
                              ({"name": "a", "parent_team_id": "7"}, "parent_team_id", "invalid"),
                              ({"name": "a", "parent_team_id": 987654321}, "parent_team_id", "missing"),
                              ({"name": "a", "maintainers": "ann"}, "maintainers", "invalid"),
                              ({"name": "a", "maintainers": [co.zoe.login]}, "maintainers", "invalid"),
                              ({"name": "a", "maintainers": ["x"] * 101}, "maintainers", "too_long"),
                              ({"name": "a", "description": "x" * 1001}, "description", "too_long")):
        invalid(co.ann.ask("POST", co.path, body), field, code)
    co.make(co.ann, "ä" * 100)  # characters, not bytes


def test_outsiders_see_no_teams(co):
    co.make(co.ann, "one")
    for method, path, body in (("GET", "", None), ("POST", "", {"name": "x"}), ("GET", "/one", None),
                               ("PATCH", "/one", {}), ("DELETE", "/one", None), ("GET", "/one/members", None)):
        refused(co.zoe.ask(method, co.path + path, body), 404)
    other = Company(co.cluster)
    refused(co.ann.ask("GET", f"{other.path}/one"), 404)


def test_secret_teams(co):
    made = ok(co.ann.ask("POST", co.path, {"name": "hush"}), 201).json()
    assert made["privacy"] == "secret"  # as at GitHub, unless it is said
    for method, path, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None),
                               ("GET", "/members", None), ("PUT", f"/memberships/{co.bob.login}", {})):
        refused(co.bob.ask(method, f"{co.path}/hush{path}", body), 404)
    assert co.bob.get(co.path) == []
    assert [team["slug"] for team in co.owner.get(co.path)] == ["hush"]
    assert [team["slug"] for team in ok(co.cluster.admin("GET", co.path), 200).json()] == ["hush"]
    ok(co.put(co.ann, "hush", co.bob), 200)
    assert [team["slug"] for team in co.bob.get(co.path)] == ["hush"]
    invalid(co.owner.ask("POST", co.path, {"name": "x", "parent_team_id": made["id"]}), "parent_team_id", "invalid")


def test_a_tree(co):
    top = co.make(co.owner, "top")
    mid = co.make(co.owner, "mid", parent_team_id=top["id"])
    low = ok(co.owner.ask("POST", co.path, {"name": "low", "parent_team_id": mid["id"]}), 201).json()
    assert low["privacy"] == "closed" and low["parent"]["slug"] == "mid"
    assert [team["slug"] for team in co.ann.get(f"{co.path}/top/teams")] == ["mid"]
    for parent in (top, mid, low):
        invalid(co.owner.ask("PATCH", f"{co.path}/top", {"parent_team_id": parent["id"]}), "parent_team_id", "invalid")
    invalid(co.owner.ask("PATCH", f"{co.path}/mid", {"privacy": "secret"}), "privacy", "invalid")
    ok(co.put(co.owner, "low", co.ann), 200)
    members = co.bob.get(f"{co.path}/top/members")
    assert [(one["login"], one["role"], one["inherited"]) for one in members] == [
        (co.owner.login, "maintainer", False), (co.ann.login, "member", True)]
    assert [one["login"] for one in co.bob.get(f"{co.path}/top/members?role=member")] == [co.ann.login]
    assert co.bob.get(f"{co.path}/top")["members_count"] == 2
    assert co.bob.get(f"{co.path}/top/memberships/{co.ann.login}")["role"] == "member"
    moved = ok(co.owner.ask("PATCH", f"{co.path}/low", {"parent_team_id": None}), 200).json()
    assert moved["parent"] is None
    assert [one["login"] for one in co.bob.get(f"{co.path}/top/members")] == [co.owner.login]
    ok(co.owner.ask("PATCH", f"{co.path}/low", {"parent_team_id": top["id"]}), 200)
    ok(co.owner.ask("DELETE", f"{co.path}/top"), 204)  # with all below it
    assert co.owner.get(co.path) == []


def test_nobody_gets_more_than_he_has(co):
    """Neither as a member nor as a maintainer of another team."""
    high = co.make(co.owner, "high")
    co.make(co.ann, "anns")
    refused(co.ann.ask("POST", co.path, {"name": "x", "parent_team_id": high["id"]}), 403, "parent")
    refused(co.ann.ask("PATCH", f"{co.path}/anns", {"parent_team_id": high["id"]}), 403, "parent")
    for who in (co.ann, co.bob):
        refused(co.put(co.ann, "high", who, "maintainer"), 403, "maintainer")
        refused(co.put(co.bob, "anns", who, "maintainer"), 403, "maintainer")
    refused(co.ann.ask("PATCH", f"{co.path}/high", {"name": "mine"}), 403, "maintainer")
    refused(co.ann.ask("DELETE", f"{co.path}/high"), 403, "maintainer")
    ok(co.put(co.owner, "high", co.ann), 200)
    refused(co.put(co.ann, "high", co.ann, "maintainer"), 403, "maintainer")
    refused(co.put(co.ann, "high", co.zoe), 403, "maintainer")
    ok(co.ann.ask("DELETE", f"{co.path}/high/memberships/{co.ann.login}"), 204)
    # A token that may only read changes nothing.
    reader = co.cluster.new_token(co.ann.login, ["read:org"])
    co.ann.token = reader
    refused(co.ann.ask("POST", co.path, {"name": "y"}), 403, "admin:org")
    refused(co.put(co.ann, "anns", co.bob), 403, "admin:org")


def test_only_owners_bring_in_others(co):
    co.make(co.ann, "crew")
    refused(co.put(co.ann, "crew", co.zoe), 403, "no member")
    refused(co.zoe.ask("GET", co.path), 404)
    assert ok(co.put(co.owner, "crew", co.zoe), 200).json()["role"] == "member"
    assert co.zoe.get("user/memberships/orgs")[0]["role"] == "member"
    assert ok(co.put(co.ann, "crew", co.owner), 200).json()["role"] == "maintainer"  # as owners are everywhere
    invalid(co.ann.ask("PUT", f"{co.path}/crew/memberships/{co.login}", {}), "username", "invalid")
    invalid(co.put(co.ann, "crew", co.bob, "king"), "role", "invalid")
    refused(co.ann.ask("PUT", f"{co.path}/crew/memberships/nobody-here", {}), 404)
    assert ok(co.put(co.ann, "crew", co.bob), 200).json() == {
        "url": f"{co.cluster.url()}/api/v3/{co.path}/crew/memberships/{co.bob.login}", "role": "member",
        "state": "active"}


def test_with_the_membership_the_teams_end(co):
    co.make(co.ann, "crew")
    ok(co.put(co.ann, "crew", co.bob, "maintainer"), 200)
    ok(co.owner.ask("DELETE", f"orgs/{co.login}/memberships/{co.bob.login}"), 204)
    refused(co.ann.ask("GET", f"{co.path}/crew/memberships/{co.bob.login}"), 404)
    refused(co.bob.ask("GET", f"{co.path}/crew"), 404)
    assert co.bob.get("user/teams") == []
    enroll(co.cluster, co.login, co.bob.login)
    refused(co.bob.ask("DELETE", f"{co.path}/crew"), 403)  # and do not come back with it


def test_robots_are_in_teams(co):
    co.make(co.ann, "crew")
    ok(co.owner.ask("POST", f"orgs/{co.login}/robots", {"name": "ci"}), 201)
    path = f"{co.path}/crew/memberships/{co.login}%2Bci"
    assert ok(co.ann.ask("PUT", path, {}), 200).json()["role"] == "member"
    assert [one["type"] for one in co.ann.get(f"{co.path}/crew/members")] == ["User", "Bot"]
    other = Company(co.cluster)
    other.make(other.ann, "crew")
    refused(other.owner.ask("PUT", f"{other.path}/crew/memberships/{co.login}%2Bci", {}), 404)


def test_lists_of_teams_have_pages(co):
    for number in range(5):
        co.make(co.ann, f"team {number}")
    slugs = [f"team-{number}" for number in range(5)]
    assert [team["slug"] for team in walk(co.bob, f"{co.path}?per_page=2")] == slugs
    assert [team["slug"] for team in walk(co.ann, "user/teams?per_page=2")] == slugs
