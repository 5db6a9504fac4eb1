/*
 * Every route of the gateway: methods, pattern, needed right, handler. Rows of one pattern
 * stand together; the first pattern that fits a path decides (gateway/route.h).
 */
#include "gateway/handlers.h"
#include "gateway/handlers_identity.h"
#include "gateway/route.h"

#define READ (METHOD_GET | METHOD_HEAD)
/* clang-format off */
/* /token signs what it was asked for and keeps nothing; nor does sending a browser elsewhere. */
#define NOTHING    {.need = NEED_NOTHING, .changes_nothing = true}
/* The credential is in the body: another issuer's, or a password. */
#define EXCHANGE   {.need = NEED_NOTHING}
/* A browser comes back from an issuer, and has a session then. */
#define LANDING    {.need = NEED_NOTHING, .changes = true}
#define VALID      {.need = NEED_VALID}
#define RATES      {.need = NEED_VALID, .greets = true, .tells_rates = true}
#define CALLER     {.need = NEED_CALLER}
/* What clients look up before they turn to a package, with a workflow's token as well. */
#define PROFILE    {.need = NEED_CALLER, .acting = true}
#define REPO_SELF  {.need = NEED_REPOSITORY, .on = REPOSITORY_READ, .acting = true}
/* A question in a body. */
#define QUESTION   {.need = NEED_CALLER, .changes_nothing = true}
/* What every client asks first, showing nothing, to be told where to get a token. */
#define GREETING   {.need = NEED_CALLER, .greets = true}
#define CATALOG    {.need = NEED_CALLER, .catalog = true}
#define SITE_ADMIN {.need = NEED_SITE_ADMIN}
#define MODE       {.need = NEED_SITE_ADMIN, .in_any_mode = true}
#define ORG_MEMBER {.need = NEED_ORG_MEMBER}
#define ORG_ADMIN  {.need = NEED_ORG_ADMIN}
/* The handler looks at what a member may. */
#define ORG_CHANGE {.need = NEED_ORG_MEMBER, .scopes = SCOPE_ADMIN_ORG}
#define OWN_PROFILE {.need = NEED_CALLER, .scopes = SCOPE_USER}
#define ORG_AUDIT  {.need = NEED_ORG_ADMIN, .scopes = SCOPE_READ_AUDIT_LOG}
#define OWN_AUDIT  {.need = NEED_CALLER, .scopes = SCOPE_READ_AUDIT_LOG}
#define PULL       {.need = NEED_PACKAGE, .action = ACTION_PULL}
#define DISCOVER   {.need = NEED_PACKAGE, .action = ACTION_PULL, .absent_fine = true}
#define PUSH       {.need = NEED_PACKAGE, .action = ACTION_PUSH, .creates = true}
#define TAG        {.need = NEED_PACKAGE, .action = ACTION_PUSH}
#define STORE      {.need = NEED_PACKAGE, .action = ACTION_PUSH, .creates = true, .proves = true}
#define SESSION    {.need = NEED_PACKAGE, .action = ACTION_PUSH, .creates = true, .session = true}
#define GO_ON      {.need = NEED_PACKAGE, .action = ACTION_PUSH, .creates = true, .session = true, .proves = true}
#define BEGIN      {.need = NEED_PACKAGE, .action = ACTION_PUSH, .creates = true, .mounts = true, .proves = true}
#define RESTORE    {.need = NEED_PACKAGE, .action = ACTION_RESTORE}
#define DELETED    {.need = NEED_PACKAGE, .action = ACTION_RESTORE, .deleted = true}
#define DELETE     {.need = NEED_PACKAGE, .action = ACTION_DELETE}
#define PURGE      {.need = NEED_PACKAGE, .action = ACTION_DELETE, .deleted = true}
/* Of source repositories: what everybody may do with his own, and with the role on one. */
#define OWN_REPO   {.need = NEED_CALLER, .scopes = SCOPE_REPO}
#define ORG_REPO   {.need = NEED_ORG_MEMBER, .scopes = SCOPE_REPO}
#define REPO_READ  {.need = NEED_REPOSITORY, .on = REPOSITORY_READ}
#define REPO_WRITE {.need = NEED_REPOSITORY, .on = REPOSITORY_WRITE}
#define REPO_ADMIN {.need = NEED_REPOSITORY, .on = REPOSITORY_ADMIN}
/* A team of the organization, and a role on the repository. */
#define TEAM_READ  {.need = NEED_ORG_MEMBER, .on = REPOSITORY_READ}
#define TEAM_ADMIN {.need = NEED_ORG_MEMBER, .on = REPOSITORY_ADMIN}
#define SETTINGS   {.need = NEED_PACKAGE, .action = ACTION_SETTINGS}
#define EXPLAIN    {.need = NEED_PACKAGE, .action = ACTION_PULL, .site_admins = true}

#define UPLOADS "/v2/{name}/blobs/uploads/"
#define UPLOAD  "/v2/{name}/blobs/uploads/{session}"

/* What a package has, whichever way one comes to it. */
#define PACKAGE(P)                                                                       \
	{METHOD_GET,    P,                                PULL,     api_package_get},         \
	{METHOD_DELETE, P,                                DELETE,   api_package_delete},      \
	{METHOD_POST,   P "/restore",                     DELETED,  api_package_restore},     \
	{METHOD_GET,    P "/downloads",                   PULL,     api_package_downloads},   \
	{METHOD_GET,    P "/tags/{tag}/downloads",        PULL,     api_tag_downloads},       \
	{METHOD_POST,   P "/purge",                       PURGE,    api_package_purge},       \
	{METHOD_GET,    P "/versions",                    PULL,     api_version_list},        \
	{METHOD_POST,   P "/versions/delete",             DELETE,   api_version_delete_many}, \
	{METHOD_GET,    P "/versions/{package_version_id}", PULL,   api_version_get},         \
	{METHOD_DELETE, P "/versions/{package_version_id}", DELETE, api_version_delete},      \
	{METHOD_POST,   P "/versions/{package_version_id}/restore", RESTORE, api_version_restore}, \
	{METHOD_GET,    P "/versions/{package_version_id}/downloads", PULL, api_version_downloads}, \
	{METHOD_POST,   P "/versions/{package_version_id}/purge", DELETE, api_version_purge}, \
	{METHOD_GET,    P "/tags",                        PULL,     api_tag_list},            \
	{METHOD_GET,    P "/tags/{tag}",                  PULL,     api_tag_get},             \
	{METHOD_PUT,    P "/tags/{tag}",                  TAG,      api_tag_put},             \
	{METHOD_DELETE, P "/tags/{tag}",                  DELETE,   api_tag_delete},          \
	{METHOD_GET,    P "/access",                      SETTINGS, api_access_get},          \
	{METHOD_GET,    P "/access/explain",              EXPLAIN,  api_access_explain},      \
	{METHOD_PUT,    P "/access/inherit",              SETTINGS, api_access_inherit},      \
	{METHOD_GET,    P "/access/users",                SETTINGS, api_access_people},       \
	{METHOD_PUT,    P "/access/users/{member}",       SETTINGS, api_access_person_set},   \
	{METHOD_DELETE, P "/access/users/{member}",       SETTINGS, api_access_person_set},   \
	{METHOD_GET,    P "/access/teams",                SETTINGS, api_access_teams},        \
	{METHOD_PUT,    P "/access/teams/{team_slug}",    SETTINGS, api_access_team_set},     \
	{METHOD_DELETE, P "/access/teams/{team_slug}",    SETTINGS, api_access_team_set},     \
	{METHOD_GET,    P "/access/actions",              SETTINGS, api_access_actions},      \
	{METHOD_PUT,    P "/access/actions/{owner}/{repo}",    SETTINGS, api_access_actions_set}, \
	{METHOD_DELETE, P "/access/actions/{owner}/{repo}",    SETTINGS, api_access_actions_set}, \
	{METHOD_GET,    P "/access/codespaces",           SETTINGS, api_access_codespaces},   \
	{METHOD_PUT,    P "/access/codespaces/{owner}/{repo}", SETTINGS, api_access_codespaces_set}, \
	{METHOD_DELETE, P "/access/codespaces/{owner}/{repo}", SETTINGS, api_access_codespaces_set}, \
	{METHOD_PUT,    P "/visibility",                  SETTINGS, api_package_visibility},  \
	{METHOD_GET,    P "/repository",                  PULL,     api_package_link_get},    \
	{METHOD_PUT,    P "/repository",                  SETTINGS, api_package_link_put},    \
	{METHOD_DELETE, P "/repository",                  SETTINGS, api_package_link_delete}, \
	{METHOD_POST,   P "/rename",                      SETTINGS, api_package_rename},      \
	{METHOD_POST,   P "/transfer",                    SETTINGS, api_package_transfer},    \
	{METHOD_GET,    P "/aliases",                     SETTINGS, api_package_aliases},     \
	{METHOD_DELETE, P "/aliases/{owner}/{alias}",     SETTINGS, api_package_alias_delete},

const struct route route_table[] = {
	{READ,          "/v2/",                               GREETING, v2_base_get},
	{METHOD_GET,    "/token",                             NOTHING, v2_token_get},
	{METHOD_POST,   "/token",                             NOTHING, v2_token_post},

	{READ,          "/v2/_catalog",                       CATALOG, v2_catalog_list},
	{METHOD_POST,   UPLOADS,                              BEGIN,   v2_upload_start},
	{METHOD_GET,    UPLOAD,                               SESSION, v2_upload_status},
	{METHOD_PATCH,  UPLOAD,                               GO_ON,   v2_upload_patch},
	{METHOD_PUT,    UPLOAD,                               GO_ON,   v2_upload_put},
	{METHOD_DELETE, UPLOAD,                               PUSH,    v2_upload_cancel},
	{READ,          "/v2/{name}/blobs/{digest}",          PULL,    v2_blob_get},
	{METHOD_DELETE, "/v2/{name}/blobs/{digest}",          DELETE,  v2_blob_delete},
	{READ,          "/v2/{name}/manifests/{reference}",   PULL,    v2_manifest_get},
	{METHOD_PUT,    "/v2/{name}/manifests/{reference}",   STORE,   v2_manifest_put},
	{METHOD_DELETE, "/v2/{name}/manifests/{reference}",   DELETE,  v2_manifest_delete},
	{READ,          "/v2/{name}/tags/list",               PULL,    v2_tag_list},
	{READ,          "/v2/{name}/referrers/{digest}",      DISCOVER, v2_referrers_list},

	{METHOD_GET,    "/login/oidc/{id}",                   NOTHING, login_oidc_begin},
	{METHOD_GET,    "/login/oidc/{id}/callback",          LANDING, login_oidc_callback},
	{METHOD_GET,    "/orgs/{org}/sso",                    NOTHING, login_org_sso},

	{METHOD_GET,    "/api/v3/",                           VALID,   api_base_get},
	{METHOD_GET,    "/api/v3/openapi.json",               VALID,   api_openapi_get},
	{METHOD_GET,    "/api/v3/meta",                       VALID,   api_meta_get},
	{METHOD_GET,    "/api/v3/rate_limit",                 RATES,   api_rate_limit_get},
	{METHOD_POST,   "/api/graphql",                       QUESTION, api_graphql_post},
	{METHOD_GET,    "/api/v3/user",                       CALLER,  api_user_self},
	{METHOD_PATCH,  "/api/v3/user",                       OWN_PROFILE, api_user_patch},
	{METHOD_GET,    "/api/v3/user/orgs",                  CALLER,  api_user_org_list},
	{METHOD_GET,    "/api/v3/user/memberships/orgs",      CALLER,  api_user_membership_list},
	{METHOD_GET,    "/api/v3/user/memberships/orgs/{org}", ORG_MEMBER, api_user_membership_get},
	{METHOD_GET,    "/api/v3/user/teams",                 CALLER,  api_user_team_list},
	{METHOD_GET,    "/api/v3/user/tokens",                CALLER,  api_user_token_list},
	{METHOD_POST,   "/api/v3/user/tokens",                CALLER,  api_user_token_create},
	{METHOD_GET,    "/api/v3/user/tokens/{id}",           CALLER,  api_user_token_get},
	{METHOD_DELETE, "/api/v3/user/tokens/{id}",           CALLER,  api_user_token_delete},
	{METHOD_PUT,    "/api/v3/user/tokens/{id}/sso/{org}", CALLER,  api_user_token_sso_put},
	{METHOD_DELETE, "/api/v3/user/tokens/{id}/sso/{org}", CALLER,  api_user_token_sso_delete},
	{METHOD_GET,    "/api/v3/users",                      CALLER,  api_user_list},
	{METHOD_GET,    "/api/v3/users/{username}",           PROFILE, api_user_get},
	{METHOD_GET,    "/api/v3/users/{username}/orgs",      CALLER,  api_user_public_org_list},
	{METHOD_PUT,    "/api/v3/users/{username}/suspended", SITE_ADMIN, api_user_suspend},
	{METHOD_DELETE, "/api/v3/users/{username}/suspended", SITE_ADMIN, api_user_unsuspend},
	{METHOD_PUT,    "/api/v3/users/{username}/site_admin", SITE_ADMIN, api_user_promote},
	{METHOD_DELETE, "/api/v3/users/{username}/site_admin", SITE_ADMIN, api_user_demote},

	{METHOD_GET,    "/api/v3/organizations",              CALLER,  api_org_list},
	{METHOD_GET,    "/api/v3/orgs/{org}",                 CALLER,  api_org_get},
	{METHOD_PATCH,  "/api/v3/orgs/{org}",                 ORG_ADMIN, api_org_patch},
	{METHOD_DELETE, "/api/v3/orgs/{org}",                 ORG_ADMIN, api_org_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/members",         ORG_MEMBER, api_member_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/members/{username}", ORG_MEMBER, api_member_get},
	{METHOD_DELETE, "/api/v3/orgs/{org}/members/{username}", ORG_CHANGE, api_membership_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/outside_collaborators", ORG_ADMIN, api_outsider_list},
	{METHOD_PUT,    "/api/v3/orgs/{org}/outside_collaborators/{username}", ORG_ADMIN, api_outsider_put},
	{METHOD_DELETE, "/api/v3/orgs/{org}/outside_collaborators/{username}", ORG_ADMIN, api_outsider_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/memberships/{username}", ORG_MEMBER, api_membership_get},
	{METHOD_PUT,    "/api/v3/orgs/{org}/memberships/{username}", ORG_ADMIN,  api_membership_put},
	{METHOD_DELETE, "/api/v3/orgs/{org}/memberships/{username}", ORG_ADMIN,  api_membership_delete},

	{METHOD_GET,    "/api/v3/orgs/{org}/credential-authorizations", ORG_ADMIN, api_org_credential_list},
	{METHOD_DELETE, "/api/v3/orgs/{org}/credential-authorizations/{credential_id}", ORG_ADMIN, api_org_credential_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/sso",             ORG_ADMIN, api_org_sso_get},
	{METHOD_PUT,    "/api/v3/orgs/{org}/sso",             ORG_ADMIN, api_org_sso_put},
	{METHOD_DELETE, "/api/v3/orgs/{org}/sso",             ORG_ADMIN, api_org_sso_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/robots",          ORG_ADMIN, api_robot_list},
	{METHOD_POST,   "/api/v3/orgs/{org}/robots",          ORG_ADMIN, api_robot_create},
	{METHOD_GET,    "/api/v3/orgs/{org}/robots/{robot}",  ORG_ADMIN, api_robot_get},
	{METHOD_PATCH,  "/api/v3/orgs/{org}/robots/{robot}",  ORG_ADMIN, api_robot_patch},
	{METHOD_DELETE, "/api/v3/orgs/{org}/robots/{robot}",  ORG_ADMIN, api_robot_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/robots/{robot}/tokens", ORG_ADMIN, api_robot_token_list},
	{METHOD_POST,   "/api/v3/orgs/{org}/robots/{robot}/tokens", ORG_ADMIN, api_robot_token_create},
	{METHOD_DELETE, "/api/v3/orgs/{org}/robots/{robot}/tokens/{id}", ORG_ADMIN, api_robot_token_delete},

	{METHOD_GET,    "/api/v3/user/repos",                 CALLER,     api_own_repo_list},
	{METHOD_POST,   "/api/v3/user/repos",                 OWN_REPO,   api_user_repo_create},
	{METHOD_GET,    "/api/v3/users/{username}/repos",     CALLER,     api_user_repo_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/repos",           CALLER,     api_org_repo_list},
	{METHOD_POST,   "/api/v3/orgs/{org}/repos",           ORG_REPO,   api_org_repo_create},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}",       REPO_SELF,  api_repo_get},
	{METHOD_PATCH,  "/api/v3/repos/{owner}/{repo}",       REPO_ADMIN, api_repo_update},
	{METHOD_DELETE, "/api/v3/repos/{owner}/{repo}",       REPO_ADMIN, api_repo_delete},
	{METHOD_POST,   "/api/v3/repos/{owner}/{repo}/transfer", REPO_ADMIN, api_repo_transfer},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/readme", REPO_READ, api_readme_get},
	{METHOD_PUT,    "/api/v3/repos/{owner}/{repo}/readme", REPO_WRITE, api_readme_put},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/teams", REPO_READ, api_repo_team_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}/repos", ORG_MEMBER, api_team_repo_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}", TEAM_READ, api_team_repo_get},
	{METHOD_PUT,    "/api/v3/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}", TEAM_ADMIN, api_team_repo_put},
	{METHOD_DELETE, "/api/v3/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}", TEAM_ADMIN, api_team_repo_delete},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/collaborators", REPO_WRITE, api_collaborator_list},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/collaborators/{username}", REPO_WRITE, api_collaborator_get},
	{METHOD_PUT,    "/api/v3/repos/{owner}/{repo}/collaborators/{username}", REPO_ADMIN, api_collaborator_put},
	{METHOD_DELETE, "/api/v3/repos/{owner}/{repo}/collaborators/{username}", REPO_READ, api_collaborator_delete},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/collaborators/{username}/permission", REPO_READ, api_collaborator_permission},
	{METHOD_DELETE, "/api/v3/orgs/{org}/package-aliases/{alias}", ORG_ADMIN, api_org_alias_delete},
	{METHOD_DELETE, "/api/v3/user/package-aliases/{alias}", CALLER, api_user_alias_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/packages",        CALLER,  api_org_package_list},
	{METHOD_GET,    "/api/v3/users/{username}/packages",  CALLER,  api_user_package_list},
	{METHOD_GET,    "/api/v3/user/packages",              CALLER,  api_own_package_list},
	{METHOD_GET,    "/api/v3/packages",                   CALLER,  api_package_search},
	{METHOD_GET,    "/api/v3/admin/packages",             SITE_ADMIN, api_admin_package_list},
	{METHOD_GET,    "/api/v3/repos/{owner}/{repo}/packages", REPO_READ, api_repo_package_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/deleted-packages", CALLER, api_org_deleted_list},
	{METHOD_GET,    "/api/v3/users/{username}/deleted-packages", CALLER, api_user_deleted_list},
	{METHOD_GET,    "/api/v3/user/deleted-packages",      CALLER,  api_own_deleted_list},
	{METHOD_POST,   "/api/v3/orgs/{org}/deleted-packages/{package_id}/restore", CALLER, api_org_deleted_restore},
	{METHOD_POST,   "/api/v3/users/{username}/deleted-packages/{package_id}/restore", CALLER, api_user_deleted_restore},
	{METHOD_POST,   "/api/v3/user/deleted-packages/{package_id}/restore", CALLER, api_own_deleted_restore},
	{METHOD_GET,    "/api/v3/orgs/{org}/docker/conflicts", CALLER,  api_org_docker_conflicts},
	{METHOD_GET,    "/api/v3/users/{username}/docker/conflicts", CALLER,  api_user_docker_conflicts},
	{METHOD_GET,    "/api/v3/user/docker/conflicts",      CALLER,  api_own_docker_conflicts},
	PACKAGE("/api/v3/orgs/{org}/packages/{package_type}/{package_name}")
	PACKAGE("/api/v3/users/{username}/packages/{package_type}/{package_name}")
	PACKAGE("/api/v3/user/packages/{package_type}/{package_name}")
	{METHOD_GET,    "/api/v3/orgs/{org}/audit-log",       ORG_AUDIT,  api_org_audit_log},
	{METHOD_GET,    "/api/v3/user/audit-log",             OWN_AUDIT,  api_user_audit_log},
	{METHOD_GET,    "/api/v3/admin/audit-log",            SITE_ADMIN, api_admin_audit_log},

	{METHOD_GET,    "/api/v3/orgs/{org}/teams",           ORG_MEMBER, api_team_list},
	{METHOD_POST,   "/api/v3/orgs/{org}/teams",           ORG_CHANGE, api_team_create},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}", ORG_MEMBER, api_team_get},
	{METHOD_PATCH,  "/api/v3/orgs/{org}/teams/{team_slug}", ORG_CHANGE, api_team_patch},
	{METHOD_DELETE, "/api/v3/orgs/{org}/teams/{team_slug}", ORG_CHANGE, api_team_delete},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}/teams", ORG_MEMBER, api_team_child_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}/members", ORG_MEMBER, api_team_member_list},
	{METHOD_GET,    "/api/v3/orgs/{org}/teams/{team_slug}/memberships/{username}", ORG_MEMBER, api_team_membership_get},
	{METHOD_PUT,    "/api/v3/orgs/{org}/teams/{team_slug}/memberships/{username}", ORG_CHANGE, api_team_membership_put},
	{METHOD_DELETE, "/api/v3/orgs/{org}/teams/{team_slug}/memberships/{username}", ORG_CHANGE, api_team_membership_delete},

	{METHOD_POST,   "/api/v3/repos/{owner}/{repo}/workflow-tokens", CALLER, api_workflow_token_create},
	{METHOD_POST,   "/api/v3/repos/{owner}/{repo}/codespace-tokens", CALLER, api_codespace_token_create},
	{METHOD_DELETE, "/api/v3/installation/token",         VALID,   api_installation_token_delete},
	{METHOD_POST,   "/api/v3/oidc/token",                 EXCHANGE, api_oidc_token},

	{METHOD_POST,   "/api/v3/session",                    EXCHANGE, api_session_create},
	{METHOD_DELETE, "/api/v3/session",                    CALLER,  api_session_delete},
	{METHOD_PUT,    "/api/v3/password",                   EXCHANGE, api_password_put},
	{METHOD_GET,    "/api/v3/user/sessions",              CALLER,  api_user_session_list},
	{METHOD_DELETE, "/api/v3/user/sessions/{id}",         CALLER,  api_user_session_delete},
	{METHOD_PUT,    "/api/v3/user/password",              CALLER,  api_user_password_put},
	{METHOD_POST,   "/api/v3/admin/users/{username}/password-setup", SITE_ADMIN, api_admin_password_setup},

	{METHOD_GET,    "/api/v3/admin/issuers",              SITE_ADMIN, api_issuer_list},
	{METHOD_POST,   "/api/v3/admin/issuers",              SITE_ADMIN, api_issuer_create},
	{METHOD_GET,    "/api/v3/admin/issuers/{id}",         SITE_ADMIN, api_issuer_get},
	{METHOD_PATCH,  "/api/v3/admin/issuers/{id}",         SITE_ADMIN, api_issuer_patch},
	{METHOD_DELETE, "/api/v3/admin/issuers/{id}",         SITE_ADMIN, api_issuer_delete},
	{METHOD_GET,    "/api/v3/admin/issuers/{id}/sign-in", SITE_ADMIN, api_issuer_sign_in_get},
	{METHOD_PUT,    "/api/v3/admin/issuers/{id}/sign-in", SITE_ADMIN, api_issuer_sign_in_put},
	{METHOD_DELETE, "/api/v3/admin/issuers/{id}/sign-in", SITE_ADMIN, api_issuer_sign_in_delete},
	{METHOD_GET,    "/api/v3/admin/users/{username}/identities", SITE_ADMIN, api_identity_list},
	{METHOD_POST,   "/api/v3/admin/users/{username}/identities", SITE_ADMIN, api_identity_create},
	{METHOD_DELETE, "/api/v3/admin/users/{username}/identities/{id}", SITE_ADMIN, api_identity_delete},

	{METHOD_POST,   "/api/v3/admin/users",                SITE_ADMIN, api_admin_user_create},
	{METHOD_PATCH,  "/api/v3/admin/users/{username}",     SITE_ADMIN, api_admin_user_rename},
	{METHOD_DELETE, "/api/v3/admin/users/{username}",     SITE_ADMIN, api_admin_user_delete},
	{METHOD_POST,   "/api/v3/admin/organizations",        SITE_ADMIN, api_admin_org_create},
	{METHOD_PATCH,  "/api/v3/admin/organizations/{org}",  SITE_ADMIN, api_admin_org_rename},
	{METHOD_GET,    "/api/v3/admin/users/{username}/authorizations", SITE_ADMIN, api_admin_user_token_list},
	{METHOD_POST,   "/api/v3/admin/users/{username}/authorizations", SITE_ADMIN, api_admin_token_create},
	{METHOD_GET,    "/api/v3/admin/tokens",               SITE_ADMIN, api_admin_token_list},
	{METHOD_DELETE, "/api/v3/admin/tokens/{id}",          SITE_ADMIN, api_admin_token_delete},

	{METHOD_GET,    "/api/v3/manage/v1/maintenance",      MODE, api_maintenance_get},
	{METHOD_POST,   "/api/v3/manage/v1/maintenance",      MODE, api_maintenance_set},
	{METHOD_GET,    "/api/v3/manage/v1/read-only",        MODE, api_read_only_get},
	{METHOD_POST,   "/api/v3/manage/v1/read-only",        MODE, api_read_only_set},
	{0},
};
/* clang-format on */
