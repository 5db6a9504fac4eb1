"""The administrator's REST API: users, organizations, memberships and tokens in GitHub's shapes."""

import pytest
import requests

from harness.registry import ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


def rest(cluster, method, path, token=None, **options):
    headers = {"Authorization": f"token {token}"} if token else {}
    return requests.request(method, f"{cluster.url()}/api/v3/{path}", headers={**headers, **options.pop("headers", {})},
                            timeout=30, **options)


def refused(answer, status, words):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    body = answer.json()
    assert words in body["message"] and body["status"] == str(status) and "documentation_url" in body
    return body


def test_user(cluster):
    made = ok(cluster.admin("POST", "admin/users", {"login": "Ada-L", "email": "ada@example.org"}), 201).json()
    assert made["login"] == "ada-l" and made["type"] == "User" and made["site_admin"] is False
    token = cluster.new_token("ada-l", ["read:user"])
    me = ok(rest(cluster, "GET", "user", token), 200).json()
    assert me["id"] == made["id"] and me["email"] == "ada@example.org"
    assert ok(rest(cluster, "GET", "users/ada-l", token), 200).json()["email"] == "ada@example.org"
    other = cluster.new_user()
    assert ok(rest(cluster, "GET", "users/ADA-L", other.token), 200).json()["email"] is None
    refused(rest(cluster, "GET", "users/nobody-here", token), 404, "Not Found")


@pytest.mark.parametrize("login", ["-a", "a-", "a--b", "a_b", "a/b", "", "v2", "token", "a" * 40, 7, None])
def test_logins_that_are_none(cluster, login):
    body = refused(cluster.admin("POST", "admin/users", {"login": login}), 422, "Validation Failed")
    assert body["errors"][0]["field"] == "login"


def test_login_is_taken(cluster, user):
    for kind, extra in (("users", {}), ("organizations", {"admin": user.login})):
        body = refused(cluster.admin("POST", f"admin/{kind}", {"login": user.login.upper(), **extra}), 422,
                       "Validation Failed")
        assert body["errors"][0]["code"] == "already_exists"


def test_organization_and_memberships(cluster, user):
    made = ok(cluster.admin("POST", "admin/organizations",
                            {"login": "acme-1", "admin": user.login, "profile_name": "Acme"}), 201).json()
    assert made["login"] == "acme-1" and made["type"] == "Organization" and made["name"] == "Acme"
    assert ok(rest(cluster, "GET", "orgs/acme-1", user.token), 200).json()["id"] == made["id"]
    other = cluster.new_user()
    path = f"orgs/acme-1/memberships/{other.login}"
    refused(rest(cluster, "PUT", path, other.token, json={"role": "admin"}), 404, "Not Found")
    refused(rest(cluster, "PUT", path, user.token, json={}), 403, "admin:org")
    owner = cluster.new_token(user.login, ["admin:org"])
    said = ok(rest(cluster, "PUT", path, owner, json={"role": "member"}), 200).json()
    assert (said["role"], said["state"]) == ("member", "active") and said["user"]["login"] == other.login
    refused(rest(cluster, "PUT", path, owner, json={"role": "king"}), 422, "Validation Failed")
    assert ok(cluster.admin("PUT", path, {"role": "admin"}), 200).json()["role"] == "admin"
    assert ok(rest(cluster, "GET", path, owner), 200).json()["role"] == "admin"
    ok(rest(cluster, "DELETE", path, owner), 204)
    refused(rest(cluster, "GET", path, owner), 404, "Not Found")
    last = rest(cluster, "DELETE", f"orgs/acme-1/memberships/{user.login}", owner)
    refused(last, 403, "without an owner")
    refused(rest(cluster, "PUT", "orgs/acme-1/memberships/nobody-here", owner, json={}), 404, "Not Found")


def test_members_push_at_once_and_not_after(cluster, user):
    """What a membership gives is there at the next request, and is gone at the next request."""
    cluster.new_organization("acme-2", user.login)
    member = cluster.new_user()
    start = "/v2/acme-2/tool/blobs/uploads/"
    assert member.registry().call("POST", start).status_code == 403
    ok(cluster.admin("PUT", f"orgs/acme-2/memberships/{member.login}", {"role": "member"}), 200)
    member.registry(2).push_image("acme-2/tool", "v1", [b"by a member"])
    ok(user.registry(1).manifest("acme-2/tool", "v1"), 200)
    ok(cluster.admin("DELETE", f"orgs/acme-2/memberships/{member.login}"), 204)
    assert member.registry(2).call("POST", "/v2/acme-2/other/blobs/uploads/").status_code == 403


def test_token(cluster, user):
    made = ok(cluster.admin("POST", f"admin/users/{user.login}/authorizations",
                            {"scopes": ["write:packages", "read:packages"], "note": "ci",
                             "expires_at": "2999-01-01T00:00:00+02:00"}), 201).json()
    assert made["token"].startswith("ph_") and made["token"].endswith(made["token_last_eight"])
    assert made["scopes"] == ["write:packages"] and made["note"] == "ci"
    assert made["expires_at"] == "2998-12-31T22:00:00Z"
    for wrong in ({"scopes": ["all"]}, {"scopes": "x"}, {"scopes": ["site_admin"]}, {"expires_at": "tomorrow"},
                  {"expires_at": "2001-01-01T00:00:00Z"}, {"note": "x" * 300}):
        refused(cluster.admin("POST", f"admin/users/{user.login}/authorizations", wrong), 422, "Validation Failed")
    refused(cluster.admin("POST", "admin/users/nobody-here/authorizations", {}), 404, "Not Found")


def test_site_admins_only(cluster, user):
    for method, path in (("POST", "admin/users"), ("POST", "admin/organizations"),
                         ("POST", f"admin/users/{user.login}/authorizations")):
        refused(rest(cluster, method, path, json={"login": "x"}), 401, "Requires authentication")
        refused(rest(cluster, method, path, "ph_wrong", json={"login": "x"}), 401, "Bad credentials")
        refused(rest(cluster, method, path, user.token, json={"login": "x"}), 403, "site admin")


def test_site_admin_has_no_role_on_packages(cluster, user):
    user.registry().push_image(f"{user.login}/mine", "v1", [b"x"])
    token = cluster.env["PACKHOUSE_ADMIN_TOKEN"]
    answer = cluster.anonymous().call("GET", f"/v2/{user.login}/mine/manifests/v1", auth=("x", token))
    assert answer.status_code == 403


def test_bodies_that_are_none(cluster):
    token = cluster.env["PACKHOUSE_ADMIN_TOKEN"]
    for data in ("{", "[]", '{"login":"a","login":"b"}', "\xff"):
        refused(rest(cluster, "POST", "admin/users", token, data=data.encode("latin-1")), 400, "Problems parsing JSON")
    refused(rest(cluster, "POST", "admin/users", token, data="<a/>", headers={"Content-Type": "text/xml"}), 415,
            "Unsupported Media Type")
    refused(rest(cluster, "POST", "admin/users", token, data=b" " * (2 << 20)), 413, "at most")
    refused(rest(cluster, "GET", "no/such/path", token), 404, "")
    assert "current_user_url" in ok(rest(cluster, "GET", "", token), 200).json()
