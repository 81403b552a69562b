/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placekey.h: a place as one byte string, the path from its root. A component is its kind, its
 * name with 00 written as 00 FF, and 00 00. So the key of a place begins with that of its parent,
 * and sorting keys by bytes is a walk of the tree: parents first, children by (kind, name).
 */
#ifndef KITH_CORE_PLACEKEY_H
#define KITH_CORE_PLACEKEY_H

#include "core/source.h"

/*
 * Reads the component at key[*pos] and moves *pos behind it. ret_name's content is replaced by the
 * name. False when it is malformed (then *pos is untouched) or memory is out (ret_name->failed).
 */
bool kith_place_key_next(struct kith_bytes key, size_t *pos, enum kith_place_kind *ret_kind,
			 struct kith_buf *ret_name);

/* Length of the component at key[pos], or 0 when it is malformed. */
size_t kith_place_key_span(struct kith_bytes key, size_t pos);

#endif
