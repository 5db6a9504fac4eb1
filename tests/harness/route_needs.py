"""What each route of the gateway needs, and what it answers when that is there: written down, not read from it.

{pattern: {method: (what it needs, status when it is done[, the answer where no package is yet])}}
"""

UPLOADS, UPLOAD = "/v2/{name}/blobs/uploads/", "/v2/{name}/blobs/uploads/{session}"
BLOB, MANIFESTS = "/v2/{name}/blobs/{digest}", "/v2/{name}/manifests/{reference}"
ROBOTS = "/api/v3/orgs/{org}/robots"
TEAM = "/api/v3/orgs/{org}/teams/{team_slug}"
MEMBERSHIP, MODES = "/api/v3/orgs/{org}/memberships/{username}", "/api/v3/manage/v1/"
REPO = "/api/v3/repos/{owner}/{repo}"  # a private one of the organization, whose members read it
UNKNOWN_SESSION = (404, "BLOB_UPLOAD_UNKNOWN")

PACKAGE = {
    "": {"GET": ("read", 200), "DELETE": ("delete", None)},  # test_versions.py
    "/restore": {"POST": ("account", 404)},
    "/purge": {"POST": ("account", 404)},
    "/access": {"GET": ("settings", 200)},
    "/access/explain": {"GET": ("explain", 200)},
    "/access/inherit": {"PUT": ("settings", 422)},
    "/access/users": {"GET": ("settings", 200)},
    "/access/users/{member}": {"PUT": ("settings", 422), "DELETE": ("settings", 404)},
    "/access/teams": {"GET": ("settings", 200)},
    "/access/teams/{team_slug}": {"PUT": ("settings", 422), "DELETE": ("settings", 404)},
    "/access/actions": {"GET": ("settings", 200)},
    "/access/actions/{owner}/{repo}": {"PUT": ("settings", 422), "DELETE": ("settings", 404)},
    "/access/codespaces": {"GET": ("settings", 200)},
    "/access/codespaces/{owner}/{repo}": {"PUT": ("settings", 404), "DELETE": ("settings", 404)},
    "/visibility": {"PUT": ("settings", 422)},
    "/repository": {"GET": ("read", 404), "PUT": ("settings", 422), "DELETE": ("settings", 404)},
    "/rename": {"POST": ("settings", 422)},
    "/transfer": {"POST": ("settings", 422)},
    "/aliases": {"GET": ("settings", 200)},
    "/downloads": {"GET": ("read", 200)},
    "/tags": {"GET": ("read", 200)},
    "/tags/{tag}": {"GET": ("read", 404), "PUT": ("write", 422), "DELETE": ("delete", 404)},
    "/tags/{tag}/downloads": {"GET": ("read", 404)},
    "/versions": {"GET": ("read", 200)},
    "/versions/delete": {"POST": ("delete", 422)},
    "/versions/{package_version_id}": {"GET": ("read", 404), "DELETE": ("delete", 404)},
    "/versions/{package_version_id}/restore": {"POST": ("restore", 404)},
    "/versions/{package_version_id}/downloads": {"GET": ("read", 404)},
    "/versions/{package_version_id}/purge": {"POST": ("delete", 404)},
    "/aliases/{owner}/{alias}": {"DELETE": ("settings", 404)},
}
ROUTES = {
    UPLOADS: {"POST": ("push", 202, (202, None))},
    UPLOAD: {"GET": ("push", 204, UNKNOWN_SESSION), "PATCH": ("push", 202, UNKNOWN_SESSION),
             "PUT": ("push", 201, UNKNOWN_SESSION), "DELETE": ("push", 204, UNKNOWN_SESSION)},
    BLOB: {"GET": ("pull", 200), "HEAD": ("pull", 200), "DELETE": ("delete", 202)},
    MANIFESTS: {"GET": ("pull", 200), "HEAD": ("pull", 200), "PUT": ("push", 201, (404, "MANIFEST_BLOB_UNKNOWN")),
                "DELETE": ("delete", 202)},
    "/v2/{name}/tags/list": {"GET": ("pull", 200), "HEAD": ("pull", 200)},
    "/v2/{name}/referrers/{digest}": {"GET": ("discover", 200), "HEAD": ("discover", 200)},

    "/v2/": {"GET": ("account", 200), "HEAD": ("account", 200)},
    "/v2/_catalog": {"GET": ("catalog", 200), "HEAD": ("catalog", 200)},
    "/token": {"GET": ("token", 200), "POST": ("token", 200)},

    "/login/oidc/{id}": {"GET": ("nothing", 404)},  # done in test_oidc_sign_in.py
    "/login/oidc/{id}/callback": {"GET": ("nothing", 404)},
    "/orgs/{org}/sso": {"GET": ("nothing", 404)},

    "/api/v3/": {"GET": ("valid", 200)},
    "/api/v3/openapi.json": {"GET": ("valid", 200)},
    "/api/graphql": {"POST": ("account", 200)},
    "/api/v3/meta": {"GET": ("valid", 200)},
    "/api/v3/rate_limit": {"GET": ("valid", 404)},  # limits are off; done in test_limits.py
    "/api/v3/user": {"GET": ("account", 200), "PATCH": ("own profile", 200)},
    "/api/v3/user/orgs": {"GET": ("own orgs", 200)},
    "/api/v3/user/teams": {"GET": ("own orgs", 200)},
    "/api/v3/user/memberships/orgs": {"GET": ("own orgs", 200)},
    "/api/v3/user/memberships/orgs/{org}": {"GET": ("own membership", 200)},
    "/api/v3/users": {"GET": ("account", 200)},
    "/api/v3/users/{username}": {"GET": ("account", 200)},
    "/api/v3/users/{username}/orgs": {"GET": ("own orgs", 200)},
    "/api/v3/users/{username}/suspended": {"PUT": ("site", 204), "DELETE": ("site", 204)},
    "/api/v3/users/{username}/site_admin": {"PUT": ("site", 204), "DELETE": ("site", 204)},
    "/api/v3/organizations": {"GET": ("account", 200)},
    "/api/v3/orgs/{org}": {"GET": ("account", 200), "PATCH": ("owner", 200),
                           "DELETE": ("owner", None)},  # done in test_people.py
    "/api/v3/orgs/{org}/members": {"GET": ("member", 200)},
    "/api/v3/orgs/{org}/members/{username}": {"GET": ("member", 204), "DELETE": ("owner", 204)},
    "/api/v3/orgs/{org}/outside_collaborators": {"GET": ("owner", 200)},
    "/api/v3/orgs/{org}/outside_collaborators/{username}": {"PUT": ("owner", None),
                                                                  "DELETE": ("owner", None)},  # test_people.py
    "/api/v3/orgs/{org}/teams": {"GET": ("member", 200), "POST": ("owner", 422)},
    TEAM: {"GET": ("member", 404), "PATCH": ("owner", 404), "DELETE": ("owner", 404)},
    TEAM + "/teams": {"GET": ("member", 404)},
    TEAM + "/members": {"GET": ("member", 404)},
    TEAM + "/memberships/{username}": {"GET": ("member", 404), "PUT": ("owner", 404), "DELETE": ("owner", 404)},
    MEMBERSHIP: {"GET": ("member", 200), "PUT": ("owner", 200), "DELETE": ("owner", 204)},
    "/api/v3/orgs/{org}/audit-log": {"GET": ("owner", 200)},
    "/api/v3/user/audit-log": {"GET": ("own log", 200)},
    "/api/v3/admin/audit-log": {"GET": ("site", 200)},
    "/api/v3/admin/users": {"POST": ("site", 422)},
    "/api/v3/admin/organizations": {"POST": ("site", 422)},
    "/api/v3/admin/users/{username}": {"PATCH": ("site", 422), "DELETE": ("site", None)},  # test_people.py
    "/api/v3/admin/organizations/{org}": {"PATCH": ("site", 422)},
    "/api/v3/admin/users/{username}/authorizations": {"GET": ("site", 200), "POST": ("site", 201)},
    "/api/v3/admin/tokens": {"GET": ("site", 200)},
    "/api/v3/admin/tokens/{id}": {"DELETE": ("site", 404)},
    "/api/v3/user/tokens": {"GET": ("manager", 200), "POST": ("manager", 201)},
    "/api/v3/user/tokens/{id}": {"GET": ("manager", 404), "DELETE": ("manager", 404)},
    "/api/v3/user/tokens/{id}/sso/{org}": {"PUT": ("manager", 404), "DELETE": ("manager", 404)},
    "/api/v3/orgs/{org}/credential-authorizations": {"GET": ("owner", 200)},
    "/api/v3/orgs/{org}/credential-authorizations/{credential_id}": {"DELETE": ("owner", 404)},
    "/api/v3/orgs/{org}/sso": {"GET": ("owner", 404), "PUT": ("owner", 422), "DELETE": ("owner", 204)},
    ROBOTS: {"GET": ("owner", 200), "POST": ("owner", 422)},
    ROBOTS + "/{robot}": {"GET": ("owner", 404), "PATCH": ("owner", 404), "DELETE": ("owner", 404)},
    ROBOTS + "/{robot}/tokens": {"GET": ("owner", 404), "POST": ("owner", 404)},
    ROBOTS + "/{robot}/tokens/{id}": {"DELETE": ("owner", 404)},
    "/api/v3/user/repos": {"GET": ("account", 200), "POST": ("own repo", 422)},
    "/api/v3/users/{username}/repos": {"GET": ("account", 200)},
    "/api/v3/orgs/{org}/repos": {"GET": ("account", 200), "POST": ("member's repo", 422)},
    REPO: {"GET": ("repo read", 200), "PATCH": ("repo admin", 200), "DELETE": ("repo admin", 204)},
    REPO + "/transfer": {"POST": ("repo admin", 422)},
    REPO + "/readme": {"GET": ("repo read", 404), "PUT": ("repo write", 422)},
    REPO + "/teams": {"GET": ("repo read", 200)},
    REPO + "/packages": {"GET": ("packages of repo", 200)},
    TEAM + "/repos": {"GET": ("member", 404)},
    TEAM + "/repos/{owner}/{repo}": {"GET": ("repo read", 404), "PUT": ("repo admin", 404),
                                     "DELETE": ("repo admin", 404)},
    REPO + "/collaborators": {"GET": ("repo write", 200)},
    REPO + "/collaborators/{username}": {"GET": ("repo write", 204), "PUT": ("repo admin", 204),
                                         "DELETE": ("repo admin", 204)},
    REPO + "/collaborators/{username}/permission": {"GET": ("repo write", 200)},
    "/api/v3/orgs/{org}/package-aliases/{alias}": {"DELETE": ("owner", 404)},
    "/api/v3/user/package-aliases/{alias}": {"DELETE": ("write:packages", 404)},
    **{f"/api/v3/{owner}/packages/{{package_type}}/{{package_name}}{path}": methods for path, methods in PACKAGE.items()
       for owner in ("orgs/{org}", "users/{username}", "user")},
    **{f"/api/v3/{owner}/{path}": {"GET": ("read:packages", status)}
       for owner in ("orgs/{org}", "users/{username}", "user")
       for path, status in (("packages", 422), ("docker/conflicts", 200), ("deleted-packages", 200))},
    **{f"/api/v3/{owner}/deleted-packages/{{package_id}}/restore": {"POST": ("account", 404)}
       for owner in ("orgs/{org}", "users/{username}", "user")},
    "/api/v3/packages": {"GET": ("read:packages", 200)},
    "/api/v3/admin/packages": {"GET": ("site", 200)},
    REPO + "/workflow-tokens": {"POST": ("acting", 201)},
    REPO + "/codespace-tokens": {"POST": ("acting", 201)},
    "/api/v3/session": {"POST": ("nothing", 422), "DELETE": ("account", 403)},  # done in test_sign_in.py
    "/api/v3/password": {"PUT": ("nothing", 422)},
    "/api/v3/user/sessions": {"GET": ("manager", 200)},
    "/api/v3/user/sessions/{id}": {"DELETE": ("manager", 404)},
    "/api/v3/user/password": {"PUT": ("manager", 422)},
    "/api/v3/admin/users/{username}/password-setup": {"POST": ("site", 201)},
    "/api/v3/installation/token": {"DELETE": ("valid", 403)},  # done in test_workflow_tokens.py
    "/api/v3/oidc/token": {"POST": ("nothing", 400)},
    "/api/v3/admin/issuers": {"GET": ("site", 200), "POST": ("site", 422)},
    "/api/v3/admin/issuers/{id}": {"GET": ("site", 404), "PATCH": ("site", 404), "DELETE": ("site", 404)},
    "/api/v3/admin/issuers/{id}/sign-in": {"GET": ("site", 404), "PUT": ("site", 404), "DELETE": ("site", 404)},
    "/api/v3/admin/users/{username}/identities": {"GET": ("site", 200), "POST": ("site", 422)},
    "/api/v3/admin/users/{username}/identities/{id}": {"DELETE": ("site", 404)},
    MODES + "maintenance": {"GET": ("site", 200), "POST": ("site", None)},  # done in test_admin_api.py
    MODES + "read-only": {"GET": ("site", 200), "POST": ("site", None)},
}
for pattern in [pattern for pattern in ROUTES if pattern.endswith("{team_slug}") and "{org}" not in pattern]:
    ROUTES[pattern] = {**ROUTES[pattern], "DELETE": ("settings", 422)}  # a user's package
