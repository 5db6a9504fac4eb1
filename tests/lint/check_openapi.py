"""The description of /api/v3: each route with each method is an operation there, and it is sound in itself."""

import importlib
import pathlib
import re
import sys

PREFIX = "/api/v3"
FOLDER = "gateway/openapi"


def check(tree):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
    document_of = importlib.import_module("harness.openapi_document")
    routes = importlib.import_module("harness.routes").routes()
    try:
        document = document_of.load()
    except document_of.Broken as broken:
        yield f"{FOLDER}/{broken.args[0]}", 1, broken.args[1]
        return
    yield from compare(document_of.operations(document), routes)
    yield from references(document_of, document)
    yield from parameters(document_of, document)
    yield from answers(document_of, document)


def compare(operations, routes):
    known = {(method, path[len(PREFIX):]) for method, path, _right in routes if path.startswith(PREFIX)}
    described = {(method.upper(), path) for path, method, _operation, _item in operations}
    for method, path in known - described:
        yield f"{FOLDER}/README.md", 1, f"{method} {PREFIX}{path} is in the route table: describe it in a fragment"
    for method, path in described - known:
        yield f"{FOLDER}/README.md", 1, f"{method} {PREFIX}{path} is described: the route table does not have it"


def references(document_of, document):
    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)

    for pointer in set(walk(document)):
        try:
            document_of.follow(document, pointer)
        except KeyError:
            yield f"{FOLDER}/README.md", 1, f"{pointer} leads nowhere"


def parameters(document_of, document):
    """Each {word} of a path is a required parameter, and there are no others."""
    for path, method, operation, item in document_of.operations(document):
        named = set(re.findall(r"\{(\w+)\}", path))
        told = []
        for one in [*item.get("parameters", []), *operation.get("parameters", [])]:
            try:
                told.append(document_of.resolved(document, one))
            except KeyError:
                continue
        found = {one["name"] for one in told if one["in"] == "path" and one.get("required") is True}
        for word in named ^ found:
            yield (f"{FOLDER}/README.md", 1,
                   f"{method} {path}: {word} is a word of the path or a parameter, and must be both")


def answers(document_of, document):
    seen = set()
    for path, method, operation, _item in document_of.operations(document):
        what = f"{method} {path}"
        name = operation.get("operationId")
        if not name or name in seen:
            yield f"{FOLDER}/README.md", 1, f"{what}: give it an operationId of its own"
        seen.add(name)
        if not operation.get("summary"):
            yield f"{FOLDER}/README.md", 1, f"{what}: give it a summary"
        if not any(status.startswith("2") for status in operation["responses"]):
            yield f"{FOLDER}/README.md", 1, f"{what}: which answer says that it is done?"
