"""Why somebody may what he may: in words, and what the words say is what happens."""

import pytest

from harness.registry import ok
from test_access import World, refused

SHARES_CLUSTER = True

pytestmark = pytest.mark.asan


@pytest.fixture
def world(cluster):
    return World(cluster)


def told(world, who, query="", **more):
    return ok(world.call(who, "GET", f"/access/explain{query}", **more), 200).json()


def about(world, person):
    return told(world, world.ann, f"?user={person.login}")


def test_people(world):
    """Each way to a role, alone and together with others."""
    assert about(world, world.ann)["explanation"] == f"admin: owner of {world.org}"
    assert about(world, world.bob)["explanation"] == "admin: granted directly"
    assert about(world, world.cid)["explanation"] == f"none: not a member of {world.org}, the package is private"
    world.enroll(world.cid.login)
    assert about(world, world.cid)["explanation"] == "none: nothing was granted, the package is private"
    top, below = world.team("web"), world.team("front", None, world.cid)
    world.cluster.query("INSERT INTO team_path VALUES (%s, %s, 1) RETURNING 1", below, top)
    ok(world.call(world.ann, "PUT", "/access/teams/web", {"role": "read"}), 204)
    assert about(world, world.cid)["explanation"] == f"read: team web of {world.org}, above the team front"
    ok(world.call(world.ann, "PUT", "/access/teams/front", {"role": "write"}), 204)
    said = about(world, world.cid)
    assert said["explanation"] == f"write: team front of {world.org}" and said["role"] == "write"
    assert [(row["role"], row["effective"]) for row in said["reasons"]] == [("write", True), ("read", True)]
    ok(world.call(world.ann, "PUT", f"/access/users/{world.cid.login}", {"role": "admin"}), 204)
    assert about(world, world.cid)["explanation"] == "admin: granted directly"
    assert world.pushes(world.cid) == 202
    assert told(world, world.cid)["user"]["login"] == world.cid.login


def test_what_does_not_count(world):
    ok(world.call(world.bob, "PUT", "/visibility", {"visibility": "public"}), 200)
    ok(world.call(world.bob, "PUT", f"/access/users/{world.cid.login}", {"role": "write"}), 204)
    assert about(world, world.cid)["explanation"] == "write: granted directly"
    stranger = world.cluster.new_user()
    assert told(world, stranger)["explanation"] == "read: the package is public"
    ok(world.call(world.ann, "PUT", "/visibility", {"visibility": "internal"}), 200)
    assert told(world, stranger)["explanation"] == "read: the package is internal, for every account"
    said = about(world, world.cid)
    assert said["role"] == "read" and world.pushes(world.cid) == 403
    assert said["reasons"][0] == {"role": "write", "effective": False, "text": (
        f"granted directly, but not a member of {world.org}, and the package is internal")}
    world.cluster.query("UPDATE account SET suspended_at = now() WHERE login = %s RETURNING 1", world.cid.login)
    assert about(world, world.cid)["explanation"] == "none: the account is suspended"


def test_through_the_repository(world):
    site = world.repository("site", bob=4)
    team = world.team("web", None, world.cid)
    world.enroll(world.cid.login)
    ok(world.call(world.ann, "PUT", "/repository", {"repository": f"{world.org}/site"}), 200)
    ok(world.call(world.ann, "PUT", "/access/inherit", {"inherit": True}), 200)
    where = f"repository {world.org}/site"
    assert about(world, world.bob)["explanation"] == f"write: through {where}, with the role maintain there"
    assert about(world, world.cid)["explanation"] == (
        f"read: member of {world.org}, whose members have the role read on {where}")
    world.cluster.query("INSERT INTO repository_team VALUES (%s, %s, 5) RETURNING 1", site, team)
    assert about(world, world.cid)["explanation"] == (
        f"admin: team web of {world.org}, through {where}, with the role admin there")
    world.cluster.query("UPDATE account SET base_role = 0 WHERE login = %s RETURNING 1", world.org)
    world.cluster.query("DELETE FROM repository_team WHERE team_id = %s RETURNING 1", team)
    assert about(world, world.cid)["explanation"] == (
        f"none: no role on the {where}, from which access is inherited, and the package is private")


def test_the_repository_is_not_named_to_strangers(world):
    world.repository("secret")
    ok(world.call(world.ann, "PUT", "/repository", {"repository": f"{world.org}/secret"}), 200)
    ok(world.call(world.ann, "PUT", "/access/inherit", {"inherit": True}), 200)
    ok(world.call(world.ann, "PUT", "/visibility", {"visibility": "public"}), 200)
    answer = world.call(world.cid, "GET", "/access/explain")
    assert ok(answer, 200).json()["explanation"] == "read: the package is public" and "secret" not in answer.text


def test_who_may_ask(world):
    admin = world.cluster.env["PACKHOUSE_ADMIN_TOKEN"]
    refused(world.call(world.cid, "GET", "/access/explain"), 404, "Package not found.")
    assert told(world, admin, f"?user={world.cid.login}")["role"] == "none"
    refused(world.call(admin, "GET", "/access/explain", package="none"), 404, "Package not found.")
    world.enroll(world.cid.login)
    ok(world.call(world.ann, "PUT", f"/access/users/{world.cid.login}", {"role": "write"}), 204)
    assert told(world, world.cid, f"?user={world.cid.login.upper()}")["explanation"] == "write: granted directly"
    refused(world.call(world.cid, "GET", f"/access/explain?user={world.bob.login}"), 403, "needs the role admin")
    assert told(world, world.bob, f"?user={world.cid.login}")["role"] == "write"
    weak = world.cluster.new_token(world.bob.login, ["read:packages"])
    refused(world.call(weak, "GET", f"/access/explain?user={world.cid.login}"), 403, "write:packages")
    for nobody in ("nobody-here", world.org, ""):
        refused(world.call(world.ann, "GET", f"/access/explain?user={nobody}"), 404, "Not Found")
    for wrong in ("token=x", "token=", "token=-1", f"token=1&user={world.bob.login}", "user=%ff"):
        refused(world.call(world.ann, "GET", f"/access/explain?{wrong}"), 400, "")


def token_of(world, person, *scopes, **columns):
    """(text, id) of a new token with these columns."""
    text = world.cluster.new_token(person.login, scopes)
    sets = ", ".join(f"{name} = %s" for name in ("note", *columns))
    [(made,)] = world.cluster.query(f"UPDATE token SET {sets} WHERE hash = sha256(%s) RETURNING id", "x",
                                    *columns.values(), text.encode())
    return text, made


def actions(world, who, token):
    said = told(world, who, f"?token={token}")
    return said, {row["action"]: (row["allowed"], row["text"]) for row in said["actions"]}


def test_tokens(world):
    _text, weak = token_of(world, world.bob, "read:packages")
    said, may = actions(world, world.bob, weak)
    assert said["token"]["scopes"] == "read:packages" and said["token"]["state"] == "active"
    assert said["role"] == "admin" and said["account"]["explanation"] == "admin: granted directly"
    assert may["pull"] == (True, "by the role admin")
    assert may["push"] == (False, "the token does not have the scope write:packages")
    assert world.cluster.query("SELECT last_used_at FROM token WHERE id = %s", weak) == [(None,)]
    _text, limited = token_of(world, world.bob, "write:packages", limited=True)
    said, may = actions(world, world.bob, limited)
    assert said["role"] == "none" and may["pull"] == (False, "the token is limited to other packages")
    _text, gone = token_of(world, world.bob, "write:packages")
    world.cluster.query("UPDATE token SET revoked_at = now() WHERE id = %s RETURNING 1", gone)
    said, may = actions(world, world.bob, gone)
    assert said["token"]["state"] == "revoked" and may["pull"] == (False, "the token was revoked")
    world.cluster.query("UPDATE account SET sso_required = true WHERE login = %s RETURNING 1", world.org)
    said, may = actions(world, world.cluster.env["PACKHOUSE_ADMIN_TOKEN"], weak)
    assert may["pull"] == (False, f"the token is not authorized for the single sign-on of {world.org}")


def test_tokens_of_workflows(world):
    site = world.repository("site")
    _text, token = token_of(world, world.cid, "write:packages", kind=3, repository_id=site)
    said, may = actions(world, world.ann, token)
    assert said["token"]["repository"] == f"{world.org}/site" and "account" not in said
    assert may["push"] == (False, "this needs the role write, and it has the role none")
    ok(world.call(world.ann, "PUT", f"/access/actions/{world.org}/site", {"role": "admin"}), 204)
    said, may = actions(world, world.ann, token)
    assert may["push"] == (True, "by the role admin")
    assert may["settings"] == (False, "tokens that act for a repository change no settings")


def test_whose_tokens(world):
    """One's own; an owner those of the organization's people; a site admin all. Others are not there."""
    _text, bobs = token_of(world, world.bob, "read:packages")
    _text, cids = token_of(world, world.cid, "read:packages")
    for who, token, status in ((world.bob, bobs, 200), (world.ann, bobs, 200), (world.bob, cids, 404),
                               (world.ann, cids, 404), (world.cluster.env["PACKHOUSE_ADMIN_TOKEN"], cids, 200),
                               (world.ann, 1 << 40, 404)):
        assert world.call(who, "GET", f"/access/explain?token={token}").status_code == status
    world.enroll(world.cid.login)
    refused(world.call(world.bob, "GET", f"/access/explain?token={cids}"), 404, "Not Found")
    ok(world.call(world.ann, "GET", f"/access/explain?token={cids}"), 200)
