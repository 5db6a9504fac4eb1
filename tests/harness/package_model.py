"""What packages are after a sequence of changes: the documented rules, in memory.

Written from the READMEs of gateway/ and metadb/, not from the code. Each method of Package makes one change and says
what is to be answered: None when it is done, else a Refusal. Rights are in package_rights.py; what is pushed is in
package_pool.py.
"""

import copy
import dataclasses
import enum
import fnmatch
import re

ASIDE = re.compile(r"sha256-[0-9a-f]{64}([.]|$)")  # tags of signatures and referrers, as older clients make them


class State(enum.Enum):
    LIVE = 1
    DEFERRED = 2  # deleted, but what a live index needs; for everything but lists it is there
    DELETED = 3
    PURGED = 4


@dataclasses.dataclass(frozen=True)
class Refusal:
    """reason: the code of /v2, or words of the message of REST."""
    status: int
    reason: str


GONE = Refusal(404, "Package version not found.")
NO_TAG = Refusal(404, "Tag not found.")
LAST_TAGGED = Refusal(400, "You cannot delete the last tagged version of a package. You must delete the package "
                           "instead.")
UNKNOWN = Refusal(404, "MANIFEST_UNKNOWN")
NEEDED = Refusal(405, "DENIED")


def conflict(digest):
    return Refusal(409, digest)


class Version:
    def __init__(self, manifest):
        self.manifest = manifest
        self.state = State.LIVE
        self.id = None  # until it is seen in a list
        self.lost = ()  # the tags that it had when it was deleted

    @property
    def digest(self):
        return self.manifest.digest

    @property
    def there(self):
        """For whoever pulls, and for what needs it."""
        return self.state in (State.LIVE, State.DEFERRED)

    @property
    def restorable(self):
        return self.state in (State.DEFERRED, State.DELETED)


class Package:
    """One that has, or had, its name; versions by digest."""

    def __init__(self, owner, name, publisher):
        self.owner, self.name = owner, name
        self.id = None
        self.state = State.LIVE
        self.visibility = "private"
        self.grants = {publisher: "admin"}
        self.versions = {}
        self.tags = {}  # name → digest
        self.blobs = set()  # that a manifest may name
        self.loose = set()  # of these, what was deleted and came back with a version: only versions hold it

    # what is there

    def of_state(self, *states):
        """Newest first."""
        return sorted((one for one in self.versions.values() if one.state in states), key=lambda one: -(one.id or 0))

    def there(self, digest):
        return digest in self.versions and self.versions[digest].there

    def tags_of(self, digest):
        return sorted(tag for tag, leads in self.tags.items() if leads == digest)

    def parents(self, digest):
        """Digests of the indexes there that need it."""
        return {one.digest for one in self.versions.values() if one.there and digest in one.manifest.children}

    def referrers(self, digest):
        return {one.digest for one in self.versions.values() if one.there and one.manifest.subject == digest}

    def about(self, digest):
        """What says something of it: by its subject, or by nothing but tags of older clients."""
        aside = {leads for tag, leads in self.tags.items()
                 if ASIDE.match(tag) and tag.split(".")[0] == digest.replace(":", "-")
                 and all(map(ASIDE.match, self.tags_of(leads)))}
        return self.referrers(digest) | aside

    def kinds(self, version):
        """As conditions mean them."""
        return {version.manifest.kind} | ({"child"} if self.parents(version.digest) else set())

    def unsure(self):
        """Blobs that the keeper takes away sooner or later."""
        return self.loose - {blob for one in self.versions.values() if one.state != State.PURGED
                             for blob in one.manifest.blobs}

    # pushing

    def push_blobs(self, digests):
        self.blobs |= digests
        self.loose -= digests

    def push(self, manifest, tags):
        """By whoever may. The caller has pushed the blobs that are to be there."""
        if not manifest.blobs <= self.blobs or not all(map(self.there, manifest.children)):
            return Refusal(404, "MANIFEST_BLOB_UNKNOWN")
        version = self.versions.get(manifest.digest)
        if version is None:
            version = self.versions[manifest.digest] = Version(manifest)
        elif version.state == State.PURGED:
            version.id = None  # its row may have gone, or may not
        version.state = State.LIVE
        version.lost = ()  # it has the tags of this push
        self.tags.update(dict.fromkeys(tags, manifest.digest))
        return None

    def set_tag(self, tag, digest):
        """Not what is deleted, deferred or not."""
        if digest not in self.versions or self.versions[digest].state != State.LIVE:
            return GONE
        self.tags[tag] = digest
        return None

    # deleting

    def delete_tag(self, tag, refusal):
        if tag not in self.tags:
            return refusal
        del self.tags[tag]
        return None

    def delete_blob(self, digest):
        if digest not in self.blobs:
            return Refusal(404, "BLOB_UNKNOWN")
        if any(one.there and digest in one.manifest.blobs for one in self.versions.values()):
            return NEEDED
        self.blobs.remove(digest)
        return None

    def delete_manifest(self, digest):
        """By the registry: what an index needs is refused, the last tagged one is not."""
        if not self.there(digest):
            return UNKNOWN
        if self.parents(digest):
            return NEEDED
        self.take(self.released({digest}), set())
        return None

    def released(self, goes):
        """With the deferred ones that no index needs any more."""
        goes = set(goes)
        while True:
            more = {one.digest for one in self.of_state(State.DEFERRED)
                    if one.digest not in goes and self.parents(one.digest) <= goes}
            if not more:
                return goes
            goes |= more

    def cascade(self, digest):
        """It, the indexes that need it, what is about any of these, and so on."""
        goes, more = set(), {digest}
        while more:
            goes |= more
            more = {found for one in more for found in self.parents(one) | self.about(one)} - goes
        return goes

    def plan(self, digest, dependents, force):
        """(refusal, deleted, deferred) of a deletion by id."""
        version = self.versions.get(digest)
        if version is None or not version.there or (version.state == State.DEFERRED and dependents == "defer"):
            return GONE, set(), set()
        goes, waits = {digest}, set()
        if dependents == "cascade":
            goes = self.cascade(digest)
        elif self.parents(digest):
            if dependents == "refuse":
                return conflict("sha256:"), set(), set()
            goes, waits = set(), {digest}
        goes = self.released(goes)
        ordinary = [leads for tag, leads in self.tags.items() if not ASIDE.match(tag)]
        if not force and ordinary and all(leads in goes | waits for leads in ordinary):
            return LAST_TAGGED, set(), set()
        return None, goes, waits

    def take(self, goes, waits):
        for digest in goes | waits:
            version = self.versions[digest]
            if version.state == State.LIVE:
                version.lost = tuple(self.tags_of(digest))
            for tag in self.tags_of(digest):
                del self.tags[tag]
            version.state = State.DEFERRED if digest in waits else State.DELETED

    def delete_version(self, digest, dependents="defer", force=False):
        refusal, goes, waits = self.plan(digest, dependents, force)
        self.take(goes, waits)
        return refusal

    def effects(self, digest, dependents, force):
        """(refusal, what a dry run tells)."""
        refusal, goes, waits = self.plan(digest, dependents, force)
        about = {found for one in goes for found in self.about(one)} - goes
        return refusal, {"deleted": goes, "deferred": waits, "about": about,
                         "needed_by": self.parents(digest) if waits else set()}

    # many at a time

    def meant(self, version, conditions):
        tags = self.tags_of(version.digest)
        if conditions.get("untagged") and tags:
            return False
        if "tags" in conditions and not (tags and all(any(fnmatch.fnmatchcase(tag, glob) for glob in conditions["tags"])
                                                      for tag in tags)):
            return False
        if conditions.get("older_than", "9").startswith("2020"):  # nothing here is so old
            return False
        return "kinds" not in conditions or bool(self.kinds(version) & set(conditions["kinds"]))

    def delete_many(self, conditions, before=None, kept=0):
        """One page: (deleted, deferred, {refused: reason}, looked at, the last one's id, kept)."""
        page = [one for one in self.of_state(State.LIVE) if before is None or one.id < before]
        page = page[:conditions.get("limit", 1000)]
        deleted, deferred, refused = set(), set(), {}
        for version in [one for one in page if self.meant(one, conditions)]:
            if kept < conditions.get("keep", 0):
                kept += 1
                continue
            refusal, goes, waits = self.plan(version.digest, conditions.get("dependents", "defer"),
                                             conditions.get("force", False))
            if refusal == LAST_TAGGED:
                refused[version.digest] = "last_tagged"
            elif refusal is not None and refusal.status == 409:
                refused[version.digest] = "needed"
            self.take(goes, waits)
            deleted, deferred = deleted | goes, (deferred - goes) | waits
        return deleted, deferred, refused, len(page), page[-1].id if page else 0, kept

    # and back

    def needed_by(self, digest):
        """It and all that it needs, level by level."""
        found, more = [], [digest]
        while more:
            found += [one for one in more if one not in found]
            more = [child for one in more for child in self.versions[one].manifest.children if child not in found]
        return found

    def restore_version(self, digest):
        version = self.versions.get(digest)
        if version is None or not version.restorable:
            return GONE
        back = [self.versions[one] for one in self.needed_by(digest)]
        for one in [version] + sorted(back, key=lambda one: -(one.id or 0)):
            if one.state != State.LIVE:
                one.state = State.LIVE
                self.loose |= one.manifest.blobs - self.blobs
                self.blobs |= one.manifest.blobs
                for tag in one.lost:
                    self.tags.setdefault(tag, one.digest)
                one.lost = ()
        return None

    def purge_version(self, digest):
        """An index that is there, or can be restored, keeps what it needs."""
        version = self.versions.get(digest)
        if version is None or not version.restorable:
            return GONE
        if any(one.state != State.PURGED and digest in one.manifest.children for one in self.versions.values()):
            return conflict("sha256:")
        version.state = State.PURGED
        return None

    def copy(self):
        return copy.deepcopy(self)
