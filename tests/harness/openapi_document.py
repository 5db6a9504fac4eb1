"""The description of /api/v3, merged from its fragments as the gateway does it, but by itself."""

import copy
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "gateway/openapi"
METHODS = ("get", "head", "post", "put", "patch", "delete")


class Broken(Exception):
    """A fragment that cannot be used: (file name, what is wrong)."""


def no_duplicates(pairs):
    keys = [key for key, _value in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"{twice.pop()} stands twice in one object")
    return dict(pairs)


def read(path):
    try:
        fragment = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_duplicates)
    except ValueError as error:
        raise Broken(path.name, f"is no JSON: {error}") from error
    if not isinstance(fragment, dict):
        raise Broken(path.name, "is no object")
    return fragment


def merge(into, part, levels, name):
    for key, value in part.items():
        if key not in into:
            into[key] = value
        elif levels and isinstance(into[key], dict) and isinstance(value, dict):
            merge(into[key], value, levels - 1, name)
        else:
            raise Broken(name, f"{key} stands in another fragment as well")


def operations(document):
    """(path, method, operation, what stands beside it) of each."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method], item


def expanded(paths, owners):
    """A path that begins with {owner} stands for one below each of them."""
    found = {}
    for path, item in paths.items():
        if not path.startswith("{owner}"):
            found[path] = item
            continue
        for name, owner in owners.items():
            copied = copy.deepcopy(item)
            copied["parameters"] = [*owner["parameters"], *item.get("parameters", [])]
            for method in METHODS:
                if "operationId" in copied.get(method, {}):
                    copied[method]["operationId"] += f"-{name}"
            found[owner["path"] + path.removeprefix("{owner}")] = copied
    return found


def load(folder=FOLDER):
    document = {}
    for path in sorted(folder.glob("*.json")):
        merge(document, read(path), 2, path.name)
    document["paths"] = expanded(document["paths"], document.pop("x-owners"))
    every, body, get = (document.pop(f"x-every-{what}", {}) for what in ("operation", "body", "get"))
    for _path, method, operation, _item in operations(document):
        also = {**every, **(body if "requestBody" in operation else {}), **(get if method == "get" else {})}
        operation["responses"] = {**also, **operation.get("responses", {})}
    return document


def follow(document, pointer):
    """What a $ref of this document leads to; KeyError."""
    place = document
    if not pointer.startswith("#/"):
        raise KeyError(pointer)
    for word in pointer[2:].split("/"):
        place = place[word.replace("~1", "/").replace("~0", "~")]
    return place


def resolved(document, node):
    while "$ref" in node:
        node = follow(document, node["$ref"])
    return node
