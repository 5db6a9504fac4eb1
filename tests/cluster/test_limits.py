"""What is over a limit is told the limit, and its session is gone; who is slow may go on where the session stands.

And who asks too often, as an account or from an address.
"""

import base64
import http.client
import json
import time

import pytest
import requests

from harness.registry import digest_of, ok, random_bytes
from harness.slow import Slow
from harness.whole import wait_for

pytestmark = pytest.mark.asan

MIB = 1 << 20
CALLER, ADDRESS = 300, 150  # requests a minute


@pytest.fixture(scope="module")
def cluster(start_cluster):
    made = start_cluster(storage=1, settings={
        "gateway.rate_per_caller": CALLER, "gateway.rate_per_address": ADDRESS, "gateway.trusted_proxies": "127.0.0.77",
        "gateway.blob_max": "9M", "gateway.blob_chunks": "5", "gateway.manifest_max": "64K",
        "gateway.progress_timeout": "1s", "gateway.upload_timeout": "4s"})
    yield made
    made.stop()


def refused(answer, status, code, words):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    error = answer.json()["errors"][0]
    assert error["code"] == code and words in error["message"], error


def gone(registry, place):
    refused(registry.call("GET", place), 404, "BLOB_UPLOAD_UNKNOWN", "unknown")


def pieces(data, size=65536):
    """A body of which the server is not told the length."""
    return (data[n:n + size] for n in range(0, len(data), size))


def range_of(answer):
    return int(answer.headers["Range"].split("-")[1]) + 1


@pytest.mark.parametrize("shape", ["told", "chunked", "later", "put", "whole"])
def test_blob(user, shape):
    name, registry, data = f"{user.login}/large", user.registry(), random_bytes(9 * MIB + 1)
    place = registry.start_upload(name)
    if shape == "told":
        answer = registry.call("PATCH", place, data=data)
    elif shape == "chunked":
        answer = registry.call("PATCH", place, data=pieces(data))
    elif shape == "later":
        ok(registry.call("PATCH", place, data=data[:5 * MIB]), 202)
        answer = registry.call("PATCH", place, data=data[5 * MIB:])
    elif shape == "put":
        answer = registry.finish_upload(place, data, digest_of(data))
    else:
        answer = registry.call("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data=data)
    refused(answer, 413, "SIZE_INVALID", str(9 * MIB))
    if shape != "whole":
        gone(registry, place)
    most = data[:-1]
    ok(registry.finish_upload(registry.start_upload(name), most, digest_of(most)), 201)


@pytest.mark.parametrize("last", ["PATCH", "PUT"])
def test_chunks(user, last):
    name, registry = f"{user.login}/crumbs", user.registry()
    place = registry.start_upload(name)
    for _ in range(5):
        ok(registry.call("PATCH", place, data=b"crumb"), 202)
    if last == "PATCH":
        refused(registry.call("PATCH", place, data=b"crumb"), 413, "SIZE_INVALID", "at most 5 chunks")
    else:
        refused(registry.finish_upload(place, b"crumb", digest_of(b"crumb" * 6)), 413, "SIZE_INVALID", "5 chunks")
    gone(registry, place)
    place = registry.start_upload(name)
    for _ in range(5):
        ok(registry.call("PATCH", place, data=b"crumb"), 202)
    ok(registry.finish_upload(place, b"", digest_of(b"crumb" * 5)), 201)


def test_manifest(user):
    answer = user.registry().put_manifest(f"{user.login}/much", "v1", b" " * (65 * 1024))
    refused(answer, 413, "SIZE_INVALID", "65536")


def test_nesting(user):
    answer = user.registry().put_manifest(f"{user.login}/deep", "v1", b'{"a":' * 32 + b"{}" + b"}" * 32)
    refused(answer, 413, "SIZE_INVALID", "at most 32")


def stalls(user, place, data, sent):
    slow = Slow(user, place, len(data))
    slow.send(data[:sent])
    return slow


def test_no_progress(user):
    """What came before the client fell silent is kept, to the byte."""
    name, registry, data = f"{user.login}/silent", user.registry(), random_bytes(6 * MIB)
    place = registry.start_upload(name)
    began = time.monotonic()
    answer = stalls(user, place, data, 5 * MIB + 77).answer()
    assert time.monotonic() - began > 0.9
    assert answer.status == 408 and f"byte {5 * MIB + 77}".encode() in answer.body
    assert b"no byte came for 1 s" in answer.body and answer.headers["Range"] == f"0-{5 * MIB + 76}"
    stands = range_of(ok(registry.call("GET", place), 204))
    assert stands == 5 * MIB + 77
    ok(registry.finish_upload(place, data[stands:], digest_of(data)), 201)
    assert ok(registry.blob(name, digest_of(data))).content == data


def test_too_long(user):
    """A client that always has another byte is stopped as well, and goes on with another request."""
    name, registry, data = f"{user.login}/drips", user.registry(), random_bytes(3 * MIB)
    place = registry.start_upload(name)
    began = time.monotonic()
    slow = stalls(user, place, data, MIB)
    sent = MIB
    while time.monotonic() - began < 60 and not slow.has_answer():
        sent += 1
        slow.send(data[sent - 1:sent])
        time.sleep(0.1)
    answer = slow.answer()
    assert time.monotonic() - began > 3.9
    assert answer.status == 408 and b"may take 4 s" in answer.body
    stands = range_of(ok(registry.call("GET", place), 204))
    assert MIB + 20 < stands <= sent and answer.headers["Range"] == f"0-{stands - 1}"
    ok(registry.finish_upload(place, data[stands:], digest_of(data)), 201)


# requests a minute


def until_refused(ask):
    """How many were allowed before the first that was not, and its answer."""
    for allowed in range(10 * CALLER):
        answer = ask()
        if answer.status_code == 429:
            return allowed, answer
    raise AssertionError("it is never too much")


def rest(cluster, token, path="user"):
    return requests.get(f"{cluster.url()}/api/v3/{path}", headers={"Authorization": f"token {token}"}, timeout=120)


def test_account(cluster, user):
    """Whatever token it shows, and at whichever worker; others go on, from the same address, too."""
    other_token = cluster.new_token(user.login, ["read:packages"])
    bearer = user.registry().call("GET", f"/token?scope=repository:{user.login}/x:pull").json()["token"]
    first = ok(rest(cluster, user.token), 200).headers
    assert (first["X-RateLimit-Limit"], first["X-RateLimit-Resource"]) == (str(CALLER), "core")
    assert int(first["X-RateLimit-Remaining"]) + int(first["X-RateLimit-Used"]) == CALLER
    assert int(first["X-RateLimit-Reset"]) > time.time() - 60

    def ask():  # over connections of its own, so that both workers are asked
        return user.registry().call("GET", "/v2/")

    state = ok(rest(cluster, user.token, "rate_limit"), 200)
    core = state.json()["resources"]["core"]
    assert core == state.json()["rate"] and core["limit"] == CALLER and core["used"] + core["remaining"] == CALLER
    again = ok(rest(cluster, user.token, "rate_limit"), 200)
    assert again.json()["rate"]["used"] <= core["used"], "asking for it costs nothing"
    assert int(again.headers["X-RateLimit-Remaining"]) >= core["remaining"]
    assert "RateLimit-Limit" in ok(ask(), 200).headers
    allowed, answer = until_refused(ask)
    assert allowed >= CALLER - 3
    refused(answer, 429, "TOOMANYREQUESTS", f"an account may make {CALLER} a minute")
    headers = answer.headers
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (str(CALLER), "0")
    assert headers["RateLimit-Policy"] == f"{CALLER};w=60" and int(headers["RateLimit-Reset"]) == 60
    assert int(headers["Retry-After"]) == 1

    def all_refused():  # unless one of them got the token of a fifth of a second
        until_refused(ask)
        answers = [rest(cluster, other_token), user.registry().call("GET", "/token"),
                   requests.get(cluster.url() + f"/v2/{user.login}/x/tags/list", timeout=120,
                                headers={"Authorization": f"Bearer {bearer}"})]
        if not all(answer.status_code == 429 for answer in answers):
            return False
        assert answers[0].json()["status"] == "429" and answers[0].headers["X-RateLimit-Remaining"] == "0"
        assert answers[0].headers["Retry-After"] == "1"
        return True

    wait_for("another credential of it may do more", all_refused)
    ok(cluster.new_user().registry().call("GET", "/v2/"), 200)
    wait_for("it may never ask again", lambda: ask().status_code == 200)
    assert cluster.metrics()['packhouse_gateway_rate_refusals_total{by="caller"}'] >= 4
    assert 'msg="too many requests a minute"' in cluster.log("gateway-1")


class Source:
    """Requests from one address, each over a connection of its own."""

    def __init__(self, cluster, address, *headers):
        self.port, self.address, self.headers = cluster.port, address, headers

    def ask(self, path="/v2/no/such/tags/list", *headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120, source_address=(self.address, 0))
        connection.putrequest("GET", path)
        for name, value in (*self.headers, *headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.status_code, answer.text = answer.status, answer.read().decode()
        connection.close()
        return answer

    def exhaust(self):
        allowed, answer = until_refused(self.ask)
        assert allowed >= ADDRESS - 1 and '"code":"TOOMANYREQUESTS"' in answer.text, answer.text
        assert f"an address may make {ADDRESS} a minute" in answer.text

    def is_refused(self, *question):
        """It is, unless tokens have come meanwhile: then once they are used."""
        return any(self.ask(*question).status == 429 for _ in range(50))


def test_address(cluster, user):
    """Of who shows no credential, or one that is none, wherever he goes; not of who shows a good one."""
    source = Source(cluster, "127.0.0.31")
    assert source.ask().headers["RateLimit-Remaining"] == str(ADDRESS - 1)
    source.exhaust()
    assert json.loads(source.ask("/api/v3/rate_limit").text)["rate"]["remaining"] < 50
    wrong = ("Authorization", "token nonsense")
    assert source.is_refused("/api/v3/rate_limit", wrong), "a wrong credential counts there, too"
    for question in (["/v2/no/such/path"], ["/token"], ["/v2/", ("Authorization", "Bearer nonsense")],
                     [f"/v2/{user.login}/x/tags/list"], ["/api/v3/"], ["/token", ("Authorization", "Basic eDp5")]):
        assert source.is_refused(*question), question
    assert all(source.ask("/v2/").status == 401 for _ in range(ADDRESS)), "what docker asks first is not counted"
    for path in ("/v2/", "/token", f"/v2/{user.login}/x/tags/list"):
        secret = base64.b64encode(user.credentials.encode()).decode()
        answer = source.ask(path, ("Authorization", f"Basic {secret}"))
        assert answer.status in (200, 404) and answer.headers["RateLimit-Limit"] == str(CALLER)
    assert Source(cluster, "127.0.0.32").ask().status == 401
    assert cluster.metrics()['packhouse_gateway_rate_refusals_total{by="address"}'] >= 7


def test_addresses_behind_a_proxy(cluster):
    def behind(client, *more):
        return Source(cluster, "127.0.0.77", *more, ("X-Forwarded-For", client))

    behind("192.0.2.9").exhaust()
    assert behind("198.51.100.1, 192.0.2.9").is_refused()
    assert behind("192.0.2.9", ("X-Forwarded-For", "198.51.100.2")).is_refused()
    assert Source(cluster, "127.0.0.77", ("Forwarded", "for=192.0.2.9:4711;proto=https")).is_refused()
    assert behind("192.0.2.10").ask().status == 401
    behind("2001:db8:1:2::1").exhaust()
    assert behind("[2001:db8:1:2:3:4:5:6]:80").is_refused() and behind("2001:db8:1:3::1").ask().status == 401
    assert Source(cluster, "127.0.0.33", ("X-Forwarded-For", "192.0.2.9")).ask().status == 401
    for _ in range(2 * ADDRESS):
        answer = Source(cluster, "127.0.0.77").ask()
        assert answer.status == 401 and "RateLimit-Limit" not in answer.headers


def test_wrong_passwords_behind_a_proxy(cluster):
    """They count for the address that it names: neither for the proxy's own, nor for those of other clients."""
    def attempt(login, source, client):
        connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=120, source_address=(source, 0))
        headers = {"Content-Type": "application/json", **({"X-Forwarded-For": client} if client else {})}
        connection.request("POST", "/api/v3/session", json.dumps({"login": login, "password": "wrong " * 3}), headers)
        status = connection.getresponse().status
        connection.close()
        return status

    proxy, login = "127.0.0.77", "who-forgot"
    assert [attempt(login, proxy, "192.0.2.70") for _ in range(11)] == [401] * 10 + [429]
    for client in ("192.0.2.71", "2001:db8::70", None):
        assert attempt(login, proxy, client) == 401, client
    assert attempt(login, proxy, "192.0.2.1, 192.0.2.70") == 429
    assert attempt(login, "127.0.0.78", "192.0.2.70") == 401, "nobody else's word counts"


def test_slow_storage_keeps_the_session(start_cluster):
    """No quorum: 503, and the session stands where it did."""
    cluster = start_cluster(storage=2, workers=1, settings={"gateway.storage_timeout": "1s"})
    user = cluster.new_user()
    name, registry, data = f"{user.login}/waits", user.registry(), random_bytes(6 * MIB)
    place = registry.start_upload(name)
    ok(registry.call("PATCH", place, data=data[:5 * MIB]), 202)
    cluster.kill("storage-2")
    answer = registry.call("PATCH", place, data=data[5 * MIB:])
    refused(answer, 503, "UNAVAILABLE", "try again")
    assert answer.headers["Retry-After"] == "5"
    assert range_of(ok(registry.call("GET", place), 204)) == 5 * MIB
    cluster.up()
    deadline = time.monotonic() + 120
    while True:
        stands = range_of(ok(registry.call("GET", place), 204))
        answer = registry.finish_upload(place, data[stands:], digest_of(data))
        if answer.status_code == 201:
            break
        assert answer.status_code == 503 and time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    assert ok(registry.blob(name, digest_of(data))).content == data
    cluster.stop()
