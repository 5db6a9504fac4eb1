"""Every answer of /api/v3 that a test gets is one that the gateway describes: gateway/openapi/README.md.

watch() looks at all that `requests` gets; what else speaks HTTP calls check(). The document lets additional fields
pass, as clients must; here an object with described properties has no others.
"""

import copy
import functools
import json
import re
import threading
from urllib.parse import urlsplit

import jsonschema
import requests

from . import openapi_document

PREFIX = "/api/v3"


class Undescribed(AssertionError):
    """An answer that the document does not know."""


def close(schema, part_of_all=False):
    """Forbids what is not described, in place; a part of allOf is closed together with the others."""
    if isinstance(schema, list):
        for one in schema:
            close(one, part_of_all)
        return
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key == "allOf":
            close(value, True)
        elif key in ("properties", "patternProperties", "$defs"):
            for one in value.values():
                close(one)
        elif key in ("anyOf", "oneOf"):
            close(value, part_of_all)
        elif key in ("items", "additionalProperties", "prefixItems"):
            close(value)
    if part_of_all:
        if "$ref" in schema:
            schema["$ref"] = schema["$ref"].replace("#/components/schemas/", "#/components/open/")
    elif "allOf" in schema:
        schema.setdefault("unevaluatedProperties", False)
    elif "properties" in schema:
        schema.setdefault("additionalProperties", False)


def closed(document):
    """A copy in which schemas are closed; components/open has those that others are composed of."""
    document = copy.deepcopy(document)
    components = document.get("components", {})
    components["open"] = copy.deepcopy(components.get("schemas", {}))
    for schema in components["open"].values():
        close(schema, True)
    for schema in components.get("schemas", {}).values():
        close(schema)
    for _path, _method, operation, _item in openapi_document.operations(document):
        for answer in operation["responses"].values():
            for content in openapi_document.resolved(document, answer).get("content", {}).values():
                close(content.get("schema", {}))
    return document


class Description:
    def __init__(self, document):
        self.document = closed(document)
        self.resolver = jsonschema.RefResolver("", self.document)
        self.lock = threading.Lock()  # of the resolver, which is for one at a time
        self.paths = []
        for path in document["paths"]:
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
            self.paths.append((re.compile(pattern + ("?" if path == "/" else "")), path))
        # The words of a path before its parameters: /users/blocks is not /users/{username}.
        self.paths.sort(key=lambda pair: [word.startswith("{") for word in pair[1].split("/")])

    def resolve(self, node):
        return openapi_document.resolved(self.document, node)

    def find(self, method, path):
        """(the path as it is described, the operation), None for what is not."""
        for pattern, name in self.paths:
            if pattern.fullmatch(path):
                return name, self.document["paths"][name].get(method.lower())
        return None, None

    def validate(self, schema, value, what):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        with self.lock:
            errors = list(validator.iter_errors(value))
        if errors:
            # A field that is wrong counts as unevaluated, too: what is wrong with it says more.
            wrong = [error for error in errors if error.validator != "unevaluatedProperties"] or errors
            worst = jsonschema.exceptions.best_match(wrong)
            place = "/".join(map(str, worst.absolute_path))
            raise Undescribed(f"{what}: not as described, at /{place}: {worst.message[:600]}")

    def check(self, method, path, status, headers, body):
        """headers: a mapping that ignores case. Raises Undescribed."""
        name, operation = self.find(method, path)
        what = f"{method} {PREFIX}{path}: {status} {body[:300]!r}"
        if operation is None:
            if status < 400:
                raise Undescribed(f"{what}: no operation of {name or 'any path'} is described")
            if body and headers.get("Content-Type", "").startswith("application/json"):
                self.validate({"$ref": "#/components/schemas/Error"}, json.loads(body), what)
            return
        answer = operation["responses"].get(str(status))
        if answer is None:
            raise Undescribed(f"{what}: this status is not described")
        answer = self.resolve(answer)
        for header, described in answer.get("headers", {}).items():
            self.check_header(header, self.resolve(described), headers, what)
        self.check_body(answer.get("content", {}), headers.get("Content-Type", ""), body, what)

    def check_header(self, name, described, headers, what):
        if headers.get(name) is not None:
            self.validate(described.get("schema", {}), headers[name], f"{what}: header {name}")
        elif described.get("required"):
            raise Undescribed(f"{what}: header {name} is missing")

    def check_body(self, content, media, body, what):
        if not content:
            if body:
                raise Undescribed(f"{what}: no body is described")
            return
        media = media.split(";")[0].strip()
        if media not in content:
            raise Undescribed(f"{what}: a body of type {media!r} is not described")
        if media == "application/json":
            self.validate(content[media].get("schema", {}), json.loads(body), what)
        elif media == "application/x-ndjson":
            for line in body.splitlines():
                self.validate(content[media].get("schema", {}), json.loads(line), what)


@functools.cache
def description():
    return Description(openapi_document.load())


def check(method, url, status, headers, body):
    """For any URL: what is not of /api/v3 is not looked at."""
    path = urlsplit(url).path
    if path == PREFIX or path.startswith(PREFIX + "/"):
        description().check(method, path[len(PREFIX):] or "/", status, headers, body)


def watch():
    """From now on every answer that `requests` gets is checked, unless it is streamed: then who reads it may check."""
    send = requests.Session.send

    @functools.wraps(send)
    def checked(self, request, **options):
        answer = send(self, request, **options)
        if not options.get("stream"):
            check(request.method, request.url, answer.status_code, answer.headers, answer.content)
        return answer

    requests.Session.send = checked
