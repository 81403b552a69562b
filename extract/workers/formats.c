/* SPDX-License-Identifier: Apache-2.0 */
/* formats.c: the rows of formats.def, and that of the tests. */
#include "workers/formats.h"

#include <string.h>

enum kith_format kith_worker_detect(const struct kith_peek *peek)
{
#ifdef KITH_TEST_HOOKS
	size_t n = sizeof KITH_MISBEHAVE_MAGIC - 1;

	if (peek->head_n >= n && memcmp(peek->head, KITH_MISBEHAVE_MAGIC, n) == 0)
		return KITH_FORMATS;
#endif
	return kith_detect(peek);
}

const struct kith_format_info *kith_worker_format(uint32_t format)
{
#ifdef KITH_TEST_HOOKS
	static const struct kith_format_info misbehave = {
	    "misbehave", "misbehave", KITH_WORKER_MAIN, KITH_PLACE_ARCHIVE, "", ""};

	if (format == KITH_FORMATS)
		return &misbehave;
#endif
	if (format == KITH_FORMAT_NONE || format >= KITH_FORMATS)
		return NULL;
	return kith_format_info((enum kith_format)format);
}
