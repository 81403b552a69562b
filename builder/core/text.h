/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: the dump of the set that is being written (base/dump.h), of which only the SHA-256 is
 * kept: the set id.
 */
#ifndef KITH_CORE_TEXT_H
#define KITH_CORE_TEXT_H

#include "base/dump.h"
#include "core/digest.h"

/* Lines are gathered and hashed in pieces. Zeroed, then sha set: valid. */
struct kith_text {
	struct kith_buf lines;
	struct kith_sha *sha; /* owned */
};

static inline void kith_text_flush(struct kith_text *text)
{
	kith_sha_add(text->sha, text->lines.data, text->lines.n);
	text->lines.n = 0;
}

/* Call after each few lines. */
static inline void kith_text_settle(struct kith_text *text)
{
	if (text->lines.n >= 65536)
		kith_text_flush(text);
}

static inline void kith_text_done(struct kith_text *text)
{
	kith_sha_free(text->sha);
	kith_buf_done(&text->lines);
}

#endif
