/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.h: what the inspectors share. */
#ifndef KITH_EXTRACT_INSPECT_H
#define KITH_EXTRACT_INSPECT_H

#include <string.h>

#include "base/buf.h"
#include "facts/facts.h"

/* Weights; what they mean is said at kith_emit_fact. */
#define WEIGHT_PACKAGE 100u
#define WEIGHT_SYSTEM  80u
#define WEIGHT_IMAGE   60u
#define WEIGHT_ARCHIVE 50u /* of an archive of packages */
#define WEIGHT_GUESS   40u
#define WEIGHT_CLAIM   30u /* of a file about itself */

#define KITH_INSPECTOR_TEXT(id, scope, most)                             \
	bool wants_##id(struct kith_bytes path, struct kith_bytes head); \
	void text_##id(struct kith_bytes text, const struct kith_fact_sink *sink);
#define KITH_INSPECTOR(id, scope, most)                                       \
	bool wants_##id(struct kith_bytes path, struct kith_bytes head);      \
	enum kith_status inspect_##id(const struct kith_inspector *inspector, \
				      const struct kith_blob *blob,           \
				      const struct kith_fact_sink *sink, struct kith_err *err);
#include "facts/facts.def"
#undef KITH_INSPECTOR_TEXT
#undef KITH_INSPECTOR

static inline bool text_is(struct kith_bytes text, const char *is)
{
	return text.n == strlen(is) && memcmp(text.data, is, text.n) == 0;
}

static inline bool text_begins(struct kith_bytes text, const char *with)
{
	return text.n >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* Without regard to the case of ASCII letters; `with` is in lower case. */
bool text_ends_nocase(struct kith_bytes text, const char *with);
bool text_is_nocase(struct kith_bytes text, const char *is);
bool text_holds(struct kith_bytes text, const char *part);

/* Blanks and line ends off both ends. */
struct kith_bytes text_trim(struct kith_bytes text);
/* The next line of *rest, without its end; false when none is left. */
bool text_line(struct kith_bytes *rest, struct kith_bytes *ret);
/* "key<separator>value", trimmed. */
bool text_split(struct kith_bytes line, char separator, struct kith_bytes *ret_key,
		struct kith_bytes *ret_value);

/* A path without a leading "/" or "./", and its last component. */
struct kith_bytes path_rooted(struct kith_bytes path);
struct kith_bytes path_last(struct kith_bytes path);

/* Tells a fact, trimmed, unless it is empty or too long. */
void tell(const struct kith_fact_sink *sink, enum kith_fact fact, unsigned weight,
	  struct kith_bytes text);

static inline struct kith_bytes bytes_of(const char *text)
{
	return (struct kith_bytes){(const uint8_t *)text, strlen(text)};
}

#endif
