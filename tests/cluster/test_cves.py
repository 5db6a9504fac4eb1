"""Mistakes that other registries made, one test for each kind, named by it; the numbers are theirs.

Kinds that another test has already:

    CVE-2026-27771   private for the pages only      test_routes.py, test_errors.py
    CVE-2025-68944   a bearer lost its token's scope test_errors.py test_bearer_never_exceeds_its_credential
    CVE-2026-41888   one route forgot the mode       test_admin_api.py test_read_only_stops_every_change_and_no_pull
    CVE-2021-41190   layers and manifests in one     test_protocol.py test_manifests_that_are_refused
    CVE-2024-39897   mount of what is not readable   test_protocol.py test_mount_reads_only_what_the_caller_may_read
    (of zot, 2026)   ?tag= without the right         test_protocol.py test_tags_need_the_right_to_push
    CVE-2025-23208   a group left, a right kept      test_admin_api.py test_members_push_at_once_and_not_after
    CVE-2022-31667   an id of something else's       test_routes.py, test_errors.py test_session_of_somebody_else
    CVE-2024-22278   a weaker right on a side route  test_routes.py
    CVE-2022-46463   a public list of all            test_protocol.py test_catalog
    CVE-2026-32589   somebody else's upload          test_errors.py test_session_of_somebody_else
    (of GitLab)      HTML on an unknown path         test_protocol.py test_every_unknown_path_is_a_registry_error
    (of zot, 2026)   bodies and heads without bounds test_limits.py, test_gateway.py
    (of any proxy)   forwarded headers of anybody    test_protocol.py test_urls_without_a_trusted_proxy_are_relative
    (of any server)  headers that a manifest writes  test_protocol.py test_type_of_a_manifest_is_no_header
    (of C)           a client that goes away         test_uploads.py; nested JSON: test_limits.py test_nesting

There is nothing here yet that would mirror, redirect, call out, unpack, verify signatures, match patterns of users or
keep tags for ever: kinds that need one of these have no test.
"""

import base64
import hashlib
import http.client
import json
import re
import socket
import time
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from harness.bearer import Mint, opened, part
from harness.registry import INDEX, MANIFEST, descriptor, digest_of, manifest_of, ok, random_bytes
from harness.whole import wait_for

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

NOWHERE = "sha256:" + "0" * 64


def raw(cluster, method, path, headers=None, body=None, gateway=1):
    """The path goes as it stands here, with its dots. Status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(cluster.url(gateway)).netloc, timeout=120)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode(user.credentials.encode()).decode()}


def bearer_of(user, *scopes):
    query = urlencode([("scope", scope) for scope in scopes])
    return ok(user.registry().call("GET", f"/token?{query}"), 200).json()["token"]


def shows(cluster, path, bearer):
    """Status of a GET with this bearer."""
    return cluster.anonymous().call("GET", path, headers={"Authorization": f"Bearer {bearer}"}).status_code


def push_private(user):
    """(package, its manifest's bytes, its layer)."""
    layer = random_bytes(3000)
    return f"{user.login}/private", user.registry().push_image(f"{user.login}/private", "v1", [layer]), layer


@pytest.fixture(scope="module")
def owner(cluster):
    return cluster.new_user()


@pytest.fixture(scope="module")
def private(owner):
    """The owner's package, which no test here changes."""
    return push_private(owner)


@pytest.fixture(scope="module")
def stranger(cluster):
    return cluster.new_user()


# numbers


@pytest.fixture(scope="module")
def tagged(cluster, owner):
    """A package with 1001 tags."""
    owner.registry().push_image(f"{owner.login}/tagged", "t1", [random_bytes(20)])
    [(package,)] = cluster.query("SELECT p.id FROM package p JOIN account a ON a.id = p.namespace_id"
                                 " WHERE p.name = 'tagged' AND a.login = %s", owner.login)
    cluster.query("INSERT INTO tag (package_id, name, manifest_id, updated_by)"
                  " SELECT package_id, 't' || n, manifest_id, updated_by FROM tag t, generate_series(2, 1001) n"
                  " WHERE t.name = 't1' AND package_id = %s RETURNING name", package)
    return f"{owner.login}/tagged"


@pytest.mark.parametrize("n", ["1001", "2147483648", "9223372036854775807", "18446744073709551617", "9" * 400])
def test_huge_page(owner, tagged, n):
    """CVE-2023-2253 (distribution): a page of n was allocated before anything was read."""
    answer = ok(owner.registry().call("GET", f"/v2/{tagged}/tags/list?n={n}"), 200)
    assert len(answer.json()["tags"]) == 1000 and "&n=1000>" in answer.headers["Link"]
    answer = ok(owner.registry().call("GET", f"/v2/_catalog?n={n}"), 200)
    assert tagged in answer.json()["repositories"] or "&n=1000>" in answer.headers["Link"]


@pytest.mark.parametrize("value", [
    "bytes=0-18446744073709551616", "bytes=18446744073709551615-", "bytes=-18446744073709551616",
    "bytes=9223372036854775807-9223372036854775808", "bytes=-9223372036854775808",
    "bytes=4294967296-4294967297", "bytes=0-9223372036854775807",
])
def test_range_arithmetic(owner, private, value):
    """Of programs in C: offsets that overflow read what lies beside."""
    name, _manifest, layer = private
    answer = owner.registry().blob(name, digest_of(layer), headers={"Range": value})
    assert answer.status_code in (200, 206, 416), answer.text[:300]
    if answer.status_code == 206:
        assert answer.content == layer and answer.headers["Content-Range"] == "bytes 0-2999/3000"
    elif answer.status_code == 200:
        assert answer.content == layer


@pytest.mark.parametrize("value", ["0-18446744073709551615", "18446744073709551615-18446744073709551615",
                                   "9223372036854775807-9223372036854775806", "-1-2", "0--1", "1e3-2e3"])
def test_content_range_arithmetic(owner, value):
    """Of programs in C: a part that claims to end where no number is."""
    registry = owner.registry()
    place = registry.start_upload(f"{owner.login}/parts")
    answer = registry.call("PATCH", place, data=b"12345", headers={"Content-Range": value})
    assert answer.status_code in (400, 416), answer.text
    assert ok(registry.call("GET", place), 204).headers["Range"] == "0-0"
    ok(registry.finish_upload(place, b"12345", digest_of(b"12345")), 201)


# requests within requests


def smuggled():
    """(what the outer request says of its body, the body): each ends elsewhere for a reader less strict."""
    hidden = b"GET /v2/_catalog HTTP/1.1\r\nHost: hidden\r\n\r\n"
    chunk = b"0\r\n\r\n" + hidden
    return [
        ("Content-Length: 5\r\nContent-Length: 0\r\n", hidden),
        ("Content-Length: 5, 0\r\n", hidden),
        ("Content-Length: +0\r\n", hidden),
        ("Content-Length: 0x0\r\n", hidden),
        ("Content-Length: 18446744073709551616\r\n", hidden),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunk),
        ("Transfer-Encoding: xchunked\r\n", chunk),
        ("Transfer-Encoding: chunked, identity\r\n", chunk),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunk),
        ("Transfer-Encoding:\x0bchunked\r\n", chunk),
        ("Transfer-Encoding: chunked\r\n", b"10000000000000000\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", b"-1\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", b"0x5\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", b"5\nhello\n0\n\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", b"1\r\nxyz\r\n" + chunk),
    ]


@pytest.mark.parametrize("number", range(len(smuggled())))
def test_request_smuggling(cluster, owner, number):
    """Of proxies and servers that disagree where a body ends: what follows must not be taken for a request."""
    fields, body = smuggled()[number]
    secret = basic(owner)["Authorization"]
    head = f"PATCH /v2/{owner.login}/x/blobs/uploads/{'0' * 8} HTTP/1.1\r\nHost: a\r\nAuthorization: {secret}\r\n"
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=120) as connection:
        connection.sendall(f"{head}{fields}\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    answers = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
    assert len(answers) == 1 and answers[0] in (b"400", b"404", b"501"), answer
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("text", ["%0d%0aX-Split:%20yes", "a%0d%0a%0d%0aHTTP/1.1%20200%20OK", "%00", "%0a",
                                  "%01"])
def test_response_splitting(cluster, owner, text):
    """Names come back in Location, Link and challenges: none of them ends a line."""
    for path in (f"/v2/{owner.login}/{text}/tags/list", f"/v2/{owner.login}/a/manifests/{text}",
                 f"/v2/{owner.login}/a/blobs/uploads/?mount={NOWHERE}&from={text}", f"/v2/_catalog?last={text}",
                 f"/token?service={text}&scope={text}&account={text}", f"/api/v3/users/{text}"):
        for method, headers in (("GET", {}), ("GET", basic(owner)), ("POST", basic(owner))):
            status, answered, _body = raw(cluster, method, path, headers)
            assert status < 500 and "X-Split" not in answered, (method, path, status)


# names


TRAVERSALS = [
    "/v2/../../../etc/passwd", "/v2/../v2/", "/v2/./_catalog/..", "/v2/%2e%2e/%2e%2e/manifests/v1", "//v2/",
    "/v2/{name}/../../{name}/manifests/v1", "/v2/{name}/%2e%2e/private/manifests/v1", "/v2/..%2f..%2fetc/tags/list",
    "/v2/{name}%2f..%2fprivate/tags/list", "/v2/{name}/blobs/..%2f..%2f..%2fetc%2fpasswd",
    "/v2/{name}/blobs/../{digest}", "/v2/{name}/blobs/sha256:../../../etc/passwd",
    "/v2/{name}/blobs/sha256:..%2f..%2fetc%2fpasswd",
    "/v2/{name}/manifests/..%2fv1", "/v2/{name}/manifests/../v1", "/v2/{name}/manifests/..",
    "/v2/{name}/blobs/uploads/..%2f..%2fetc", "/v2/{name}/blobs/uploads/../{digest}", "/v2/{name}\\..\\x/tags/list",
    "/v2/{name}%00/tags/list", "/v2/{name}/referrers/..%2f{digest}", "/api/v3/users/..%2fadmin", "/api/v3/../../v2/",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_path_traversal(cluster, owner, private, path):
    """Of registries that made file names of names and digests: dots are no way up."""
    name, _manifest, layer = private
    path = path.format(name=name, digest=digest_of(layer))
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        status, headers, body = raw(cluster, method, path, basic(owner), b"" if method in ("PUT", "POST") else None)
        assert status in (400, 404, 405), (method, path, status, body)
        assert method == "HEAD" or b"root:" not in body
        if path.startswith("/v2/") and method != "HEAD":
            assert headers["Content-Type"] == "application/json" and json.loads(body)["errors"], (method, path)


@pytest.mark.parametrize("digest", [
    "SHA256:{hex}", "sha256:{HEX}", "sha256-{hex}", "sha512:{hex}", "sha256:{hex}00", "sha256:{hex63}", "sha384:{hex}",
    "md5:{hex}", "sha256:{hex}%20", "%20sha256:{hex}", "sha256+b64:{hex}", "sha256:sha256:{hex}", ":{hex}", "{hex}"])
def test_digest_confusion(owner, private, digest):
    """Of registries with several algorithms: only the digest that was verified names the bytes."""
    name, _manifest, layer = private
    hexa = digest_of(layer)[7:]
    digest = digest.format(hex=hexa, HEX=hexa.upper(), hex63=hexa[:-1])
    registry = owner.registry()
    for method in ("GET", "HEAD", "DELETE"):
        assert registry.call(method, f"/v2/{name}/blobs/{digest}").status_code in (400, 404), (method, digest)
    answer = registry.call("POST", f"/v2/{owner.login}/other/blobs/uploads/?mount={digest}&from={name}")
    assert answer.status_code == 400, digest
    answer = registry.call("PUT", registry.start_upload(name) + f"&digest={digest}", data=layer)
    assert answer.status_code == 400, digest


def test_sha512_of_the_same_bytes_is_another_blob(owner, private):
    """Bytes that were pushed by one algorithm are not there by the other until that was verified as well."""
    name, _manifest, layer = private
    other, registry = "sha512:" + hashlib.sha512(layer).hexdigest(), owner.registry()
    assert not registry.has_blob(name, other)
    wrong = json.loads(manifest_of(b"{}", []))
    wrong["layers"] = [{**descriptor(layer, "text/plain"), "digest": other}]
    registry.push_blob(name, b"{}")
    answer = registry.put_manifest(name, "v2", json.dumps(wrong).encode())
    assert answer.status_code == 404 and answer.json()["errors"][0]["detail"] == {"digest": other}


@pytest.mark.parametrize("text", ["'", "' OR 1=1 --", "\"; DROP TABLE package; --", "\\'; SELECT pg_sleep(9); --", "$1",
                                  "%27%3B--", "{a,b}", "a'||'b"])
def test_sql_in_parameters(cluster, owner, private, text):
    """CVE-2025-30086 (Harbor): parameters of lists reached the database as they came."""
    name, manifest, _layer = private
    registry = owner.registry()
    before = cluster.query("SELECT count(*) FROM account")
    answer = registry.call("GET", f"/v2/{name}/referrers/{digest_of(manifest)}", params={"artifactType": text})
    assert ok(answer, 200, 400).json().get("manifests", []) == []
    for path in (f"/v2/{name}/tags/list", "/v2/_catalog"):
        for parameter in ("last", "n"):
            assert registry.call("GET", path, params={parameter: text}).status_code == 400
    quoted = urlencode({"": text})[1:]
    for path in (f"/v2/{name}/manifests/{quoted}", f"/v2/{name}/blobs/{quoted}", f"/v2/{name}/blobs/uploads/{quoted}",
                 f"/v2/{owner.login}/{quoted}/tags/list", f"/api/v3/users/{quoted}", f"/api/v3/orgs/{quoted}"):
        status, _headers, body = raw(cluster, "GET", path, basic(owner))
        assert status in (400, 404), (path, status, body)
    assert cluster.admin("POST", "admin/users", {"login": text}).status_code == 422
    assert cluster.query("SELECT count(*) FROM account") == before


# what a digest opens


def test_digest_of_another_package(private, stranger):
    """CVE-2024-39897 (zot) and its like: one store for all bytes, and a stranger who knows every digest."""
    name, manifest, layer = private
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(manifest, MANIFEST)]}).encode()
    config = json.loads(manifest)["config"]["digest"]
    registry, mine = stranger.registry(), f"{stranger.login}/mine"
    registry.push_image(mine, "v1", [b"a stranger's"])
    for digest in (digest_of(layer), config, digest_of(manifest)):
        assert registry.blob(mine, digest).status_code == 404 and not registry.has_blob(mine, digest)
        assert registry.blob(name, digest).status_code == 403
        start = registry.call("POST", f"/v2/{mine}/blobs/uploads/?digest={digest}", data=b"")
        assert start.status_code == 400
        assert registry.finish_upload(registry.start_upload(mine), b"", digest).status_code == 400
    for reference in (digest_of(manifest), digest_of(index)):
        assert registry.manifest(mine, reference).status_code == 404
    for data, media in ((manifest, MANIFEST), (index, INDEX)):
        answer = registry.put_manifest(mine, "stolen", data, media)
        assert answer.status_code == 404 and answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    answer = ok(registry.call("GET", f"/v2/{mine}/referrers/{digest_of(manifest)}"), 200)
    assert answer.json()["manifests"] == [] and registry.tags(mine) == ["v1"]


def test_deleted_here_and_read_there(cluster, user):
    """CVE-2026-35172 (distribution): the cache that another package had filled gave a deleted blob."""
    layer = random_bytes(5000)
    here, there = f"{user.login}/here", f"{user.login}/there"
    for name in (here, there):
        user.registry().push_image(name, "v1", [random_bytes(20)])
        user.registry().push_blob(name, layer)
    for gateway in (1, 2):
        assert ok(user.registry(gateway).blob(here, digest_of(layer))).content == layer
    ok(user.registry().call("DELETE", f"/v2/{here}/blobs/{digest_of(layer)}"), 202)
    for _ in range(10):  # over new connections, so that each worker is asked
        for gateway in (1, 2):
            registry = user.registry(gateway)
            assert ok(registry.blob(there, digest_of(layer))).content == layer
            assert registry.blob(here, digest_of(layer)).status_code == 404
            assert not registry.has_blob(here, digest_of(layer))


def test_deleted_manifest_is_not_pulled(user):
    """A manifest that was deleted, by digest, stayed in caches of peers: by no name, Accept, condition or method."""
    name, manifest, _layer = push_private(user)
    path, digest = f"/v2/{name}/manifests/", digest_of(manifest)
    for gateway in (1, 2):
        ok(user.registry(gateway).manifest(name, "v1"), 200)
    ok(user.registry().call("DELETE", f"/v2/{name}/manifests/{digest}"), 202)
    for _ in range(5):
        for gateway in (1, 2):
            for reference in ("v1", digest):
                for headers in ({}, {"If-None-Match": f'"{digest}"'}, {"Accept": "*/*"}):
                    for method in ("GET", "HEAD"):
                        answer = user.registry(gateway).call(method, path + reference, headers=headers)
                        assert answer.status_code == 404, (gateway, method, reference, headers)


@pytest.mark.parametrize("tag", ["latest", "v1", "LATEST"])
def test_no_tag_is_special(cluster, user, tag):
    """CVE-2026-31801 (zot): whoever might create could also overwrite `latest`."""
    organization = f"cves-{user.login}"
    cluster.new_organization(organization, user.login)
    member = cluster.new_user(("write:packages", "delete:packages"))
    ok(cluster.admin("PUT", f"orgs/{organization}/memberships/{member.login}", {"role": "member"}), 200)
    name = f"{organization}/tool"
    manifest = user.registry().push_image(name, tag, [b"the owner's"])
    ok(member.registry().call("POST", f"/v2/{organization}/own/blobs/uploads/"), 202)  # he may create others
    for reference, query in ((tag, ""), ("new", ""), (digest_of(manifest), f"?tag={tag}"), (digest_of(manifest), "")):
        answer = member.registry().put_manifest(name, reference + query, manifest)
        assert answer.status_code == 403, answer.text
    assert member.registry().call("DELETE", f"/v2/{name}/manifests/{tag}").status_code == 403
    assert user.registry().tags(name) == [tag]


def test_urls_of_layers_are_not_fetched(user):
    """CVE-2026-2376 (Quay), CVE-2020-15157 (containerd): what a manifest points to is nobody's errand here."""
    name, _manifest, layer = push_private(user)
    registry = user.registry()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/layer"
        foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 7,
                   "digest": digest_of(random_bytes(7)), "urls": [url]}
        image = json.loads(manifest_of(b"{}", [layer]))
        registry.push_blob(name, b"{}")
        image["layers"] += [foreign]
        image["subject"] = {"mediaType": MANIFEST, "size": 2, "digest": NOWHERE, "urls": [url]}
        ok(registry.put_manifest(name, "foreign", json.dumps(image).encode()), 201)
        for method in ("GET", "HEAD"):
            assert registry.call(method, f"/v2/{name}/blobs/{foreign['digest']}").status_code == 404
        near = {**foreign, "mediaType": "application/vnd.oci.image.layer.v1.tar"}
        answer = registry.put_manifest(name, "near", json.dumps({**image, "layers": [near]}).encode())
        assert answer.status_code == 404  # it must be here, wherever else it is
        for parameter in ("from", "mount", "url", "ns"):
            query = urlencode({"mount": foreign["digest"], "from": name, parameter: url})
            registry.call("POST", f"/v2/{name}/blobs/uploads/?{query}")
        time.sleep(1)
        with pytest.raises(BlockingIOError):
            server.accept()


# bearer tokens


@pytest.fixture
def own(tmp_path):
    return Mint(tmp_path, random_bytes(32, seed="a key of nobody's"))


@pytest.fixture
def theirs(cluster, tmp_path, owner):
    """Signs as the registry does."""
    header = opened(bearer_of(owner).split(".")[0])
    [(seed,)] = cluster.query("SELECT seed FROM signing_key WHERE id = %s", int(header["kid"]))
    return Mint(tmp_path, bytes(seed))


def test_key_or_algorithm_of_the_token_itself(cluster, owner, private, own):
    """CVE-2025-24976 (distribution): a key in the token's head was trusted. And "none", and other algorithms."""
    path = f"/v2/{private[0]}/manifests/v1"
    good = bearer_of(owner, f"repository:{private[0]}:pull")
    assert shows(cluster, path, good) == 200
    first, second, signature = good.split(".")
    header, claims = opened(first), opened(second)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": part(random_bytes(32)), "kid": header["kid"]}
    forged = [own.sign({**header, **more}, claims) for more in (
        {}, {"jwk": jwk}, {"jku": "http://127.0.0.1/keys"}, {"x5c": [part(b"certificate")]}, {"kid": "0"},
        {"kid": "999999"}, {"kid": f"{header['kid']}' OR 1=1 --"}, {"kid": "../../dev/null"}, {"alg": "none"})]
    for more in ({"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "EdDSA", "jwk": jwk}):
        head = part(json.dumps({**header, **more}, separators=(",", ":")).encode())
        forged += [f"{head}.{second}.", f"{head}.{second}.{signature}"]
    wider = part(json.dumps({**claims, "uid": 1}, separators=(",", ":")).encode())
    forged += [f"{first}.{wider}.{signature}", f"{first}.{second}.{signature[:-4]}AAAA", f"{first}.{second}",
               f"{first}..{signature}", f"{good}.", f"{good}.{good}"]
    for token in forged:
        assert shows(cluster, path, token) == 401, token
        assert shows(cluster, "/v2/", token) == 401, token


def test_claims_that_are_missing_or_wrong(cluster, owner, private, theirs):
    """Harbor, 2026: a token without `iat` crashed the handler. A token for another registry is none for this one."""
    path = f"/v2/{private[0]}/manifests/v1"
    first, second, _signature = bearer_of(owner, f"repository:{private[0]}:pull").split(".")
    header, claims = opened(first), opened(second)
    assert shows(cluster, path, theirs.sign(header, claims)) == 200  # so it is the claims that are refused below
    wrong = [{key: value for key, value in claims.items() if key != gone} for gone in claims]
    wrong += [{**claims, **more} for more in (
        {"aud": "another-registry"}, {"aud": ["packhouse"]}, {"aud": ""}, {"aud": None}, {"exp": 1}, {"exp": "later"},
        {"exp": claims["exp"] + 0.5}, {"exp": -1}, {"nbf": claims["exp"] - 1}, {"nbf": -1}, {"iat": "now"},
        {"uid": claims["uid"] + 1}, {"uid": -1}, {"uid": str(claims["uid"])}, {"cid": 2 ** 62}, {"access": {}},
        {"access": "all"}, {"access": [[]]}, {"access": claims["access"] * 20}, {"access": [{"name": private[0]}]},
        {"access": [{**claims["access"][0], "actions": "pull"}]}, {"access": [{**claims["access"][0], "ns": "1"}]},
        {"access": [{**claims["access"][0], "ns": 0}]}, {"access": [{**claims["access"][0], "name": "*"}]},
        {"access": [{**claims["access"][0], "actions": [["pull"]]}]})]
    for one in wrong:
        assert shows(cluster, path, theirs.sign(header, one)) == 401, one


@pytest.mark.parametrize("scope", [
    "repository:{name}", "repository:{name}:", "repository::pull", "repository:{name}*:pull", "repository:*:*",
    "repository:*:pull", "repository:{login}/*:pull", "repository:{login}:pull", "repository:{login}/:pull",
    "repository:{login}/../{name}:pull", "repository:{name}/:pull", "repository:/{name}:pull", "repository:{NAME}:pull",
    "repository:{name}:PULL", "repository:{name}:pull ,x", "repository:{name}:pu,ll", ":{name}:pull", "{name}:pull",
    "registry:catalog:*", "registry:*:*", "registry:{name}:pull", "repositor:{name}:pull", "*", "", "a b c",
    '"repository:{name}"', '"repository:{login}/other:push', '""repository:{name}:pull', '"', '"registry:catalog:*',
    "repository:{login}/other:pull,push,delete", "repository:{name}%00:pull", "repository:{name}\t:pull",
])
def test_malformed_scope(cluster, owner, stranger, private, scope):
    """Of token servers whose scopes were read otherwise than they were checked: it opens the named package or none."""
    name = private[0]
    text = scope.format(name=name, login=owner.login, NAME=name.upper())
    mine = (200, 401) if text.startswith(f"repository:{name}:pull") else (401,)
    for who, fine in ((owner, mine), (stranger, (401, 403))):
        answer = who.registry().call("GET", "/token", params={"scope": text})
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 400:
            continue
        token = answer.json()["token"]
        for path in (f"/v2/{name}/manifests/v1", f"/v2/{name}/tags/list"):
            assert shows(cluster, path, token) in fine, (who.login, text)
        answer = cluster.anonymous().call("POST", f"/v2/{name}/blobs/uploads/",
                                          headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (401, 403), (who.login, text)


def test_namespace_that_was_deleted_and_made_again(cluster, user):
    """Harbor, 2026: who had tokens for a name had them for the next owner of the name, and could mount from it."""
    name = push_private(user)[0]
    other = cluster.new_user()
    old = {who.login: bearer_of(who, f"repository:{name}:pull,push", f"repository:{other.login}/target:pull,push")
           for who in (user, other)}
    [(login,)] = cluster.query("UPDATE account SET deleted_at = now() WHERE login = %s RETURNING login", user.login)
    ok(cluster.admin("POST", "admin/users", {"login": login, "email": "next@example.org"}), 201)
    heir = type(user)(cluster, login, cluster.new_token(login, ["write:packages", "delete:packages"]))
    layer = random_bytes(900)
    heir.registry().push_image(name, "v1", [layer])
    assert user.registry().call("GET", "/v2/").status_code == 401
    cluster.query("UPDATE package SET visibility = 2 WHERE name = 'private' AND namespace_id ="
                  " (SELECT id FROM account WHERE login = %s AND deleted_at IS NULL) RETURNING id", login)
    assert ok(cluster.new_user().registry().manifest(name, "v1"), 200)  # anybody may, but for an old bearer
    for who in (user, other):
        assert shows(cluster, f"/v2/{name}/manifests/v1", old[who.login]) == 401
    answer = cluster.anonymous().call(
        "POST", f"/v2/{other.login}/target/blobs/uploads/?mount={digest_of(layer)}&from={name}",
        headers={"Authorization": f"Bearer {old[other.login]}"})
    assert answer.status_code in (202, 401) and not other.registry().has_blob(f"{other.login}/target", digest_of(layer))


# who somebody is


def test_names_that_look_like_others(cluster, owner, private):
    """Harbor, 2026: an account named like the scanner had its powers. No right comes from how a name begins or ends."""
    admin = cluster.env["PACKHOUSE_ADMIN_LOGIN"]
    for number, login in enumerate((f"{admin}-1", f"x-{admin}", "siteadmin", "rooted", f"{owner.login}-1",
                                    f"x-{owner.login}", f"{owner.login}00000")):
        ok(cluster.admin("POST", "admin/users", {"login": login, "email": f"alike{number}@example.org"}), 201)
        token = cluster.new_token(login, ["write:packages", "delete:packages", "admin:org"])
        headers = {"Authorization": f"token {token}"}
        answer = requests.post(f"{cluster.url()}/api/v3/admin/users", headers=headers, json={}, timeout=120)
        assert answer.status_code == 403, login
        answer = cluster.anonymous().call("GET", f"/v2/{private[0]}/manifests/v1", headers=headers)
        assert answer.status_code == 403, login
        scopes = cluster.admin("POST", f"admin/users/{login}/authorizations", {"scopes": ["site_admin"]})
        assert scopes.status_code == 422, login


def test_user_name_beside_a_token_means_nothing(cluster, owner, stranger, private):
    """The password alone says who it is: whatever user name stands beside it neither gives nor takes."""
    for login in (owner.login, cluster.env["PACKHOUSE_ADMIN_LOGIN"], "", "<token>", "x" * 200):
        answer = cluster.anonymous().call("GET", f"/v2/{private[0]}/manifests/v1", auth=(login, stranger.token))
        assert answer.status_code == 403, login
        ok(cluster.anonymous().call("GET", f"/v2/{private[0]}/manifests/v1", auth=(login, owner.token)), 200)


@pytest.mark.parametrize("login, password", [
    ("admin", "admin"), ("admin", "Harbor12345"), ("admin", "password"), ("admin", ""), ("root", "root"),
    ("packhouse", "packhouse"), ("admin", "packhouse"), ("quay", "password"), ("{admin}", "{admin}"), ("{admin}", ""),
])
def test_default_password(cluster, login, password):
    """CVE-2026-4404 (Harbor): an administrator whose password everybody knows."""
    admin = cluster.env["PACKHOUSE_ADMIN_LOGIN"]
    pair = (login.format(admin=admin), password.format(admin=admin))
    assert cluster.anonymous().call("GET", "/v2/", auth=pair).status_code == 401
    assert requests.get(f"{cluster.url()}/api/v3/user", auth=pair, timeout=120).status_code == 401
    assert re.fullmatch(r"ph_\w{40}", cluster.env["PACKHOUSE_ADMIN_TOKEN"])


def test_other_origins(cluster, owner):
    """Of zot, 2025: pages of any site might ask with the user's credentials."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT",
             "Access-Control-Request-Headers": "authorization"}
    for path in ("/v2/", f"/v2/{owner.login}/x/tags/list", "/token", "/api/v3/", "/api/v3/user", "/"):
        for method in ("OPTIONS", "GET"):
            for headers in (asked, {**asked, **basic(owner)}):
                _status, answered, _body = raw(cluster, method, path, headers)
                assert not [name for name in answered if name.lower().startswith("access-control-")], (method, path)


# what others can see


def test_secrets_in_logs_and_process_lists(cluster, user):
    """Harbor and Quay, 2026: passwords in logs, credentials among a program's arguments; and lines that users wrote."""
    name = push_private(user)[0]
    bearer = bearer_of(user, f"repository:{name}:pull")
    pair = base64.b64encode(user.credentials.encode()).decode()
    mark = f"forged-{user.login}"
    ok(user.registry().manifest(name, "v1"), 200)
    assert shows(cluster, f"/v2/{name}/manifests/v1", bearer) == 200
    for data in ({"grant_type": "password", "password": user.token}, {"grant_type": "x", "password": user.token}):
        cluster.anonymous().call("POST", "/token", data=data)
    for authorization in (f"Basic {pair}x", f"Bearer {bearer}x", f"Digest {pair}", pair):
        cluster.anonymous().call("GET", "/v2/", headers={"Authorization": authorization})
    headers = {**basic(user), "User-Agent": f"a\tb\" {mark}"}
    raw(cluster, "GET", f"/v2/%0d%0alevel=ERROR%20msg=%22{mark}%22", headers)
    wait_for("the last request is not in the log", lambda: mark in cluster.log("gateway-1"))
    [(seed,)] = cluster.query("SELECT encode(seed, 'hex') FROM signing_key ORDER BY id DESC LIMIT 1")
    secrets = [user.token, bearer, bearer.rsplit(".", 1)[1], pair, seed, cluster.env["PACKHOUSE_ADMIN_TOKEN"]]
    secrets += [urlsplit(cluster.env["PACKHOUSE_DATABASE_URL"]).password or user.token]
    for process in cluster.pids():
        text = cluster.log(process)
        assert not [secret for secret in secrets if secret in text], process
    assert not re.search(rf'^level=ERROR[^\n]*{mark}', cluster.log("gateway-1"), flags=re.M)
    for pid, process in cluster.family().items():
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            command = file.read()
        assert not [secret for secret in secrets if secret in command], process


def test_state_of_an_upload_is_not_the_clients(owner):
    """Quay, 2025: the hash's state went through the client, who could write it. Here a place is an id, and which of
    its states the client means; a state that is not there helps nobody."""
    registry = owner.registry()
    place = registry.start_upload(f"{owner.login}/state")
    after = ok(registry.call("PATCH", place, data=b"first"), 202).headers["Location"]
    assert re.fullmatch(rf"/v2/{owner.login}/state/blobs/uploads/[0-9a-f-]{{36}}", urlsplit(after).path)
    assert urlsplit(after).path == urlsplit(place).path
    assert (urlsplit(place).query, urlsplit(after).query) == ("v=0", "v=1")
    for more in ("_state=AAAA", "state=AAAA&offset=0", "_state=" + part(b'{"Offset":0}'), "v=7", "v=-1", "v=x&v=1"):
        answer = registry.call("GET", f"{urlsplit(place).path}?{more}")
        assert ok(answer, 204).headers["Range"] == "0-4"
    path = urlsplit(place).path
    for wrong in (path[:-1] + "g", path + "0", path.upper(), path[:-36] + "1"):
        assert registry.call("GET", wrong).status_code in (404, 400), wrong
    ok(registry.finish_upload(place + "&_state=AAAA", b" last", digest_of(b"first last")), 201)
