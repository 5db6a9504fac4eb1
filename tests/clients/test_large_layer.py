"""A layer of 2 GiB: more than any buffer, and more than 31 bits count."""

import gzip
import hashlib
import json

from harness.image import LAYER_GZIP, Layout
from harness.registry import CONFIG, MANIFEST, random_bytes

TAKES_LONG = True

SIZE = (2 << 30) + 12345
BLOCK = 1 << 20


def add_large_layer(layout):
    """A blob that looks random but is written from one block, so that making it costs little; its descriptor."""
    block = random_bytes(BLOCK, seed="large")
    sha, left, number = hashlib.sha256(), SIZE, 0
    part = layout.folder / "part"
    with open(part, "wb") as file:
        while left > 0:
            data = (number.to_bytes(8, "big") + block)[:min(left, BLOCK)]  # no two blocks are equal
            file.write(data)
            sha.update(data)
            left -= len(data)
            number += 1
    part.rename(layout.folder / "blobs/sha256" / sha.hexdigest())
    return {"mediaType": LAYER_GZIP, "size": SIZE, "digest": "sha256:" + sha.hexdigest()}


def test_large_layer(start_cluster, skopeo, work):
    cluster, layout = start_cluster(storage=1), Layout(work / "large")
    user = cluster.new_user()
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]}}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layout.add(json.dumps(config).encode(), CONFIG),
                "layers": [add_large_layer(layout), layout.add(gzip.compress(b""), LAYER_GZIP)]}
    layout.name("latest", layout.add(json.dumps(manifest).encode(), MANIFEST))
    place = f"docker://{cluster.env['PACKHOUSE_REGISTRY']}/{user.login}/large:v1"
    skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", user.credentials,
           f"oci:{layout.folder}:latest", place, timeout=900)
    back = work / "large-back"
    # skopeo checks each blob's digest while it copies
    skopeo("copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds", user.credentials, place,
           f"oci:{back}:latest", timeout=900)
    names = {path.name for path in (layout.folder / "blobs/sha256").iterdir()}
    assert {path.name for path in (back / "blobs/sha256").iterdir()} == names
