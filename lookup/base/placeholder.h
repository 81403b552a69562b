/* SPDX-License-Identifier: Apache-2.0 */
/* placeholder.h: texts that say that nothing is known. A set keeps them, answers leave them out. */
#ifndef KITH_BASE_PLACEHOLDER_H
#define KITH_BASE_PLACEHOLDER_H

#include <stdbool.h>

#include "kith.h"

/* True for empty, Unknown, TBD, none, ...: in any case, with or without blanks around. */
bool kith_is_placeholder(struct kith_bytes text);

#endif
