/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merged.h: a walk over one table of several sets as if they were one. Sets answer together, so the
 * records that have one key come together, too, and keys come in ascending order. For one thread.
 */
#ifndef KITH_ANSWER_MERGED_H
#define KITH_ANSWER_MERGED_H

#include "answer/facts.h"

struct kith_merged;

/*
 * The files of all sets of the asker. first: only those whose key begins with this byte;
 * NULL: all. *ret is for kith_merged_close(); it does not outlive the asker.
 */
enum kith_status kith_merged_open(struct kith_asker *asker, enum kith_table table,
				  const uint8_t *first, struct kith_merged **ret,
				  struct kith_err *err);
/* Those from a key on, whether any set has it or not; NULL: all. */
enum kith_status kith_merged_from(struct kith_asker *asker, enum kith_table table,
				  const uint8_t *key, struct kith_merged **ret,
				  struct kith_err *err);

/*
 * The records of the next key, at least one, in the order of the sets; they hold until the next
 * call. KITH_END: there are no more.
 */
enum kith_status kith_merged_next(struct kith_merged *merged, const struct kith_record **ret,
				  size_t *ret_n);

void kith_merged_close(struct kith_merged *merged); /* NULL is allowed */

#endif
