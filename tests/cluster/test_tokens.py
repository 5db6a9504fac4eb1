"""Credentials: tokens that people and organizations make and take back, robots, and single sign-on's authorizations."""

import datetime

import pytest

from harness.registry import ok
from test_admin_api import refused, rest

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

NOBODY = ("GET", "user")


def later(**delta):
    return (datetime.datetime.utcnow() + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def person(cluster):
    return cluster.new_user(("user", "write:packages"))


@pytest.fixture(scope="module")
def owner(cluster):
    """Of an organization of her own, `.org`."""
    user = cluster.new_user(("user", "admin:org", "write:packages", "delete:packages"))
    user.org = f"tokens-of-{user.login}"
    cluster.new_organization(user.org, user.login)
    return user


def make(cluster, token, status=201, path="user/tokens", **body):
    return ok(rest(cluster, "POST", path, token, json=body), status).json()


def test_a_person_makes_lists_and_revokes_tokens(cluster, person):
    made = make(cluster, person.token, scopes=["read:packages"], note="laptop", expires_at=later(days=30),
                limits=[{"namespace": person.login.upper(), "package": "tool"}])
    assert made["token"].startswith("ph_") and made["token"].endswith(made["token_last_eight"])
    assert made["limits"] == [{"namespace": person.login, "package": "tool"}] and made["scopes"] == ["read:packages"]
    shown = ok(rest(cluster, "GET", f"user/tokens/{made['id']}", person.token), 200).json()
    assert "token" not in shown and {**shown, "token": made["token"]} == made
    assert shown["last_used_at"] is None
    listed = ok(rest(cluster, "GET", "user/tokens", person.token), 200).json()
    assert [one["id"] for one in listed] == sorted((one["id"] for one in listed), reverse=True)
    assert listed[0] == shown and all("token" not in one for one in listed)
    one = rest(cluster, "GET", "user/tokens?per_page=1", person.token)
    assert len(one.json()) == 1 and 'rel="next"' in one.headers["Link"]
    ok(rest(cluster, *NOBODY, made["token"]), 200)
    ok(rest(cluster, "DELETE", f"user/tokens/{made['id']}", person.token), 204)
    refused(rest(cluster, *NOBODY, made["token"]), 401, "Bad credentials")
    refused(rest(cluster, "GET", f"user/tokens/{made['id']}", person.token), 404, "Not Found")
    refused(rest(cluster, "DELETE", f"user/tokens/{made['id']}", person.token), 404, "Not Found")


def test_a_use_is_noted(cluster, person):
    made = make(cluster, person.token)
    ok(rest(cluster, *NOBODY, made["token"]), 200)
    for _ in range(1000):
        shown = ok(rest(cluster, "GET", f"user/tokens/{made['id']}", person.token), 200).json()
        if shown["last_used_at"] is not None:
            return
    raise AssertionError("its use is not noted")


def test_the_tokens_of_others_are_nobodys_business(cluster, person):
    other = cluster.new_user(("user",))
    made = make(cluster, person.token)
    for method in ("GET", "DELETE"):
        refused(rest(cluster, method, f"user/tokens/{made['id']}", other.token), 404, "Not Found")
    assert made["id"] not in [one["id"] for one in rest(cluster, "GET", "user/tokens", other.token).json()]
    ok(rest(cluster, *NOBODY, made["token"]), 200)


@pytest.mark.parametrize("wrong", [
    {"scopes": ["all"]}, {"scopes": "user"}, {"scopes": [1]}, {"note": "x" * 256}, {"note": 3}, {"expires_at": "soon"},
    {"expires_at": "2001-01-01T00:00:00Z"}, {"limits": {}}, {"limits": ["acme"]}, {"limits": [{"package": "x"}]},
    {"limits": [{"namespace": "nobody-there"}]}, {"limits": [{"namespace": "a_b"}]}, {"limits": [{"namespace": 1}]},
    {"limits": [{"namespace": "acme", "package": "UPPER"}]}, {"limits": [{"namespace": "acme", "package": 7}]},
    {"limits": [{"namespace": f"n-{n}"} for n in range(65)]}])
def test_bodies_that_are_none(cluster, person, wrong):
    refused(rest(cluster, "POST", "user/tokens", person.token, json=wrong), 422, "Validation Failed")


@pytest.mark.parametrize("wrong", ["0", "000", "0x1", "-1", "1" * 19, "a", "%20"])
def test_ids_that_are_none(cluster, person, wrong):
    for method in ("GET", "DELETE"):
        refused(rest(cluster, method, f"user/tokens/{wrong}", person.token), 404, "Not Found")


def test_a_token_passes_on_no_more_than_it_has(cluster, person):
    inner = make(cluster, person.token, scopes=["user", "read:packages"], expires_at=later(days=7),
                 limits=[{"namespace": person.login, "package": "tool"}])["token"]
    refused(rest(cluster, "POST", "user/tokens", inner, json={"scopes": ["write:packages"], "expires_at": later(
        days=1)}), 403, "a scope")
    refused(rest(cluster, "POST", "user/tokens", inner, json={"expires_at": later(days=8)}), 403, "outlive")
    refused(rest(cluster, "POST", "user/tokens", inner, json={}), 403, "outlive")
    refused(rest(cluster, "POST", "user/tokens", inner, json={
        "expires_at": later(days=1), "limits": [{"namespace": person.login}]}), 403, "limits")
    last = make(cluster, inner, scopes=["read:user", "read:packages"], expires_at=later(days=1))
    assert last["limits"] == [{"namespace": person.login, "package": "tool"}]
    refused(rest(cluster, "GET", "user/tokens", last["token"]), 403, "scope user")
    refused(rest(cluster, "POST", "user/tokens", person.token, json={"scopes": ["site_admin"]}), 422, "Validation")


def test_only_some_credentials_manage_tokens(cluster, owner):
    plain = cluster.new_token(owner.login, ["write:packages", "admin:org"])
    for method, path in (("GET", "user/tokens"), ("POST", "user/tokens"), ("GET", "user/tokens/1"),
                         ("DELETE", "user/tokens/1"), ("PUT", f"user/tokens/1/sso/{owner.org}"),
                         ("DELETE", f"user/tokens/1/sso/{owner.org}")):
        refused(rest(cluster, method, path, plain), 403, "scope user")
        refused(rest(cluster, method, path), 401, "Requires authentication")
    ok(rest(cluster, "GET", "user/tokens", cluster.env["PACKHOUSE_ADMIN_TOKEN"]), 200)


def test_the_scopes_that_clients_of_github_ask_for(cluster, person):
    wanted = ["read:org", "write:org", "admin:org", "read:user", "user:email", "repo", "workflow", "gist"]
    made = ok(cluster.admin("POST", f"admin/users/{person.login}/authorizations", {"scopes": wanted}), 201).json()
    assert set(made["scopes"]) == set(wanted) - {"read:org", "write:org"}  # implied ones are not repeated


def test_site_admins_see_and_revoke_all_tokens(cluster, person):
    made = make(cluster, person.token, note="seen")
    listed = ok(cluster.admin("GET", f"admin/users/{person.login}/authorizations"), 200).json()
    assert listed[0]["id"] == made["id"] and listed[0]["user"]["login"] == person.login
    assert made["id"] in [one["id"] for one in ok(cluster.admin("GET", "admin/tokens?per_page=100"), 200).json()]
    ok(cluster.admin("DELETE", f"admin/tokens/{made['id']}"), 204)
    refused(cluster.admin("DELETE", f"admin/tokens/{made['id']}"), 404, "Not Found")
    refused(rest(cluster, *NOBODY, made["token"]), 401, "Bad credentials")
    refused(cluster.admin("GET", "admin/users/nobody-here/authorizations"), 404, "Not Found")


# robots


def robots(cluster, owner, method="GET", name="", **options):
    return rest(cluster, method, f"orgs/{owner.org}/robots{'/' if name else ''}{name}", owner.token, **options)


def test_robots(cluster, owner):
    made = ok(robots(cluster, owner, "POST", json={"name": "CI", "description": "builds"}), 201).json()
    assert (made["name"], made["login"], made["type"]) == ("ci", f"{owner.org}+ci", "Bot")
    assert made["may_create_packages"] is False and made["description"] == "builds"
    assert ok(robots(cluster, owner, name="Ci"), 200).json() == made
    changed = ok(robots(cluster, owner, "PATCH", "ci", json={"may_create_packages": True}), 200).json()
    assert changed["may_create_packages"] is True and changed["description"] == "builds"
    assert ok(robots(cluster, owner, "PATCH", "ci", json={}), 200).json() == changed
    assert ok(robots(cluster, owner), 200).json() == [changed]
    again = refused(robots(cluster, owner, "POST", json={"name": "ci"}), 422, "Validation Failed")
    assert again["errors"][0]["code"] == "already_exists"
    ok(robots(cluster, owner, "DELETE", "ci"), 204)
    for method in ("GET", "PATCH", "DELETE"):
        refused(robots(cluster, owner, method, "ci", json={}), 404, "Not Found")


@pytest.mark.parametrize("wrong", [{}, {"name": ""}, {"name": "a+b"}, {"name": "-a"}, {"name": "a" * 40}, {"name": 1},
                                   {"name": "x", "description": "d" * 256}, {"name": "x", "description": 1},
                                   {"name": "x", "may_create_packages": "yes"}])
def test_robots_that_are_none(cluster, owner, wrong):
    refused(robots(cluster, owner, "POST", json=wrong), 422, "Validation Failed")


def test_robots_are_the_owners_matter(cluster, owner):
    member = cluster.new_user(("admin:org",))
    ok(robots(cluster, owner, "POST", json={"name": "kept"}), 201)
    path = f"orgs/{owner.org}/robots"
    refused(rest(cluster, "GET", path, member.token), 404, "Not Found")
    ok(cluster.admin("PUT", f"orgs/{owner.org}/memberships/{member.login}", {"role": "member"}), 200)
    for method, more in (("GET", ""), ("POST", ""), ("GET", "/kept"), ("PATCH", "/kept"), ("DELETE", "/kept"),
                         ("GET", "/kept/tokens"), ("POST", "/kept/tokens"), ("DELETE", "/kept/tokens/1")):
        refused(rest(cluster, method, path + more, member.token, json={"name": "more"}), 403, "owner")
    ok(cluster.admin("GET", path), 200)


def test_a_robot_has_tokens_and_no_more(cluster, owner):
    """It is somebody, but manages nothing, joins nothing and owns nothing."""
    ok(robots(cluster, owner, "POST", json={"name": "builder"}), 201)
    tokens = f"orgs/{owner.org}/robots/builder/tokens"
    made = make(cluster, owner.token, path=tokens, scopes=["read:packages", "delete:packages"], note="in the cellar")
    shown = {key: value for key, value in made.items() if key != "token"}
    assert ok(rest(cluster, "GET", tokens, owner.token), 200).json() == [shown]
    me = ok(rest(cluster, "GET", "user", made["token"]), 200).json()
    assert me["type"] == "Bot" and me["login"] == f"{owner.org}+builder"
    refused(rest(cluster, "GET", "user/tokens", made["token"]), 403, "Only people")
    refused(rest(cluster, "POST", "user/tokens", made["token"], json={}), 403, "Only people")
    refused(cluster.admin("PUT", f"orgs/{owner.org}/memberships/{owner.org}+builder", {"role": "admin"}), 404, "Not")
    refused(cluster.admin("POST", f"admin/users/{owner.org}+builder/authorizations", {}), 404, "Not Found")
    refused(cluster.admin("POST", "admin/organizations", {"login": "of-a-robot", "admin": f"{owner.org}+builder"}), 422,
            "Validation Failed")
    refused(rest(cluster, "POST", tokens, owner.token, json={"scopes": ["admin:org"]}), 422, "Validation Failed")
    narrow = cluster.new_token(owner.login, ["admin:org"])
    refused(rest(cluster, "POST", tokens, narrow, json={"scopes": ["read:packages"]}), 403, "a scope")
    ok(rest(cluster, "DELETE", f"{tokens}/{made['id']}", owner.token), 204)
    refused(rest(cluster, "DELETE", f"{tokens}/{made['id']}", owner.token), 404, "Not Found")
    refused(rest(cluster, *NOBODY, made["token"]), 401, "Bad credentials")
    last = make(cluster, owner.token, path=tokens)
    ok(robots(cluster, owner, "DELETE", "builder"), 204)
    refused(rest(cluster, *NOBODY, last["token"]), 401, "Bad credentials")
    ok(robots(cluster, owner, "POST", json={"name": "builder"}), 201)
    refused(rest(cluster, *NOBODY, last["token"]), 401, "Bad credentials")
    assert ok(rest(cluster, "GET", tokens, owner.token), 200).json() == []


# single sign-on


def test_owners_list_and_withdraw_authorizations(cluster, owner, person):
    made = make(cluster, person.token, note="authorized", scopes=["read:packages"])
    path = f"orgs/{owner.org}/credential-authorizations"
    assert ok(rest(cluster, "GET", path, owner.token), 200).json() == []
    refused(rest(cluster, "PUT", f"user/tokens/{made['id']}/sso/{owner.org}", person.token), 403, "Sign in")
    refused(rest(cluster, "DELETE", f"user/tokens/{made['id']}/sso/{owner.org}", person.token), 404, "Not Found")
    for _ in ("withdrawn by an owner", "withdrawn by its owner"):
        cluster.query("INSERT INTO token_sso (token_id, organization_id) SELECT %s, id FROM account WHERE login = %s"
                      " RETURNING 1", made["id"], owner.org)
        [shown] = ok(rest(cluster, "GET", path, owner.token), 200).json()
        assert shown["login"] == person.login and shown["credential_id"] == made["id"]
        assert shown["credential_type"] == "personal access token" and shown["scopes"] == ["read:packages"]
        assert shown["authorized_credential_note"] == "authorized" and shown["credential_authorized_at"]
        assert shown["token_last_eight"] == made["token_last_eight"]
        assert len(ok(rest(cluster, "GET", f"{path}?login={person.login}", owner.token), 200).json()) == 1
        assert ok(rest(cluster, "GET", f"{path}?login={owner.login}", owner.token), 200).json() == []
        if _.endswith("an owner"):
            refused(rest(cluster, "DELETE", f"{path}/{made['id']}", person.token), 404, "Not Found")
            ok(rest(cluster, "DELETE", f"{path}/{made['id']}", owner.token), 204)
            refused(rest(cluster, "DELETE", f"{path}/{made['id']}", owner.token), 404, "Not Found")
        else:
            ok(rest(cluster, "DELETE", f"user/tokens/{made['id']}/sso/{owner.org}", person.token), 204)
        assert ok(rest(cluster, "GET", path, owner.token), 200).json() == []
