/* SPDX-License-Identifier: Apache-2.0 */
/* utf.h: characters of other encodings as UTF-8. Nothing is refused: what is no character, such as
 * half a surrogate pair, becomes the bytes that it would have, so that no two texts become one. */
#ifndef KITH_BASE_UTF_H
#define KITH_BASE_UTF_H

#include "base/buf.h"
#include "base/bytes.h"

/* A code point; of its bits above the 21 that UTF-8 has room for, none count. */
bool kith_utf8_add(struct kith_buf *out, uint32_t c);

/* UTF-16 as little-endian bytes; an unpaired surrogate becomes three bytes, and half a unit at the
 * end nothing. */
bool kith_utf16_add(struct kith_buf *out, const void *utf16le, size_t n);

/* The inside of a JSON string, RFC 8259, 7; what was in *to is replaced. False: an escape that is
 * none, or no memory, which is to->failed. */
bool kith_json_unescape(struct kith_bytes raw, struct kith_buf *to);

#endif
