/* SPDX-License-Identifier: Apache-2.0 */
/* info.h: what a set is, what it was made from, and what was not covered. */
#ifndef KITH_ANSWER_INFO_H
#define KITH_ANSWER_INFO_H

#include <stdbool.h>

#include "base/buf.h"
#include "kith.h"

struct kith_info_count {
	const char *name;
	uint64_t n;
};
#define KITH_INFO_COUNTS 9
void kith_info_counts(const struct kith_set_info *facts,
		      struct kith_info_count counts[KITH_INFO_COUNTS]);

/* "skipped", "failed", ... */
const char *kith_info_class(enum kith_ledger_class class_);
/* "sha256", ... */
const char *kith_info_digest(unsigned kind);
/* Rows of meta that are shown; others are facts already. */
bool kith_info_is_shown(const char *key, size_t n);
/* Rows of the ledger that name one input each: there may be as many as inputs. */
bool kith_info_is_input(const struct kith_ledger_entry *entry);

/* One JSON object and a line end. name: of the set. inputs: with those rows of the ledger. */
enum kith_status kith_info_json(kith_set *set, kith_reader *reader, const char *name, bool inputs,
				struct kith_buf *out);

#endif
