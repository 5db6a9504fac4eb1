"""The packages of an organization and of a person, as the model has them, and the people who change the real ones."""

import base64
import http.client
import json
import random
from urllib.parse import quote, urlsplit

from . import openapi
from .package_model import State
from .package_pool import Pool
from .package_rights import Caller, Rights
from .people import enroll

DEADLINE = 120


class Mismatch(AssertionError):
    """What was answered is not what the rules say."""


class Answer:
    def __init__(self, answer, data):
        self.status_code, self.headers, self.content = answer.status, answer.headers, data

    @property
    def text(self):
        return self.content.decode(errors="replace")

    def json(self):
        return json.loads(self.content)


class Client:
    """One caller at all gateways; connections are kept. Not `requests`, which costs more than what is asked."""

    def __init__(self, cluster, caller, token):
        self.caller = caller
        self.connections = [http.client.HTTPConnection(urlsplit(cluster.url(number)).netloc, timeout=DEADLINE)
                            for number in range(1, cluster.gateways + 1)]
        self.headers = {}
        if token is not None:
            said = base64.b64encode(f"{caller.login}:{token}".encode()).decode()
            self.headers["Authorization"] = f"Basic {said}"

    def call(self, gateway, method, path, data=None, headers=(), body=None):
        """data: bytes; body: an object that goes as JSON."""
        connection, sent = self.connections[gateway], {**self.headers, **dict(headers)}
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        got = Answer(answer, answer.read())
        openapi.check(method, path, got.status_code, got.headers, got.content)
        return got


class World:
    """Live packages by (owner, name), and those that were deleted, the latest last."""

    def __init__(self, cluster, seed):
        self.cluster, self.seed = cluster, seed
        self.pool = Pool(seed)
        people = [cluster.new_user() for _ in range(3)]
        owner, member, friend = (one.login for one in people)
        self.organization = f"{owner}-org"
        cluster.new_organization(self.organization, owner)
        enroll(cluster, self.organization, member)
        self.rights = Rights(self.organization, owner, member)
        self.member, self.friend = member, friend
        self.clients = {}
        for name, login, token in (("owner", owner, people[0].token), ("member", member, people[1].token),
                                   ("friend", friend, people[2].token), ("nobody", None, None)):
            self.add(Caller(name, login), token)
        for name, scope in (("writer", "write:packages"), ("reader", "read:packages")):  # the owner's weaker tokens
            self.add(Caller(name, owner, frozenset([scope])), cluster.new_token(owner, [scope]))
        self.places = [(self.organization, "web"), (self.organization, "repo/app"), (owner, "web"), (owner, "tools/x")]
        self.live = {}
        self.gone = []
        self.begun = {}  # (owner, name) → blobs of pushes that have made no package yet

    def add(self, caller, token):
        self.clients[caller] = Client(self.cluster, caller, token)

    @property
    def callers(self):
        return list(self.clients)

    def caller(self, name):
        return next(one for one in self.clients if one.name == name)

    def call(self, dice, caller, method, path, **options):
        """At any gateway."""
        return self.clients[caller].call(dice.randrange(self.cluster.gateways), method, path, **options)

    def api(self, dice, caller, place):
        """One of the paths to a package or, without a name, to a namespace's lists."""
        owner, name = place
        forms = [f"users/{owner}"]
        if owner == self.organization:
            forms.append(f"orgs/{owner}")
        elif caller.login == owner:
            forms.append("user")
        path = f"/api/v3/{dice.choice(forms)}"
        if name is None:
            return path
        return f"{path}/packages/{dice.choice(('container', 'docker'))}/{quote(name, safe='')}"

    def newest_gone(self, place):
        """The latest deleted one of that name that can be restored."""
        found = [one for one in self.gone if (one.owner, one.name) == place and one.state == State.DELETED]
        return found[-1] if found else None

    def admin_of(self, place):
        """Who sees everything there."""
        assert place in self.places
        return self.caller("owner")


def dice_of(*words):
    return random.Random("-".join(map(str, words)))
