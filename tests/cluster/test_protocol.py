"""The registry protocol beyond a plain push and pull: what clients of all kinds rely on."""

import hashlib
import json
import re

import pytest

from harness.registry import CONFIG, INDEX, LAYER, MANIFEST, descriptor, digest_of, manifest_of, ok, random_bytes

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan

EMPTY = "application/vnd.oci.empty.v1+json"
SBOM = "application/vnd.example.sbom"
NOWHERE = "sha256:" + "0" * 64


def refused(answer, status, code):
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]}"
    error = answer.json()["errors"][0]
    assert error["code"] == code, error
    return error


def sha512_of(data):
    return "sha512:" + hashlib.sha512(data).hexdigest()


def index_of(children, **more):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children, **more}).encode()


def put(registry, name, reference, data, **query):
    media = json.loads(data).get("mediaType", MANIFEST)
    return registry.call("PUT", f"/v2/{name}/manifests/{reference}", data=data, params=query,
                         headers={"Content-Type": media})


@pytest.fixture
def one(user):
    """A package with a layer and a config in it: (name, registry, layer)."""
    registry, name, layer = user.registry(), f"{user.login}/thing", random_bytes(500)
    for data in (b"{}", layer):
        registry.push_blob(name, data)
    return name, registry, layer


# manifests


def test_manifests_of_all_shapes_come_back_byte_for_byte(one):
    name, registry, layer = one
    windows = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 7,
               "digest": NOWHERE, "urls": ["https://example.com/layer"]}
    data = {**descriptor(b"{}", EMPTY), "data": "e30="}
    image = manifest_of(b"{}", [layer])
    shapes = [
        manifest_of(b"{}", [], artifactType=SBOM, annotations={"b": "2", "a": "\u00e9"}, more={"x": [1.50, None]}),
        json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": data, "layers": [data, windows]},
                   indent=3).encode() + b"\n",
        image,
        json.dumps({**json.loads(image), "layers": [descriptor(layer, "text/plain; charset=utf-8")]}).encode(),
        index_of([], artifactType=SBOM),
        index_of([{**descriptor(image, MANIFEST), "platform": {"os": "linux", "architecture": "arm64"}}]),
    ]
    shapes.append(index_of([descriptor(shapes[-1], INDEX), descriptor(shapes[4], INDEX)]))
    for number, shape in enumerate(shapes):
        media = json.loads(shape)["mediaType"]
        ok(put(registry, name, f"shape-{number}", shape), 201)
        for reference in (f"shape-{number}", digest_of(shape)):
            answer = registry.call("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": "text/html"})
            assert ok(answer, 200).content == shape and answer.headers["Content-Type"] == media
            head = registry.call("HEAD", f"/v2/{name}/manifests/{reference}")
            assert ok(head, 200).headers["Content-Length"] == str(len(shape))
            assert head.headers["Docker-Content-Digest"] == digest_of(shape)


def test_index_of_blobs(one):
    """BuildKit's cache in a registry, when it is no image manifest: an index that lists layers and a config."""
    name, registry, layer = one
    cache = index_of([descriptor(layer, LAYER), descriptor(b"{}", "application/vnd.buildkit.cacheconfig.v0")])
    ok(put(registry, name, "cache", cache), 201)
    assert ok(registry.manifest(name, "cache"), 200).content == cache
    absent = index_of([descriptor(layer, LAYER), descriptor(b"absent", LAYER)])
    answer = put(registry, name, "cache", absent)
    assert refused(answer, 404, "MANIFEST_BLOB_UNKNOWN")["detail"] == {"digest": digest_of(b"absent")}
    as_image = index_of([descriptor(layer, MANIFEST)])
    refused(put(registry, name, "cache", as_image), 404, "MANIFEST_BLOB_UNKNOWN")
    place = f"/v2/{name}/blobs/{digest_of(layer)}"
    refused(registry.call("DELETE", place), 405, "DENIED")
    ok(registry.call("DELETE", f"/v2/{name}/manifests/{digest_of(cache)}"), 202)
    ok(registry.call("DELETE", place), 202)


def test_type_of_a_manifest_is_no_header(cluster, one):
    """A manifest says itself what it is, and whoever pulls it gets that as a header: as the registry writes it."""
    name, registry, layer = one
    image = json.loads(manifest_of(b"{}", [layer]))
    end = "\r\nX-Split: yes\r\n\r\nHTTP/1.1 200 OK"
    for media in (f"{MANIFEST};{end}", f"{MANIFEST}{end}", f"{MANIFEST}; a=b", f"{MANIFEST} ", f"{MANIFEST};\u00e9"):
        data = json.dumps({**image, "mediaType": media}).encode()
        for outside in (None, "", MANIFEST):
            answer = registry.put_manifest(name, "split", data, outside)
            assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "MANIFEST_INVALID", media
    data = json.dumps({**image, "mediaType": MANIFEST.upper()}).encode()
    ok(registry.put_manifest(name, "upper", data, MANIFEST.title() + ";x=y"), 201)
    answer = ok(registry.manifest(name, "upper"), 200)
    assert answer.content == data and answer.headers["Content-Type"] == MANIFEST
    cluster.query("UPDATE manifest SET media_type = %s WHERE digest = decode(%s, 'hex') RETURNING id", MANIFEST + end,
                  digest_of(data)[7:])  # an older registry would have kept it
    for method in ("GET", "HEAD"):
        answer = ok(registry.call(method, f"/v2/{name}/manifests/upper"), 200)
        assert "X-Split" not in answer.headers and answer.headers["Content-Type"] == "application/octet-stream"


def test_manifests_that_are_refused(one):
    name, registry, layer = one
    both = json.dumps({**json.loads(manifest_of(b"{}", [layer])), "manifests": []}).encode()
    assert "manifests" in refused(put(registry, name, "both", both), 400, "MANIFEST_INVALID")["message"]
    both = json.dumps({**json.loads(index_of([])), "layers": []}).encode()
    assert "layers" in refused(put(registry, name, "both", both), 400, "MANIFEST_INVALID")["message"]
    old = json.dumps({"schemaVersion": 1, "name": name, "tag": "v1", "fsLayers": []}).encode()
    for media in ("application/vnd.docker.distribution.manifest.v1+json",
                  "application/vnd.docker.distribution.manifest.v1+prettyjws"):
        answer = registry.put_manifest(name, "old", old, media)
        assert "schema version 1" in refused(answer, 400, "MANIFEST_INVALID")["message"]
    image = manifest_of(b"{}", [layer])
    for junk in ("sha256:baddigest", "md5:" + "0" * 32, "sha256:" + "A" * 64, "sha256:"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = registry.call(method, f"/v2/{name}/manifests/{junk}", data=image)
            assert answer.status_code == 400, (method, junk)
    refused(put(registry, name, NOWHERE, image), 400, "DIGEST_INVALID")


def test_tags_named_with_a_push_by_digest(user, one):
    name, registry, layer = one
    image, other = manifest_of(b"{}", [layer]), manifest_of(b"{}", [])
    ok(put(registry, name, "1", other), 201)
    tags = ["1.2.3", "1.2", "1", "latest", *(f"t{number}" for number in range(9))]
    answer = ok(put(registry, name, digest_of(image), image, tag=tags), 201)
    assert answer.headers["OCI-Tag"].split(", ") == tags
    assert registry.tags(name) == sorted(tags)
    for tag in tags:
        assert ok(user.registry(2).manifest(name, tag)).content == image
    assert "OCI-Tag" not in ok(put(registry, name, "1.2", other), 201).headers
    assert ok(registry.manifest(name, "1.2")).content == other
    # one that is wrong: none is set
    refused(put(registry, name, digest_of(other), other, tag=["fine", "-wrong"]), 400, "TAG_INVALID")
    assert registry.tags(name) == sorted(tags)


def test_tags_need_the_right_to_push(cluster, user, one):
    name, registry, layer = one
    image = manifest_of(b"{}", [layer])
    ok(put(registry, name, "v1", image), 201)
    user.token = cluster.new_token(user.login, ["read:packages"])
    refused(put(user.registry(), name, digest_of(image), image, tag=["v2"]), 403, "DENIED")
    assert registry.tags(name) == ["v1"]


def test_conditional_reads(one):
    name, registry, layer = one
    image, other = manifest_of(b"{}", [layer]), manifest_of(b"{}", [])
    ok(put(registry, name, "v1", image), 201)
    tag = ok(registry.manifest(name, "v1")).headers["ETag"]
    assert tag == f'"{digest_of(image)}"'
    for method in ("GET", "HEAD"):
        for wanted in (tag, f'"x", W/{tag}', "*"):
            answer = registry.call(method, f"/v2/{name}/manifests/v1", headers={"If-None-Match": wanted})
            assert ok(answer, 304).content == b"" and answer.headers["ETag"] == tag
            assert "Content-Length" not in answer.headers
    ok(put(registry, name, "v1", other), 201)
    answer = registry.call("GET", f"/v2/{name}/manifests/v1", headers={"If-None-Match": tag})
    assert ok(answer, 200).content == other


# referrers


def referrers(registry, name, digest, **query):
    answer = ok(registry.call("GET", f"/v2/{name}/referrers/{digest}", params=query), 200)
    assert answer.headers["Content-Type"] == INDEX
    index = answer.json()
    assert index["schemaVersion"] == 2 and index["mediaType"] == INDEX
    assert answer.headers.get("OCI-Filters-Applied") == ("artifactType" if "artifactType" in query else None)
    return index["manifests"]


def test_referrers(user, one):
    name, registry, layer = one
    image = manifest_of(b"{}", [layer])
    subject = descriptor(image, MANIFEST)
    sbom = manifest_of(b"{}", [layer], artifactType=SBOM, subject=subject, annotations={"a": "1", "\u00e9": "\"2\\"})
    plain = manifest_of(b"{}", [layer], subject=subject)
    index = index_of([], subject=subject)
    answer = ok(put(registry, name, digest_of(sbom), sbom), 201)  # before its subject
    assert answer.headers["OCI-Subject"] == digest_of(image)
    assert "OCI-Subject" not in ok(put(registry, name, "v1", image), 201).headers
    for data in (plain, index):
        ok(put(registry, name, digest_of(data), data), 201)
    wanted = [
        {**descriptor(sbom, MANIFEST), "artifactType": SBOM, "annotations": {"a": "1", "\u00e9": "\"2\\"}},
        {**descriptor(plain, MANIFEST), "artifactType": CONFIG},
        descriptor(index, INDEX),
    ]
    two = user.registry(2)
    assert referrers(two, name, digest_of(image)) == wanted
    assert referrers(two, name, digest_of(image), artifactType=SBOM) == wanted[:1]
    assert referrers(two, name, digest_of(image), artifactType="x/y") == []
    # a referrer is deleted; the subject is deleted
    ok(registry.call("DELETE", f"/v2/{name}/manifests/{digest_of(sbom)}"), 202)
    assert referrers(two, name, digest_of(image)) == wanted[1:]
    ok(registry.call("DELETE", f"/v2/{name}/manifests/{digest_of(image)}"), 202)
    assert referrers(two, name, digest_of(image)) == wanted[1:]


def test_referrers_of_nothing(cluster, user, one):
    name, registry, _layer = one
    for place in (name, f"{user.login}/never-was"):
        assert referrers(registry, place, NOWHERE) == []
        assert referrers(registry, place, sha512_of(b"")) == []
    refused(registry.call("GET", f"/v2/{name}/referrers/sha256:12"), 400, "DIGEST_INVALID")
    refused(registry.call("GET", f"/v2/{name}/referrers/latest"), 400, "DIGEST_INVALID")
    refused(registry.call("GET", f"/v2/{name}/referrers/{NOWHERE}?last=x"), 400, "PAGINATION_INVALID")
    for place in (name, f"{user.login}/never-was"):
        path = f"/v2/{place}/referrers/{NOWHERE}"
        assert cluster.anonymous().call("GET", path).status_code == 401
        refused(cluster.new_user().registry().call("GET", path), 403, "DENIED")


def test_referrers_by_pages(one):
    """Annotations of 5 manifests of 700 kB do not fit into one answer."""
    name, registry, layer = one
    subject = {"mediaType": MANIFEST, "size": 2, "digest": NOWHERE}
    pushed = []
    for number in range(5):
        data = manifest_of(b"{}", [layer], artifactType=SBOM, subject=subject,
                           annotations={"number": str(number), "text": "x" * 700_000})
        ok(put(registry, name, digest_of(data), data), 201)
        pushed.append(digest_of(data))
    seen, path = [], f"/v2/{name}/referrers/{NOWHERE}?artifactType={SBOM}"
    while path:
        answer = ok(registry.call("GET", path), 200)
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        seen.append([entry["digest"] for entry in answer.json()["manifests"]])
        link = answer.headers.get("Link")
        path = re.fullmatch(r"<([^>]+)>; rel=\"next\"", link).group(1) if link else None
    assert seen == [pushed[:3], pushed[3:]]


def test_referrers_and_the_fallback_tag_of_an_older_client(one):
    """It pushes the referrer, and lists it in an index of its own: one entry, whatever becomes of the tag."""
    name, registry, layer = one
    image = manifest_of(b"{}", [layer])
    sbom = manifest_of(b"{}", [layer], artifactType=SBOM, subject=descriptor(image, MANIFEST))
    entry = {**descriptor(sbom, MANIFEST), "artifactType": SBOM}
    fallback = index_of([entry])
    tag = digest_of(image).replace(":", "-")
    ok(put(registry, name, "v1", image), 201)
    ok(put(registry, name, digest_of(sbom), sbom), 201)
    ok(put(registry, name, tag, fallback), 201)
    assert referrers(registry, name, digest_of(image)) == [entry]
    assert ok(registry.manifest(name, tag)).content == fallback
    ok(registry.call("DELETE", f"/v2/{name}/manifests/{tag}"), 202)
    assert referrers(registry, name, digest_of(image)) == [entry]


def test_sha512_throughout(user, one):
    name, registry, _layer = one
    config, layer = b"{ }", random_bytes(3000)
    for data in (config, layer):
        place = ok(registry.call("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm=sha512"), 202).headers["Location"]
        answer = ok(registry.finish_upload(place, data, sha512_of(data)), 201)
        assert answer.headers["Docker-Content-Digest"] == sha512_of(data)
    image = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": sha512_of(config)},
        "layers": [{"mediaType": LAYER, "size": len(layer), "digest": sha512_of(layer)}],
        "subject": {"mediaType": MANIFEST, "size": 2, "digest": sha512_of(b"{}")}}).encode()
    answer = ok(put(registry, name, sha512_of(image), image, tag=["v512"]), 201)
    assert answer.headers["Docker-Content-Digest"] == answer.headers["Location"].rsplit("/", 1)[1] == sha512_of(image)
    assert answer.headers["OCI-Subject"] == sha512_of(b"{}")
    for reference in ("v512", sha512_of(image)):
        answer = ok(user.registry(2).manifest(name, reference))
        assert answer.content == image and answer.headers["Docker-Content-Digest"] == sha512_of(image)
    assert ok(user.registry(2).blob(name, sha512_of(layer))).content == layer
    assert [entry["digest"] for entry in referrers(registry, name, sha512_of(b"{}"))] == [sha512_of(image)]
    refused(put(registry, name, digest_of(image), manifest_of(b"{}", [layer])), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("begun, ended", [("sha256", sha512_of), ("sha512", digest_of), (None, sha512_of)])
@pytest.mark.parametrize("parts", [0, 2])
def test_upload_ends_with_a_digest_of_another_algorithm(user, begun, ended, parts):
    """Few clients say at the beginning which digest will come; the parts are hashed anew at another gateway."""
    name, one, two = f"{user.login}/switch", user.registry(1), user.registry(2)
    data = random_bytes((5 << 20) + parts)
    query = f"?digest-algorithm={begun}" if begun else ""
    place, at = ok(one.call("POST", f"/v2/{name}/blobs/uploads/{query}"), 202).headers["Location"], 0
    for _ in range(parts):
        part = data[at:at + (2 << 20)]
        headers = {"Content-Range": f"{at}-{at + len(part) - 1}", "Content-Type": "application/octet-stream"}
        place = ok(one.call("PATCH", place, data=part, headers=headers), 202).headers["Location"]
        at += len(part)
    place = re.sub(r"^https?://[^/]+", "", place)
    ok(two.finish_upload(place, data[at:], ended(data)), 201)
    assert ok(one.blob(name, ended(data))).content == data
    place = one.start_upload(name)
    ok(one.call("PATCH", place, data=data, headers={"Content-Type": "application/octet-stream"}), 202)
    refused(one.finish_upload(place, b"more", sha512_of(data)), 400, "DIGEST_INVALID")


# blobs


def test_several_ranges_at_once(user):
    name, registry, data = f"{user.login}/ranges", user.registry(), random_bytes((4 << 20) + 500)
    digest, size = registry.push_blob(name, data), (4 << 20) + 500
    answer = ok(registry.blob(name, digest, headers={"Range": "bytes=10-19, 4194300-4194309,-5,9999999-"}), 206)
    boundary = re.fullmatch("multipart/byteranges; boundary=(.+)", answer.headers["Content-Type"]).group(1)
    assert "Content-Range" not in answer.headers
    parts = answer.content.split(f"\r\n--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n"
    seen = []
    for part in parts[1:-1]:
        head, body = part.split(b"\r\n\r\n", 1)
        seen.append((re.search(rb"Content-Range: bytes (\S+)", head).group(1).decode(), body))
    assert seen == [(f"{first}-{last - 1}/{size}", data[first:last])
                    for first, last in ((10, 20), (4194300, 4194310), (size - 5, size))]
    # too many, or more than all of it: all of it
    for asked in ("bytes=" + ",".join(f"{n}-{n}" for n in range(40)), "bytes=0-,0-"):
        assert ok(registry.blob(name, digest, headers={"Range": asked}), 200).content == data


def test_conditional_blob_reads(user):
    name, registry, data = f"{user.login}/if", user.registry(), random_bytes(1000)
    digest = registry.push_blob(name, data)
    tag = f'"{digest}"'
    whole = ok(registry.blob(name, digest), 200)
    assert whole.headers["ETag"] == tag and whole.headers["Accept-Ranges"] == "bytes"
    for method in ("GET", "HEAD"):
        answer = registry.call(method, f"/v2/{name}/blobs/{digest}", headers={"If-None-Match": tag})
        assert ok(answer, 304).content == b"" and answer.headers["ETag"] == tag
    part = {"Range": "bytes=5-9"}
    assert ok(registry.blob(name, digest, headers={**part, "If-Range": tag}), 206).content == data[5:10]
    for other in ('"x"', f"W/{tag}", "Sat, 29 Oct 1994 19:43:31 GMT"):
        assert ok(registry.blob(name, digest, headers={**part, "If-Range": other}), 200).content == data
    head = ok(registry.call("HEAD", f"/v2/{name}/blobs/{digest}", headers=part), 200)
    assert head.headers["Content-Length"] == "1000" and head.headers["Accept-Ranges"] == "bytes"
    for wrong in ("bytes=1000-", "bytes=9-5", "bytes=-0"):
        answer = registry.blob(name, digest, headers={"Range": wrong})
        refused(answer, 416, "RANGE_INVALID")
        assert answer.headers["Content-Range"] == "bytes */1000"
# behind a proxy


def urls_of(registry, name, **headers):
    """Every URL that answers carry: of uploads, blobs, manifests, the next page, the token server."""
    def call(method, path, **options):
        return registry.call(method, path, headers={**headers, **options.pop("headers", {})}, **options)

    start = ok(call("POST", f"/v2/{name}/blobs/uploads/"), 202)
    path = "/v2/" + start.headers["Location"].split("/v2/", 1)[1]
    patch = ok(call("PATCH", path, data=b"{}"), 202)
    done = ok(call("PUT", path, params={"digest": digest_of(b"{}")}), 201)
    image = manifest_of(b"{}", [])
    pushed = [ok(call("PUT", f"/v2/{name}/manifests/{tag}", data=image, headers={"Content-Type": MANIFEST}), 201)
              for tag in ("a", "b")]
    page = ok(call("GET", f"/v2/{name}/tags/list?n=1"), 200)
    registry.session.auth = None
    realm = re.search(r'realm="([^"]*)/token"', call("GET", "/v2/").headers["WWW-Authenticate"]).group(1)
    locations = [answer.headers["Location"] for answer in (start, patch, done, *pushed)]
    return {url.split("/v2/")[0] for url in (*locations, page.headers["Link"].strip("<"))}, realm


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.example"}


def test_urls_without_a_trusted_proxy_are_relative(cluster, user):
    assert urls_of(user.registry(), f"{user.login}/urls", **FORWARDED) == ({""}, cluster.url())


def test_urls_behind_a_trusted_proxy(start_cluster):
    made = start_cluster(storage=1, settings={"gateway.trusted_proxies": "127.0.0.0/8"})
    user = made.new_user()
    name = f"{user.login}/urls"
    assert urls_of(user.registry(), name) == ({""}, made.url())
    assert urls_of(user.registry(), name, **FORWARDED) == ({"https://registry.example"}, "https://registry.example")


# mounting a blob of another package


def mount(registry, name, digest, **query):
    return registry.call("POST", f"/v2/{name}/blobs/uploads/", params={"mount": digest, **query})


def mounted(user, answer, name, digest):
    assert ok(answer, 201).headers["Location"].endswith(f"/v2/{name}/blobs/{digest}")
    assert answer.headers["Docker-Content-Digest"] == digest
    assert user.registry(2).has_blob(name, digest)


def not_mounted(answer, registry, name, data):
    """A session instead, which takes the bytes."""
    assert "Docker-Content-Digest" not in ok(answer, 202).headers
    assert not registry.has_blob(name, digest_of(data))
    ok(registry.finish_upload(answer.headers["Location"], data, digest_of(data)), 201)


@pytest.mark.parametrize("named", [True, False])
def test_mount(cluster, user, named):
    source, target, layer = f"{user.login}/source", f"{user.login}/{'named' if named else 'found'}", random_bytes(2000)
    registry, digest = user.registry(), digest_of(layer)
    registry.push_image(source, "v1", [layer])
    query = {"from": source} if named else {}
    mounted(user, mount(registry, target, digest, **query), target, digest)
    # the link is a promise: the source may go, and a manifest may name the blob
    for reference in ("manifests/" + digest_of(ok(registry.manifest(source, "v1")).content), "blobs/" + digest):
        ok(registry.call("DELETE", f"/v2/{source}/{reference}"), 202)
    assert ok(user.registry(2).blob(target, digest)).content == layer
    registry.push_blob(target, b"{}")
    ok(put(registry, target, "v1", manifest_of(b"{}", [layer])), 201)
    long = cluster.query("SELECT l.protect_until > now() + interval '20 hours' FROM package_blob l JOIN package p"
                         " ON p.id = l.package_id WHERE p.name = %s AND l.digest = decode(%s, 'hex')",
                         target.split("/")[1], digest[7:])
    assert long == [(True,)]


def test_mount_of_what_is_not_there(user, one):
    name, registry, layer = one
    other = random_bytes(100)
    for source in (name, f"{user.login}/never-was", "UPPER/case", "busybox"):
        not_mounted(mount(registry, f"{user.login}/far", digest_of(other), **{"from": source}), registry,
                    f"{user.login}/far", other)
        other = random_bytes(100)
    not_mounted(mount(registry, f"{user.login}/far", digest_of(other)), registry, f"{user.login}/far", other)
    refused(mount(registry, f"{user.login}/far", "sha256:12"), 400, "DIGEST_INVALID")
    data = random_bytes(100)
    place = ok(mount(registry, name, sha512_of(data), **{"from": name}), 202).headers["Location"]
    ok(registry.finish_upload(place, data, sha512_of(data)), 201)
    ok(registry.call("DELETE", f"/v2/{name}/blobs/{digest_of(layer)}"), 202)
    not_mounted(mount(registry, f"{user.login}/late", digest_of(layer), **{"from": name}), registry,
                f"{user.login}/late", layer)


def test_mount_reads_only_what_the_caller_may_read(cluster, user):
    """A stranger who knows the digest gets no byte; once the package is public he may."""
    source, layer, digest = f"{user.login}/secret", random_bytes(2000), None
    user.registry().push_image(source, "v1", [layer])
    digest = digest_of(layer)
    stranger = cluster.new_user()
    registry, target = stranger.registry(), f"{stranger.login}/target"
    for query in ({"from": source}, {}):
        answer = ok(mount(registry, target, digest, **query), 202)
        assert not registry.has_blob(target, digest)
        ok(registry.call("DELETE", answer.headers["Location"]), 204)
    cluster.query("UPDATE package SET visibility = 2 WHERE name = 'secret' RETURNING id")
    mounted(stranger, mount(registry, target, digest, **{"from": source}), target, digest)
    assert mount(cluster.anonymous(), target, digest, **{"from": source}).status_code == 401


def test_mount_with_a_bearer_token(user):
    """The challenge asks for the source as well; a token that does not name it opens nothing there."""
    source, target, layer = f"{user.login}/one", f"{user.login}/two", random_bytes(2000)
    registry, anonymous = user.registry(), user.cluster.anonymous()
    registry.push_image(source, "v1", [layer])
    answer = mount(anonymous, target, digest_of(layer), **{"from": source})
    scope = re.search(r'scope="([^"]*)"', answer.headers["WWW-Authenticate"]).group(1)
    assert scope == f"repository:{target}:push,pull repository:{source}:pull"

    def with_token(wanted, **query):
        token = ok(registry.call("GET", "/token", params={"scope": wanted}), 200).json()["token"]
        return anonymous.call("POST", f"/v2/{target}/blobs/uploads/", params={"mount": digest_of(layer), **query},
                              headers={"Authorization": f"Bearer {token}"})

    narrow = with_token(f"repository:{target}:pull,push", **{"from": source})
    assert narrow.status_code == 401 and "insufficient_scope" in narrow.headers["WWW-Authenticate"]
    ok(with_token(f"repository:{target}:pull,push"), 202)
    assert not registry.has_blob(target, digest_of(layer))
    mounted(user, with_token(scope, **{"from": source}), target, digest_of(layer))


# the catalog


def catalog(registry, page=None):
    seen, path = [], "/v2/_catalog" + (f"?n={page}" if page else "")
    while path:
        answer = ok(registry.call("GET", path), 200)
        seen.append(answer.json()["repositories"])
        link = answer.headers.get("Link")
        path = re.fullmatch(r"<([^>]+)>; rel=\"next\"", link).group(1) if link else None
    return seen


def test_catalog(cluster, user):
    names = [f"{user.login}/{name}" for name in ("a", "b", "b/c", "b-c")]
    for name in names:
        user.registry().push_image(name, "v1", [b"layer"])
    user.registry().push_blob(f"{user.login}/unpublished", b"bytes")
    wanted = sorted(names)
    assert [name for name in sum(catalog(user.registry(), 3), []) if name in names] == wanted
    stranger = cluster.new_user()
    assert not set(names) & set(sum(catalog(stranger.registry()), []))
    cluster.query("UPDATE package SET visibility = 2 WHERE name = 'b-c' AND publisher_id ="
                  " (SELECT id FROM account WHERE login = %s) RETURNING id", user.login)
    assert set(names) & set(sum(catalog(stranger.registry()), [])) == {f"{user.login}/b-c"}
    refused(cluster.anonymous().call("GET", "/v2/_catalog"), 401, "UNAUTHORIZED")
    for wrong in ("n=x", "n=-1", "last=%ff", "last=Upper"):
        refused(user.registry().call("GET", f"/v2/_catalog?{wrong}"), 400, "PAGINATION_INVALID")
    answer = ok(user.registry().call("GET", "/v2/_catalog?n=0"), 200)
    assert answer.json() == {"repositories": []} and "Link" not in answer.headers


def test_catalog_with_a_bearer_token(user):
    name, registry = f"{user.login}/listed", user.registry()
    registry.push_image(name, "v1", [b"layer"])
    anonymous = user.cluster.anonymous()
    challenge = anonymous.call("GET", "/v2/_catalog").headers["WWW-Authenticate"]
    scope = re.search(r'scope="([^"]*)"', challenge).group(1)
    for wanted, status in ((scope, 200), (f"repository:{name}:pull", 401), (f"{scope} repository:{name}:pull", 200)):
        token = ok(registry.call("GET", "/token", params={"scope": wanted}), 200).json()["token"]
        answer = anonymous.call("GET", "/v2/_catalog", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
        if status == 200:
            assert name in answer.json()["repositories"]
    path = f"/v2/{name}/tags/list"
    token = ok(registry.call("GET", "/token", params={"scope": scope}), 200).json()["token"]
    assert anonymous.call("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code == 401


# paths and texts that are none


def test_every_unknown_path_is_a_registry_error(user):
    registry = user.registry()
    for path in ("/v2/nothing", "/v2/a/b/c", "/v2/_catalog/", "/v2/a/b/manifests/", "/v2/a/b/referrers/", "/v2/a//b"):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = registry.call(method, path)
            assert answer.status_code in (404, 405), (method, path, answer.status_code)
            assert answer.json()["errors"][0]["code"] in ("NOT_FOUND", "UNSUPPORTED")


def test_text_that_is_no_utf8(one):
    name, registry, _layer = one
    ok(put(registry, name, "v1", manifest_of(b"{}", [])), 201)
    refused(registry.call("GET", f"/v2/{name}/tags/list?last=%ff"), 400, "PAGINATION_INVALID")
    refused(registry.call("GET", f"/v2/{name}/referrers/{NOWHERE}?artifactType=%ff"), 400, "REQUEST_INVALID")
    assert registry.call("GET", f"/v2/{name}/manifests/%ff").status_code == 404
