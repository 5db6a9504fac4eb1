"""An issuer through which people sign in: the authorization code flow with PKCE, and a browser that follows it."""

import base64
import hashlib
import json
import secrets
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import requests

from .issuer import Issuer, encoded


class Provider(Issuer):
    """Whoever comes to /authorize is .person (claims); .spoil changes what /token answers.

    `spoil(answer)` gets the JSON that it would send and gives that, or (status, bytes). `.claims` are put into each ID
    token over what belongs there; `.header` and `.key` sign it otherwise.
    """

    def __init__(self, keys, client_id="the registry", client_secret="hush: a secret/+"):
        self.client_id, self.client_secret = client_id, client_secret
        self.person = {"sub": "somebody"}
        self.claims, self.header, self.key = {}, None, None
        self.methods = None  # token_endpoint_auth_methods_supported
        self.spoil = lambda answer: answer
        self.codes, self.forms = {}, []
        super().__init__(keys)

    def description(self):
        more = {} if self.methods is None else {"token_endpoint_auth_methods_supported": self.methods}
        return {**super().description(), "authorization_endpoint": self.url + "/authorize?tenant=1",
                "token_endpoint": self.url + "/token", **more}

    def answer(self, request):
        path = urlsplit(request.path).path
        if path == "/token" and not self.broken:
            status, body = self.exchange(request)
            self.send(request, status, body)
        else:
            super().answer(request)

    def authorize(self, url):
        """What the browser is sent back with: the parameters of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
        assert url.startswith(self.url + "/authorize?tenant=1&") and asked["response_type"] == "code"
        assert asked["client_id"] == self.client_id and "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        code = secrets.token_urlsafe(12) + "+/="
        self.codes[code] = {**asked, "person": dict(self.person)}
        return asked["redirect_uri"], {"code": code, "state": asked["state"], "iss": self.url}

    def client_of(self, request, form):
        header = request.headers.get("Authorization", "")
        if not header:
            return form.get("client_id"), form.get("client_secret", "")
        assert header.startswith("Basic ") and "client_secret" not in form
        return tuple(unquote(part) for part in base64.b64decode(header[6:]).decode().split(":", 1))

    def exchange(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        self.forms.append({"basic": "Authorization" in request.headers, **form})
        asked = self.codes.pop(form.get("code"), None)  # a code is good for once
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if self.client_of(request, form) != (self.client_id, self.client_secret):
            return 401, b'{"error":"invalid_client"}'
        if (asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge
                or form["grant_type"] != "authorization_code"):
            return 400, b'{"error":"invalid_grant"}'
        claims = {"aud": self.client_id, "nonce": asked["nonce"], **asked["person"], **self.claims}
        said = self.spoil({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60,
                           "id_token": self.token(self.key, self.header, **claims)})
        return said if isinstance(said, tuple) else (200, json.dumps(said).encode())


class Browser:
    """Keeps cookies and says where its requests come from."""

    def __init__(self, cluster, gateway=1):
        self.base = cluster.url(gateway)
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path, **headers):
        url = path if path.startswith("http") else self.base + path
        return self.session.get(url, headers=headers, allow_redirects=False, timeout=120)

    def call(self, method, path, body=None, site="same-origin"):
        return self.session.request(method, f"{self.base}/api/v3/{path}", json=body, timeout=120,
                                    headers={"Sec-Fetch-Site": site})

    def begin(self, provider, query=""):
        """Where the callback is, and with what the provider sends the browser there."""
        sent = self.get(f"/login/oidc/{provider.id}{query}")
        assert sent.status_code == 303, sent.text
        return provider.authorize(sent.headers["Location"])

    def land(self, place, answer, **headers):
        return self.get(f"{place}?{urlencode(answer)}", **headers)

    def sign_in(self, provider, query=""):
        return self.land(*self.begin(provider, query))
