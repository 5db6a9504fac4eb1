"""Who may do what with the packages of package_model.py: the documented rules for people and their tokens."""

import dataclasses

from .package_model import Refusal

ROLES = {None: 0, "read": 1, "write": 2, "admin": 3}
ALL = frozenset(("read:packages", "write:packages", "delete:packages"))

# {action: (role, scopes)}: what each needs; write implies read
ACTIONS = {
    "pull": ("read", {"read:packages"}),
    "push": ("write", {"write:packages"}),
    "delete": ("admin", {"read:packages", "delete:packages"}),
    "restore": ("admin", {"write:packages"}),
    "settings": ("admin", {"write:packages"}),
}


@dataclasses.dataclass(frozen=True)
class Caller:
    """Somebody with a token; login None: without one."""
    name: str
    login: str = None
    scopes: frozenset = ALL

    def holds(self, scopes):
        held = self.scopes | {"read:packages"} if "write:packages" in self.scopes else self.scopes
        return set(scopes) <= held


class Rights:
    """In one organization, and in the namespaces of people."""

    def __init__(self, organization, owner, member):
        self.organization = organization
        self.owners = {owner}
        self.members = {owner, member}

    def owns(self, caller, namespace):
        if namespace == self.organization:
            return caller.login in self.owners
        return caller.login == namespace

    def role(self, caller, package):
        if caller.login is None:
            return None
        return "admin" if self.owns(caller, package.owner) else package.grants.get(caller.login)

    def creates(self, caller, namespace):
        """What is his, not of his token: whoever may create learns which names are taken."""
        return caller.login in (self.members if namespace == self.organization else {namespace})

    def open_to(self, caller, package):
        """Whatever his role is."""
        return package.visibility == "public" or (package.visibility == "internal" and caller.login is not None)

    def refusal(self, caller, package, action):
        """None: it is allowed. Else 401, "known" or "hidden"."""
        needed, scopes = ACTIONS[action]
        role = ROLES[self.role(caller, package)]
        anyone = self.open_to(caller, package)
        may = role >= ROLES[needed] or (action == "pull" and anyone)
        if may and ((action == "pull" and package.visibility == "public") or caller.holds(scopes)):
            return None
        if caller.login is None:
            return 401
        return "known" if may or anyone or role >= ROLES["read"] else "hidden"

    def registry(self, caller, package, namespace, action):
        """On /v2; package None: there is none of that name."""
        if package is None:
            if self.creates(caller, namespace) and (action != "push" or caller.holds(ACTIONS[action][1])):
                return None if action == "push" else Refusal(404, "NAME_UNKNOWN")
            return Refusal(401, "UNAUTHORIZED") if caller.login is None else Refusal(403, "DENIED")
        refused = self.refusal(caller, package, action)
        if refused is None:
            return None
        return Refusal(401, "UNAUTHORIZED") if refused == 401 else Refusal(403, "DENIED")

    def rest(self, caller, package, action):
        """As at GitHub a token is needed for what is public, too."""
        if caller.login is None:
            return Refusal(401, "Requires authentication")
        if package is None:
            return Refusal(404, "Package not found.")
        refused = self.refusal(caller, package, action)
        if refused is None:
            return None
        return Refusal(403, "") if refused == "known" else Refusal(404, "Package not found.")

    def deleted(self, caller, package, action):
        """A deleted package, which only its admins know of; action: restore or delete."""
        if caller.login is None:
            return Refusal(401, "Requires authentication")
        if package is None or self.role(caller, package) != "admin":
            return Refusal(404, "Package not found.")
        return None if caller.holds(ACTIONS[action][1]) else Refusal(403, "scope")
