"""What clients of GitHub's REST look for: scopes, conditional requests, the server's own paths, who the caller is."""

import itertools
import json

import pytest
import requests

from harness.people import Person, enroll, refused
from harness.registry import ok

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

numbers = itertools.count(1)


@pytest.fixture(name="owner", scope="module")
def an_owner(cluster):
    owner = Person(cluster, ("admin:org", "repo", "write:packages"))
    owner.org = f"clients-{owner.login}"
    cluster.new_organization(owner.org, owner.login)
    return owner


def ask(cluster, path, token=None, method="GET", **headers):
    if token is not None:
        headers["Authorization"] = f"token {token}"
    return requests.request(method, f"{cluster.url()}/api/v3/{path}", timeout=120, headers=headers)


def scopes(answer):
    """(what the token has, any of what is wanted), None for a header that is not there."""
    return tuple(None if value is None else set(filter(None, value.split(", "))) for value in (
        answer.headers.get("X-OAuth-Scopes"), answer.headers.get("X-Accepted-OAuth-Scopes")))


def test_scopes_of_the_token_and_of_the_route(cluster, owner):
    has = {"admin:org", "repo", "write:packages"}
    admins = {"admin:org"}
    members = {"read:org", "write:org", "admin:org"}
    for path, wanted in (("", set()), ("user", set()), (f"orgs/{owner.org}/members", members),
                         (f"orgs/{owner.org}/robots", admins), (f"repos/{owner.org}/none", {"repo"}),
                         (f"orgs/{owner.org}/packages/container/none", {"read:packages", "write:packages"}),
                         ("admin/issuers", {"site_admin"})):
        assert scopes(ask(cluster, path, owner.token)) == (has, wanted), path
    few = cluster.new_token(owner.login, ["read:org"])
    answer = ask(cluster, f"orgs/{owner.org}/robots", few)
    refused(answer, 403, "scope admin:org")
    assert scopes(answer) == ({"read:org"}, admins)
    assert scopes(ask(cluster, "", cluster.new_token(owner.login, []))) == (set(), set())
    assert scopes(ask(cluster, "no/such/path", owner.token)) == (None, None)  # nobody is looked up for it


def test_who_has_no_scopes(cluster, owner):
    """Nobody, wrong tokens, and tokens that act for a repository: clients ask nothing then."""
    ok(owner.ask("POST", f"orgs/{owner.org}/repos", {"name": "site"}), 201)
    body = {"permissions": {"packages": "read"}}
    workflow = ok(owner.ask("POST", f"repos/{owner.org}/site/workflow-tokens", body), 201).json()["token"]
    for token, status in ((None, 200), ("nonsense", 401), (workflow, 200)):
        answer = ok(ask(cluster, "", token), status)
        assert scopes(answer) == (None, None), status
        assert answer.headers["X-GitHub-Request-Id"] == answer.headers["X-Request-Id"]
        assert answer.headers["X-GitHub-Api-Version-Selected"] == "2022-11-28"


def test_asked_again_when_nothing_has_changed(cluster, owner):
    path = f"orgs/{owner.org}/members?per_page=1"
    first = ok(ask(cluster, path, owner.token), 200)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"') and "no-cache" in first.headers["Cache-Control"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        answer = ask(cluster, path, owner.token, **{"If-None-Match": known})
        assert answer.status_code == 304 and answer.content == b"" and answer.headers["ETag"] == tag, known
        assert scopes(answer) == scopes(first)
    assert ok(ask(cluster, path, owner.token, **{"If-None-Match": '"other"'}), 200).json() == first.json()
    enroll(cluster, owner.org, Person(cluster).login)
    answer = ok(ask(cluster, path, owner.token, **{"If-None-Match": tag}), 200)
    assert answer.json() == first.json() and "next" in answer.links, "what stands in Link has changed"


def test_rights_come_before_conditions(cluster, owner):
    """A tag is no key: whoever may not see a thing any more is told so, and nothing else."""
    member = Person(cluster, ("read:org",))
    enroll(cluster, owner.org, member.login)
    path = f"orgs/{owner.org}/members"
    tag = {"If-None-Match": ok(ask(cluster, path, member.token), 200).headers["ETag"]}
    assert ask(cluster, path, member.token, **tag).status_code == 304
    ok(owner.ask("DELETE", f"{path}/{member.login}"), 204)
    for token, status in ((member.token, 404), (None, 401), ("nonsense", 401)):
        assert ask(cluster, path, token, **tag, **{"X-Try": "1"}).status_code == status
    assert ask(cluster, path, owner.token, method="POST", **tag).status_code == 405


def test_the_server_tells_of_itself(cluster, owner):
    for token in (None, owner.token):
        assert ok(ask(cluster, "", token), 200).json()["rate_limit_url"] == f"{cluster.url()}/api/v3/rate_limit"
        meta = ok(ask(cluster, "meta", token), 200).json()
        assert meta["verifiable_password_authentication"] is False and meta["installed_version"][0].isdigit()
        refused(ask(cluster, "rate_limit", token), 404, "Rate limiting is not enabled.")


def graphql(cluster, token, query, status=200):
    headers = {"Authorization": f"bearer {token}"} if token else {}
    return ok(requests.post(f"{cluster.url()}/api/graphql", json=query, headers=headers, timeout=120), status).json()


def test_who_am_i(cluster, owner):
    me = owner.get("user")
    said = graphql(cluster, owner.token, {"query": "query UserCurrent{viewer{login}}", "variables": None})
    assert said == {"data": {"viewer": {"login": owner.login}}}
    said = graphql(cluster, owner.token, {"query": "{viewer{databaseId name email id __typename createdAt}}"})
    assert said["data"]["viewer"] == {"databaseId": me["id"], "name": None, "email": me["email"], "id": me["node_id"],
                                      "__typename": "User", "createdAt": me["created_at"]}
    for query, words in (("{viewer{repositories}}", "'repositories' doesn't exist on type 'User'"),
                         ("{organization{login}}", "'organization' doesn't exist"), ("{viewer{login}", "Parse error"),
                         ("mutation{viewer{login}}", "no mutation"), (7, "must be a string"),
                         ("{viewer{login " + "#" * 20000 + "\n}}", "16 KiB")):
        [mistake] = graphql(cluster, owner.token, {"query": query})["errors"]
        assert words in mistake["message"], (query, mistake)
    for token in (None, "nonsense"):
        assert graphql(cluster, token, {"query": "{viewer{login}}"}, 401)["status"] == "401"
    broken = requests.post(f"{cluster.url()}/api/graphql", data=b"{", timeout=120,
                           headers={"Authorization": f"bearer {owner.token}"})
    assert json.loads(ok(broken, 400).text)["message"].startswith("Problems parsing JSON")
