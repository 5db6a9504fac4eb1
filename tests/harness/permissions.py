"""The world of the permission matrix: an organization's and a user's packages, and people on every way to a role.

It is written straight into the database: thousands of cases need hundreds of rows, and routes that make such rows have
tests of their own.
"""

import base64
import hashlib
import json
import secrets

from .registry import INDEX, digest_of

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
VISIBILITIES = ("private", "internal", "public")
LINKS = ("unlinked", "linked", "inheriting")
ROLES = {"read": 1, "write": 2, "admin": 3}
REPOSITORY_ROLES = {"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
SCOPES = {"read:packages": 1, "write:packages": 2, "delete:packages": 4}

# Ways to a role on the organization's packages: {way: (membership, how, role)}
WAYS = {
    "stranger": (None, None, None),
    "member": ("member", None, None),
    "owner": ("owner", None, None),
    **{f"direct {role}": ("member", "direct", role) for role in ROLES},
    **{f"outside {role}": (None, "direct", role) for role in ROLES},
    **{f"team {role}": ("member", "team", role) for role in ROLES},
    "nested write": ("member", "nested", "write"),
    **{f"repository {role}": ("member", "repository", role) for role in REPOSITORY_ROLES},
    "collaborator write": (None, "repository", "write"),
    "repository team maintain": ("member", "repository team", "maintain"),
    "robot": ("robot", None, None),
    "robot write": ("robot", "direct", "write"),
    "robot creator": ("creator", None, None),
}


def token_text():
    """A new token as packhouse makes them: a prefix, 34 characters, and their CRC32C in base 62."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = "ph_" + "".join(secrets.choice(alphabet) for _ in range(34))
    crc = 0xFFFFFFFF
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    tail = ""
    for _ in range(6):
        tail = alphabet[crc % 62] + tail
        crc //= 62
    return text + tail


def basic(token):
    return "Basic " + base64.b64encode(f"x:{token}".encode()).decode()


class PermissionWorld:
    """prefix-org with its packages, its repository `site`, and the account prefix-user with a package of each kind."""

    def __init__(self, cluster, prefix):
        self.prefix = prefix
        self.database = cluster.database()
        self.cursor = self.database.cursor()
        self.org = self.account(2, "org")
        self.org_login = f"{prefix}-org"
        self.user_login = f"{prefix}-user"
        self.packages = {}  # {(namespace, package): id}
        self.repositories = {}
        self.people = {"self": self.account(1, "user")}
        self.site = self.repository("site")
        for visibility in range(3):
            for link in LINKS:
                self.package(self.org, self.org_login, f"{VISIBILITIES[visibility]}-{link}", visibility, link)
        for visibility in (0, 2):
            self.package(self.people["self"], self.user_login, f"{VISIBILITIES[visibility]}-unlinked", visibility,
                         "unlinked")
        for way, (membership, how, role) in WAYS.items():
            self.person(way, membership, how, role)
        for role in ROLES:
            self.people[f"guest {role}"] = self.account(1, f"guest-{role}")
            self.grant_all(self.people[f"guest {role}"], self.user_login, ROLES[role])

    def row(self, statement, *values):
        self.cursor.execute(statement, values)
        return self.cursor.fetchone()

    def insert(self, table, **columns):
        names = ", ".join(columns)
        self.cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(columns))}) RETURNING *",
                            list(columns.values()))
        return self.cursor.fetchone()[0]

    def account(self, kind, name, **columns):
        login = f"{self.prefix}-org+{name}" if kind == 3 else f"{self.prefix}-{name}"
        return self.insert("account", kind=kind, login=login, **columns)

    def repository(self, name, owner=None):
        self.repositories[name] = self.insert("repository", owner_id=owner or self.org, name=name)
        return self.repositories[name]

    def package(self, namespace, login, name, visibility, link):
        linked = {} if link == "unlinked" else {"repository_id": self.site, "linked_by": 3,
                                                "inherits": link == "inheriting"}
        package = self.insert("package", namespace_id=namespace, name=name, visibility=visibility,
                              publisher_id=namespace, **linked)
        self.cursor.execute("UPDATE package SET published_at = now() WHERE id = %s", [package])
        manifest = self.insert("manifest", package_id=package, algorithm=1, kind=2, media_type=INDEX,
                               digest=hashlib.sha256(MANIFEST).digest(), size=len(MANIFEST), pushed_by=namespace,
                               bytes=MANIFEST)
        self.insert("tag", package_id=package, name="v1", manifest_id=manifest, updated_by=namespace)
        self.packages[login, name] = package

    def team(self, name, parent=None):
        team = self.insert("team", organization_id=self.org, slug=name, name=name, parent_id=parent)
        self.insert("team_path", team_id=team, ancestor_id=team, depth=0)
        if parent is not None:
            self.insert("team_path", team_id=team, ancestor_id=parent, depth=1)
        return team

    def grant_all(self, account, login, role):
        for (namespace, _name), package in self.packages.items():
            if namespace == login:
                self.insert("package_grant", package_id=package, account_id=account, role=role)

    def team_grant(self, slug, role, account, nested):
        team = self.team(slug)
        for (namespace, _name), package in self.packages.items():
            if namespace == self.org_login:
                self.insert("package_team", package_id=package, team_id=team, role=role)
        lower = self.team(f"{slug}-below", team) if nested else team
        self.insert("team_member", team_id=lower, account_id=account)

    def person(self, way, membership, how, role):
        robot = membership in ("robot", "creator")
        name = way.replace(" ", "-")
        who = (self.account(3, name, organization_id=self.org, creators=int(membership == "creator")) if robot else
               self.account(1, name))
        self.people[way] = who
        if membership in ("member", "owner"):
            self.insert("membership", organization_id=self.org, account_id=who, role=1 + (membership == "owner"))
        if how == "direct":
            self.grant_all(who, self.org_login, ROLES[role])
        elif how in ("team", "nested"):
            self.team_grant(name, ROLES[role], who, how == "nested")
        elif how == "repository":
            self.insert("repository_grant", repository_id=self.site, account_id=who, role=REPOSITORY_ROLES[role])
        elif how == "repository team":
            team = self.team(name)
            self.insert("repository_team", repository_id=self.site, team_id=team, role=REPOSITORY_ROLES[role])
            self.insert("team_member", team_id=team, account_id=who)

    def token(self, account, scopes=tuple(SCOPES), kind=None, **columns):
        """The header that shows a new token with these scopes."""
        text = token_text()
        [robot] = self.row("SELECT kind = 3 FROM account WHERE id = %s", account)
        bits = sum(SCOPES[scope] for scope in scopes)
        self.insert("token", account_id=account, kind=kind or (2 if robot else 1), hint=text[-8:], scopes=bits,
                    hash=hashlib.sha256(text.encode()).digest(), **columns)
        return basic(text)

    def limited(self, account, *limits):
        header = self.token(account, limited=True)
        [token] = self.row("SELECT max(id) FROM token WHERE account_id = %s", account)
        for namespace, name in limits:
            self.cursor.execute("INSERT INTO token_limit SELECT %s, id, %s FROM account WHERE login = %s",
                                [token, name, namespace])
        return header

    def acting(self, repository, kind, scopes):
        """A token of a workflow (3) or a codespace (4)."""
        return self.token(self.org, scopes, kind=kind, repository_id=repository)

    def digest(self):
        return digest_of(MANIFEST)
