"""Small images of random files, as OCI layouts: real enough for docker to load and run through all its checks."""

import gzip
import hashlib
import io
import json
import tarfile

from .registry import CONFIG, INDEX, MANIFEST, digest_of, random_bytes

LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer_of(files):
    """A tar of {name: bytes}, always the same for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layout:
    """An OCI layout in a folder."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="ascii")

    def add(self, data, media, **more):
        name = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / name).write_bytes(data)
        return {"mediaType": media, "size": len(data), "digest": "sha256:" + name, **more}

    def add_image(self, layers, architecture="amd64"):
        """An image of these layers (tar bytes); its descriptor."""
        config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/true"]},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.add(json.dumps(config).encode(), CONFIG),
                    "layers": [self.add(gzip.compress(layer, 1, mtime=0), LAYER_GZIP) for layer in layers]}
        return self.add(json.dumps(manifest).encode(), MANIFEST,
                        platform={"architecture": architecture, "os": "linux"})

    def name(self, tag, descriptor):
        """Makes it what the layout's `tag` means."""
        entry = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        (self.folder / "index.json").write_text(json.dumps(index), encoding="ascii")


def make_image(folder, sizes=(300_000, 5_000_000), seed=None):
    """A layout with one image named "latest"; its path. Each layer has one random file of the given size."""
    layout = Layout(folder)
    layers = [layer_of({f"data/{n}": random_bytes(size, seed and f"{seed}/{n}")}) for n, size in enumerate(sizes)]
    layout.name("latest", layout.add_image(layers))
    return folder


def make_index(folder, architectures=("amd64", "arm64", "s390x"), size=200_000):
    """A layout with an index of one image for each architecture, named "latest"; its path."""
    layout = Layout(folder)
    images = [layout.add_image([layer_of({name: random_bytes(size)})], name) for name in architectures]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}).encode()
    layout.name("latest", layout.add(index, INDEX))
    return folder
