"""Accounts and organizations through REST: lists, rules, new names, suspending, deleting."""

import pytest
import requests

from harness.people import Person, enroll, invalid, links, refused, walk
from harness.registry import ok
from harness.whole import wait_for

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

@pytest.fixture(name="owner")
def an_owner(cluster):
    return Person(cluster)


@pytest.fixture(name="org")
def an_organization(cluster, owner):
    login = f"{owner.login}-org"
    cluster.new_organization(login, owner.login)
    return login


def test_a_profile(owner):
    assert ok(owner.ask("PATCH", "user", {"name": "Ada", "email": "ada@example.org"}), 200).json()["name"] == "Ada"
    assert owner.get("user")["email"] == "ada@example.org"
    ok(owner.ask("PATCH", "user", {"name": None}), 200)
    me = owner.get("user")
    assert me["name"] is None and me["email"] == "ada@example.org" and me["updated_at"] >= me["created_at"]
    invalid(owner.ask("PATCH", "user", {"name": 7}), "name", "invalid")
    invalid(owner.ask("PATCH", "user", {"email": "x" * 255}), "email", "too_long")


def test_lists_are_read_on_by_id(cluster, owner, org):
    ids = [account["id"] for account in walk(owner, f"users?per_page=1&since={max(0, owner.get('user')['id'] - 20)}")]
    assert ids == sorted(set(ids)) and len(ids) > 2
    logins = {account["login"] for account in walk(owner, "users?per_page=100")}
    assert {owner.login, org, cluster.env["PACKHOUSE_ADMIN_LOGIN"]} <= logins
    assert [one["login"] for one in walk(owner, f"organizations?since={owner.get(f'orgs/{org}')['id'] - 1}")][0] == org
    first = ok(owner.ask("GET", "users?per_page=1"), 200)
    assert links(first)["next"].endswith(f"since={first.json()[0]['id']}")
    assert "users{?since}>" in first.headers["Link"]
    invalid(owner.ask("GET", "users?since=x"), "since", "invalid")


def test_members_page_by_page(cluster, owner, org):
    people = [cluster.new_user().login for _ in range(5)]
    for login in people:
        enroll(cluster, org, login)
    path = f"orgs/{org}/members"
    assert [one["login"] for one in walk(owner, f"{path}?per_page=2")] == [owner.login, *people]
    answer = ok(owner.ask("GET", f"{path}?per_page=2&page=2&role=all"), 200)
    base = f"{cluster.url()}/api/v3/{path}?per_page=2&role=all&page="
    assert links(answer) == {"prev": base + "1", "next": base + "3", "last": base + "3", "first": base + "1"}
    assert [one["login"] for one in owner.get(f"{path}?role=admin")] == [owner.login]
    assert [one["login"] for one in owner.get(f"{path}?role=member")] == people
    assert owner.get(f"{path}?page=99") == []
    for wrong, field in (("role=king", "role"), ("per_page=x", "per_page"), ("page=-1", "page"),
                         ("page=99999999999999999999", "page")):
        invalid(owner.ask("GET", f"{path}?{wrong}"), field, "invalid")
    ok(owner.ask("GET", f"{path}/{people[0]}"), 204)
    refused(owner.ask("GET", f"{path}/{cluster.env['PACKHOUSE_ADMIN_LOGIN']}"), 404)
    stranger = Person(cluster)
    refused(stranger.ask("GET", path), 404)
    refused(stranger.ask("GET", f"{path}/{people[0]}"), 404)


def test_who_sees_whose_organizations(cluster, owner, org):
    member, stranger = Person(cluster), Person(cluster)
    enroll(cluster, org, member.login)
    assert [one["login"] for one in member.get("user/orgs")] == [org]
    [mine] = member.get("user/memberships/orgs")
    assert (mine["role"], mine["organization"]["login"], mine["user"]["login"]) == ("member", org, member.login)
    assert owner.get(f"user/memberships/orgs/{org}")["role"] == "admin"
    assert owner.get("user/memberships/orgs?state=pending") == []
    refused(stranger.ask("GET", f"user/memberships/orgs/{org}"), 404)
    assert [one["login"] for one in owner.get(f"users/{member.login}/orgs")] == [org]
    assert stranger.get(f"users/{member.login}/orgs") == []
    assert len(ok(cluster.admin("GET", f"users/{member.login}/orgs"), 200).json()) == 1
    refused(Person(cluster, ("read:packages",)).ask("GET", "user/orgs"), 403, "read:org")


def test_an_organizations_rules(cluster, owner, org):
    said = owner.get(f"orgs/{org}")
    assert said["default_repository_permission"] == "read" and said["members_can_create_packages"] is True
    assert said["package_visibilities"] == ["private", "internal", "public"] and said["sso_required"] is False
    change = {"description": "We make it", "email": "us@example.org", "default_repository_permission": "none",
              "members_can_create_packages": False, "package_visibilities": ["public", "internal"],
              "default_package_visibility": "internal", "packages_inherit_access_default": False}
    said = ok(owner.ask("PATCH", f"orgs/{org}", change), 200).json()
    assert {**said, **change, "package_visibilities": ["internal", "public"]} == said
    assert "default_repository_permission" not in Person(cluster).get(f"orgs/{org}")
    for field, wrong in (("default_repository_permission", "triage"), ("members_can_create_packages", "no"),
                         ("package_visibilities", []), ("package_visibilities", ["secret"]),
                         ("package_visibilities", "public"), ("package_visibilities", [7]),
                         ("default_package_visibility", "private"), ("default_package_visibility", 1),
                         ("sso_required", 1)):
        invalid(owner.ask("PATCH", f"orgs/{org}", {field: wrong}), field, "invalid")
    invalid(owner.ask("PATCH", f"orgs/{org}", {"package_visibilities": ["public"]}), "default_package_visibility",
            "invalid")
    member = Person(cluster)
    enroll(cluster, org, member.login)
    refused(member.ask("PATCH", f"orgs/{org}", {"members_can_create_packages": True}), 403, "owner")
    assert member.registry().call("POST", f"/v2/{org}/no/blobs/uploads/").status_code == 403
    ok(owner.ask("PATCH", f"orgs/{org}", {"members_can_create_packages": True}), 200)
    assert member.registry().call("POST", f"/v2/{org}/yes/blobs/uploads/").status_code == 202


def test_leaving_and_being_sent_away(cluster, owner, org):
    member, other = Person(cluster), Person(cluster)
    for person in (member, other):
        enroll(cluster, org, person.login)
    refused(member.ask("DELETE", f"orgs/{org}/members/{other.login}"), 403, "owner")
    refused(member.ask("PUT", f"orgs/{org}/memberships/{member.login}", {"role": "admin"}), 403, "owner")
    ok(member.ask("DELETE", f"orgs/{org}/members/{member.login}"), 204)
    refused(member.ask("GET", f"orgs/{org}/members"), 404)
    ok(owner.ask("DELETE", f"orgs/{org}/members/{other.login}"), 204)
    refused(owner.ask("DELETE", f"orgs/{org}/members/{other.login}"), 404)
    refused(owner.ask("DELETE", f"orgs/{org}/members/{owner.login}"), 403, "without an owner")


def test_another_login(cluster, owner):
    old, new = owner.login, f"{owner.login}-new"
    owner.registry().push_image(f"{old}/app", "v1", [b"a layer"])
    refused(owner.ask("PATCH", f"admin/users/{old}", {"login": new}), 403, "site admin")
    for wrong in ("-x", "v2", "a" * 40, 7):
        invalid(cluster.admin("PATCH", f"admin/users/{old}", {"login": wrong}), "login", "invalid")
    invalid(cluster.admin("PATCH", f"admin/users/{old}", {"login": cluster.env["PACKHOUSE_ADMIN_LOGIN"]}), "login",
            "already_exists")
    assert ok(cluster.admin("PATCH", f"admin/users/{old}", {"login": new.upper()}), 202).json()["url"].endswith(new)
    assert owner.get("user")["login"] == new
    refused(owner.ask("GET", f"users/{old}"), 404)
    for gateway in (1, 2):  # packages stay, and what they were called before still leads to them
        for login in (new, old):
            assert owner.registry(gateway).pull_image(f"{login}/app", "v1")[1] == [b"a layer"]
    invalid(cluster.admin("POST", "admin/users", {"login": old}), "login", "already_exists")
    ok(cluster.admin("PATCH", f"admin/users/{new}", {"login": old}), 202)
    assert owner.get("user")["login"] == old


def test_an_organization_gets_another_login(cluster, owner, org):
    ok(cluster.admin("PATCH", f"admin/organizations/{org}", {"login": f"{org}-2"}), 202)
    assert owner.get(f"orgs/{org}-2/members")[0]["login"] == owner.login
    refused(owner.ask("GET", f"orgs/{org}/members"), 404)
    refused(cluster.admin("PATCH", f"admin/organizations/{owner.login}", {"login": "whatever-else"}), 404)


def test_suspended_is_401_at_the_next_request(cluster, owner):
    owner.registry().push_image(f"{owner.login}/app", "v1", [b"a layer"])
    for _ in range(5):
        ok(cluster.admin("PUT", f"users/{owner.login}/suspended", {"reason": "spam"}), 204)
        for gateway in (1, 2):
            assert owner.ask("GET", "user", gateway=gateway).status_code == 401
            assert owner.registry(gateway).call("GET", "/v2/").status_code == 401
            assert owner.registry(gateway).manifest(f"{owner.login}/app", "v1").status_code == 401
        assert ok(cluster.admin("GET", f"users/{owner.login}"), 200).json()["suspended_at"] is not None
        ok(cluster.admin("DELETE", f"users/{owner.login}/suspended"), 204)
        assert owner.get("user", 200)["suspended_at"] is None
    me = cluster.env["PACKHOUSE_ADMIN_LOGIN"]
    refused(cluster.admin("PUT", f"users/{me}/suspended"), 403)
    refused(cluster.admin("PUT", "users/nobody-here/suspended"), 404)


def test_site_admins_make_others(cluster, owner):
    me = cluster.env["PACKHOUSE_ADMIN_LOGIN"]
    refused(owner.ask("PUT", f"users/{owner.login}/site_admin"), 403, "site admin")
    ok(cluster.admin("PUT", f"users/{owner.login}/site_admin"), 204)
    assert owner.get("user")["site_admin"] is True
    refused(owner.ask("GET", "admin/tokens"), 403, "scope")  # his token does not say so
    refused(cluster.admin("DELETE", f"users/{me}/site_admin"), 403)
    ok(cluster.admin("DELETE", f"users/{owner.login}/site_admin"), 204)
    assert owner.get("user")["site_admin"] is False


def test_deleted_is_gone_at_the_next_request(cluster, owner):
    reader = Person(cluster)
    name = f"{owner.login}/app"
    owner.registry().push_image(name, "v1", [b"a layer"])
    cluster.query("UPDATE package SET visibility = 2 WHERE name = 'app' AND namespace_id ="
                  " (SELECT id FROM account WHERE login = %s) RETURNING 1", owner.login)
    ok(reader.registry().manifest(name, "v1"), 200)
    refused(cluster.admin("DELETE", f"admin/users/{cluster.env['PACKHOUSE_ADMIN_LOGIN']}"), 403)
    ok(cluster.admin("DELETE", f"admin/users/{owner.login}"), 204)
    for gateway in (1, 2):
        assert owner.ask("GET", "user", gateway=gateway).status_code == 401
        assert reader.registry(gateway).manifest(name, "v1").status_code == 403
    refused(cluster.admin("DELETE", f"admin/users/{owner.login}"), 404)
    # Anybody could pull under that name: nobody else gets it.
    invalid(cluster.admin("POST", "admin/users", {"login": owner.login}), "login", "already_exists")


def test_a_new_account_of_an_old_name_gets_nothing(cluster, owner):
    owner.registry().push_image(f"{owner.login}/secret", "v1", [b"a layer"])
    ok(cluster.admin("DELETE", f"admin/users/{owner.login}"), 204)
    ok(cluster.admin("POST", "admin/users", {"login": owner.login}), 201)
    token = cluster.new_token(owner.login, ["write:packages", "user"])
    assert owner.ask("GET", "user").status_code == 401
    again = Person(cluster)
    again.token = token
    assert again.get("user")["login"] == owner.login
    answer = requests.get(f"{cluster.url()}/v2/{owner.login}/secret/manifests/v1", auth=("x", token), timeout=120)
    assert answer.status_code == 404


def test_an_organization_is_deleted(cluster, owner, org):
    member = Person(cluster)
    enroll(cluster, org, member.login)
    member.registry().push_image(f"{org}/app", "v1", [b"a layer"])
    refused(member.ask("DELETE", f"orgs/{org}"), 403, "owner")
    answer = cluster.admin("DELETE", f"admin/users/{owner.login}")
    refused(answer, 409, org)
    assert ok(owner.ask("DELETE", f"orgs/{org}"), 202).json() == {}
    refused(owner.ask("GET", f"orgs/{org}"), 404)
    assert member.registry(2).manifest(f"{org}/app", "v1").status_code == 403
    assert member.get("user/orgs") == [] and owner.get("user/orgs") == []
    ok(cluster.admin("DELETE", f"admin/users/{owner.login}"), 204)
    wait_for("the package is not marked", lambda: cluster.query(
        "SELECT FROM package p JOIN account a ON a.id = p.namespace_id"
        " WHERE a.login = %s AND p.deleted_at IS NOT NULL AND p.collect_at IS NOT NULL", org))


def test_outside_collaborators(cluster, owner, org):
    """Who is no member and has a role on a repository; who leaves keeps none."""
    outsider, member = Person(cluster), Person(cluster)
    owner.token = cluster.new_token(owner.login, ["repo", "admin:org"])
    enroll(cluster, org, member.login)
    ok(owner.ask("POST", f"orgs/{org}/repos", {"name": "source"}), 201)
    for person in (outsider, member):
        ok(owner.ask("PUT", f"repos/{org}/source/collaborators/{person.login}", {"permission": "push"}), 204)
    assert [one["login"] for one in owner.get(f"orgs/{org}/outside_collaborators")] == [outsider.login]
    ok(owner.ask("DELETE", f"orgs/{org}/members/{member.login}"), 204)
    assert [one["login"] for one in owner.get(f"orgs/{org}/outside_collaborators")] == [outsider.login]
    path = f"orgs/{org}/outside_collaborators/"
    refused(outsider.ask("DELETE", path + outsider.login), 404)
    ok(owner.ask("DELETE", path + outsider.login), 204)
    assert owner.get(f"orgs/{org}/outside_collaborators") == []
    assert owner.ask("GET", f"repos/{org}/source/collaborators/{outsider.login}").status_code == 404
    ok(owner.ask("DELETE", path + outsider.login), 204)  # who has nothing loses nothing
    refused(owner.ask("DELETE", path + "no-such-user"), 404)


def test_a_member_becomes_an_outside_collaborator(cluster, owner, org):
    """With what he was given on repositories, by teams as well; the rest goes with the membership."""
    member = Person(cluster)
    owner.token = cluster.new_token(owner.login, ["repo", "admin:org", "write:packages"])
    enroll(cluster, org, member.login)
    owner.registry().push_image(f"{org}/app", "v1", [b"a layer"])
    app = f"orgs/{org}/packages/container/app/access/users/{member.login}"
    ok(owner.ask("PUT", app, {"role": "write"}), 200, 204)
    ok(owner.ask("POST", f"orgs/{org}/teams", {"name": "above", "privacy": "closed"}), 201)
    above = owner.get(f"orgs/{org}/teams/above")["id"]
    ok(owner.ask("POST", f"orgs/{org}/teams", {"name": "below", "privacy": "closed", "parent_team_id": above}), 201)
    ok(owner.ask("PUT", f"orgs/{org}/teams/below/memberships/{member.login}"), 200)
    for name in ("given", "shared", "both", "none"):
        ok(owner.ask("POST", f"orgs/{org}/repos", {"name": name}), 201)
    for name, permission in (("given", "push"), ("both", "pull")):
        ok(owner.ask("PUT", f"repos/{org}/{name}/collaborators/{member.login}", {"permission": permission}), 204)
    for name, permission in (("shared", "triage"), ("both", "maintain")):
        ok(owner.ask("PUT", f"orgs/{org}/teams/above/repos/{org}/{name}", {"permission": permission}), 204)
    path = f"orgs/{org}/outside_collaborators/"
    refused(owner.ask("DELETE", path + member.login), 422, "organization member")
    refused(owner.ask("PUT", path + owner.login), 403, "last owner")
    refused(member.ask("PUT", path + member.login), 403)
    ok(owner.ask("PUT", path + member.login), 204)
    refused(owner.ask("PUT", path + member.login), 403, "not a member")
    assert owner.ask("GET", f"orgs/{org}/members/{member.login}").status_code == 404
    assert [one["login"] for one in owner.get(f"orgs/{org}/outside_collaborators")] == [member.login]
    assert member.login not in [one["login"] for one in owner.get(f"orgs/{org}/teams/below/members")]
    assert cluster.query("SELECT r.name, g.role FROM repository_grant g JOIN repository r ON r.id = g.repository_id"
                         " JOIN account a ON a.id = g.account_id WHERE a.login = %s ORDER BY r.name",
                         member.login) == [("both", 4), ("given", 3), ("shared", 2)]
    assert member.registry().manifest(f"{org}/app", "v1").status_code == 403
    for table in ("audit", "event"):
        assert cluster.query(f"SELECT detail ->> 'role', (detail ->> 'repositories')::int FROM {table} WHERE action ="
                             " 'org.member_set' ORDER BY id DESC LIMIT 1") == [("none", 3)]
    ok(owner.ask("DELETE", path + member.login), 204)
    assert owner.get(f"orgs/{org}/outside_collaborators") == []
    assert cluster.query("SELECT (detail ->> 'repositories')::int FROM audit WHERE action = 'org.outsider_end'"
                         " ORDER BY id DESC LIMIT 1") == [(3,)]
