"""Who may include whom: the rooms' arrows point downwards only, and each foreign API has its one place."""

import re

BASE = {"proto/base"}
MODEL = BASE | {"proto/model"}
WIRE = MODEL | {"proto/wire"}
CLIENT = WIRE | {"storage/client"}
LIBRARY = WIRE | {"metadb"}

# room: the rooms it may include from
ARROWS = {
    "proto/base": BASE,
    "proto/model": MODEL,
    "proto/wire": WIRE,
    "storage/client": CLIENT,
    "metadb": LIBRARY,
    "storage/daemon": CLIENT | {"storage/daemon"},
    "metadb/keeper": CLIENT | LIBRARY | {"metadb/keeper"},
    "gateway": CLIENT | LIBRARY | {"gateway"},
}

# header of a foreign library: the files that may include it
FOREIGN = [
    (r"libpq-fe\.h|libpq/.*|pg_config.*", r"metadb/pg_\w+\.[ch]|tests/db/.*"),
    (r"zmq\.h|zmq_utils\.h", r"proto/base/zsock\.c"),
    (r"event2/(event|util|thread|event_struct|buffer)\.h", r"proto/base/(loop|probe)\.c"),
    (r"event2/(bufferevent.*|buffer)\.h", r"gateway/(http_\w+|tls)\.[ch]|proto/base/probe\.c"),
    (r"event2/(http.*|keyvalq.*)\.h", r"proto/base/probe\.c"),
    (r"event2/.*", r"proto/base/(loop|probe)\.c|gateway/(http_\w+|tls)\.[ch]"),
    (r"http_parser\.h", r"gateway/http_\w+\.[ch]"),
    (r"nghttp2/.*", r"gateway/http2_session\.c"),
    (r"protobuf-c/.*|.*\.pb-c\.h", r"proto/wire/.*"),
    (r"lmdb\.h", r"storage/daemon/index_lmdb\.c"),
    (r"curl/.*", r"metadb/keeper/.*|gateway/fetch\.c"),
    (r"jansson\.h", r"(gateway|metadb)/.*|tests/.*"),
    (r"cmocka\.h", r"tests/.*"),
    (r"ucontext\.h", r"proto/base/task\w*\.[ch]"),
    (r"openssl/ssl\.h", r"gateway/(transport_)?tls\.[ch]"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def room_of(path):
    for room in sorted(ARROWS, key=len, reverse=True):
        if path.startswith(room + "/"):
            return room
    return None


def check(tree):
    for path in tree.select(".c", ".h"):
        for number, line in tree.lines(path):
            found = INCLUDE.match(line)
            if found is None:
                continue
            own, name = found.group(1) == '"', found.group(2)
            for text in complaints(tree, path, own, name):
                yield path, number, text


def complaints(tree, path, own, name):
    places = [place for header, place in FOREIGN if re.fullmatch(header, name)]
    if places:
        if not any(re.fullmatch(place, path) for place in places):
            yield f"{name} may be included by {' and '.join(places)} only: call that file's functions instead"
    elif own:
        yield from own_complaints(tree, path, name)


def own_complaints(tree, path, name):
    here, there = room_of(path), room_of(name)
    if name not in tree.paths:
        yield f'"{name}" is no file of this project: name own headers by their path from the root, others with <>'
    elif here is not None and there not in ARROWS[here]:
        yield f"{here} may not include from {there or 'there'}: arrows between rooms point downwards (proto/README.md)"
