/* Range and Content-Range: what is accepted lies inside its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t sizes[] = {0, 1, 1000, INT64_MAX};
	const char *text = (const char *)data;
	struct range_set set;
	struct byte_range r;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (range_parse(text, size, sizes[i], &set) != RANGE_PART)
			continue;
		assert(set.count > 0);
		for (unsigned k = 0; k < set.count; k++) {
			r = set.part[k];
			assert(r.first >= 0 && r.first <= r.last && r.last < sizes[i]);
		}
	}
	if (content_range_parse(text, size, &r) == 0)
		assert(r.first >= 0 && r.first <= r.last);
	return 0;
}
