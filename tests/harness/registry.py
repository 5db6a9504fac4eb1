"""A registry client that neither retries nor waits for ever, so that each error of the server is seen.

Its methods return what the server sent; .ok(…) is for tests that expect success.
"""

import hashlib
import json
import random
from urllib.parse import urljoin

import requests

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DEADLINE = 120


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def random_bytes(size, seed=None):
    return random.Random(seed).randbytes(size) if size else b""


def ok(answer, *statuses):
    wanted = statuses or (200, 201, 202, 204, 206)
    request = f"{answer.request.method} {answer.url}"
    assert answer.status_code in wanted, f"{request}: {answer.status_code} {answer.text[:500]}"
    return answer


def descriptor(data, media):
    return {"mediaType": media, "size": len(data), "digest": digest_of(data)}


def manifest_of(config, layers, **more):
    """The bytes of an image manifest over these blobs."""
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG),
                       "layers": [descriptor(layer, LAYER) for layer in layers], **more}).encode()


class Registry:
    """One user's session with one gateway. Not for several threads: make one each."""

    def __init__(self, url, login=None, token=None, ca=True):
        self.base = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = ca
        if login is not None:
            self.session.auth = (login, token)

    def call(self, method, path, **options):
        options.setdefault("timeout", DEADLINE)
        return self.session.request(method, urljoin(self.base, path), **options)

    # blobs

    def start_upload(self, name):
        return ok(self.call("POST", f"/v2/{name}/blobs/uploads/"), 202).headers["Location"]

    def finish_upload(self, place, data, digest):
        place += ("&" if "?" in place else "?") + "digest=" + digest
        return self.call("PUT", place, data=data, headers={"Content-Type": "application/octet-stream"})

    def push_blob(self, name, data):
        ok(self.finish_upload(self.start_upload(name), data, digest_of(data)), 201)
        return digest_of(data)

    def push_blob_in_parts(self, name, data, size):
        place = self.start_upload(name)
        for start in range(0, len(data), size):
            part = data[start:start + size]
            headers = {"Content-Type": "application/octet-stream",
                       "Content-Range": f"{start}-{start + len(part) - 1}"}
            place = ok(self.call("PATCH", place, data=part, headers=headers), 202).headers["Location"]
        ok(self.finish_upload(place, b"", digest_of(data)), 201)
        return digest_of(data)

    def blob(self, name, digest, **options):
        return self.call("GET", f"/v2/{name}/blobs/{digest}", **options)

    def has_blob(self, name, digest):
        return self.call("HEAD", f"/v2/{name}/blobs/{digest}").status_code == 200

    # manifests

    def put_manifest(self, name, reference, data, media=MANIFEST):
        return self.call("PUT", f"/v2/{name}/manifests/{reference}", data=data, headers={"Content-Type": media})

    def manifest(self, name, reference):
        return self.call("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": f"{MANIFEST}, {INDEX}"})

    def tags(self, name):
        return ok(self.call("GET", f"/v2/{name}/tags/list")).json()["tags"]

    # images

    def push_image(self, name, tag, layers):
        """Pushes blobs and manifest; the manifest's bytes."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}).encode()
        for data in (*layers, config):
            self.push_blob(name, data)
        manifest = manifest_of(config, layers)
        ok(self.put_manifest(name, tag, manifest), 201)
        return manifest

    def pull_image(self, name, reference):
        """Manifest and layers; every digest is checked."""
        answer = ok(self.manifest(name, reference), 200)
        assert digest_of(answer.content) == answer.headers["Docker-Content-Digest"]
        layers = []
        for part in [answer.json()["config"], *answer.json()["layers"]]:
            data = ok(self.blob(name, part["digest"]), 200).content
            assert len(data) == part["size"] and digest_of(data) == part["digest"]
            layers.append(data)
        return answer.content, layers[1:]
