/*
 * The handlers that the route table names, one per thing that a client can do.
 *
 * Each runs in its request's task after await_authorize() has allowed what the row needs,
 * answers with reply…(), refuse…() or give_up() and returns the status. They read top to
 * bottom; what is behind the database is behind metadb's functions, what is behind storage
 * behind the upload stream and the reader.
 */
#pragma once

#include "gateway/handlers_package.h"

struct request;

/* /v2/ and /token: gateway/v2_base.c, gateway/v2_token.c */
int v2_base_get(struct request *rq);   /* GET HEAD /v2/ */
int v2_token_get(struct request *rq);  /* GET /token */
int v2_token_post(struct request *rq); /* POST /token */

int v2_catalog_list(struct request *rq); /* GET HEAD /v2/_catalog: gateway/v2_catalog.c */

/* gateway/v2_tag.c, gateway/v2_referrers.c, gateway/v2_blob.c, gateway/v2_manifest.c */
int v2_tag_list(struct request *rq);	   /* GET HEAD /v2/{name}/tags/list */
int v2_referrers_list(struct request *rq); /* GET HEAD /v2/{name}/referrers/{digest} */
int v2_blob_get(struct request *rq);	   /* GET HEAD /v2/{name}/blobs/{digest} */
int v2_manifest_get(struct request *rq);   /* GET HEAD /v2/{name}/manifests/{reference} */
int v2_manifest_put(struct request *rq);   /* PUT /v2/{name}/manifests/{reference} */

/* gateway/v2_delete.c */
int v2_blob_delete(struct request *rq);	    /* DELETE /v2/{name}/blobs/{digest} */
int v2_manifest_delete(struct request *rq); /* DELETE /v2/{name}/manifests/{reference} */

/* Uploads, {session} is their id: gateway/v2_upload.c */
int v2_upload_start(struct request *rq);  /* POST /v2/{name}/blobs/uploads/ */
int v2_upload_status(struct request *rq); /* GET /v2/{name}/blobs/uploads/{session} */
int v2_upload_patch(struct request *rq);  /* PATCH, the same path */
int v2_upload_put(struct request *rq);	  /* PUT, the same path */
int v2_upload_cancel(struct request *rq); /* DELETE, the same path */

/* GitHub's REST: gateway/api_base.c, gateway/api_account.c */
int api_base_get(struct request *rq);	 /* GET /api/v3/ */
int api_openapi_get(struct request *rq); /* GET /api/v3/openapi.json: gateway/api_openapi.c */
int api_meta_get(struct request *rq);	 /* GET /api/v3/meta: gateway/api_meta.c */
int api_rate_limit_get(struct request *rq);
int api_graphql_post(struct request *rq); /* POST /api/graphql */
int api_user_self(struct request *rq);	  /* GET /api/v3/user */
int api_user_patch(struct request *rq);	  /* PATCH, the same path */
int api_user_get(struct request *rq);	  /* GET /api/v3/users/{username} */

/* /api/v3/orgs/{org}: gateway/api_org.c */
int api_org_get(struct request *rq);
int api_org_patch(struct request *rq);
int api_org_delete(struct request *rq);

/* Lists of accounts, all GET: gateway/api_people.c */
int api_user_list(struct request *rq);		  /* /api/v3/users */
int api_org_list(struct request *rq);		  /* /api/v3/organizations */
int api_user_org_list(struct request *rq);	  /* /api/v3/user/orgs */
int api_user_public_org_list(struct request *rq); /* /api/v3/users/{username}/orgs */
int api_user_membership_list(struct request *rq); /* /api/v3/user/memberships/orgs */
int api_member_list(struct request *rq);	  /* /api/v3/orgs/{org}/members */
int api_outsider_list(struct request *rq);	  /* /api/v3/orgs/{org}/outside_collaborators */
int api_outsider_put(struct request *rq);	  /* …/{username}: gateway/api_membership.c */
int api_outsider_delete(struct request *rq);

/* gateway/api_membership.c */
int api_membership_get(struct request *rq); /* GET /api/v3/orgs/{org}/memberships/{username} */
int api_membership_put(struct request *rq); /* PUT, the same path */
int api_membership_delete(struct request *rq); /* DELETE, the same path, and of the next one */
int api_member_get(struct request *rq);	       /* GET /api/v3/orgs/{org}/members/{username} */
int api_user_membership_get(struct request *rq); /* GET /api/v3/user/memberships/orgs/{org} */

/* Teams: gateway/api_team.c */
int api_team_list(struct request *rq);	     /* GET /api/v3/orgs/{org}/teams */
int api_team_create(struct request *rq);     /* POST, the same path */
int api_team_get(struct request *rq);	     /* GET /api/v3/orgs/{org}/teams/{team_slug} */
int api_team_patch(struct request *rq);	     /* PATCH, the same path */
int api_team_delete(struct request *rq);     /* DELETE, the same path */
int api_team_child_list(struct request *rq); /* GET …/{team_slug}/teams */
int api_user_team_list(struct request *rq);  /* GET /api/v3/user/teams */

/* gateway/api_team_member.c */
int api_team_member_list(struct request *rq);	 /* GET …/{team_slug}/members */
int api_team_membership_get(struct request *rq); /* GET …/{team_slug}/memberships/{username} */
int api_team_membership_put(struct request *rq);    /* PUT, the same path */
int api_team_membership_delete(struct request *rq); /* DELETE, the same path */

/* What a site admin does to accounts: gateway/api_user_admin.c */
int api_admin_user_rename(struct request *rq); /* PATCH /api/v3/admin/users/{username} */
int api_admin_user_delete(struct request *rq); /* DELETE, the same path */
int api_admin_org_rename(struct request *rq);  /* PATCH /api/v3/admin/organizations/{org} */
int api_user_suspend(struct request *rq);      /* PUT /api/v3/users/{username}/suspended */
int api_user_unsuspend(struct request *rq);    /* DELETE, the same path */
int api_user_promote(struct request *rq);      /* PUT /api/v3/users/{username}/site_admin */
int api_user_demote(struct request *rq);       /* DELETE, the same path */

/* GitHub Enterprise's REST for site admins: gateway/api_admin.c */
int api_admin_user_create(struct request *rq); /* POST /api/v3/admin/users */
int api_admin_org_create(struct request *rq);  /* POST /api/v3/admin/organizations */
int api_admin_token_create(
	struct request *rq); /* POST /api/v3/admin/users/{username}/authorizations */

/* gateway/api_modes.c */
int api_maintenance_get(struct request *rq); /* GET /api/v3/manage/v1/maintenance */
int api_maintenance_set(struct request *rq); /* POST, the same path */
int api_read_only_get(struct request *rq);   /* GET /api/v3/manage/v1/read-only */
int api_read_only_set(struct request *rq);   /* POST, the same path */

/* Source repositories: gateway/api_repository.c, gateway/api_repository_list.c */
int api_user_repo_create(struct request *rq); /* POST /api/v3/user/repos */
int api_org_repo_create(struct request *rq);  /* POST /api/v3/orgs/{org}/repos */
int api_own_repo_list(struct request *rq);    /* GET /api/v3/user/repos */
int api_org_repo_list(struct request *rq);    /* GET /api/v3/orgs/{org}/repos */
int api_user_repo_list(struct request *rq);   /* GET /api/v3/users/{username}/repos */
int api_repo_get(struct request *rq);	      /* GET /api/v3/repos/{owner}/{repo} */
int api_repo_update(struct request *rq);      /* PATCH, the same path */
int api_repo_delete(struct request *rq);      /* DELETE, the same path */
int api_repo_transfer(struct request *rq);    /* POST /api/v3/repos/{owner}/{repo}/transfer */

/* gateway/api_readme.c */
int api_readme_get(struct request *rq); /* GET /api/v3/repos/{owner}/{repo}/readme */
int api_readme_put(struct request *rq); /* PUT, the same path */

/* /api/v3/repos/{owner}/{repo}/collaborators: gateway/api_collaborator.c */
int api_collaborator_list(struct request *rq);	     /* GET */
int api_collaborator_get(struct request *rq);	     /* GET …/{username} */
int api_collaborator_put(struct request *rq);	     /* PUT …/{username} */
int api_collaborator_delete(struct request *rq);     /* DELETE …/{username} */
int api_collaborator_permission(struct request *rq); /* GET …/{username}/permission */

/* gateway/api_audit.c */
int api_org_audit_log(struct request *rq);   /* GET /api/v3/orgs/{org}/audit-log */
int api_user_audit_log(struct request *rq);  /* GET /api/v3/user/audit-log */
int api_admin_audit_log(struct request *rq); /* GET /api/v3/admin/audit-log */

/* Teams and repositories: gateway/api_team_repository.c */
int api_team_repo_list(struct request *rq); /* GET /api/v3/orgs/{org}/teams/{team_slug}/repos */
int api_team_repo_get(struct request *rq);  /* GET …/{owner}/{repo} */
int api_team_repo_put(struct request *rq);  /* PUT, the same path */
int api_team_repo_delete(struct request *rq); /* DELETE, the same path */
int api_repo_team_list(struct request *rq);   /* GET /api/v3/repos/{owner}/{repo}/teams */
