"""Bearer tokens of the registry, taken apart and signed: with a key of nobody's, or with the registry's own."""

import base64
import json

from .run import run


def part(data):
    """One of a token's three parts, of these bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def opened(text):
    """What the first or the second part says."""
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Mint:
    """Signs by Ed25519, with the key of this seed."""

    PREFIX = bytes.fromhex("302e020100300506032b657004220420")  # PKCS #8, before the seed

    def __init__(self, folder, seed):
        self.folder = folder
        text = base64.b64encode(self.PREFIX + seed).decode()
        (folder / "key.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n",
                                        encoding="ascii")

    def sign(self, header, claims):
        body = ".".join(part(json.dumps(one, separators=(",", ":")).encode()) for one in (header, claims))
        (self.folder / "body").write_bytes(body.encode())
        run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.folder / "key.pem", "-in", self.folder / "body",
            "-out", self.folder / "signature")
        return f"{body}.{part((self.folder / 'signature').read_bytes())}"
