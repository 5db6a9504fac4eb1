"""The administrator's REST API: users, organizations, memberships and tokens in GitHub's shapes."""

import functools
import re
import time

import pytest
import requests

from harness.registry import digest_of, ok
from harness.routes import routes
from harness.whole import wait_for

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


def rest(cluster, method, path, token=None, **options):
    headers = {"Authorization": f"token {token}"} if token else {}
    return requests.request(method, f"{cluster.url()}/api/v3/{path}", headers={**headers, **options.pop("headers", {})},
                            timeout=120, **options)


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


# read-only and maintenance

READ_ONLY, MAINTENANCE = "manage/v1/read-only", "manage/v1/maintenance"
FILLED_IN = {"session": "0196d3a1-0000-7000-8000-000000000000", "digest": digest_of(b"x"), "reference": "v1",
             "org": "acme-1", "username": "user-1"}


def throw(cluster, path, enabled, **more):
    return ok(cluster.admin("POST", path, {"enabled": enabled, **more}), 200).json()[0]


@pytest.fixture
def switches(cluster):
    """All is off afterwards, whatever happened."""
    yield
    for path in (READ_ONLY, MAINTENANCE):
        field = path.split("/")[-1].replace("-", "_") + "_mode_message"
        throw(cluster, path, False, **{field: ""})


def changing_routes(name):
    """(method, path) of each row of the table whose method, or right, says that it changes something."""
    found = [(method, re.sub(r"\{(\w+)\}", lambda m: FILLED_IN.get(m[1]) or (name if m[1] == "name" else "1"), path))
             for method, path, right in routes()
             if right == "LANDING"
             or (method not in ("GET", "HEAD") and right not in ("NOTHING", "QUESTION", "MODE"))]
    assert len(found) > 10
    return found


def refused_by_mode(answer, words):
    assert answer.status_code == 503, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Retry-After"] == "60"  # once: requests would join two with a comma
    if answer.request.method == "HEAD":
        return
    if "/api/v3" in answer.url:
        refused(answer, 503, words)
    elif "/v2" in answer.url or "/token" in answer.url:
        error = answer.json()["errors"][0]
        assert error["code"] == "UNAVAILABLE" and words in error["message"], error
    else:
        assert words in answer.text


def test_read_only_stops_every_change_and_no_pull(cluster, user, switches):
    name = f"{user.login}/kept"
    image = user.registry().push_image(name, "v1", [b"a layer"])
    place = user.registry().start_upload(name)
    ok(user.registry().call("PATCH", place, data=b"first "), 202)
    assert throw(cluster, READ_ONLY, True, read_only_mode_message="moving \"disks\"")["message"] == (
        "Read-only mode enabled")
    token = cluster.env["PACKHOUSE_ADMIN_TOKEN"]
    for gateway in (1, 2):
        for method, path in [*changing_routes(name), ("PATCH", place), ("PUT", place), ("DELETE", place)]:
            callers = (cluster.anonymous(gateway), user.registry(gateway)) if path.startswith("/v2") else ()
            for registry in callers:
                refused_by_mode(registry.call(method, path, data=b"x"), 'is read-only: it can be pulled from and not '
                                'changed: moving "disks"')
            if not callers:
                refused_by_mode(requests.request(method, cluster.url(gateway) + path, timeout=120, json={},
                                                 headers={"Authorization": f"token {token}"}), 'moving "disks"')
        registry = user.registry(gateway)
        assert registry.pull_image(name, "v1") == (image, [b"a layer"]) and registry.tags(name) == ["v1"]
        assert ok(registry.call("GET", place), 204).headers["Range"] == "0-5"
        ok(registry.call("GET", f"/token?scope=repository:{name}:pull,push"), 200)
        ok(registry.call("POST", "/token", auth=False, data={"grant_type": "password", "password": user.token}), 200)
        ok(rest(cluster, "GET", "user", user.token), 200)
    throw(cluster, READ_ONLY, False)
    data = b"first and last"
    ok(user.registry(2).finish_upload(place, data[6:], digest_of(data)), 201)


def test_modes_are_obeyed_at_the_next_request(cluster, user, switches):
    """By every worker of the other gateway; also by those that have seen nothing for a while."""
    start = f"/v2/{user.login}/next/blobs/uploads/"
    for _ in range(12):
        throw(cluster, READ_ONLY, True)
        assert user.registry(2).call("POST", start).status_code == 503
        throw(cluster, READ_ONLY, False)
        assert user.registry(2).call("POST", start).status_code == 202


def test_maintenance_stops_all_but_its_switch(cluster, user, switches):
    name = f"{user.login}/down"
    user.registry().push_image(name, "v1", [b"a layer"])
    shown = ok(cluster.admin("GET", MAINTENANCE), 200).json()[0]
    assert shown["status"] == "off" and shown["maintenance_mode_message"] == "" and len(shown["uuid"]) == 36
    assert throw(cluster, MAINTENANCE, True, when="now", maintenance_mode_message="back at noon")["message"] == (
        "Maintenance mode enabled")
    for gateway in (1, 2):
        words = "down for maintenance: back at noon"
        refused_by_mode(user.registry(gateway).manifest(name, "v1"), words)
        refused_by_mode(user.registry(gateway).call("GET", f"/token?scope=repository:{name}:pull"), words)
        # Whoever is not looked up is told within some seconds, then each of the gateway's workers has looked by itself.
        for method, path in (("GET", "/v2/"), ("GET", "/v2/no/such/path"), ("GET", "/v2/%zz"), ("OPTIONS", "/v2/"),
                             ("HEAD", f"/v2/{name}/manifests/v1"), ("GET", "/token"), ("GET", "/api/v3/"), ("GET", "/"),
                             ("GET", f"/{name}"), *changing_routes(name)):
            ask = functools.partial(cluster.anonymous(gateway).call, method, path)
            wait_for(f"{method} {path} is let in", lambda: ask().status_code == 503)
            refused_by_mode(ask(), words)
    refused_by_mode(cluster.admin("POST", "admin/users", {"login": "too-late"}), "maintenance")
    refused(rest(cluster, "POST", MAINTENANCE, json={"enabled": False}), 401, "Requires authentication")
    refused(rest(cluster, "POST", MAINTENANCE, user.token, json={"enabled": False}), 403, "site admin")
    shown = ok(cluster.admin("GET", MAINTENANCE), 200).json()[0]
    assert shown["status"] == "on" and shown["maintenance_mode_message"] == "back at noon"
    assert all(cluster.is_ready(f"gateway-{n}") for n in (1, 2)) and (
        cluster.metrics()["packhouse_gateway_mode_refusals_total"] > 20)
    throw(cluster, MAINTENANCE, False)
    for gateway in (1, 2):
        assert cluster.anonymous(gateway).call("GET", "/v2/").status_code == 401
        ok(user.registry(gateway).manifest(name, "v1"), 200)


def test_switches_that_are_none(cluster, switches):
    for path in (READ_ONLY, MAINTENANCE):
        for wrong in ({}, {"enabled": "yes"}, {"enabled": None}, {"enabled": True, "when": "tomorrow"},
                      {"enabled": True, "when": 7}, {"enabled": True, "ip_exception_list": ["192.0.2.1"]},
                      {"enabled": True, path.split("/")[-1].replace("-", "_") + "_mode_message": "x" * 501}):
            refused(cluster.admin("POST", path, wrong), 422, "Validation Failed")
        assert ok(cluster.admin("GET", path), 200).json()[0]["status"] == "off"
        assert throw(cluster, path, True, ip_exception_list=[])
        assert ok(cluster.admin("GET", path), 200).json()[0]["status"] == "on"
        throw(cluster, path, False)


def test_nothing_is_collected_in_a_mode(cluster, user, switches):
    user.registry().start_upload(f"{user.login}/stays")
    throw(cluster, READ_ONLY, True)
    wait_for("the keeper does not see it", lambda: cluster.metrics("metadb")["packhouse_keeper_mode"] == 1)
    expired = cluster.query("UPDATE upload SET expires_at = now() - interval '1 hour' RETURNING 1")
    time.sleep(4)  # it would have gone within one
    assert len(cluster.query("SELECT FROM upload")) == len(expired) > 0
    throw(cluster, READ_ONLY, False)
    wait_for("nothing expires", lambda: not cluster.query("SELECT FROM upload WHERE expires_at < now()"))
