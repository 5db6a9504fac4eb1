/* Tables of media types. */
#include "proto/model/media.h"

#include <string.h>
#include <strings.h>

static const struct kind {
	const char *type;
	enum manifest_kind kind;
} KINDS[] = {
	{MEDIA_OCI_MANIFEST, MANIFEST_IMAGE},
	{MEDIA_OCI_INDEX, MANIFEST_INDEX},
	{MEDIA_DOCKER_MANIFEST, MANIFEST_IMAGE},
	{MEDIA_DOCKER_LIST, MANIFEST_INDEX},
	{"application/vnd.docker.distribution.manifest.v1+json", MANIFEST_SCHEMA1},
	{"application/vnd.docker.distribution.manifest.v1+prettyjws", MANIFEST_SCHEMA1},
};

static const char *const FOREIGN[] = {
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.foreign.diff.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
};

size_t media_type_length(const char *type, size_t len)
{
	const char *end = memchr(type, ';', len);

	if (end != NULL)
		len = (size_t)(end - type);
	while (len > 0 && (type[len - 1] == ' ' || type[len - 1] == '\t'))
		len--;
	return len;
}

static const struct kind *find_kind(const char *type, size_t len)
{
	len = media_type_length(type, len);
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
		if (strlen(KINDS[i].type) == len && strncasecmp(KINDS[i].type, type, len) == 0)
			return &KINDS[i];
	return NULL;
}

enum manifest_kind media_manifest_kind(const char *type, size_t len)
{
	const struct kind *found = find_kind(type, len);

	return found != NULL ? found->kind : MANIFEST_NONE;
}

const char *media_manifest_type(const char *type, size_t len)
{
	const struct kind *found = find_kind(type, len);

	return found != NULL ? found->type : NULL;
}

bool media_image_config(const char *type)
{
	return strcasecmp(type, MEDIA_OCI_CONFIG) == 0 ||
	       strcasecmp(type, MEDIA_DOCKER_CONFIG) == 0;
}

bool media_layer_foreign(const char *type)
{
	for (size_t i = 0; i < sizeof(FOREIGN) / sizeof(FOREIGN[0]); i++)
		if (strcasecmp(FOREIGN[i], type) == 0)
			return true;
	return false;
}
