"""The description of /api/v3 is served, and an answer that it does not know is noticed (harness/openapi.py)."""

import copy
import json

import pytest
import requests

from harness import openapi, openapi_document
from harness.registry import ok

SHARES_CLUSTER = True

PATH = "/api/v3/openapi.json"


def test_it_is_served(cluster):
    for gateway in (1, 2):
        answer = ok(cluster.anonymous(gateway).call("GET", PATH), 200)
        served = answer.json()
        served["info"].pop("version")
        assert served == openapi_document.load()
        again = cluster.anonymous(gateway).call("GET", PATH, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304 and again.content == b"" and again.headers["ETag"] == answer.headers["ETag"]
        assert cluster.anonymous(gateway).call("GET", PATH, headers={"If-None-Match": '"x"'}).status_code == 200


def test_each_answer_is_looked_at(cluster, user, monkeypatch):
    """Whoever asks, with whatever of the harness: here for a field that is not described."""
    document = copy.deepcopy(openapi_document.load())
    document["components"]["schemas"]["Account"]["properties"].pop("gravatar_id")
    document["components"]["schemas"]["Account"]["required"].remove("gravatar_id")
    monkeypatch.setattr(openapi, "description", lambda: openapi.Description(document))
    for ask in (lambda: user.registry().call("GET", "/api/v3/user"),
                lambda: cluster.admin("GET", f"users/{user.login}"),
                lambda: requests.get(f"{cluster.url()}/api/v3/user", auth=(user.login, user.token), timeout=60)):
        with pytest.raises(openapi.Undescribed, match="gravatar_id"):
            ask()


ERROR = {"message": "m", "documentation_url": "/api/v3", "status": "404"}
JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture(name="described")
def a_description():
    """Of one path, with an object that is composed of two."""
    part = {"type": "object", "required": ["a"],
            "properties": {"a": {"type": "integer"}, "inner": {"$ref": "#/components/schemas/Inner"}}}
    whole = {"allOf": [{"$ref": "#/components/schemas/Part"}, {"properties": {"b": {"type": "string"}}}]}
    answer = {"headers": {"ETag": {"required": True, "schema": {"type": "string", "pattern": "^x"}}},
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Whole"}},
                          "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/Part"}}}}
    components = openapi_document.load()["components"]
    components["schemas"].update(Part=part, Whole=whole, Inner={"properties": {"c": {"type": "null"}}})
    operation = {"responses": {"200": answer, "204": {}, "404": {"$ref": "#/components/responses/NotFound"}}}
    return openapi.Description({"components": components, "paths": {"/things/{thing}": {"get": operation}}})


def verdict(described, status, headers, body, path="/things/a%2Fb", method="GET"):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        described.check(method, path, status, requests.structures.CaseInsensitiveDict(headers), text)
    except openapi.Undescribed as wrong:
        return str(wrong)
    return None


def test_what_is_described_passes(described):
    good = {**JSON, "etag": "x1"}
    assert verdict(described, 200, good, {"a": 1}) is None
    assert verdict(described, 200, good, {"a": 1, "b": "", "inner": {"c": None}}) is None
    assert verdict(described, 200, {"ETag": "x", "Content-Type": "application/x-ndjson"}, b'{"a":1}\n{"a":2}\n') is None
    assert verdict(described, 204, {}, b"") is None
    assert verdict(described, 404, JSON, ERROR) is None
    assert verdict(described, 404, JSON, ERROR, path="/no/such") is None
    assert verdict(described, 405, JSON, ERROR, method="PUT") is None


@pytest.mark.parametrize("body, word", [
    ({}, "'a' is a required"), ({"a": "1"}, "integer"), ({"a": 1, "x": 2}, "Unevaluated"),
    ({"a": 1, "inner": {"c": None, "d": 1}}, "'d' was unexpected"), ([], "object")])
def test_bodies_that_are_not(described, body, word):
    assert word in (verdict(described, 200, {**JSON, "ETag": "x"}, body) or "")


@pytest.mark.parametrize("status, headers, body, word", [
    (200, JSON, {"a": 1}, "ETag is missing"),
    (200, {**JSON, "ETag": "y"}, {"a": 1}, "header ETag: not as described"),
    (200, {"Content-Type": "text/html", "ETag": "x"}, b"a", "'text/html' is not described"),
    (200, {"Content-Type": "application/x-ndjson", "ETag": "x"}, b'{"a":1}\n{"b":2}\n', "'a' is a required"),
    (204, JSON, {}, "no body is described"),
    (409, JSON, ERROR, "this status is not described"),
    (404, JSON, {**ERROR, "status": 404}, "404"),
    (404, JSON, {**ERROR, "detail": ""}, "detail")])
def test_answers_that_are_not(described, status, headers, body, word):
    assert word in (verdict(described, status, headers, body) or "")


def test_operations_that_are_not(described):
    assert "no operation" in verdict(described, 200, JSON, {}, path="/things")
    assert "no operation" in verdict(described, 200, JSON, {}, method="DELETE")
    assert "required" in verdict(described, 404, JSON, {"message": "m"}, path="/things")
