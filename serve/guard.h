/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h: reading a mapped set that was cut off, is damaged, or lies on a failing medium ends in a
 * signal rather than in an error. A server must not end with it, and must not answer from it.
 */
#ifndef KITH_SERVE_GUARD_H
#define KITH_SERVE_GUARD_H

#include <stdbool.h>

#include "answer/sets.h"

void kith_guard_init(void);

/*
 * Calls fn(arg). A fault while it reads inside the maps of `sets` (NULL: anywhere, for opening
 * them) and an abort of LMDB's end it there, with KITH_E_CORRUPT. What fn held is then lost:
 * memory that it allocated, and the readers that it used, which must not be touched again. So
 * whoever gets that answer gives the sets up.
 */
enum kith_status kith_guarded(enum kith_status (*fn)(void *arg), void *arg,
			      const struct kith_sets *sets, bool *ret_fault);

#endif
