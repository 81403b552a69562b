/* SPDX-License-Identifier: Apache-2.0 */
/* behind.h: what a file has behind the container that it begins with. */
#ifndef KITH_CONTAINERS_BEHIND_H
#define KITH_CONTAINERS_BEHIND_H

#include "containers/container.h"

/* Passes over zeros from `at` to the end: they fill up a block of a tape, or an image. What is
 * there otherwise is noted with this reason and emitted as an inner entry of this name. */
enum kith_status kith_emit_behind(const struct kith_container_in *in, uint64_t at, const char *name,
				  const char *reason, struct kith_err *err);

#endif
