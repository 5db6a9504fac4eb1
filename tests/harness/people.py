"""People who ask REST, and what they are answered."""

import re

import requests

from harness.registry import ok

OWNER_SCOPES = ("write:packages", "delete:packages", "admin:org", "user")


class Person:
    """Somebody who asks REST with a token of his."""

    def __init__(self, cluster, scopes=OWNER_SCOPES):
        self.cluster = cluster
        self.user = cluster.new_user(scopes)
        self.login, self.token, self.registry = self.user.login, self.user.token, self.user.registry

    def ask(self, method, path, body=None, gateway=1):
        return requests.request(method, f"{self.cluster.url(gateway)}/api/v3/{path}", json=body, timeout=120,
                                headers={"Authorization": f"token {self.token}"})

    def get(self, path, status=200):
        return ok(self.ask("GET", path), status).json()


def refused(answer, status, words=""):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    assert words in answer.json()["message"], answer.text
    return answer.json()


def invalid(answer, field, code):
    [error] = refused(answer, 422, "Validation Failed")["errors"]
    assert (error["field"], error["code"]) == (field, code)


def links(answer):
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))}


def walk(person, path):
    """All elements, page by page, as clients follow the links."""
    answer, found = ok(person.ask("GET", path), 200), []
    while True:
        found += answer.json()
        if "next" not in links(answer):
            return found
        answer = ok(requests.get(links(answer)["next"], headers={"Authorization": f"token {person.token}"},
                                 timeout=120), 200)


def enroll(cluster, org, login, role="member"):
    return ok(cluster.admin("PUT", f"orgs/{org}/memberships/{login}", {"role": role}), 200)
