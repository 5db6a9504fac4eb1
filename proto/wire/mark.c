/* The highest of marks. */
#include "proto/wire/mark.h"

bool wire_mark_raise(struct wire_mark *m, const struct wire_mark *other)
{
	bool farther = other->adoption > m->adoption ||
		       (other->adoption == m->adoption && other->place > m->place);
	bool newer = other->gen > m->gen;

	if (farther) {
		m->adoption = other->adoption;
		m->place = other->place;
	}
	if (newer)
		m->gen = other->gen;
	return farther || newer;
}
