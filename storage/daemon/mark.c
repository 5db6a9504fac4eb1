/* The line is "mark 1 ADOPTION PLACE GEN CRC32C", the checksum over what is before it. */
#include "storage/daemon/mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/crc32c.h"
#include "proto/base/log.h"
#include "storage/daemon/store_inside.h"

#define FILE_NAME "mark"
#define TEXT_MAX  128
#define FORMAT	  "mark 1 %" PRId64 " %" PRId64 " %" PRId64 " "

static int write_text(char text[TEXT_MAX], const struct store_mark *m)
{
	int len = snprintf(text, TEXT_MAX, FORMAT, m->adoption, m->place, m->gen);

	return len + snprintf(text + len, (size_t)(TEXT_MAX - len), "%08x\n",
			      crc32c_add(0, text, (size_t)len));
}

void store_mark_load(struct store *s, struct store_mark *out)
{
	struct store_mark m = {0};
	char text[TEXT_MAX];
	char again[TEXT_MAX];
	size_t len = 0;
	int rc = s->disk->ops->load(s->disk, FILE_NAME, text, sizeof(text) - 1, &len);

	memset(out, 0, sizeof(*out));
	if (rc == -ENOENT)
		return;
	text[rc < 0 ? 0 : len] = '\0';
	if (rc == 0 && sscanf(text, FORMAT, &m.adoption, &m.place, &m.gen) == 3 &&
	    (size_t)write_text(again, &m) == len && memcmp(text, again, len) == 0)
		*out = m;
	else
		log_warn("the mark of PostgreSQL on this disk is not readable", "err=\"%s\"",
			 err_text(rc < 0 ? rc : ERR_CORRUPT));
}

int store_mark_save(struct store *s, const struct store_mark *mark)
{
	char text[TEXT_MAX];
	int len = write_text(text, mark);

	return s->disk->ops->save(s->disk, FILE_NAME, text, (size_t)len);
}
