/* SPDX-License-Identifier: Apache-2.0 */
/* formats.c: the rows of formats.def. */
#include "detect/detect.h"

const struct kith_format_info *kith_format_info(enum kith_format format)
{
	static const struct kith_format_info infos[] = {
#define KITH_FORMAT(id, name, container, worker, kind, package, summary) \
	{name, container, KITH_WORKER_##worker, KITH_PLACE_##kind, package, summary},
#include "detect/formats.def"
#undef KITH_FORMAT
	};

	return &infos[format - 1];
}
