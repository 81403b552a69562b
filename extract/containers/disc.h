/* SPDX-License-Identifier: Apache-2.0 */
/* disc.h: what discs have besides their trees: boot images, and partitions of hybrid images. */
#ifndef KITH_EXTRACT_DISC_H
#define KITH_EXTRACT_DISC_H

#include "containers/container.h"
#include "containers/extent_set.h"

/* Emits them as KITH_ENTRY_INNER, but for those whose bytes are in seen (they are a file of a tree)
 * and for partitions that are the disc itself. Adds them to seen. */
enum kith_status kith_disc_boot(const struct kith_container_in *in, struct kith_extent_set *seen,
				struct kith_err *err);

#endif
