/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extsort.h: sorts items of one fixed width, compared as bytes, in bounded memory. Items that do
 * not fit go to the scratch file as sorted runs and are merged while they are read.
 */
#ifndef KITH_CORE_EXTSORT_H
#define KITH_CORE_EXTSORT_H

#include "core/scratch.h"

struct kith_extsort;

/* width: 8 or more bytes. memory: for the items and for sorting them. expected: how many items,
 * more or less; 0: not known. */
enum kith_status kith_extsort_new(size_t width, size_t memory, uint64_t expected,
				  struct kith_scratch *scratch, struct kith_extsort **ret,
				  struct kith_err *err);
enum kith_status kith_extsort_add(struct kith_extsort *sort, const void *item,
				  struct kith_err *err);
/* After the last add, before the first next. */
enum kith_status kith_extsort_finish(struct kith_extsort *sort, struct kith_err *err);
/* The next item in order, valid until the next call; KITH_END behind the last. Equal items come
 * as often as they were added. */
enum kith_status kith_extsort_next(struct kith_extsort *sort, const uint8_t **ret_item,
				   struct kith_err *err);
uint64_t kith_extsort_count(const struct kith_extsort *sort);
void kith_extsort_free(struct kith_extsort *sort);

#endif
