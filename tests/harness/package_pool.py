"""The few things that random pushes push: so few that they meet again and again, deleted, needed, or tagged."""

import dataclasses
import json

from .registry import CONFIG, INDEX, LAYER, MANIFEST, descriptor, digest_of

EMPTY = "application/vnd.oci.empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
NAMES = ("v1", "v2", "v3", "v4", "latest", "edge", "nightly", "pr-1", "pr-2", "pr-3")


@dataclasses.dataclass(frozen=True)
class Manifest:
    word: str  # for people
    kind: str
    data: bytes
    blobs: frozenset = frozenset()  # digests
    children: tuple = ()  # digests
    subject: str = None
    tags: tuple = NAMES  # that it is pushed with

    @property
    def digest(self):
        return digest_of(self.data)

    @property
    def media(self):
        return INDEX if self.kind == "index" else MANIFEST


class Pool:
    """Manifests and blobs, the same ones for the same seed."""

    def __init__(self, seed):
        self.seed = seed
        self.blobs = {}  # digest → bytes
        self.manifests = {}  # digest → Manifest
        self.layers = [f"layer {number} of {seed}".encode() for number in range(3)]
        images = [self.image(f"image-{number}") for number in range(4)]
        proof = self.about("proof", "attestation", IN_TOTO)
        inner = self.index("inner", images[0], images[1])
        indexes = [inner, self.index("outer", inner, images[2]), self.index("built", images[1], images[3], proof),
                   self.index("empty")]
        for number, subject in enumerate((images[0], images[2], indexes[1], proof)):
            self.about(f"sbom-{number}", "artifact", "application/spdx+json", subject)
        for number, subject in enumerate((images[0], inner, images[3])):
            self.about(f"signature-{number}", "signature", SIGNATURE, None,
                       (f"{subject.digest.replace(':', '-')}.sig",))
        self.index("late", images[2], subject=images[3])

    def add(self, manifest):
        self.manifests[manifest.digest] = manifest
        return manifest

    def word(self, digest):
        return self.manifests[digest].word

    def blob(self, data):
        self.blobs[digest_of(data)] = data
        return data

    def image(self, word):
        config = self.blob(json.dumps({"os": "linux", "architecture": "amd64", "config": {},
                                       "author": f"{word} of {self.seed}"}).encode())
        layer = self.blob(self.layers[len(self.manifests) % len(self.layers)])
        data = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG),
                "layers": [descriptor(layer, LAYER)]}
        return self.add(Manifest(word, "image", json.dumps(data).encode(), frozenset(map(digest_of, (config, layer)))))

    def about(self, word, kind, layer_type, subject=None, tags=NAMES):
        """An artifact of this type."""
        config, layer = self.blob(b"{}"), self.blob(f"{word} of {self.seed}".encode())
        data = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": layer_type,
                "config": descriptor(config, EMPTY), "layers": [descriptor(layer, layer_type)]}
        if subject is not None:
            data["subject"] = descriptor(subject.data, subject.media)
        return self.add(Manifest(word, kind, json.dumps(data).encode(), frozenset(map(digest_of, (config, layer))), (),
                                 subject.digest if subject else None, tags))

    def index(self, word, *children, subject=None):
        data = {"schemaVersion": 2, "mediaType": INDEX, "annotations": {"word": f"{word} of {self.seed}"},
                "manifests": [descriptor(child.data, child.media) for child in children]}
        if subject is not None:
            data["subject"] = descriptor(subject.data, subject.media)
        return self.add(Manifest(word, "index", json.dumps(data).encode(), frozenset(),
                                 tuple(child.digest for child in children), subject.digest if subject else None))
