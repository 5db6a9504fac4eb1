/*
 * Media types of manifests and what kind of manifest each is. Pure functions; any thread.
 * Sources: OCI image-spec media-types.md; Docker image manifest v2 schema 2 and list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX	      "application/vnd.oci.image.index.v1+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_OCI_EMPTY	      "application/vnd.oci.empty.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"

enum manifest_kind {
	MANIFEST_NONE,	  /* no type that this registry stores */
	MANIFEST_IMAGE,	  /* config and layers */
	MANIFEST_INDEX,	  /* manifests */
	MANIFEST_SCHEMA1, /* Docker schema 1: refused with an explanation */
};

/* By Content-Type; parameters after ';' and case are ignored. */
enum manifest_kind media_manifest_kind(const char *type, size_t len);
/* The same type as this registry writes it, without parameters; NULL for MANIFEST_NONE. */
const char *media_manifest_type(const char *type, size_t len);
/* Length of the type without parameters and trailing blanks. */
size_t media_type_length(const char *type, size_t len);
/* The config of an image that runs, with its labels: OCI's and Docker's type. */
bool media_image_config(const char *type);
/* Layers whose bytes need not be here (foreign and non-distributable layers). */
bool media_layer_foreign(const char *type);
