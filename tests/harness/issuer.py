"""An issuer of OpenID Connect tokens: keys made by openssl, served on this machine."""

import base64
import contextlib
import functools
import http.server
import json
import subprocess
import tempfile
import threading
import time


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True, timeout=120).stdout


class Key:
    """A signing key of one of the algorithms RS256, ES256 and EdDSA."""

    KINDS = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
             "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EdDSA": ["ED25519"]}

    def __init__(self, algorithm, kid):
        self.algorithm, self.kid = algorithm, kid
        self.file = tempfile.NamedTemporaryFile(suffix=".pem")
        openssl("genpkey", "-algorithm", *self.KINDS[algorithm], "-out", self.file.name)

    @functools.cache
    def jwk(self):
        public = openssl("pkey", "-in", self.file.name, "-pubout", "-outform", "DER")
        more = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.file.name, "-noout", "-modulus").split(b"=")[1].strip()
            return {"kty": "RSA", "n": encoded(bytes.fromhex(modulus.decode())), "e": "AQAB", **more}
        if self.algorithm == "ES256":
            return {"kty": "EC", "crv": "P-256", "x": encoded(public[-64:-32]), "y": encoded(public[-32:]), **more}
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(public[-32:]), **more}

    def sign(self, data):
        if self.algorithm == "EdDSA":
            with tempfile.NamedTemporaryFile() as text:
                text.write(data)
                text.flush()
                return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file.name, "-in", text.name)
        signature = openssl("dgst", "-sha256", "-sign", self.file.name, data=data)
        return signature if self.algorithm == "RS256" else raw_signature(signature)


def raw_signature(der):
    """The two numbers of an ECDSA signature, 32 bytes each."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


class Issuer:
    """`.keys` are what it publishes; `.asked` counts how often each path was asked for."""

    def __init__(self, keys):
        self.keys = keys
        self.asked = {}
        self.broken = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            do_POST = do_GET

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def description(self):
        return {"issuer": self.url, "jwks_uri": self.url + "/keys"}

    def answer(self, request):
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        documents = {"/.well-known/openid-configuration": self.description(), "/keys": self.jwks()}
        found = None if self.broken else documents.get(request.path)
        self.send(request, 200 if found else 500, json.dumps(found or {}).encode())

    @staticmethod
    def send(request, status, body, **headers):
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(body)

    def jwks(self):
        return {"keys": [key.jwk() for key in self.keys]}

    def token(self, key=None, header=None, **claims):
        """Signed with the first key unless it is said; a claim of None is left out."""
        key = key or self.keys[0]
        now = int(time.time())
        claims = {"iss": self.url, "sub": "a job", "aud": "packhouse", "iat": now, "nbf": now, "exp": now + 300,
                  **claims}
        parts = [{"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **(header or {})},
                 {name: value for name, value in claims.items() if value is not None}]
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{text}.{encoded(key.sign(text.encode()))}"
