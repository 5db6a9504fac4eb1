"""Whether the registry shows what the model has: of one package after each step, of everything now and then."""

from .package_model import Refusal, State
from .package_world import Mismatch
from .people import links
from .registry import INDEX, MANIFEST

ACCEPT = {"Accept": f"{MANIFEST}, {INDEX}"}


class Compare:
    def __init__(self, world, dice):
        self.world, self.dice = world, dice

    def same(self, what, expected, got):
        if isinstance(expected, list) and expected != got:  # of two lists what is in one of them alone
            more = [one for one in expected if one not in got], [one for one in got if one not in expected]
            expected, got = more if any(more) else (expected, got)
        if expected != got:
            raise Mismatch(f"{what}\nexpected {expected}\ngot      {got}")

    def ask(self, caller, method, path, refusal=None, **options):
        answer = self.world.call(self.dice, caller, method, path, **options)
        expected = (200, "") if refusal is None else (refusal.status, refusal.reason)
        text = answer.text if method != "HEAD" else expected[1]
        if answer.status_code != expected[0] or expected[1] not in text:
            raise Mismatch(f"{caller.name}: {method} {path}\nexpected {expected}\n"
                           f"got      {answer.status_code} {answer.text[:600]}")
        return answer

    def walk(self, caller, path):
        """All elements of a list of REST, page by page."""
        found, answer = [], self.ask(caller, "GET", path)
        while True:
            found += answer.json()
            if "next" not in links(answer):
                return found
            answer = self.ask(caller, "GET", links(answer)["next"])

    # one package

    def place(self, place):
        """What its admin sees of it, and one thing besides; not all, so that many steps can be made."""
        package, admin = self.world.live.get(place), self.world.admin_of(place)
        if package is None:
            self.somebody(place, package, self.dice.choice(self.world.callers))
            return
        if package.id is None:
            self.package(place, package, admin)
        self.versions(package, admin)
        self.tags(package, admin)
        self.dice.choice((lambda: self.package(place, package, admin), lambda: self.pulls(place, package, admin, 1),
                          lambda: self.rest_tags(package, admin),
                          lambda: self.somebody(place, package, self.dice.choice(self.world.callers))))()

    def package(self, place, package, caller):
        refusal = self.world.rights.rest(caller, package, "pull")
        answer = self.ask(caller, "GET", self.world.api(self.dice, caller, place), refusal)
        if refusal is None:
            shown = answer.json()
            package.id = package.id or shown["id"]
            self.same("the package", (package.id, package.name, package.visibility, len(package.of_state(State.LIVE))),
                      (shown["id"], shown["name"], shown["visibility"], shown["version_count"]))

    def versions(self, package, caller):
        path = self.world.api(self.dice, caller, (package.owner, package.name)) + "/versions?per_page=100"
        shown = self.walk(caller, path)
        self.learn(package, shown)
        self.same("versions", [self.version(package, one) for one in package.of_state(State.LIVE)],
                  [self.shown(one) for one in shown])
        shown = self.walk(caller, path + "&state=deleted")
        self.same("deleted versions", [self.version(package, one)
                                       for one in package.of_state(State.DELETED, State.DEFERRED)],
                  [self.shown(one) for one in shown])

    def learn(self, package, shown):
        """Ids of new versions; each of them is used once."""
        known = {one.id for one in package.versions.values()}
        for one in shown:
            version = package.versions.get(one["name"])
            if version is not None and version.id is None and one["id"] not in known:
                version.id = one["id"]

    def version(self, package, version):
        tags = package.tags_of(version.digest) if version.state == State.LIVE else sorted(version.lost)
        return {"id": version.id, "what": self.world.pool.word(version.digest), "kind": version.manifest.kind,
                "tags": tags, "deferred": version.state == State.DEFERRED,
                "parents": sorted(map(self.world.pool.word, package.parents(version.digest)))}

    def shown(self, one):
        word = self.world.pool.word
        return {"id": one["id"], "what": word(one["name"]), "kind": one["kind"],
                "tags": sorted(one["metadata"]["container"]["tags"]), "deferred": one.get("deferred", False),
                "parents": sorted(map(word, one["parents"]))}

    def tags(self, package, caller):
        place = (package.owner, package.name)
        got = self.ask(caller, "GET", f"/v2/{'/'.join(place)}/tags/list").json()
        self.same("tags of the registry", {"name": "/".join(place), "tags": sorted(package.tags)}, got)

    def rest_tags(self, package, caller):
        place = (package.owner, package.name)
        got = self.walk(caller, self.world.api(self.dice, caller, place) + "/tags?per_page=100")
        self.same("tags of REST", [(tag, self.world.pool.word(package.tags[tag])) for tag in sorted(package.tags)],
                  [(one["name"], self.world.pool.word(one["digest"])) for one in got])
        for one in got:
            self.same(f"the version of tag {one['name']}", package.versions[one["digest"]].id, one["version_id"])

    def pulls(self, place, package, caller, most=None):
        """Manifests by tag and digest, and what refers to them."""
        tags = sorted(set(package.tags) | {tag for one in package.versions.values() for tag in one.lost}
                      | {tag for tag in ("v1", "latest")})
        digests = sorted(self.world.pool.manifests)
        for reference in self.some(tags, most) + self.some(digests, most):
            self.pull(place, package, caller, reference)
        for digest in self.some(digests, 1 if most else None):
            self.referrers(place, package, caller, digest)

    def some(self, things, most):
        return things if most is None or len(things) <= most else self.dice.sample(things, most)

    def pull(self, place, package, caller, reference):
        refusal = self.world.rights.registry(caller, package, place[0], "pull")
        digest = reference if reference.startswith("sha256:") else package and package.tags.get(reference)
        method = self.dice.choice(("GET", "HEAD"))
        path = f"/v2/{'/'.join(place)}/manifests/{reference}"
        answer = self.world.call(self.dice, caller, method, path, headers=ACCEPT)
        status = refusal.status if refusal else 200 if digest and package.there(digest) else 404
        self.same(f"{caller.name}: {method} {path}", status, answer.status_code)
        if status == 200:
            self.same("the digest", digest, answer.headers["Docker-Content-Digest"])
            if method == "GET":
                self.same("the bytes", self.world.pool.manifests[digest].data, answer.content)

    def word(self, digest):
        return self.world.pool.word(digest)

    def referrers(self, place, package, caller, digest):
        refusal = self.world.rights.registry(caller, package, place[0], "pull")
        if package is None and refusal is not None and refusal.status == 404:
            refusal = None  # nothing refers to it
        answer = self.ask(caller, "GET", f"/v2/{'/'.join(place)}/referrers/{digest}", refusal)
        if refusal is None:
            self.same(f"referrers of {self.word(digest)}",
                      sorted(map(self.word, package.referrers(digest) if package else ())),
                      sorted(self.word(one["digest"]) for one in answer.json()["manifests"]))

    def somebody(self, place, package, caller):
        """What he may not see he does not see, by any way."""
        digests = sorted(self.world.pool.manifests)
        self.dice.choice((lambda: self.package(place, package, caller),
                          lambda: self.own_tags(place, package, caller),
                          lambda: self.own_versions(place, package, caller),
                          lambda: self.pull(place, package, caller, self.dice.choice(("v1", "latest", *digests))),
                          lambda: self.referrers(place, package, caller, self.dice.choice(digests))))()

    def own_tags(self, place, package, caller):
        self.ask(caller, "GET", f"/v2/{'/'.join(place)}/tags/list",
                 self.world.rights.registry(caller, package, place[0], "pull"))

    def own_versions(self, place, package, caller):
        """Deleted ones are for admins only."""
        rights, path = self.world.rights, f"{self.world.api(self.dice, caller, place)}/versions"
        refusal = rights.rest(caller, package, "pull")
        self.ask(caller, "GET", path, refusal)
        if refusal is None and rights.role(caller, package) != "admin":
            refusal = Refusal(403, "")
        self.ask(caller, "GET", f"{path}?state=deleted", refusal)

    # everything

    def everything(self, places):
        for place in places:
            package, admin = self.world.live.get(place), self.world.admin_of(place)
            self.package(place, package, admin)
            if package is not None:
                self.versions(package, admin)
                self.tags(package, admin)
                self.rest_tags(package, admin)
                self.pulls(place, package, admin)
                self.each_version(place, package, admin)
        for owner in sorted({owner for owner, _name in places}):
            for caller in self.world.callers:
                if caller.login is not None:
                    self.lists(owner, caller, [place for place in places if place[0] == owner])

    def each_version(self, place, package, caller):
        for version in package.versions.values():
            if version.id is not None:
                answer = self.world.call(self.dice, caller, "GET", f"{self.world.api(self.dice, caller, place)}"
                                         f"/versions/{version.id}")
                self.same(f"version {self.word(version.digest)}", 200 if version.state == State.LIVE else 404,
                          answer.status_code)
                if answer.status_code == 200:
                    self.same("the version", self.version(package, version), self.shown(answer.json()))

    def lists(self, owner, caller, places):
        """Of packages, and of what he may restore, newest first."""
        rights, path = self.world.rights, self.world.api(self.dice, caller, (owner, None))
        live = [one for place, one in self.world.live.items() if place in places
                and rights.refusal(caller, one, "pull") is None]
        got = self.walk(caller, f"{path}/packages?package_type=container&per_page=100")
        self.same(f"{caller.name}: packages of {owner}", self.ids(live), [(one["id"], one["name"]) for one in got])
        gone = [one for one in self.world.gone if (one.owner, one.name) in places and one.state == State.DELETED
                and rights.role(caller, one) == "admin"]
        got = self.walk(caller, f"{path}/deleted-packages?per_page=100")
        self.same(f"{caller.name}: deleted packages of {owner}", self.ids(gone),
                  [(one["id"], one["name"]) for one in got])

    @staticmethod
    def ids(packages):
        return sorted(((one.id, one.name) for one in packages), reverse=True)
