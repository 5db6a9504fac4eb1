"""The audit log: who may read whose, its pages, what it is searched for, and as JSON lines."""

import json
import socket
from urllib.parse import urlencode

import pytest
import requests

from harness import openapi, openapi_document
from harness.registry import ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


class Log:
    """An organization in which things happened, and its log as its owner reads it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.owner = cluster.new_user(("write:packages", "delete:packages", "admin:org"))
        self.member = cluster.new_user(("write:packages", "admin:org"))
        self.org = f"audit-{self.owner.login}"
        cluster.new_organization(self.org, self.owner.login)
        ok(self.ask(f"orgs/{self.org}/memberships/{self.member.login}", "PUT", json={"role": "member"}), 200)
        for number in range(4):
            self.member.registry().push_image(f"{self.org}/team/app", f"v{number}", [b"layer"])
        self.owner.registry().push_image(f"{self.owner.login}/own", "v1", [b"layer"])

    def ask(self, path, method="GET", token=None, gateway=1, **options):
        """Its answer; a path that begins with a scheme is one of Link."""
        url = path if "://" in path else f"{self.cluster.url(gateway)}/api/v3/{path}"
        return requests.request(method, url, timeout=60, headers={
            "Authorization": f"token {token or self.owner.token}", **options.pop("headers", {})}, **options)

    def page(self, path=None, token=None, **params):
        answer = ok(self.ask(path or f"orgs/{self.org}/audit-log", token=token, params=params), 200)
        return answer.json(), {rel: link["url"] for rel, link in answer.links.items()}

    def actions(self, **params):
        return [entry["action"] for entry in self.page(**params)[0]]


@pytest.fixture(scope="module", name="log")
def a_log(cluster):
    return Log(cluster)


LINES = {"Accept": "application/x-ndjson"}
ALL = ["manifest.push"] * 4 + ["package.publish", "package.create", "org.member_set"]


def test_newest_first_with_who_did_what_where(log):
    entries, links = log.page(order="desc")
    assert [entry["action"] for entry in entries[:4]] == ALL[:4] and links == {}
    newest = entries[0]
    assert newest["actor"] == log.member.login and newest["org"] == log.org and newest["package"] == "team/app"
    assert newest["data"]["tags"] == ["v3"] and newest["@timestamp"] == newest["created_at"] > 1.7e12
    assert newest["actor_ip"] == "127.0.0.1" and newest["token_id"] > 0 and len(newest["request_id"]) == 32
    assert [entry["action"] for entry in entries][-1] == "org.create"
    assert log.actions(order="asc") == log.actions()[::-1]
    made = [entry for entry in entries if entry["action"] == "org.member_set"]
    assert made[0]["actor"] == log.owner.login and made[0]["package"] is None


def test_pages_lead_to_each_other(log):
    """Forwards by next, back by prev: the same pages."""
    for order in ("desc", "asc"):
        everything = [entry["_document_id"] for entry in log.page(order=order)[0]]
        pages, url = [], f"orgs/{log.org}/audit-log?per_page=3&order={order}&phrase=created%3A%3E2020-01-01"
        while url:
            entries, links = log.page(url)
            pages.append([entry["_document_id"] for entry in entries])
            url = links.get("next")
            assert url is None or "phrase=created%3A%3E2020-01-01" in url
        assert sum(pages, []) == everything and [len(page) for page in pages[:-1]] == [3] * (len(pages) - 1)
        for before in pages[-2::-1]:
            entries, links = log.page(links["prev"])
            assert [entry["_document_id"] for entry in entries] == before
            assert log.page(links["next"])[0] != []
        assert "prev" not in links


@pytest.mark.parametrize("phrase, wanted", [
    ("action:manifest.push", 4), ("action:package", 2), ("action:package.publish", 1), ("action:team", 0),
    ("actor:{member}", 6), ("actor:{owner} action:org.member_set", 1), ("actor:nobody-here", 0),
    ("package:team/app action:manifest", 4), ("package:{org}/team/app action:package", 2), ("package:app", 0),
    ("repo:app", 0), ("repo:{org}/app", 0), ("org:{org} action:package", 2), ("org:other", 0),
    ("created:>2020-01-01 action:package", 2), ("created:<2020-01-01", 0), ("created:*..2020-01-01", 0)])
def test_it_is_searched(log, phrase, wanted):
    text = phrase.format(org=log.org.upper(), owner=log.owner.login, member=log.member.login)
    assert len(log.actions(phrase=text)) == wanted
    assert len(log.actions(phrase=text, include="all")) == wanted
    assert log.actions(phrase=text, include="git") == []


@pytest.mark.parametrize("params, word", [
    ({"phrase": "ada"}, "qualifier"), ({"phrase": "country:de"}, "country"), ({"phrase": "created:x"}, "time"),
    ({"phrase": "x" * 2000}, "at most"), ({"after": "x"}, "after"), ({"before": "-1"}, "before"),
    ({"after": "9" * 30}, "after"), ({"after": "1", "before": "1"}, "both"), ({"per_page": "0"}, "per_page"),
    ({"per_page": "many"}, "per_page"), ({"order": "up"}, "order"), ({"include": "all,git"}, "include")])
def test_what_is_no_question_is_refused(log, params, word):
    answer = log.ask(f"orgs/{log.org}/audit-log", params=params)
    assert answer.status_code == 422 and word in answer.json()["message"]


def test_owners_only_and_only_with_the_scope(log):
    cluster, path = log.cluster, f"orgs/{log.org}/audit-log"
    allowed = cluster.new_token(log.owner.login, ["read:audit_log"])
    assert ok(log.ask(path, token=allowed), 200).json()
    answer = log.ask(path, token=cluster.new_token(log.owner.login, ["read:org", "repo"]))
    assert answer.status_code == 403 and "read:audit_log" in answer.json()["message"]
    assert log.ask(path, token=log.member.token).status_code == 403
    assert log.ask(path, token=cluster.new_user(("admin:org",)).token).status_code == 404
    assert log.ask("admin/audit-log").status_code == 403
    assert requests.get(f"{cluster.url()}/api/v3/{path}", timeout=60).status_code == 401


def test_a_users_own(log):
    entries, _links = log.page("user/audit-log", phrase="action:manifest")
    assert [(entry["user"], entry["package"]) for entry in entries] == [(log.owner.login, "own")]
    assert log.page("user/audit-log", token=log.member.token, phrase="action:manifest")[0] == []
    answer = log.ask("user/audit-log", token=log.cluster.new_token(log.owner.login, ["user", "repo"]))
    assert answer.status_code == 403


def test_everything_for_site_admins(log):
    token = log.cluster.env["PACKHOUSE_ADMIN_TOKEN"]
    assert len(log.page("admin/audit-log", token=token, per_page=100)[0]) == 100 or (
        log.cluster.query("SELECT count(*) FROM audit")[0][0] < 100)
    found, _links = log.page("admin/audit-log", token=token, phrase=f"org:{log.org} action:manifest")
    assert len(found) == 4
    for phrase in (f"package:{log.org}/team/app action:manifest", f"actor:{log.member.login} action:manifest"):
        assert log.page("admin/audit-log", token=token, phrase=phrase)[0] == found
    assert log.page("admin/audit-log", token=token, phrase="org:no-such-org")[0] == []


def test_as_json_lines(log):
    path, headers = f"orgs/{log.org}/audit-log?order=asc&per_page=4", LINES
    lines = []
    while path:
        answer = ok(log.ask(path, headers=headers), 200)
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        assert answer.text.endswith("\n")
        lines += map(json.loads, answer.text.splitlines())
        path = answer.links.get("next", {}).get("url")
    assert lines == log.page(order="asc")[0]


def test_as_one_stream(log):
    entries = log.page(order="asc")[0]
    answer = ok(log.ask(path_of(log, order="asc"), headers=LINES), 200)
    assert answer.headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in answer.headers
    assert answer.headers["Content-Type"] == "application/x-ndjson" and "Link" not in answer.headers
    assert list(map(json.loads, answer.text.splitlines())) == entries
    rest = ok(log.ask(path_of(log, order="asc", after=entries[2]["_document_id"]), headers=LINES), 200)
    assert list(map(json.loads, rest.text.splitlines())) == entries[3:]
    assert ok(log.ask(path_of(log, phrase="action:no.such"), headers=LINES), 200).text == ""
    assert ok(log.ask(path_of(log, include="git"), headers=LINES), 200).text == ""
    for wrong in ("order=up", "after=x", "phrase=x%3Ay"):
        assert log.ask(f"orgs/{log.org}/audit-log?{wrong}", headers=LINES).status_code == 422, wrong


def path_of(log, **query):
    return f"orgs/{log.org}/audit-log?{urlencode(query)}"


def raw(log, version, most=None):
    """The stream as it comes, or how it begins: then the client goes away."""
    with socket.create_connection(("127.0.0.1", log.cluster.port), timeout=120) as s:
        s.sendall(f"GET /api/v3/{path_of(log)} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
                  f"Accept: application/x-ndjson\r\nAuthorization: token {log.owner.token}\r\n\r\n".encode())
        pieces, count = [], 0
        while most is None or count < most:
            pieces.append(s.recv(65536))
            count += len(pieces[-1])
            if not pieces[-1]:
                break
        return b"".join(pieces)


def body_of(answer):
    return answer.split(b"\r\n\r\n", 1)[1]


def unchunked(body):
    """What stands in chunks; there must be a last one, and nothing behind it."""
    out = []
    while True:
        size, body = body.split(b"\r\n", 1)
        n = int(size, 16)
        assert body[n:n + 2] == b"\r\n"
        if n == 0:
            assert body == b"\r\n"
            return b"".join(out)
        out.append(body[:n])
        body = body[n + 2:]


def test_long_logs_end(log):
    """More rows than a page looks at: what is rare is found behind them."""
    made = log.cluster.query(
        "INSERT INTO audit (action, actor_id, namespace_id) SELECT 'manifest.push', 0, id FROM account,"
        " generate_series(1, 25000) WHERE login = %s RETURNING id", log.org)
    try:
        found, pages, path = [], 0, f"orgs/{log.org}/audit-log?phrase=actor:{log.member.login}"
        while path:
            entries, links = log.page(path)
            found, pages, path = found + entries, pages + 1, links.get("next")
        assert [entry["action"] for entry in found] == ALL[:6] and pages == 3
        assert len(log.actions(phrase="action:package")) == 2
        answer = ok(log.ask(f"orgs/{log.org}/audit-log?per_page=5000", headers=LINES), 200)
        assert len(answer.text.splitlines()) == 1000 and "next" in answer.links
        whole = raw(log, "1.1")
        for _ in range(30):  # more than may be read at a time: whoever goes away in between leaves nothing
            assert raw(log, "1.1", most=100000).startswith(b"HTTP/1.1 200")
        assert unchunked(body_of(whole)) == body_of(raw(log, "1.0"))
        lines = body_of(raw(log, "1.0")).decode().splitlines()
        ids = [int(json.loads(line)["_document_id"]) for line in lines]
        assert len(ids) > 25000 and ids == sorted(set(ids), reverse=True)
        found = ok(log.ask(path_of(log, phrase=f"actor:{log.member.login}"), headers=LINES), 200).text.splitlines()
        assert [json.loads(line)["action"] for line in found] == ALL[:6]
    finally:
        log.cluster.query("DELETE FROM audit WHERE id BETWEEN %s AND %s AND actor_id = 0 RETURNING 1",
                          made[0][0], made[-1][0])


def test_lines_are_looked_at_as_well(log, monkeypatch):
    """The harness checks each line against the description."""
    document = openapi_document.load()
    document["components"]["schemas"]["AuditEntry"]["required"].append("no_such_field")
    monkeypatch.setattr(openapi, "description", lambda: openapi.Description(document))
    with pytest.raises(openapi.Undescribed, match="no_such_field"):
        log.ask(f"orgs/{log.org}/audit-log", headers={"Accept": "application/x-ndjson"})
