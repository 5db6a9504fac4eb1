"""Tokens that act for a repository: made by its admins, and got for the token of another issuer."""

import base64
import json
import time

import pytest
import requests

from harness.issuer import Issuer, Key
from harness.registry import ok
from test_admin_api import refused, rest

pytestmark = pytest.mark.asan

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


@pytest.fixture(scope="module")
def cluster(start_cluster):
    """Keys are asked for anew after a second."""
    made = start_cluster(storage=1, gateways=1, workers=1, settings={
        "gateway.issuer_keys_pause": "1s", "gateway.issuer_keys_life": "1h"})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def owner(cluster):
    """Of an organization with a repository, `.org`/App."""
    user = cluster.new_user(("user", "repo", "admin:org", "write:packages", "delete:packages"))
    user.org = "acme"
    cluster.new_organization(user.org, user.login)
    make_repository(cluster, "acme", "App")
    make_repository(cluster, "acme", "other")
    return user


@pytest.fixture(scope="module")
def keys():
    return {name: Key(name, f"key-{name}") for name in Key.KINDS}


@pytest.fixture
def issuer(cluster, owner, keys):
    """One that the registry believes, with rules as for GitHub's."""
    made = Issuer([keys["RS256"], keys["ES256"], keys["EdDSA"]])
    row = ok(cluster.admin("POST", "admin/issuers", {"issuer": made.url, "audience": "packhouse", "rules": [
        {"match": {"owner_id": "42", "ref": ["refs/heads/main", "refs/tags/v*"]}, "repository": "{repository}",
         "packages": "write"},
        {"match": {"owner_id": "42"}, "repository": "{repository}", "packages": "read"},
        {"match": {"/kubernetes.io/namespace": "shop"}, "repository": "acme/App", "packages": "read"}]}), 201).json()
    made.id = row["id"]
    yield made
    made.close()
    cluster.admin("DELETE", f"admin/issuers/{made.id}")


def make_repository(cluster, owner, name):
    cluster.query("INSERT INTO repository (owner_id, name) SELECT id, %s FROM account WHERE login = %s RETURNING id",
                  name, owner)


def exchange(cluster, token, **more):
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": JWT, **more}
    return requests.post(f"{cluster.url()}/api/v3/oidc/token", data=form, timeout=60)


def github(issuer, key=None, header=None, **claims):
    return issuer.token(key, header, **{"owner_id": "42", "repository": "acme/app", "ref": "refs/heads/main",
                                        "sub": "repo:acme/app:ref:refs/heads/main", **claims})


def not_believed(answer, error, words):
    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert said["error"] == error and words in said["error_description"], said
    assert said["status"] == "400" and words in said["message"]


def grant(cluster, package, repository, role):
    cluster.query("INSERT INTO package_actions (package_id, repository_id, role) SELECT p.id, r.id, %s FROM package p,"
                  " repository r WHERE p.name = %s AND r.name = %s RETURNING role", role, package, repository)


def push(cluster, token, name):
    return requests.post(f"{cluster.url()}/v2/{name}/blobs/uploads/", auth=("ci", token), timeout=60).status_code


def pull(cluster, token, name):
    return requests.get(f"{cluster.url()}/v2/{name}/manifests/v1", auth=("ci", token), timeout=60).status_code


# made by hand


def test_admins_make_tokens_for_workflows(cluster, owner):
    path = "repos/ACME/app/workflow-tokens"
    made = ok(rest(cluster, "POST", path, owner.token, json={"permissions": {"packages": "write"},
                                                              "expires_in": 120}), 201).json()
    assert made["permissions"] == {"packages": "write"} and made["repository"]["full_name"] == "acme/App"
    assert made["actor"]["login"] == owner.login and made["token"].endswith(made["token_last_eight"])
    owner.registry().push_image("acme/by-hand", "v1", [b"x"])
    assert push(cluster, made["token"], "acme/by-hand") == 403
    assert pull(cluster, made["token"], "acme/by-hand") == 403
    grant(cluster, "by-hand", "App", 2)
    assert push(cluster, made["token"], "acme/by-hand") == 202
    assert push(cluster, made["token"], "acme/new-one") == 202
    read = ok(rest(cluster, "POST", path, owner.token), 201).json()
    assert read["permissions"] == {"packages": "read"}
    assert pull(cluster, read["token"], "acme/by-hand") == 200 and push(cluster, read["token"], "acme/by-hand") == 403
    refused(rest(cluster, "GET", "user", made["token"]), 403, "not accessible by integration")
    refused(rest(cluster, "POST", path, made["token"], json={}), 403, "not accessible by integration")
    ok(rest(cluster, "DELETE", "installation/token", made["token"]), 204)
    assert pull(cluster, made["token"], "acme/by-hand") == 401
    refused(rest(cluster, "DELETE", "installation/token", made["token"]), 401, "Bad credentials")
    refused(rest(cluster, "DELETE", "installation/token", owner.token), 403, "workflows")


def test_what_they_read_besides_packages(cluster, owner):
    """Clean-up actions ask what kind of account the owner is, and older ones for their repository."""
    token = ok(rest(cluster, "POST", "repos/acme/App/workflow-tokens", owner.token), 201).json()["token"]
    assert ok(rest(cluster, "GET", "users/ACME", token), 200).json()["type"] == "Organization"
    maker = ok(rest(cluster, "GET", f"users/{owner.login}", token), 200).json()
    assert maker["type"] == "User" and maker["email"] is None
    assert ok(rest(cluster, "GET", f"users/{owner.login}", owner.token), 200).json()["email"] is not None
    shown = ok(rest(cluster, "GET", "repos/acme/app", token), 200).json()
    assert shown["full_name"] == "acme/App" and shown["role_name"] == "read" and not shown["permissions"]["admin"]
    for path in ("repos/acme/other", "repos/acme/none"):
        refused(rest(cluster, "GET", path, token), 404, "Not Found")
    ok(rest(cluster, "PATCH", "repos/acme/other", owner.token, json={"visibility": "public"}), 200)
    assert ok(rest(cluster, "GET", "repos/acme/other", token), 200).json()["role_name"] == "read"
    ok(rest(cluster, "PATCH", "repos/acme/other", owner.token, json={"visibility": "private"}), 200)
    for method, path in (("PATCH", "repos/acme/App"), ("DELETE", "repos/acme/App"), ("GET", "repos/acme/App/teams"),
                         ("GET", "orgs/acme/members"), ("GET", "users/acme/repos"), ("GET", "users")):
        refused(rest(cluster, method, path, token), 403, "not accessible by integration")
    refused(rest(cluster, "GET", "users/nobody-there", token), 404, "Not Found")


def test_tokens_of_codespaces_only_read(cluster, owner):
    path = "repos/acme/App/codespace-tokens"
    made = ok(rest(cluster, "POST", path, owner.token, json={"permissions": {"packages": "read"}}), 201).json()
    owner.registry().push_image("acme/for-codespaces", "v1", [b"x"])
    assert pull(cluster, made["token"], "acme/for-codespaces") == 403
    cluster.query("INSERT INTO package_codespace (package_id, repository_id) SELECT p.id, r.id FROM package p,"
                  " repository r WHERE p.name = 'for-codespaces' AND r.name = 'App' RETURNING 1")
    assert pull(cluster, made["token"], "acme/for-codespaces") == 200
    assert push(cluster, made["token"], "acme/for-codespaces") == 403
    refused(rest(cluster, "POST", path, owner.token, json={"permissions": {"packages": "write"}}), 422, "Validation")


@pytest.mark.parametrize("wrong", [
    {"permissions": "write"}, {"permissions": {"packages": "admin"}}, {"permissions": {"contents": "read"}},
    {"permissions": {"packages": "read", "contents": "read"}}, {"expires_in": 59}, {"expires_in": 86401},
    {"expires_in": "60"}, {"expires_in": 1e9}, {"actor": 7}, {"actor": "nobody-there"}, {"actor": "acme"}])
def test_bodies_that_are_none(cluster, owner, wrong):
    refused(rest(cluster, "POST", "repos/acme/App/workflow-tokens", owner.token, json=wrong), 422, "Validation Failed")


def test_who_may_make_them(cluster, owner):
    path = "repos/acme/App/workflow-tokens"
    other = cluster.new_user(("repo", "write:packages", "delete:packages"))
    refused(rest(cluster, "POST", path, other.token, json={}), 404, "Not Found")
    refused(rest(cluster, "POST", "repos/acme/none/workflow-tokens", owner.token, json={}), 404, "Not Found")
    refused(rest(cluster, "POST", path, json={}), 401, "Requires authentication")
    ok(cluster.admin("PUT", f"orgs/acme/memberships/{other.login}", {"role": "member"}), 200)
    refused(rest(cluster, "POST", path, other.token, json={}), 403, "admin rights")
    refused(rest(cluster, "POST", path, cluster.new_token(owner.login, ["write:packages"]), json={}), 403, "scope repo")
    narrow = cluster.new_token(owner.login, ["repo", "read:packages"])
    ok(rest(cluster, "POST", path, narrow, json={}), 201)
    refused(rest(cluster, "POST", path, narrow, json={"permissions": {"packages": "write"}}), 403, "a scope")
    refused(rest(cluster, "POST", path, owner.token, json={"actor": other.login}), 403, "Only site admins")
    made = ok(cluster.admin("POST", path, {"actor": other.login, "permissions": {"packages": "write"}}), 201).json()
    assert made["actor"]["login"] == other.login
    limited = ok(rest(cluster, "POST", "user/tokens", owner.token, json={
        "scopes": ["repo", "read:packages"], "limits": [{"namespace": "acme", "package": "by-hand"}]}), 201).json()
    assert rest(cluster, "POST", path, limited["token"], json={}).status_code in (403, 404)


# for the token of another issuer


@pytest.mark.parametrize("algorithm", Key.KINDS)
def test_a_job_gets_a_token(cluster, owner, issuer, keys, algorithm):
    said = ok(exchange(cluster, github(issuer, keys[algorithm]), expires_in=60), 200).json()
    assert said["token_type"] == "Bearer" and said["expires_in"] == 60 and said["scope"] == "write:packages"
    assert said["repository"]["full_name"] == "acme/App"
    assert push(cluster, said["access_token"], f"acme/of-{algorithm.lower()}") == 202
    [(kind, note, login)] = cluster.query(
        "SELECT t.kind, t.note, a.login FROM token t JOIN account a ON a.id = t.account_id WHERE t.hash = sha256(%s)",
        said["access_token"].encode())
    assert (kind, login) == (3, "acme") and note == f"{issuer.url}: repo:acme/app:ref:refs/heads/main"
    assert cluster.query("SELECT FROM audit WHERE action = 'token.create' AND detail->>'note' = %s", note)


def test_the_first_rule_that_matches_decides(cluster, issuer):
    def scope(**claims):
        return ok(exchange(cluster, github(issuer, **claims)), 200).json()["scope"]

    assert scope() == scope(ref="refs/tags/v1.2") == scope(owner_id=42) == "write:packages"
    assert scope(ref="refs/heads/main2") == scope(ref=None) == scope(ref="refs/pull/1/merge") == "read:packages"
    assert scope(owner_id="1", **{"kubernetes.io": {"namespace": "shop"}}) == "read:packages"
    less = ok(exchange(cluster, github(issuer), scope="read:packages"), 200).json()
    assert less["scope"] == "read:packages" and push(cluster, less["access_token"], "acme/less") == 403
    not_believed(exchange(cluster, github(issuer, ref="x"), scope="write:packages"), "invalid_scope", "scope")
    for wrong in ({"owner_id": "43"}, {"owner_id": None}, {"owner_id": ["43"]}, {"owner_id": {"x": "42"}}):
        not_believed(exchange(cluster, github(issuer, **wrong)), "invalid_target", "no rule")
    not_believed(exchange(cluster, github(issuer, repository="acme/none")), "invalid_target", "acme/none")
    not_believed(exchange(cluster, github(issuer, repository="acme/a/b")), "invalid_target", "OWNER/NAME")


def test_tokens_that_are_not_believed(cluster, issuer, keys):
    now = int(time.time())
    for words, claims in (("audience", {"aud": "else"}), ("audience", {"aud": None}), ("expired", {"exp": now - 61}),
                          ("not valid yet", {"nbf": now + 300}), ("not valid yet", {"iat": now + 300}),
                          ("missing", {"iat": None}), ("missing", {"exp": None}), ("subject", {"sub": ""}),
                          ("not known here", {"iss": "https://nobody.example"}), ("not known here", {"iss": None}),
                          ("not known here", {"iss": issuer.url + "/"})):
        not_believed(exchange(cluster, github(issuer, **claims)), "invalid_grant", words)
    token = github(issuer)
    head, body, signature = token.split(".")
    bent = json.loads(base64.urlsafe_b64decode(body + "=="))
    bent["ref"] = "refs/tags/v9"
    bent = base64.urlsafe_b64encode(json.dumps(bent).encode()).rstrip(b"=").decode()
    not_believed(exchange(cluster, f"{head}.{bent}.{signature}"), "invalid_grant", "signature")
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"crit": ["exp"]}, {"typ": "at+jwt"}):
        not_believed(exchange(cluster, github(issuer, header=header)), "invalid_grant", "")
    stranger = Key("RS256", keys["RS256"].kid)
    not_believed(exchange(cluster, github(issuer, stranger)), "invalid_grant", "signature")
    for text in ("x", "a.b.c", "." * 3, "x" * 17000, token + "."):
        not_believed(exchange(cluster, text), "invalid_grant", "no JSON Web Token")


def test_forms_that_are_none(cluster, issuer):
    token = github(issuer)
    not_believed(exchange(cluster, token, grant_type="password"), "unsupported_grant_type", "grant_type")
    not_believed(exchange(cluster, token, subject_token_type="x"), "invalid_request", "subject_token_type")
    not_believed(exchange(cluster, "", ), "invalid_request", "subject_token")
    not_believed(exchange(cluster, token, requested_token_type=JWT), "invalid_request", "requested_token_type")
    for wrong in ("59", "86401", "x", "1e3", "-60", "9" * 30):
        not_believed(exchange(cluster, token, expires_in=wrong), "invalid_request", "expires_in")
    not_believed(exchange(cluster, token, scope="write:packages read:packages"), "invalid_scope", "scope")
    not_believed(exchange(cluster, [token, token]), "invalid_request", "twice")
    url = f"{cluster.url()}/api/v3/oidc/token"
    not_believed(requests.post(url, data="%zz", timeout=60), "invalid_request", "no form")
    not_believed(requests.post(url, data='{"grant_type": []}', timeout=60), "invalid_request", "no form")
    assert requests.post(url, data="x" * 40000, timeout=60).status_code == 413
    said = requests.post(url, json={"grant_type": GRANT, "subject_token": token, "subject_token_type": JWT,
                                    "expires_in": 60}, timeout=60)
    assert ok(said, 200).json()["expires_in"] == 60


def test_keys_are_kept_and_asked_for_anew(cluster, issuer):
    for _ in range(5):
        ok(exchange(cluster, github(issuer)), 200)
    assert issuer.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}
    time.sleep(1.1)  # gateway.issuer_keys_pause
    new = Key("EdDSA", "a new one")
    issuer.keys = [new]
    ok(exchange(cluster, github(issuer)), 200)
    assert issuer.asked["/keys"] == 2
    unknown = Key("EdDSA", "nobody's")
    for _ in range(20):
        not_believed(exchange(cluster, github(issuer, unknown)), "invalid_grant", "no such key")
    assert issuer.asked["/keys"] < 20
    issuer.broken = True
    time.sleep(1.1)
    not_believed(exchange(cluster, github(issuer, unknown)), "invalid_grant", "no such key")
    ok(exchange(cluster, github(issuer)), 200)


def test_an_issuer_that_cannot_be_asked(cluster, issuer):
    issuer.broken = True
    answer = exchange(cluster, github(issuer))
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    time.sleep(1.1)
    issuer.broken = False
    ok(exchange(cluster, github(issuer)), 200)


# issuers


def test_issuers(cluster, issuer, keys):
    shown = ok(cluster.admin("GET", f"admin/issuers/{issuer.id}"), 200).json()
    assert shown["issuer"] == issuer.url and shown["algorithms"] == ["RS256", "ES256", "EdDSA"] and shown["enabled"]
    assert shown in ok(cluster.admin("GET", "admin/issuers?per_page=100"), 200).json()
    again = refused(cluster.admin("POST", "admin/issuers", {"issuer": issuer.url, "audience": "x"}), 422, "Validation")
    assert again["errors"][0]["code"] == "already_exists"
    path = f"admin/issuers/{issuer.id}"
    assert ok(cluster.admin("PATCH", path, {"algorithms": ["ES256"]}), 200).json()["rules"] == shown["rules"]
    not_believed(exchange(cluster, github(issuer)), "invalid_grant", "sign like that")
    ok(exchange(cluster, github(issuer, keys["ES256"])), 200)
    # Keys that are given are the only ones, and nobody is asked.
    given = {"keys": [keys["EdDSA"].jwk()]}
    changed = ok(cluster.admin("PATCH", path, {"jwks": given, "algorithms": ["EdDSA", "ES256"]}), 200).json()
    assert changed["jwks"] == given and changed["jwks_url"] is None
    issuer.asked.clear()
    ok(exchange(cluster, github(issuer, keys["EdDSA"])), 200)
    not_believed(exchange(cluster, github(issuer, keys["ES256"])), "invalid_grant", "no such key")
    assert issuer.asked == {}
    changed = ok(cluster.admin("PATCH", path, {"jwks_url": issuer.url + "/keys"}), 200).json()
    assert changed["jwks"] is None
    ok(exchange(cluster, github(issuer, keys["ES256"])), 200)
    assert issuer.asked == {"/keys": 1}
    ok(cluster.admin("PATCH", path, {"enabled": False}), 200)
    not_believed(exchange(cluster, github(issuer, keys["ES256"])), "invalid_grant", "not known here")
    ok(cluster.admin("DELETE", path), 204)
    for method in ("GET", "PATCH", "DELETE"):
        refused(cluster.admin(method, path, {}), 404, "Not Found")


@pytest.mark.parametrize("wrong", [
    {"issuer": None}, {"issuer": "http://issuer.example"}, {"issuer": "ftp://x"}, {"issuer": "https://a:b@c"},
    {"issuer": "x"}, {"audience": ""}, {"audience": None}, {"audience": "x" * 1025}, {"algorithms": ["HS256"]},
    {"algorithms": []}, {"algorithms": ["none"]}, {"jwks_url": "http://192.0.2.1/keys"}, {"jwks": {"keys": []}},
    {"jwks": []}, {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, {"enabled": 1}, {"rules": {}},
    {"rules": [{"match": {}, "repository": "a/b", "packages": "read"}]},
    {"rules": [{"match": {"a": "b"}, "repository": "a", "packages": "read"}]}])
def test_issuers_that_are_none(cluster, wrong):
    body = {"issuer": "https://issuer.example", "audience": "packhouse", **wrong}
    refused(cluster.admin("POST", "admin/issuers", body), 422, "Validation Failed")
    assert ok(cluster.admin("GET", "admin/issuers"), 200).json() == []
