"""People sign in through an issuer, and organizations name one as their single sign-on."""

import json
import time
from urllib.parse import urlencode, urlsplit

import pytest

from harness.issuer import Key
from harness.provider import Browser, Provider
from harness.registry import ok
from test_admin_api import refused, rest
from test_sign_in import set_up

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

CREATES = {"match": {"groups": ["dev", "ops-*"]}, "login": "{preferred_username}", "name": "{name}", "email": "{email}"}


@pytest.fixture(scope="module")
def key():
    return Key("ES256", "the key")


@pytest.fixture
def providers(cluster, key):
    """Makes one that the registry knows, and through which people sign in."""
    made = []

    def make(creates=None, **sign_in):
        provider = Provider([key])
        made.append(provider)
        row = {"issuer": provider.url, "audience": "jobs", "algorithms": ["ES256"]}
        provider.id = ok(cluster.admin("POST", "admin/issuers", row), 201).json()["id"]
        provider.path = f"admin/issuers/{provider.id}"
        ok(cluster.admin("PUT", provider.path + "/sign-in", {
            "client_id": provider.client_id, "client_secret": provider.client_secret, "creates": creates,
            **sign_in}), 200)
        return provider

    yield make
    for provider in made:
        cluster.admin("DELETE", provider.path)
        provider.close()


@pytest.fixture
def provider(providers):
    return providers(CREATES, scopes=["openid", "profile"])


def newcomer(cluster, provider, **claims):
    """Whom the registry does not know; his login here would be .login."""
    login = f"oidc-{time.time_ns() % 10**12}"
    provider.person = {"sub": f"subject of {login}", "groups": ["dev"], "preferred_username": login.upper(),
                       "name": "Some One", "email": f"{login}@example.org", **claims}
    return login


def link(cluster, login, provider, subject):
    return ok(cluster.admin("POST", f"admin/users/{login}/identities", {"issuer": provider.url, "subject": subject}),
              201).json()


def told(answer, status, words):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    assert words in answer.text and answer.headers["Content-Type"].startswith("text/plain"), answer.text
    assert "=s" not in answer.headers.get("Set-Cookie", ""), "a session"
    assert answer.headers.get("Cache-Control", "no-store") == "no-store"


def whoami(browser):
    return ok(browser.call("GET", "user"), 200).json()["login"]


# whose account it is


def test_an_account_is_made_at_the_first_sign_in(cluster, provider):
    login, browser = newcomer(cluster, provider), Browser(cluster)
    sent = browser.get(f"/login/oidc/{provider.id}?return_to=/acme%3Ftab=1")
    assert sent.status_code == 303 and sent.headers["Cache-Control"] == "no-store"
    name, rest_of_it = sent.headers["Set-Cookie"].split("=", 1)
    assert name == "packhouse-sign-in"
    assert rest_of_it.split("; ", 1)[1] == "Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
    place, answer = provider.authorize(sent.headers["Location"])
    assert place == f"{browser.base}/login/oidc/{provider.id}/callback"
    # Another gateway, under the same name, knows as much of it.
    second = cluster.url(2) + urlsplit(place).path
    landed = browser.land(second, answer, Host=urlsplit(browser.base).netloc)
    assert landed.status_code == 303 and landed.headers["Location"] == "/acme?tab=1", landed.text
    assert landed.headers["Set-Cookie"].startswith("packhouse=s")
    assert landed.headers["Set-Cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")
    me = ok(browser.call("GET", "user"), 200).json()
    assert (me["login"], me["name"], me["email"]) == (login, "Some One", f"{login}@example.org")
    [form] = provider.forms
    assert form["basic"] and set(form) == {"basic", "grant_type", "code", "redirect_uri", "code_verifier"}
    # He is known by his subject from then on, whatever else is said of him.
    provider.person = {"sub": provider.person["sub"], "preferred_username": "root", "email": "x@example.org"}
    again = Browser(cluster, 2)
    assert again.sign_in(provider).status_code == 303 and whoami(again) == login
    [shown] = ok(cluster.admin("GET", f"admin/users/{login}/identities"), 200).json()
    assert (shown["issuer"], shown["subject"]) == (provider.url, provider.person["sub"]) and shown["last_sign_in_at"]
    done = [action for (action,) in cluster.query(
        "SELECT u.action FROM audit u JOIN account a ON a.id = u.namespace_id WHERE a.login = %s ORDER BY u.id", login)]
    assert done == ["user.create", "user.identity_add", "user.sign_in", "user.sign_in"]


def test_nothing_but_the_subject_leads_to_an_account(cluster, providers):
    provider = providers()
    known = cluster.new_user(("user",))
    email = f"{known.login}@example.org"
    ok(rest(cluster, "PATCH", "user", known.token, json={"email": email}), 200)
    provider.person = {"sub": f"of {known.login}", "preferred_username": known.login, "email": email,
                       "email_verified": True, "login": known.login}
    browser = Browser(cluster)
    told(browser.sign_in(provider), 403, "no account is linked")
    told(browser.sign_in(provider), 403, f"issuer {provider.url}, subject of {known.login}")
    # Nor when accounts are made: the login is his.
    ok(cluster.admin("PUT", provider.path + "/sign-in", {
        "client_id": provider.client_id, "creates": {"match": {"sub": "*"}, "login": "{preferred_username}"}}), 200)
    told(browser.sign_in(provider), 403, f"the login {known.login} is taken")
    made = link(cluster, known.login, provider, provider.person["sub"])
    assert browser.sign_in(provider).status_code == 303 and whoami(browser) == known.login
    again = refused(cluster.admin("POST", f"admin/users/{cluster.new_user().login}/identities", {
        "issuer": provider.url, "subject": provider.person["sub"]}), 422, "Validation")
    assert again["errors"][0]["code"] == "already_exists"
    # With the link end the sessions that it opened.
    ok(cluster.admin("DELETE", f"admin/users/{known.login}/identities/{made['id']}"), 204)
    refused(browser.call("GET", "user"), 401, "")
    told(browser.sign_in(provider), 403, "is taken")
    refused(cluster.admin("DELETE", f"admin/users/{known.login}/identities/{made['id']}"), 404, "Not Found")


def test_a_link_is_of_one_issuer(cluster, providers):
    one, other = providers(), providers()
    known = cluster.new_user()
    link(cluster, known.login, one, "the same")
    other.person = one.person = {"sub": "the same"}
    told(Browser(cluster).sign_in(other), 403, "no account is linked")
    assert Browser(cluster).sign_in(one).status_code == 303


@pytest.mark.parametrize("claims, words", [
    ({"preferred_username": "Login"}, "the login login is reserved"), ({"preferred_username": "a--b"}, "none here"),
    ({"preferred_username": "../x"}, "none here"), ({"preferred_username": "x" * 40}, "none here"),
    ({"preferred_username": None}, "of what an account's login is made"), ({"groups": ["other"]}, "no account is"),
    ({"groups": None}, "no account is linked"), ({"preferred_username": ["x"]}, "of what an account's login is made"),
    ({"sub": "x" * 256}, "its subject is missing")])
def test_accounts_that_are_not_made(cluster, provider, claims, words):
    newcomer(cluster, provider, **claims)
    told(Browser(cluster).sign_in(provider), 403, words)


def test_another_claim_may_be_the_subject(cluster, providers):
    provider = providers(CREATES, subject_claim="/ids/employee")
    login = newcomer(cluster, provider, ids={"employee": 4711})
    browser = Browser(cluster)
    assert browser.sign_in(provider).status_code == 303 and whoami(browser) == login
    assert ok(cluster.admin("GET", f"admin/users/{login}/identities"), 200).json()[0]["subject"] == "4711"
    newcomer(cluster, provider, ids={"employee": ["4711"]})
    told(Browser(cluster).sign_in(provider), 403, "the claim /ids/employee")


def test_accounts_that_may_not(cluster, provider):
    login, browser = newcomer(cluster, provider), Browser(cluster)
    assert browser.sign_in(provider).status_code == 303
    ok(cluster.admin("PUT", f"users/{login}/suspended"), 204)
    refused(browser.call("GET", "user"), 401, "")
    told(browser.sign_in(provider), 403, "your account is suspended")
    ok(cluster.admin("DELETE", f"users/{login}/suspended"), 204)
    assert browser.sign_in(provider).status_code == 303
    # An issuer that is not believed any more has let nobody in.
    place, answer = browser.begin(provider)
    ok(cluster.admin("PATCH", provider.path, {"enabled": False}), 200)
    refused(browser.call("GET", "user"), 401, "")
    told(browser.land(place, answer), 404, "nobody signs in")
    told(browser.get(f"/login/oidc/{provider.id}"), 404, "nobody signs in")
    ok(cluster.admin("PATCH", provider.path, {"enabled": True}), 200)
    assert browser.sign_in(provider).status_code == 303
    ok(cluster.admin("DELETE", provider.path + "/sign-in"), 204)
    refused(browser.call("GET", "user"), 401, "")
    told(browser.get(f"/login/oidc/{provider.id}"), 404, "nobody signs in")
    # Whoever is gone is somebody new.
    ok(cluster.admin("PUT", provider.path + "/sign-in", {
        "client_id": provider.client_id, "client_secret": provider.client_secret, "creates": CREATES}), 200)
    ok(cluster.admin("DELETE", f"admin/users/{login}"), 204)
    assert browser.sign_in(provider).status_code == 303 and whoami(browser) == login
    assert cluster.query("SELECT count(*) FROM account WHERE login = %s", login) == [(2,)]


# what comes back


def test_a_state_is_good_for_once_and_one_browser(cluster, provider):
    newcomer(cluster, provider)
    browser, other = Browser(cluster), Browser(cluster)
    place, answer = browser.begin(provider)
    told(other.land(place, answer), 400, "not begun in this browser")
    other.begin(provider)  # he has a key of his own
    told(other.land(place, answer), 400, "not begun in this browser")
    for bent in ({"state": answer["state"][:-1] + ("A" if answer["state"][-1] != "A" else "B")}, {"state": ""},
                 {"state": "x" * 2000}, {"state": answer["state"].replace(".", "_")}):
        told(browser.land(place, {**answer, **bent}), 400, "not begun in this browser")
    told(browser.get(f"{place}?code=x"), 400, "not begun in this browser")
    told(browser.get(f"{place}?state=a&state=b"), 400, "state is there twice")
    assert provider.forms == []
    assert browser.land(place, answer).status_code == 303
    told(browser.land(place, answer), 400, "used already")
    assert len(provider.forms) == 1
    # A code that was used, with a state that was not.
    place, fresh = browser.begin(provider)
    told(browser.land(place, {**fresh, "code": answer["code"]}), 403, "invalid_grant")
    told(browser.land(place, fresh), 400, "used already")


def test_somebody_elses_code_opens_nothing(cluster, provider):
    """PKCE: it was given for another sign-in."""
    newcomer(cluster, provider)
    victim, attacker = Browser(cluster), Browser(cluster)
    _, stolen = victim.begin(provider)
    place, own = attacker.begin(provider)
    told(attacker.land(place, {**own, "code": stolen["code"]}), 403, "invalid_grant")


def test_issuers_are_not_mixed_up(cluster, providers):
    honest, evil = providers(CREATES), providers(CREATES)
    newcomer(cluster, honest)
    evil.person = honest.person
    browser = Browser(cluster)
    place, answer = browser.begin(honest)
    evil_place, _ = browser.begin(evil)
    told(browser.land(evil_place, answer), 400, "not begun in this browser")
    told(browser.land(place, {**answer, "iss": evil.url}), 400, "another issuer")
    # A token of the one is none of the other, though the same key has signed it.
    place, answer = browser.begin(honest)
    honest.claims = {"iss": evil.url}
    told(browser.land(place, answer), 403, "its issuer is another one")
    assert evil.forms == []


def test_refusals_of_the_issuer_are_told(cluster, provider):
    browser = Browser(cluster)
    for error, words in (("access_denied", "did not let you in: access_denied"),
                         ("<script>", "did not let you in: for a reason of its own")):
        place, answer = browser.begin(provider)
        told(browser.land(place, {"state": answer["state"], "error": error}), 403, words)
    place, answer = browser.begin(provider)
    told(browser.land(place, {"state": answer["state"]}), 400, "has no code")
    place, answer = browser.begin(provider)
    told(browser.land(place, {"state": answer["state"], "code": "x" * 5000}), 400, "has no code")
    provider.client_secret = "another one"
    newcomer(cluster, provider)
    told(browser.sign_in(provider), 403, "invalid_client")


def test_tokens_that_are_not_believed(cluster, provider, key):
    newcomer(cluster, provider)
    now, browser = int(time.time()), Browser(cluster)
    stranger = Key("ES256", key.kid)
    for words, header, signed_by, claims in (
            ("algorithm", {"alg": "none"}, None, {}), ("algorithm", {"alg": "HS256"}, None, {}),
            ("to sign like that", {"alg": "RS256"}, None, {}), ("signature", None, stranger, {}),
            ("another sign-in", None, None, {"nonce": "other"}), ("another sign-in", None, None, {"nonce": None}),
            ("another audience", None, None, {"aud": "jobs"}), ("another audience", None, None, {"aud": None}),
            ("another client", None, None, {"aud": [provider.client_id, "else"]}),
            ("another client", None, None, {"azp": "else"}),
            ("issuer is another", None, None, {"iss": provider.url + "/"}),
            ("expired", None, None, {"exp": now - 61}), ("not valid yet", None, None, {"iat": now + 300}),
            ("subject", None, None, {"sub": ""})):
        provider.header, provider.key, provider.claims = header, signed_by, claims
        told(browser.sign_in(provider), 403, words)
    provider.header, provider.key, provider.claims = None, None, {}
    taken = []
    provider.spoil = lambda answer: taken.append(answer["id_token"]) or answer
    assert browser.sign_in(provider).status_code == 303
    provider.spoil = lambda answer: {**answer, "id_token": taken[0]}  # of the sign-in before
    told(browser.sign_in(provider), 403, "another sign-in")
    provider.spoil = lambda answer: {**answer, "id_token": taken[0].rsplit(".", 1)[0] + "."}
    told(browser.sign_in(provider), 403, "signature")
    # Nor is it the token of a job.
    assert rest(cluster, "POST", "oidc/token", data={
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": taken[0],
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}).status_code == 400


@pytest.mark.parametrize("said", [
    (200, b"x" * 70000), (200, b"{}"), (200, b""), (200, b"[]"), (200, b'{"id_token": 7}'), (500, b"{}"), (204, b""),
    (302, b""), (200, b'{"id_token": "a.b.c", "id_token": "a.b.c"}'), (200, b'{"id_token": "' + b"[" * 40 + b'"')])
def test_answers_that_are_none(cluster, provider, said):
    newcomer(cluster, provider)
    provider.spoil = lambda _: said
    answer = Browser(cluster).sign_in(provider)
    told(answer, 503, f"{provider.url}, through which you sign in, does not answer as it should")
    assert answer.headers["Retry-After"] == "5"


def test_an_issuer_that_is_down(cluster, provider, providers):
    newcomer(cluster, provider)
    browser = Browser(cluster)
    place, answer = browser.begin(provider)
    provider.broken = True
    told(browser.land(place, answer), 503, "does not answer as it should")
    down, huge, strange, lying = providers(), providers(), providers(), providers()
    down.broken = True
    huge.description = lambda: {"x": "y" * 70000}
    strange.description = lambda: {"issuer": strange.url, "token_endpoint": "http://192.0.2.1/",
                                   "authorization_endpoint": "ftp://x"}
    lying.description = lambda: {**Provider.description(lying), "issuer": provider.url}
    for one in (down, huge, strange, lying):
        for _ in range(5):
            told(browser.get(f"/login/oidc/{one.id}"), 503, "does not answer as it should")
        assert one.asked["/.well-known/openid-configuration"] <= 4  # once a worker and gateway
    down.close()
    ok(cluster.admin("PATCH", down.path, {"algorithms": ["ES256", "EdDSA"]}), 200)
    told(browser.get(f"/login/oidc/{down.id}"), 503, "does not answer as it should")
    lying.description = lambda: Provider.description(lying)
    ok(cluster.admin("PATCH", lying.path, {"algorithms": ["ES256", "EdDSA"]}), 200)
    assert browser.get(f"/login/oidc/{lying.id}").status_code == 303


def test_how_a_client_shows_who_it_is(cluster, providers):
    provider = providers(CREATES)
    provider.methods = ["private_key_jwt", "client_secret_post"]
    newcomer(cluster, provider)
    assert Browser(cluster).sign_in(provider).status_code == 303
    assert not provider.forms[0]["basic"] and provider.forms[0]["client_secret"] == provider.client_secret
    # Without a secret, and with places that are set: nobody asks what the issuer says of itself.
    public = providers(CREATES, client_secret=None)
    public.client_secret = ""
    public.asked.clear()
    ok(cluster.admin("PUT", public.path + "/sign-in", {
        "client_id": public.client_id, "creates": CREATES, "authorization_url": public.url + "/authorize?tenant=1",
        "token_url": public.url + "/token"}), 200)
    ok(cluster.admin("PATCH", public.path, {"jwks_url": public.url + "/keys"}), 200)
    newcomer(cluster, public)
    assert Browser(cluster).sign_in(public).status_code == 303
    assert public.forms[0]["client_id"] == public.client_id and not public.forms[0]["basic"]
    assert set(public.asked) == {"/keys"}


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example",
                                  "/a b", "/a\r\nSet-Cookie: x=y", "/" + "a" * 512, "", "a", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(cluster, provider, path):
    browser = Browser(cluster)
    for place in (f"/login/oidc/{provider.id}", "/orgs/acme/sso"):
        answer = browser.get(f"{place}?{urlencode({'return_to': path})}")
        told(answer, 400, "return_to is a path of this registry")
    told(browser.get(f"/login/oidc/{provider.id}?return_to=/&return_to=/a"), 400, "there twice")


def test_ids_that_are_none(cluster):
    for one in ("0", "x", "-1", "1x", "9" * 30, "999999999", "%00", "%ff"):
        answer = Browser(cluster).get(f"/login/oidc/{one}")
        assert answer.status_code in (400, 404), answer.text
    told(Browser(cluster).get("/orgs/nobody-there/sso"), 404, "single sign-on")


# for site admins


def test_how_people_sign_in_is_set(cluster, provider):
    path = provider.path + "/sign-in"
    shown = ok(cluster.admin("GET", path), 200).json()
    assert shown["issuer"] == provider.url and shown["client_id"] == provider.client_id and shown["creates"] == CREATES
    assert shown["has_client_secret"] is True and shown["scopes"] == ["openid", "profile"]
    assert shown["callback_url"] == f"{cluster.url()}/login/oidc/{provider.id}/callback"
    assert shown["login_url"] == f"{cluster.url()}/login/oidc/{provider.id}"
    changed = ok(cluster.admin("PUT", path, {"client_id": "other"}), 200).json()
    assert changed["has_client_secret"] is True and changed["creates"] is None and changed["scopes"] == ["openid"]
    assert ok(cluster.admin("PUT", path, {"client_id": "other", "client_secret": None}), 200).json()[
        "has_client_secret"] is False
    # The secret stands in one table, and nowhere else.
    for text in (json.dumps(shown), json.dumps(ok(cluster.admin("GET", provider.path), 200).json())):
        assert provider.client_secret not in text
    assert not cluster.query("SELECT FROM audit WHERE detail::text LIKE %s", f"%{provider.client_secret}%")
    assert not cluster.query("SELECT FROM event WHERE detail::text LIKE %s", f"%{provider.client_secret}%")
    done = cluster.query("SELECT action FROM audit WHERE action LIKE 'issuer.sign%%' AND"
                         " (detail->>'issuer')::bigint = %s ORDER BY id", provider.id)
    assert done == [("issuer.sign_in_set",)] * 3
    ok(cluster.admin("DELETE", path), 204)
    for method in ("GET", "DELETE"):
        refused(cluster.admin(method, path), 404, "Not Found")
    refused(cluster.admin("PUT", "admin/issuers/999999999/sign-in", {"client_id": "x"}), 404, "Not Found")


@pytest.mark.parametrize("wrong", [
    {"client_id": None}, {"client_id": "x" * 1025}, {"client_secret": 7}, {"client_secret": "x" * 1025},
    {"authorization_url": "https://x/"}, {"token_url": "https://x/"}, {"scopes": ["profile"]}, {"scopes": "openid"},
    {"authorization_url": "https://x/", "token_url": "http://192.0.2.1/"}, {"scopes": ["openid", "a b"]},
    {"authorization_url": "ftp://x/", "token_url": "https://x/"}, {"scopes": ["openid"] * 21}, {"subject_claim": 1},
    {"subject_claim": "x" * 256}, {"creates": 1}, {"creates": {}}, {"creates": {"match": {}, "login": "{sub}"}},
    {"creates": {"match": {"sub": "*"}, "login": "all"}}, {"scopes": ["openid", "x" * 1100]},
    {"creates": {"match": {"sub": "*"}, "login": "{sub}", "link_by": "email"}}])
def test_ways_to_sign_in_that_are_none(cluster, provider, wrong):
    refused(cluster.admin("PUT", provider.path + "/sign-in", {"client_id": "x", **wrong}), 422, "Validation Failed")
    assert ok(cluster.admin("GET", provider.path + "/sign-in"), 200).json()["client_id"] == provider.client_id


def test_links_that_are_none(cluster, provider):
    user = cluster.new_user()
    path = f"admin/users/{user.login}/identities"
    for wrong in ({}, {"issuer": provider.url}, {"subject": "x"}, {"issuer": "https://else.example", "subject": "x"},
                  {"issuer": provider.url, "subject": "x" * 256}, {"issuer": provider.url, "subject": ""},
                  {"issuer": provider.url, "subject": 7}, {"issuer": 7, "subject": "x"}):
        refused(cluster.admin("POST", path, wrong), 422, "Validation Failed")
    refused(cluster.admin("POST", "admin/users/nobody-there/identities", {}), 404, "Not Found")
    assert ok(cluster.admin("GET", path), 200).json() == []


# an organization's single sign-on


@pytest.fixture
def house(cluster, provider):
    """An organization with a private package and repository, a member, and his token."""
    owner = cluster.new_user(("user", "admin:org", "repo", "write:packages", "delete:packages"))
    owner.org = f"org-{owner.login}"
    cluster.new_organization(owner.org, owner.login)
    owner.member = cluster.new_user(("user", "read:org", "repo", "write:packages"))
    ok(cluster.admin("PUT", f"orgs/{owner.org}/memberships/{owner.member.login}", {"role": "member"}), 200)
    owner.registry().push_image(f"{owner.org}/app", "v1", [b"a layer"])
    ok(rest(cluster, "PUT", f"orgs/{owner.org}/packages/container/app/access/users/{owner.member.login}", owner.token,
            json={"role": "read"}))
    ok(rest(cluster, "POST", f"orgs/{owner.org}/repos", owner.token, json={"name": "hidden", "visibility": "private"}),
       201)
    for person in (owner, owner.member):
        link(cluster, person.login, provider, f"sub of {person.login}")
    return owner


def signed_in(cluster, provider, login):
    provider.person = {"sub": f"sub of {login}"}
    browser = Browser(cluster)
    assert browser.sign_in(provider).status_code == 303
    return browser


def test_single_sign_on_from_end_to_end(cluster, provider, house):
    org, member = house.org, house.member
    sso, token_id = f"orgs/{org}/sso", ok(rest(cluster, "GET", "user/tokens", member.token), 200).json()[0]["id"]
    refused(rest(cluster, "GET", sso, house.token), 404, "names no issuer")
    named = ok(rest(cluster, "PUT", sso, house.token, json={"issuer": provider.url}), 200).json()
    assert named == {"issuer": provider.url, "login_url": f"{cluster.url()}/orgs/{org}/sso", "required": False}
    # The owner signs in, authorizes her token, and only then requires it of everybody.
    owner = signed_in(cluster, provider, house.login)
    own = ok(rest(cluster, "GET", "user/tokens", house.token), 200).json()[0]["id"]
    ok(owner.call("PUT", f"user/tokens/{own}/sso/{org}"), 204)
    ok(rest(cluster, "PATCH", f"orgs/{org}", house.token, json={"sso_required": True}), 200)
    assert ok(rest(cluster, "GET", sso, house.token), 200).json()["required"] is True
    refused(rest(cluster, "DELETE", sso, house.token), 409, "sso_required")
    # The member's token counts as nobody's; he is told where to go.
    answer = rest(cluster, "GET", f"orgs/{org}/members", member.token)
    refused(answer, 403, "SAML enforcement")
    where = answer.headers["X-GitHub-SSO"].removeprefix("required; url=")
    assert member.registry().manifest(f"{org}/app", "v1").status_code in (401, 403)
    # A password proves nothing to the organization.
    set_up(cluster, member.login)
    by_password = Browser(cluster)
    ok(by_password.call("POST", "session", {"login": member.login, "password": "correct horse battery"}), 201)
    refused(by_password.call("GET", f"orgs/{org}/members"), 403, "SAML enforcement")
    refused(by_password.call("PUT", f"user/tokens/{token_id}/sso/{org}"), 403, "Sign in through")
    listed = by_password.call("GET", f"orgs/{org}/packages?package_type=container")
    assert ok(listed, 200).json() == [] and listed.headers["X-GitHub-SSO"].startswith("partial-results; organizations=")
    # He goes there, and comes back signed in.
    provider.person = {"sub": f"sub of {member.login}"}
    browser = Browser(cluster)
    sent = browser.get(where + "?return_to=/settings")
    assert sent.status_code == 303 and sent.headers["Location"] == f"/login/oidc/{provider.id}?return_to=/settings"
    landed = browser.land(*provider.authorize(browser.get(sent.headers["Location"]).headers["Location"]))
    assert landed.status_code == 303 and landed.headers["Location"] == "/settings"
    ok(browser.call("GET", f"orgs/{org}/members"), 200)
    listed = browser.call("GET", f"orgs/{org}/packages?package_type=container")
    assert [one["name"] for one in ok(listed, 200).json()] == ["app"] and "X-GitHub-SSO" not in listed.headers
    # A token of somebody else's is none of his.
    refused(browser.call("PUT", f"user/tokens/{own}/sso/{org}"), 404, "Not Found")
    ok(browser.call("PUT", f"user/tokens/{token_id}/sso/{org}"), 204)
    ok(rest(cluster, "GET", f"orgs/{org}/members", member.token), 200)
    ok(member.registry().manifest(f"{org}/app", "v1"), 200)
    # Owners see and withdraw that; GitHub's fields.
    path = f"orgs/{org}/credential-authorizations"
    [shown] = ok(rest(cluster, "GET", f"{path}?login={member.login}", house.token), 200).json()
    assert shown["credential_id"] == token_id and shown["login"] == member.login
    ok(rest(cluster, "DELETE", f"{path}/{token_id}", house.token), 204)
    refused(rest(cluster, "GET", f"orgs/{org}/members", member.token), 403, "SAML enforcement")
    ok(browser.call("GET", f"orgs/{org}/members"), 200)


def test_another_issuer_is_another_proof(cluster, provider, providers, house):
    org, member = house.org, house.member
    other, sso = providers(), f"orgs/{org}/sso"
    ok(rest(cluster, "PUT", sso, house.token, json={"issuer": provider.url}), 200)
    ok(cluster.admin("PATCH", f"orgs/{org}", {"sso_required": True}), 200)
    token_id = ok(rest(cluster, "GET", "user/tokens", member.token), 200).json()[0]["id"]
    browser = signed_in(cluster, provider, member.login)
    ok(browser.call("PUT", f"user/tokens/{token_id}/sso/{org}"), 204)
    link(cluster, member.login, other, "another subject")
    other.person = {"sub": "another subject"}
    elsewhere = Browser(cluster)
    assert elsewhere.sign_in(other).status_code == 303
    refused(elsewhere.call("GET", f"orgs/{org}/members"), 403, "SAML enforcement")
    # The same issuer again changes nothing, another one everything.
    ok(cluster.admin("PUT", sso, {"issuer": provider.url}), 200)
    ok(rest(cluster, "GET", f"orgs/{org}/members", member.token), 200)
    ok(cluster.admin("PUT", sso, {"issuer": other.url}), 200)
    refused(rest(cluster, "GET", f"orgs/{org}/members", member.token), 403, "SAML enforcement")
    refused(browser.call("GET", f"orgs/{org}/members"), 403, "SAML enforcement")
    ok(elsewhere.call("PUT", f"user/tokens/{token_id}/sso/{org}"), 204)
    ok(rest(cluster, "GET", f"orgs/{org}/members", member.token), 200)
    # With the link ends what was authorized by it, with the issuer all of it.
    made = [one for one in ok(cluster.admin("GET", f"admin/users/{member.login}/identities"), 200).json()
            if one["issuer"] == other.url][0]
    ok(cluster.admin("DELETE", f"admin/users/{member.login}/identities/{made['id']}"), 204)
    refused(rest(cluster, "GET", f"orgs/{org}/members", member.token), 403, "SAML enforcement")
    ok(cluster.admin("DELETE", other.path), 204)
    refused(cluster.admin("GET", sso), 404, "names no issuer")
    for wrong in (other.url, "x", 7, None):
        refused(cluster.admin("PUT", sso, {"issuer": wrong}), 422, "Validation Failed")


def test_lists_say_what_they_leave_out(cluster, provider, house):
    org, member = house.org, house.member
    ok(rest(cluster, "POST", "user/repos", member.token, json={"name": "own", "visibility": "private"}), 201)
    organization = ok(rest(cluster, "GET", f"orgs/{org}", house.token), 200).json()["id"]

    def listed(path, token):
        answer = ok(rest(cluster, "GET", path, token), 200)
        return sorted(one["name"] for one in answer.json()), answer.headers.get("X-GitHub-SSO")

    for path, names in (("user/repos", ["hidden", "own"]), (f"orgs/{org}/repos", ["hidden"])):
        assert listed(path, member.token) == (names, None)
    ok(rest(cluster, "PUT", f"orgs/{org}/sso", house.token, json={"issuer": provider.url}), 200)
    ok(cluster.admin("PATCH", f"orgs/{org}", {"sso_required": True}), 200)
    said = f"partial-results; organizations={organization}"
    assert listed("user/repos", member.token) == (["own"], said)
    assert listed("user/repos?affiliation=owner", member.token) == (["own"], None)
    assert listed("user/repos?visibility=public", member.token) == ([], None)
    assert listed(f"orgs/{org}/repos", member.token) == ([], said)
    assert listed(f"users/{org}/repos", member.token) == ([], said)
    assert listed(f"orgs/{org}/packages?package_type=container", member.token) == ([], said)
    # Whose token has not the scope lists what is public, sign-on or not.
    assert listed("user/repos", cluster.new_token(member.login, ["read:packages"])) == ([], None)
    token_id = ok(rest(cluster, "GET", "user/tokens", member.token), 200).json()[-1]["id"]
    browser = signed_in(cluster, provider, member.login)
    ok(browser.call("PUT", f"user/tokens/{token_id}/sso/{org}"), 204)
    for path, names in (("user/repos", ["hidden", "own"]), (f"orgs/{org}/repos", ["hidden"])):
        assert listed(path, member.token) == (names, None)
