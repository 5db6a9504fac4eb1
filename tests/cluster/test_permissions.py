"""Who may do what: every kind of credential, on every way to a role, on every kind of package, for every action.

The rules stand here as tables and a few lines, as the documentation words them; nothing is taken from the product.
No case changes anything: what is allowed asks for something that then is refused for another reason, or is so already.
"""

import concurrent.futures
import dataclasses
import http.client
import json
from urllib.parse import quote, urlsplit

import pytest

from harness import openapi
from harness.permissions import INDEX, LINKS, MANIFEST, REPOSITORY_ROLES, ROLES, VISIBILITIES, WAYS, PermissionWorld

SHARES_CLUSTER = True

ALL = ("read:packages", "write:packages", "delete:packages")
NONE, READ, WRITE, ADMIN = range(4)

# {action: (role, scopes)}: what each needs
ACTIONS = {
    "pull": (READ, {"read:packages"}),
    "push": (WRITE, {"write:packages"}),
    "create": (None, {"write:packages"}),  # a new package: a right of the namespace, not of a package
    "delete": (ADMIN, {"read:packages", "delete:packages"}),
    "grant": (ADMIN, {"write:packages"}),
    "visibility": (ADMIN, {"write:packages"}),
    "link": (ADMIN, {"write:packages"}),
}
REST = ("grant", "visibility", "link")
# read and triage → read, write and maintain → write, admin → admin
THROUGH_REPOSITORY = {"read": READ, "triage": READ, "write": WRITE, "maintain": WRITE, "admin": ADMIN}


@dataclasses.dataclass
class Credential:
    header: str = None
    valid: bool = True
    scopes: tuple = ALL
    outside: bool = False  # counts as nobody's in this namespace
    acting: bool = False  # for a repository: settings are people's matter


# the rules


def role_in_organization(way, visibility, link):
    membership, how, role = WAYS[way]
    if membership == "owner":
        return ADMIN
    if link == "inheriting":  # only roles on the repository count, and every member has read on each
        through = THROUGH_REPOSITORY[role] if how in ("repository", "repository team") else NONE
        return max(through, READ if membership == "member" else NONE)
    if how in ("direct", "team", "nested"):  # counts, unless it is public, only for members
        return ROLES[role] if membership is not None or visibility == "public" else NONE
    return NONE


def creates_in_organization(way):
    return WAYS[way][0] in ("member", "owner", "creator")


def holds(credential, scopes):
    held = set(credential.scopes)
    return scopes <= (held | {"read:packages"} if "write:packages" in held else held)


def decide(action, credential, role, creates, visibility):
    """None: it is allowed. Otherwise how it is refused: 401, "hidden" or "known"."""
    if not credential.valid:
        return 401
    needed, scopes = ACTIONS[action]
    signed_in = credential.header is not None
    if credential.outside:
        role, creates = NONE, False
    anyone = visibility == "public" or (visibility == "internal" and signed_in and not credential.outside)
    may = creates if action == "create" else role >= needed or (action == "pull" and anyone)
    may = may and not (credential.acting and action in REST)
    if may and ((action == "pull" and visibility == "public") or holds(credential, scopes)):
        return None
    if not signed_in:
        return 401
    return "known" if may or anyone or role >= READ else "hidden"


# asking


REQUESTS = {
    "pull": ("GET", "/v2/{full}/manifests/v1", None, None),
    "push": ("PUT", "/v2/{full}/manifests/v1", INDEX, MANIFEST),
    "create": ("PUT", "/v2/{owner}/not-there/manifests/v1", INDEX, json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": INDEX, "size": 2, "digest": "sha256:" + "0" * 64}]}).encode()),
    "delete": ("DELETE", "/v2/{full}/manifests/not-there", None, None),
    "grant": ("PUT", "{api}/access/users/octocat", "application/json", b'{"role":"none"}'),
    "visibility": ("PUT", "{api}/visibility", "application/json", b'{"visibility":"none"}'),
    "link": ("PUT", "{api}/repository", "application/json", b'{}'),
}
# what is answered when it is allowed: {action: (status, code)}
DONE = {"pull": (200, None), "push": (201, None), "create": (404, "MANIFEST_BLOB_UNKNOWN"),
        "delete": (404, "MANIFEST_UNKNOWN"), "grant": (422, None), "visibility": (422, None), "link": (422, None)}


class Asker:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)

    def ask(self, action, credential, owner, name, organization):
        method, path, media, body = REQUESTS[action]
        api = f"/api/v3/{'orgs' if organization else 'users'}/{owner}/packages/container/{quote(name, safe='')}"
        path = path.format(full=f"{owner}/{name}", owner=owner, api=api)
        headers = {"Authorization": credential.header} if credential.header else {}
        if media:
            headers["Content-Type"] = media
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        openapi.check(method, path, answer.status, answer.headers, data)
        said = json.loads(data) if answer.status >= 400 else {}
        code = said["errors"][0]["code"] if action not in REST and "errors" in said else None
        return answer.status, code, f"{method} {path}: {answer.status} {data[:200]}"


def wanted(action, refusal):
    """Statuses and codes that a refusal may have."""
    if refusal is None:
        return [DONE[action]]
    if refusal == 401:
        return [(401, None if action in REST else "UNAUTHORIZED")]
    if action not in REST:
        return [(403, "DENIED")]
    return [(403, None)] if refusal == "known" else [(404, None)]


def run(cluster, cases):
    """cases: (what it is, action, credential, owner, name, organization?, refusal). All that differ, at once."""
    wrong = []

    def some(part):
        asker = Asker(cluster.url(1 + part % 2))
        for what, action, credential, owner, name, organization, refusal in cases[part::4]:
            status, code, asked = asker.ask(action, credential, owner, name, organization)
            if (status, code) not in wanted(action, refusal):
                wrong.append(f"{what}, {action}: wanted {wanted(action, refusal)}: {asked}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(some, range(4)))
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong[:20])
    return len(cases)


@pytest.fixture(scope="module")
def world(cluster):
    made = PermissionWorld(cluster, "matrix")
    yield made
    made.database.close()


def kinds_of_package():
    return [(visibility, link) for visibility in VISIBILITIES for link in LINKS]


def organization_cases(world, what, credential, role_of, creates):
    """Every action on every package of the organization; role_of(visibility, link)."""
    for visibility, link in kinds_of_package():
        for action in ACTIONS:
            seen = "missing" if action == "create" else visibility
            role = NONE if action == "create" else role_of(visibility, link)
            refusal = decide(action, credential, role, creates, seen)
            yield (f"{what}, {visibility} {link}", action, credential, world.org_login, f"{visibility}-{link}", True,
                   refusal)


def test_every_way_to_a_role(cluster, world):
    cases = []
    for way in WAYS:
        credential = Credential(world.token(world.people[way]))
        cases += organization_cases(world, way, credential,
                                    lambda visibility, link, way=way: role_in_organization(way, visibility, link),
                                    creates_in_organization(way))
    assert run(cluster, cases) == len(WAYS) * 9 * len(ACTIONS)


def personal_credentials(world, person):
    """Every kind of credential that a person may show."""
    org = world.org_login
    yield "anonymous", Credential()
    yield "unknown", Credential(world.token(person).swapcase(), valid=False)
    yield "expired", Credential(world.token(person, expires_at="2020-01-01"), valid=False)
    yield "revoked", Credential(world.token(person, revoked_at="2020-01-01"), valid=False)
    for scopes in ((), ALL[:1], ALL[1:2], ALL[2:], (ALL[0], ALL[2])):
        yield f"scopes {scopes}", Credential(world.token(person, scopes), scopes=scopes)
    yield "limited to it all", Credential(world.limited(person, (org, "")))
    yield "limited to elsewhere", Credential(world.limited(person, (world.user_login, "")), outside=True)
    yield "limited to another package", Credential(world.limited(person, (org, "other")), outside=True)
    packages = [(org, f"{visibility}-{link}") for visibility, link in kinds_of_package()]
    yield "limited to these packages", Credential(world.limited(person, *packages))


@pytest.mark.parametrize("way", ["stranger", "member", "direct read", "team write", "direct admin", "repository write",
                                 "owner"])
def test_every_kind_of_credential(cluster, world, way):
    cases = []
    for what, credential in personal_credentials(world, world.people[way]):
        nobody = not credential.header
        creates = creates_in_organization(way) and not nobody and what != "limited to these packages"
        cases += organization_cases(world, f"{way}, {what}", credential,
                                    lambda visibility, link, nobody=nobody: NONE if nobody else role_in_organization(
                                        way, visibility, link), creates)
    run(cluster, cases)


def test_a_users_packages(cluster, world):
    """Anybody may be given a role there; nobody but the user creates."""
    cases = []
    for who, role in (("self", ADMIN), ("stranger", NONE), *((f"guest {role}", ROLES[role]) for role in ROLES)):
        credential = Credential(world.token(world.people[who]))
        for visibility in ("private", "public"):
            for action in ACTIONS:
                refusal = decide(action, credential, role if action != "create" else NONE, who == "self",
                                 "missing" if action == "create" else visibility)
                cases.append((f"{who}, {visibility}", action, credential, world.user_login, f"{visibility}-unlinked",
                              False, refusal))
    run(cluster, cases)


def test_workflows(cluster, world):
    """A workflow has what *Actions access* lists for its repository, whatever its repository is to the package."""
    other = world.account(2, "other")
    cases = []
    for name, role, owner in (("wf-none", NONE, None), ("wf-read", READ, None), ("wf-write", WRITE, None),
                              ("wf-admin", ADMIN, None), ("foreign", NONE, other), ("foreign-write", WRITE, other)):
        repository = world.repository(name, owner)
        for (namespace, _name), package in world.packages.items():
            if role and namespace == world.org_login:
                world.insert("package_actions", package_id=package, repository_id=repository, role=role)
        for scopes in (ALL[:1], ALL):
            credential = Credential(world.acting(repository, 3, scopes), scopes=scopes, acting=True)
            cases += organization_cases(world, f"workflow of {name} with {scopes}", credential,
                                        lambda _visibility, _link, role=role: role, owner is None)
    credential = Credential(world.acting(world.site, 3, ALL), acting=True)  # linked: that alone is no access
    cases += organization_cases(world, "workflow of the linked repository", credential, lambda *_: NONE, True)
    run(cluster, cases)


def test_codespaces(cluster, world):
    """They read what is listed for their repository, and what inherits from it."""
    cases = []
    listed = world.repository("listed")
    for (namespace, _name), package in world.packages.items():
        if namespace == world.org_login:
            world.insert("package_codespace", package_id=package, repository_id=listed)
    for name, role_of in (("listed", lambda _visibility, _link: READ),
                          ("site", lambda _visibility, link: READ if link == "inheriting" else NONE)):
        credential = Credential(world.acting(world.repositories[name], 4, ALL[:1]), scopes=ALL[:1], acting=True)
        cases += organization_cases(world, f"codespace of {name}", credential, role_of, False)
    run(cluster, cases)


def test_single_sign_on(cluster):
    """Where it is required, a personal token counts as nobody's until it is authorized; others need no sign-on."""
    world = PermissionWorld(cluster, "sso")
    world.row("UPDATE account SET sso_required = true WHERE id = %s RETURNING id", world.org)
    cases = []
    for way in ("stranger", "direct write", "team admin", "owner", "robot write"):
        robot = WAYS[way][0] == "robot"
        for authorized in (False, True):
            person = world.people[way]
            credential = Credential(world.token(person), outside=not authorized and not robot)
            if authorized and not robot:
                world.row("INSERT INTO token_sso SELECT max(id), %s FROM token WHERE account_id = %s"
                          " RETURNING token_id", world.org, person)
            cases += [case for case in organization_cases(
                world, f"{way}, authorized: {authorized}", credential,
                lambda visibility, link, way=way: role_in_organization(way, visibility, link),
                creates_in_organization(way)) if authorized or robot or case[1] not in REST]
    run(cluster, cases)
    world.database.close()


def test_a_repository_role_is_worth_what_the_table_says():
    assert set(THROUGH_REPOSITORY) == set(REPOSITORY_ROLES)
