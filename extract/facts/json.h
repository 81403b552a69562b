/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: the strings of a JSON text (RFC 8259), each with the keys that lead to it. Nothing is
 * built; depth is bounded. Elements of arrays have an empty key.
 */
#ifndef KITH_EXTRACT_JSON_H
#define KITH_EXTRACT_JSON_H

#include "base/buf.h"

#define JSON_DEPTH_MAX 64u
#define JSON_KEYS_MAX  8u /* that are told; deeper strings are skipped */

/* keys are as they stand in the text; value has its escapes resolved. */
typedef void (*json_string_fn)(void *user, const struct kith_bytes *keys, unsigned n_keys,
			       struct kith_bytes value);

/* False when the text is no JSON, too deep, or memory is lacking; strings before were told. */
bool json_scan(struct kith_bytes text, json_string_fn string, void *user);

#endif
