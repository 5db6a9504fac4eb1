"""Clients that go away while it is looked up who they are: nobody else suffers; what was not allowed is not done."""

import base64
import collections
import json
import socket
import struct
from urllib.parse import urlsplit

import pytest

from harness.registry import digest_of, ok, random_bytes
from harness.routes import routes

pytestmark = pytest.mark.asan

TIMES = 15
STATE = """SELECT (SELECT count(*) FROM account WHERE deleted_at IS NULL), (SELECT count(*) FROM token),
    (SELECT count(*) FROM membership), (SELECT count(*) FROM package), (SELECT count(*) FROM upload),
    (SELECT count(*) FROM tag), (SELECT count(*) FROM manifest WHERE deleted_at IS NULL),
    (SELECT count(*) FROM package_blob WHERE deleted_at IS NULL), (SELECT count(*) FROM audit)"""


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, workers=1)
    yield made
    made.stop()


def request_of(method, path, user):
    secret = base64.b64encode(user.credentials.encode()).decode()
    body = json.dumps({"login": "made", "email": "made@example.org", "admin": user.login, "role": "admin",
                       "scopes": ["write:packages"], "enabled": True}) if method in ("POST", "PUT", "PATCH") else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def send_and_go(port, requests):
    """Requests one behind the other, and a reset while the first of them are served."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(requests)


def test_clients_gone_before_they_are_known(cluster):
    owner, stranger = cluster.new_user(), cluster.new_user()
    registry, name, layer = owner.registry(), f"{owner.login}/thing", random_bytes(100)
    manifest = registry.push_image(name, "v1", [layer])
    cluster.new_organization("acme", owner.login)
    session = urlsplit(registry.start_upload(name)).path.rsplit("/", 1)[1]
    parameters = collections.defaultdict(lambda: "1", {
        "name": name, "digest": digest_of(layer), "reference": digest_of(manifest), "session": session, "org": "acme",
        "username": owner.login, "owner": owner.login, "package_type": "container", "package_name": "thing"})
    before, workers = cluster.query(STATE), set(cluster.family())
    for method, pattern, right in routes():
        if right == "NOTHING":
            continue
        request = request_of(method, pattern.format_map(parameters), stranger)
        for number in range(TIMES):
            send_and_go(cluster.port, request * (number % 5 + 1))
        ok(registry.manifest(name, "v1"), 200)
        assert set(cluster.family()) == workers, (method, pattern)
    assert cluster.query(STATE) == before
