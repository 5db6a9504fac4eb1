"""Random changes to the packages of a package_world: each is made by somebody in one of its ways, and answered as the
model says. Dice decide everything, and what they decide depends on the model alone: the same seed, the same steps."""

import json
from urllib.parse import urlencode

from .package_model import ASIDE, Package, Refusal, State
from .package_world import Mismatch

WEIGHTS = {
    "push": 30, "begin": 1, "set_tag": 9, "delete_tag": 4, "delete_reference": 6, "delete_blob": 2,
    "delete_version": 18, "delete_many": 6, "restore_version": 12, "purge_version": 2,
    "delete_package": 1.5, "restore_package": 2, "restore_by_id": 1, "purge_package": 0.7, "show": 2, "grant": 2,
}
PEOPLE = {"owner": 14, "member": 3, "friend": 1, "writer": 1, "reader": 1, "nobody": 1}
ONLY_OWNERS = Refusal(403, "Only owners")


class Steps:
    """Of one package's name, with its own dice: what happens to others changes nothing here."""

    def __init__(self, world, place, dice):
        self.world, self.place, self.dice = world, place, dice
        self.kind, self.said, self.status = "", "", 0  # of the present step

    # choosing

    @property
    def package(self):
        return self.world.live.get(self.place)

    def once(self):
        """A step; raises Mismatch."""
        caller = self.world.caller(self.dice.choices(list(PEOPLE), list(PEOPLE.values()))[0])
        self.kind = self.dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        hidden = self.place in self.world.begun and self.kind in ("delete_reference", "delete_blob")  # not modelled
        if self.package is None and (hidden or self.dice.random() < 0.8):
            self.kind = self.dice.choice(("push", "push", "begin", "restore_package", "restore_by_id"))
        getattr(self, self.kind)(caller)

    def any_digest(self):
        """Mostly one that the package has."""
        if self.package is not None and self.package.versions and self.dice.random() < 0.9:
            return self.dice.choice(sorted(self.package.versions))
        return self.dice.choice(sorted(self.world.pool.manifests))

    def any_tag(self, digest):
        """Tags of older clients are for signatures alone: of others they would decide what they are."""
        manifest = self.world.pool.manifests[digest]
        tags = [] if self.package is None else sorted(tag for tag in self.package.tags if manifest.kind == "signature"
                                                      or not ASIDE.match(tag))
        return self.dice.choice(tags if tags and self.dice.random() < 0.4 else manifest.tags)

    def version_path(self, caller, digest):
        """An id that never was stands for what the package does not have."""
        version = self.package.versions.get(digest) if self.package is not None else None
        return f"{self.api(caller)}/versions/{(version.id if version is not None else None) or 10 ** 12}"

    # asking

    def api(self, caller):
        return self.world.api(self.dice, caller, self.place)

    def registry(self):
        return f"/v2/{'/'.join(self.place)}"

    def say(self, caller, words):
        self.said = f"{caller.name}: {words}"

    def word(self, digest):
        return self.world.pool.word(digest)

    def ask(self, caller, refusal, statuses, method, path, **options):
        """The answer, which is one of these statuses, or the refusal."""
        answer = self.world.call(self.dice, caller, method, path, **options)
        self.status = answer.status_code
        wanted = statuses if refusal is None else (refusal.status,)
        if answer.status_code not in wanted or (refusal is not None and refusal.reason not in answer.text):
            raise Mismatch(f"{method} {path}\nexpected {wanted} {refusal.reason if refusal else ''}\n"
                           f"got      {answer.status_code} {answer.text[:600]}")
        return answer

    def same(self, what, expected, got):
        if expected != got:
            raise Mismatch(f"{what}\nexpected {expected}\ngot      {got}")

    def may(self, caller, action, rest=True):
        if rest:
            return self.world.rights.rest(caller, self.package, action)
        return self.world.rights.registry(caller, self.package, self.place[0], action)

    # pushing and tags

    def push_blobs(self, caller, digests):
        for digest in sorted(digests):
            data = self.world.pool.blobs[digest]
            self.ask(caller, None, (201,), "POST", f"{self.registry()}/blobs/uploads/?digest={digest}", data=data,
                     headers={"Content-Type": "application/octet-stream"})

    def reference(self, manifest):
        """(the path's last part, its tags)"""
        way = self.dice.random()
        if way < 0.6:
            tag = self.any_tag(manifest.digest)
            return tag, [tag]
        if way < 0.85:
            return manifest.digest, []
        tags = sorted({self.any_tag(manifest.digest) for _ in range(2)})
        return f"{manifest.digest}?{'&'.join(f'tag={tag}' for tag in tags)}", tags

    def push(self, caller):
        manifest = self.world.pool.manifests[self.dice.choice(sorted(self.world.pool.manifests))]
        whole = self.dice.random() < 0.7
        said = f"push {'all of ' if whole else ''}{manifest.word}"
        for one in self.with_children(manifest) if whole else [manifest]:
            reference, tags = self.reference(one)
            said += f", as {', '.join(tags) or 'its digest'}"
            self.say(caller, said)
            self.push_one(caller, one, reference, tags)

    def with_children(self, manifest):
        """What is not there yet, as clients push it: children first."""
        pool, package = self.world.pool.manifests, self.package
        missing = [pool[one] for one in manifest.children if package is None or not package.there(one)]
        return [found for one in missing for found in self.with_children(one)] + [manifest]

    def push_one(self, caller, manifest, reference, tags):
        refusal, package = self.may(caller, "push", rest=False), self.package
        if refusal is None:
            if package is None:
                package = Package(*self.place, caller.login)
                package.blobs |= self.world.begun.get(self.place, set())
            unsure = manifest.blobs & package.unsure()
            missing = (manifest.blobs - package.blobs) | unsure
            if package is not self.package or unsure or self.dice.random() < 0.95:
                self.push_blobs(caller, missing)
                package.push_blobs(missing)
            refusal = package.push(manifest, tags)
        self.ask(caller, refusal, (201,), "PUT", f"{self.registry()}/manifests/{reference}", data=manifest.data,
                 headers={"Content-Type": manifest.media})
        if refusal is None:
            self.world.live[self.place] = package
            self.world.begun.pop(self.place, None)

    def begin(self, caller):
        """A push that stops after a blob makes no package."""
        digest = self.dice.choice(sorted(self.world.pool.blobs))
        self.say(caller, "push a blob alone")
        if self.may(caller, "push", rest=False) is None:
            self.push_blobs(caller, {digest})
            if self.package is not None:
                self.package.push_blobs({digest})
            else:
                self.world.begun.setdefault(self.place, set()).add(digest)

    def set_tag(self, caller):
        digest = self.any_digest()
        tag = self.any_tag(digest)
        self.say(caller, f"set tag {tag} to {self.word(digest)}")
        refusal, status = self.may(caller, "push"), 201
        version = self.package.versions.get(digest) if self.package is not None else None
        body = {"digest": digest}
        if version is not None and version.id is not None and self.dice.random() < 0.5:
            body = {"version_id": version.id}
        if refusal is None:
            status = 200 if tag in self.package.tags else 201
            refusal = self.package.set_tag(tag, digest)
        answer = self.ask(caller, refusal, (status,), "PUT", f"{self.api(caller)}/tags/{tag}", body=body)
        if refusal is None:
            self.same("the tag's digest", digest, answer.json()["digest"])

    def delete_tag(self, caller):
        tag = self.any_tag(self.any_digest())
        self.say(caller, f"delete tag {tag} by REST")
        refusal = self.may(caller, "delete") or self.package.delete_tag(tag, Refusal(404, "Tag not found."))
        self.ask(caller, refusal, (204,), "DELETE", f"{self.api(caller)}/tags/{tag}")

    def delete_reference(self, caller):
        digest = self.any_digest()
        tag = self.any_tag(digest) if self.dice.random() < 0.5 else None
        self.say(caller, f"delete {tag or self.word(digest)} by the registry")
        refusal = self.may(caller, "delete", rest=False)
        if refusal is None:
            refusal = (self.package.delete_manifest(digest) if tag is None
                       else self.package.delete_tag(tag, Refusal(404, "MANIFEST_UNKNOWN")))
        self.ask(caller, refusal, (202,), "DELETE", f"{self.registry()}/manifests/{tag or digest}")

    def delete_blob(self, caller):
        unsure = self.package.unsure() if self.package is not None else set()
        digest = self.dice.choice(sorted(self.world.pool.blobs.keys() - unsure))
        self.say(caller, f"delete blob {digest[7:19]}")
        refusal = self.may(caller, "delete", rest=False) or self.package.delete_blob(digest)
        self.ask(caller, refusal, (202,), "DELETE", f"{self.registry()}/blobs/{digest}")

    # versions

    def delete_version(self, caller):
        live = [one.digest for one in self.package.of_state(State.LIVE)] if self.package is not None else []
        digest = self.dice.choice(live) if live and self.dice.random() < 0.8 else self.any_digest()
        dependents = self.dice.choice(("defer", "defer", "refuse", "cascade"))
        force, dry = self.dice.random() < 0.3, self.dice.random() < 0.3
        query = {"force": str(force).lower(), "dry_run": str(dry).lower(), "dependents": dependents}
        self.say(caller, f"delete version {self.word(digest)} {query}")
        path, refusal, told = self.version_path(caller, digest), self.may(caller, "delete"), None
        if refusal is None and dry:
            refusal, told = self.package.effects(digest, dependents, force)
        elif refusal is None:
            refusal = self.package.delete_version(digest, dependents, force)
        answer = self.ask(caller, refusal, (200 if dry else 204,), "DELETE", f"{path}?{urlencode(query)}")
        if refusal is None and dry:
            self.same("what would be", self.words(told), self.words(answer.json()))

    def words(self, effects):
        """Of a dry run, or of what the model says."""
        return {part: sorted(self.word(one["name"] if isinstance(one, dict) else one) for one in effects[part])
                for part in ("deleted", "deferred", "needed_by", "about") if part in effects}

    def conditions(self):
        dice, chosen = self.dice, {}
        if dice.random() < 0.3:
            chosen["tags"] = dice.choice((["pr-*"], ["v?", "edge"], ["*"], ["latest", "sha256-*"]))
        elif dice.random() < 0.3:
            chosen["untagged"] = True
        if dice.random() < 0.4:
            chosen["kinds"] = dice.sample(("image", "index", "child", "attestation", "signature", "artifact"),
                                          dice.randrange(1, 3))
        if dice.random() < 0.4:
            chosen["keep"] = dice.randrange(1, 4)
        if not chosen:
            chosen["older_than"] = dice.choice(("2100-01-01T00:00:00Z", "2020-01-01T00:00:00Z"))
        if dice.random() < 0.5:
            chosen["dependents"] = dice.choice(("defer", "refuse", "cascade"))
        if dice.random() < 0.3:
            chosen["limit"] = dice.randrange(1, 6)
        return {**chosen, "force": dice.random() < 0.2, "dry_run": dice.random() < 0.4}

    def delete_many(self, caller):
        body = self.conditions()
        self.say(caller, f"delete versions {json.dumps(body)}")
        path, refusal = f"{self.api(caller)}/versions/delete", self.may(caller, "delete")
        if refusal is not None:
            self.ask(caller, refusal, (), "POST", path, body=body)
            return
        if body["dry_run"]:
            self.foresee_many(caller, path, body)
            return
        before, kept, cursor = None, 0, None
        while True:
            deleted, deferred, refused, looked_at, before, kept = self.package.delete_many(body, before, kept)
            told = self.page_of(caller, path, body, cursor)
            self.same("of a page", {**self.words({"deleted": deleted, "deferred": deferred}), "looked_at": looked_at,
                                    "refused": {self.word(one): why for one, why in refused.items()}},
                      {**self.words(told), "looked_at": told["looked_at"], "refused": self.refused_in(told)})
            cursor = told["cursor"]
            self.same("whether there is a next page", looked_at == body.get("limit", 1000), cursor is not None)
            if cursor is None:
                break

    def page_of(self, caller, path, body, cursor):
        page = {**body, "cursor": cursor} if cursor is not None else body
        return self.ask(caller, None, (200,), "POST", path, body=page).json()

    def refused_in(self, told):
        return {self.word(one["name"]): one["reason"] for one in told["refused"]}

    def foresee_many(self, caller, path, body):
        """All pages of a dry run tell what all pages of the deletion would do, if not each the same page."""
        package, before, kept, looked_at = self.package.copy(), None, 0, None
        expected = {"deleted": [], "deferred": [], "refused": {}}
        while looked_at in (None, body.get("limit", 1000)):
            deleted, deferred, refused, looked_at, before, kept = package.delete_many(body, before, kept)
            expected["deleted"] += deleted
            expected["deferred"] += deferred
            expected["refused"].update({self.word(one): why for one, why in refused.items()})
        got, cursor, pages = {"deleted": [], "deferred": [], "refused": {}}, None, 0
        while True:
            pages += 1
            told = self.page_of(caller, path, body, cursor)
            got["deleted"] += told["deleted"]
            got["deferred"] += told["deferred"]
            got["refused"].update(self.refused_in(told))
            cursor = told["cursor"]
            if cursor is None:
                break
        kinds, cascade = body.get("kinds", ()), body.get("dependents") == "cascade"
        if (cascade and pages > 1) or ("child" in kinds and (len(kinds) > 1 or cascade)):
            return  # it supposes something, as gateway/README.md says
        self.same("of a dry run", {**self.words(expected), "refused": expected["refused"]},
                  {**self.words(got), "refused": got["refused"]})

    def restore_version(self, caller):
        gone = [one.digest for one in self.package.of_state(State.DELETED, State.DEFERRED)] if self.package else []
        digest = self.dice.choice(gone) if gone and self.dice.random() < 0.8 else self.any_digest()
        self.say(caller, f"restore version {self.word(digest)}")
        path = f"{self.version_path(caller, digest)}/restore"
        refusal = self.may(caller, "restore") or self.package.restore_version(digest)
        self.ask(caller, refusal, (204,), "POST", path)

    def purge_version(self, caller):
        digest = self.any_digest()
        self.say(caller, f"purge version {self.word(digest)}")
        path, refusal = f"{self.version_path(caller, digest)}/purge", self.may(caller, "delete")
        if refusal is None:
            version = self.package.versions.get(digest)
            if version is not None and version.restorable and not self.world.rights.owns(caller, self.place[0]):
                refusal = ONLY_OWNERS
            else:
                refusal = self.package.purge_version(digest)
        self.ask(caller, refusal, (204,), "POST", path)

    # packages

    def delete_package(self, caller):
        self.say(caller, "delete the package")
        refusal, package = self.may(caller, "delete"), self.package
        if refusal is None:
            package.state = State.DELETED
            self.world.gone.append(self.world.live.pop(self.place))
        self.ask(caller, refusal, (204,), "DELETE", self.api(caller))

    def put_back(self, package):
        """None, or why it cannot be."""
        if self.place in self.world.live:
            return Refusal(409, "another package's now")
        package.state = State.LIVE
        self.world.gone.remove(package)
        self.world.begun.pop(self.place, None)
        self.world.live[self.place] = package
        return None

    def restore_package(self, caller):
        self.say(caller, "restore the package")
        package = self.world.newest_gone(self.place)
        refusal = self.world.rights.deleted(caller, package, "restore") or self.put_back(package)
        self.ask(caller, refusal, (204,), "POST", f"{self.api(caller)}/restore")

    def restore_by_id(self, caller):
        gone = [one for one in self.world.gone if (one.owner, one.name) == self.place]
        package = self.dice.choice(gone) if gone else None
        number = package.id if package is not None else 10 ** 12
        self.say(caller, f"restore package {gone.index(package) + 1 if gone else '-'} of {len(gone)} by id")
        if package is not None and package.state == State.PURGED:
            package = None
        refusal = self.world.rights.deleted(caller, package, "restore") or self.put_back(package)
        path = self.world.api(self.dice, caller, (self.place[0], None))
        self.ask(caller, refusal, (204,), "POST", f"{path}/deleted-packages/{number}/restore")

    def purge_package(self, caller):
        self.say(caller, "purge the deleted package")
        package = self.world.newest_gone(self.place)
        refusal = self.world.rights.deleted(caller, package, "delete")
        if refusal is None and not self.world.rights.owns(caller, self.place[0]):
            refusal = ONLY_OWNERS
        if refusal is None:
            package.state = State.PURGED
        self.ask(caller, refusal, (204,), "POST", f"{self.api(caller)}/purge")

    def show(self, caller):
        visibility = self.dice.choice(("private", "internal", "public"))
        self.say(caller, f"make it {visibility}")
        refusal, organization = self.may(caller, "settings"), self.place[0] == self.world.organization
        if refusal is None and visibility == "internal" and not organization:
            refusal = Refusal(422, "visibility")
        elif (refusal is None and self.package.visibility == "public" != visibility
              and not self.world.rights.owns(caller, self.place[0])):
            refusal = Refusal(403, "owner")
        self.ask(caller, refusal, (200,), "PUT", f"{self.api(caller)}/visibility", body={"visibility": visibility})
        if refusal is None:
            self.package.visibility = visibility

    def grant(self, caller):
        organization = self.place[0] == self.world.organization
        login, role = self.world.member if organization else self.world.friend, self.dice.choice((
            "read", "write", "admin"))
        self.say(caller, f"give {login} the role {role}")
        refusal = self.may(caller, "settings")
        self.ask(caller, refusal, (200, 201, 204), "PUT", f"{self.api(caller)}/access/users/{login}",
                 body={"role": role})
        if refusal is None:
            self.package.grants[login] = role
