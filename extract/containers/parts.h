/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: what is said of a part of a split image, archive or cabinet that is not the first. */
#ifndef KITH_CONTAINERS_PARTS_H
#define KITH_CONTAINERS_PARTS_H

#include "containers/container.h"

/*
 * Notes that `in` was passed over, because it is read from another part on, which it was found
 * beside. what: "image". That is a loss only where nothing reads that other part.
 */
enum kith_status kith_note_later_part(const struct kith_container_in *in, const char *what,
				      const struct kith_blob *other, struct kith_err *err);

#endif
