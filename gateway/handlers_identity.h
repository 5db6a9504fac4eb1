/*
 * Handlers of credentials, and of what proves who somebody is: as in gateway/handlers.h.
 */
#pragma once

struct request;

/* Tokens: gateway/api_admin_token.c, gateway/api_user_token.c */
int api_admin_token_list(struct request *rq);	   /* GET /api/v3/admin/tokens */
int api_admin_token_delete(struct request *rq);	   /* DELETE /api/v3/admin/tokens/{id} */
int api_admin_user_token_list(struct request *rq); /* GET .../users/{username}/authorizations */
int api_user_token_list(struct request *rq);	   /* GET /api/v3/user/tokens */
int api_user_token_create(struct request *rq);	   /* POST, the same path */
int api_user_token_get(struct request *rq);	   /* GET /api/v3/user/tokens/{id} */
int api_user_token_delete(struct request *rq);	   /* DELETE, the same path */

/* Single sign-on: gateway/api_sso.c */
int api_user_token_sso_put(struct request *rq);	   /* PUT /api/v3/user/tokens/{id}/sso/{org} */
int api_user_token_sso_delete(struct request *rq); /* DELETE, the same path */
int api_org_credential_list(
	struct request *rq); /* GET .../orgs/{org}/credential-authorizations */
int api_org_credential_delete(struct request *rq); /* DELETE .../{credential_id} */
int api_org_sso_get(struct request *rq);	   /* GET /api/v3/orgs/{org}/sso */
int api_org_sso_put(struct request *rq);	   /* PUT, the same path */
int api_org_sso_delete(struct request *rq);	   /* DELETE, the same path */

/* /api/v3/orgs/{org}/robots: gateway/api_robot.c */
int api_robot_list(struct request *rq);		/* GET */
int api_robot_create(struct request *rq);	/* POST */
int api_robot_get(struct request *rq);		/* GET .../{robot} */
int api_robot_patch(struct request *rq);	/* PATCH .../{robot} */
int api_robot_delete(struct request *rq);	/* DELETE .../{robot} */
int api_robot_token_list(struct request *rq);	/* GET .../{robot}/tokens */
int api_robot_token_create(struct request *rq); /* POST .../{robot}/tokens */
int api_robot_token_delete(struct request *rq); /* DELETE .../{robot}/tokens/{id} */

/* Tokens that act for a repository: gateway/api_acting_token.c, gateway/api_oidc.c */
int api_workflow_token_create(struct request *rq);     /* POST .../{repo}/workflow-tokens */
int api_codespace_token_create(struct request *rq);    /* POST .../{repo}/codespace-tokens */
int api_installation_token_delete(struct request *rq); /* DELETE /api/v3/installation/token */
int api_oidc_token(struct request *rq);		       /* POST /api/v3/oidc/token */

/* /api/v3/admin/issuers: gateway/api_issuer.c */
int api_issuer_list(struct request *rq);   /* GET */
int api_issuer_create(struct request *rq); /* POST */
int api_issuer_get(struct request *rq);	   /* GET .../{id} */
int api_issuer_patch(struct request *rq);  /* PATCH .../{id} */
int api_issuer_delete(struct request *rq); /* DELETE .../{id} */

/* .../admin/issuers/{id}/sign-in: gateway/api_issuer_sign_in.c */
int api_issuer_sign_in_get(struct request *rq);	   /* GET */
int api_issuer_sign_in_put(struct request *rq);	   /* PUT */
int api_issuer_sign_in_delete(struct request *rq); /* DELETE */

/* .../admin/users/{username}/identities: gateway/api_identity.c */
int api_identity_list(struct request *rq);   /* GET */
int api_identity_create(struct request *rq); /* POST */
int api_identity_delete(struct request *rq); /* DELETE .../{id} */

/* Signing in through an issuer: gateway/login_oidc.c */
int login_oidc_begin(struct request *rq);    /* GET /login/oidc/{id} */
int login_oidc_callback(struct request *rq); /* GET /login/oidc/{id}/callback */
int login_org_sso(struct request *rq);	     /* GET /orgs/{org}/sso */

/* Sessions and passwords: gateway/api_session.c */
int api_session_create(struct request *rq);	  /* POST /api/v3/session */
int api_session_delete(struct request *rq);	  /* DELETE, the same path */
int api_user_session_list(struct request *rq);	  /* GET /api/v3/user/sessions */
int api_user_session_delete(struct request *rq);  /* DELETE .../{id} */
int api_user_password_put(struct request *rq);	  /* PUT /api/v3/user/password */
int api_password_put(struct request *rq);	  /* PUT /api/v3/password */
int api_admin_password_setup(struct request *rq); /* POST .../users/{username}/password-setup */
