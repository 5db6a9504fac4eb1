"""Passwords and sessions: signing in and out, cookies, requests from other sites, tries without end."""

import datetime

import pytest
import requests

from harness.registry import ok
from test_admin_api import refused, rest

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

PASSWORD = "correct horse battery"


class Browser:
    """Keeps cookies and says where its requests come from."""

    def __init__(self, cluster, gateway=1):
        self.base = cluster.url(gateway)
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method, path, body=None, site="same-origin", **headers):
        if site:
            headers["Sec-Fetch-Site"] = site
        return self.session.request(method, f"{self.base}/api/v3/{path}", json=body, headers=headers, timeout=60)

    def sign_in(self, login, password=PASSWORD, **options):
        return self.call("POST", "session", {"login": login, "password": password}, **options)


@pytest.fixture
def person(cluster):
    """With a password."""
    user = cluster.new_user(("user",))
    set_up(cluster, user.login)
    return user


def set_up(cluster, login, password=PASSWORD):
    made = ok(cluster.admin("POST", f"admin/users/{login}/password-setup"), 201).json()
    ok(rest(cluster, "PUT", "password", json={"setup_token": made["setup_token"], "password": password}), 204)
    return made["setup_token"]


def signed_in(cluster, person, gateway=1):
    browser = Browser(cluster, gateway)
    ok(browser.sign_in(person.login), 201)
    return browser


def test_a_person_signs_in_and_out(cluster, person):
    browser = Browser(cluster)
    refused(browser.call("GET", "user"), 401, "Requires authentication")
    said = ok(browser.sign_in(person.login.upper()), 201)
    cookie = said.headers["Set-Cookie"]
    name, value = cookie.split(";")[0].split("=")
    assert name == "packhouse" and len(value) == 65
    assert cookie.split("; ", 1)[1] == "Path=/; HttpOnly; SameSite=Lax" and said.headers["Cache-Control"] == "no-store"
    assert ok(browser.call("GET", "user"), 200).json()["login"] == person.login
    # Only its hash is stored; as a token it is none; and the registry does not know it.
    assert cluster.query("SELECT kind FROM token WHERE hash = sha256(%s)", value.encode()) == [(5,)]
    assert not cluster.query("SELECT FROM token t WHERE t::text LIKE %s", f"%{value[:20]}%")
    refused(rest(cluster, "GET", "user", value), 401, "Bad credentials")
    assert browser.session.get(f"{browser.base}/v2/", timeout=60).status_code == 401
    assert browser.session.get(f"{browser.base}/token", timeout=60).status_code == 200  # nobody's
    out = ok(browser.call("DELETE", "session"), 204)
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    browser.session.cookies.set("packhouse", value)
    refused(browser.call("GET", "user"), 401, "")
    refused(rest(cluster, "DELETE", "session", person.token), 403, "no session")


def test_every_wrong_way_is_answered_alike(cluster, person):
    without = cluster.new_user()
    gone = cluster.new_user()
    set_up(cluster, gone.login)
    cluster.query("UPDATE account SET suspended_at = now() WHERE login = %s RETURNING 1", gone.login)
    answers = [Browser(cluster).sign_in(login, password) for login, password in (
        (person.login, "wrong horse battery"), ("nobody-there", PASSWORD), (without.login, PASSWORD),
        ("a--b", PASSWORD),        (gone.login, PASSWORD), ("acme", "x"), (person.login, "x" * 300))]
    for answer in answers:
        refused(answer, 401, "Wrong login or password")
        assert answer.content == answers[0].content and "Set-Cookie" not in answer.headers
    for wrong in ({}, {"login": person.login}, {"password": "x"}, {"login": 1, "password": "x"}):
        refused(Browser(cluster).call("POST", "session", wrong), 422, "Validation Failed")


def test_changes_from_other_sites_have_no_session(cluster, person):
    browser = signed_in(cluster, person)
    for site in ("cross-site", "same-site", "none", None):
        refused(browser.call("POST", "user/tokens", {}, site=site), 401, "Requires authentication")
    refused(browser.call("POST", "user/tokens", {}, site=None, Origin="https://evil.example"), 401, "Requires")
    ok(browser.call("POST", "user/tokens", {}, site=None, Origin=browser.base), 201)
    ok(browser.call("POST", "user/tokens", {"scopes": ["write:packages"]}), 201)
    ok(browser.call("GET", "user", site="cross-site"), 200)
    refused(Browser(cluster).sign_in(person.login, site="cross-site"), 403, "another site")


def test_what_a_session_makes_stays(cluster, person):
    browser = signed_in(cluster, person)
    scopes = ["user", "write:packages", "admin:org", "repo"]
    made = ok(browser.call("POST", "user/tokens", {"scopes": scopes}), 201).json()
    assert made["expires_at"] is None
    refused(browser.call("POST", "user/tokens", {"scopes": ["site_admin"]}), 422, "Validation Failed")
    ok(browser.call("DELETE", "session"), 204)
    ok(rest(cluster, "GET", "user", made["token"]), 200)


def test_sessions_are_listed_and_ended(cluster, person):
    first, second = signed_in(cluster, person), signed_in(cluster, person, gateway=2)
    listed = ok(second.call("GET", "user/sessions"), 200).json()
    assert [one["current"] for one in listed] == [True, False]
    seen = ok(rest(cluster, "GET", "user/sessions", person.token), 200).json()
    assert [one["current"] for one in seen] == [False, False]
    ok(second.call("DELETE", f"user/sessions/{listed[1]['id']}"), 204)
    refused(first.call("GET", "user"), 401, "")
    refused(second.call("DELETE", f"user/sessions/{listed[1]['id']}"), 404, "Not Found")
    other = cluster.new_user(("user",))
    refused(rest(cluster, "DELETE", f"user/sessions/{listed[0]['id']}", other.token), 404, "Not Found")
    ok(second.call("GET", "user"), 200)


def test_a_session_ends_by_itself(cluster, person):
    """A use moves its end along, but not past the last one."""
    browser = signed_in(cluster, person)
    [(one,)] = cluster.query("SELECT t.id FROM token t JOIN account a ON a.id = t.account_id WHERE a.login = %s"
                             " AND t.kind = 5", person.login)
    change = ("UPDATE token SET last_used_at = now() - interval '2 hours', expires_at = now() + interval '1 hour'"
              " WHERE id = %s RETURNING expires_at")
    [(before,)] = cluster.query(change, one)
    for _ in range(1000):
        ok(browser.call("GET", "user"), 200)
        [(after,)] = cluster.query("SELECT expires_at FROM token WHERE id = %s", one)
        if after > before + datetime.timedelta(hours=5):
            break
    else:
        raise AssertionError("its end does not move along")
    [(last,)] = cluster.query("UPDATE session SET ends_at = now() + interval '1 minute' WHERE token_id = %s"
                              " RETURNING ends_at", one)
    cluster.query(change, one)
    for _ in range(1000):
        ok(browser.call("GET", "user"), 200)
        if cluster.query("SELECT FROM token WHERE id = %s AND expires_at = %s", one, last):
            break
    else:
        raise AssertionError("it goes on past its last end")
    cluster.query("UPDATE token SET expires_at = now() WHERE id = %s RETURNING 1", one)
    refused(browser.call("GET", "user"), 401, "")


def test_a_new_password_ends_all_other_sessions(cluster, person):
    first, second = signed_in(cluster, person), signed_in(cluster, person)
    new = "another horse battery"
    refused(first.call("PUT", "user/password", {"old_password": "wrong horse", "password": new}), 403, "old password")
    for wrong in ("short", "x" * 257, None, 7):
        refused(first.call("PUT", "user/password", {"old_password": PASSWORD, "password": wrong}), 422, "Validation")
    ok(first.call("PUT", "user/password", {"old_password": PASSWORD, "password": new}), 204)
    ok(first.call("GET", "user"), 200)
    refused(second.call("GET", "user"), 401, "")
    refused(Browser(cluster).sign_in(person.login), 401, "Wrong login")
    ok(Browser(cluster).sign_in(person.login, new), 201)
    [(secret,)] = cluster.query("SELECT p.secret FROM account_password p JOIN account a ON a.id = p.account_id"
                                " WHERE a.login = %s", person.login)
    assert secret.startswith("scrypt$15$8$1$") and new not in secret


def test_what_sets_a_password_does_so_once(cluster, person):
    browser = signed_in(cluster, person)
    used = set_up(cluster, person.login, "a password by an admin")
    refused(browser.call("GET", "user"), 401, "")
    refused(rest(cluster, "PUT", "password", json={"setup_token": used, "password": PASSWORD}), 403, "not any more")
    first = ok(cluster.admin("POST", f"admin/users/{person.login}/password-setup"), 201).json()["setup_token"]
    second = ok(cluster.admin("POST", f"admin/users/{person.login}/password-setup"), 201).json()["setup_token"]
    refused(rest(cluster, "PUT", "password", json={"setup_token": first, "password": PASSWORD}), 403, "not any more")
    cluster.query("UPDATE password_setup SET ends_at = now() RETURNING 1")
    refused(rest(cluster, "PUT", "password", json={"setup_token": second, "password": PASSWORD}), 403, "not any more")
    ok(Browser(cluster).sign_in(person.login, "a password by an admin"), 201)
    refused(cluster.admin("POST", "admin/users/nobody-here/password-setup"), 404, "Not Found")


def test_whoever_guesses_waits(cluster, person):
    for _ in range(10):
        refused(Browser(cluster).sign_in(person.login, "wrong horse battery"), 401, "Wrong login")
    for password in ("wrong horse battery", PASSWORD):
        answer = Browser(cluster, 2).sign_in(person.login, password)
        refused(answer, 429, "Too many wrong passwords")
        assert 0 < int(answer.headers["Retry-After"]) <= 900
    cluster.query("UPDATE sign_in_try SET until = now() - interval '1 second' WHERE login = %s RETURNING 1",
                  person.login)
    ok(Browser(cluster).sign_in(person.login), 201)
    cluster.query("UPDATE sign_in_try SET tries = 100, until = now() + interval '1 minute' WHERE login = %s"
                  " AND remote = '' RETURNING 1", person.login)
    refused(Browser(cluster).sign_in(person.login), 429, "Too many")
