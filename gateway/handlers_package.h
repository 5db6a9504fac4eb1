/* The handlers of packages in REST; part of gateway/handlers.h. */
#pragma once

struct request;

/* Lists of packages below the same: gateway/api_package_list.c */
int api_org_package_list(struct request *rq);	   /* GET /api/v3/orgs/{org}/packages */
int api_user_package_list(struct request *rq);	   /* GET /api/v3/users/{username}/packages */
int api_own_package_list(struct request *rq);	   /* GET /api/v3/user/packages */
int api_org_docker_conflicts(struct request *rq);  /* GET …/orgs/{org}/docker/conflicts */
int api_user_docker_conflicts(struct request *rq); /* GET …/users/{username}/docker/… */
int api_own_docker_conflicts(struct request *rq);  /* GET /api/v3/user/docker/conflicts */

/* gateway/api_package_query.c */
int api_package_search(struct request *rq);	/* GET /api/v3/packages */
int api_admin_package_list(struct request *rq); /* GET /api/v3/admin/packages */
int api_repo_package_list(struct request *rq);	/* GET /api/v3/repos/{owner}/{repo}/packages */

/* Below the same three, deleted-packages and …/{package_id}/restore:
 * gateway/api_deleted_package.c */
int api_org_deleted_list(struct request *rq);	  /* GET */
int api_user_deleted_list(struct request *rq);	  /* GET */
int api_own_deleted_list(struct request *rq);	  /* GET */
int api_org_deleted_restore(struct request *rq);  /* POST */
int api_user_deleted_restore(struct request *rq); /* POST */
int api_own_deleted_restore(struct request *rq);  /* POST */

/*
 * A package, below /api/v3/orgs/{org}, /users/{username} and /user each:
 * /packages/{package_type}/{package_name}. gateway/api_package.c, gateway/api_access_list.c
 */
int api_package_get(struct request *rq);     /* GET */
int api_package_delete(struct request *rq);  /* DELETE: gateway/api_package_delete.c */
int api_package_restore(struct request *rq); /* POST /restore */
int api_package_purge(struct request *rq);   /* POST /purge: the same file */
int api_version_list(struct request *rq);    /* GET /versions: gateway/api_version_list.c */
int api_version_get(struct request *rq);     /* GET /versions/{package_version_id} */
int api_version_delete(struct request *rq);  /* DELETE: gateway/api_version_delete.c */
int api_version_delete_many(
	struct request *rq);		     /* POST /versions/delete, in api_version_bulk.c */
int api_version_restore(struct request *rq); /* POST /versions/{…}/restore: the same file */
int api_version_purge(struct request *rq);   /* POST /versions/{…}/purge: the same file */
int api_tag_list(struct request *rq);	     /* GET /tags: gateway/api_tag.c */
int api_tag_get(struct request *rq);	     /* GET /tags/{tag} */
int api_tag_put(struct request *rq);	     /* PUT, the same path */
int api_tag_delete(struct request *rq);	     /* DELETE, the same path */
int api_package_downloads(struct request *rq); /* GET /downloads: gateway/api_download.c */
int api_tag_downloads(struct request *rq);     /* GET /tags/{tag}/downloads */
int api_version_downloads(struct request *rq); /* GET /versions/{…}/downloads */
int api_access_get(struct request *rq);	       /* GET /access */
int api_access_explain(struct request *rq);    /* GET /access/explain: gateway/api_explain.c */
int api_access_people(struct request *rq);     /* GET /access/users */
int api_access_teams(struct request *rq);      /* GET /access/teams */
int api_access_actions(struct request *rq);    /* GET /access/actions */
int api_access_codespaces(struct request *rq); /* GET /access/codespaces */
int api_package_aliases(struct request *rq);   /* GET /aliases */

/* gateway/api_access.c */
int api_access_person_set(struct request *rq);	/* PUT DELETE /access/users/{member} */
int api_access_team_set(struct request *rq);	/* PUT DELETE /access/teams/{team_slug} */
int api_access_actions_set(struct request *rq); /* PUT DELETE /access/actions/{owner}/{repo} */
int api_access_codespaces_set(struct request *rq); /* …/access/codespaces/{owner}/{repo} */
int api_access_inherit(struct request *rq);	   /* PUT /access/inherit */

/* gateway/api_package_settings.c, gateway/api_package_alias.c */
int api_package_visibility(struct request *rq);	  /* PUT /visibility */
int api_package_link_get(struct request *rq);	  /* GET /repository */
int api_package_link_put(struct request *rq);	  /* PUT, the same path */
int api_package_link_delete(struct request *rq);  /* DELETE, the same path */
int api_package_rename(struct request *rq);	  /* POST /rename */
int api_package_transfer(struct request *rq);	  /* POST /transfer */
int api_package_alias_delete(struct request *rq); /* DELETE /aliases/{owner}/{alias} */
int api_org_alias_delete(struct request *rq); /* DELETE …/orgs/{org}/package-aliases/{alias} */
int api_user_alias_delete(struct request *rq); /* DELETE …/user/package-aliases/{alias} */
