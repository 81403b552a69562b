/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h: the ledger while it is kept (kith_ledger_note is in source.h), its sum and its rows. */
#ifndef KITH_CORE_LEDGER_H
#define KITH_CORE_LEDGER_H

#include "core/source.h"

struct kith_ledger *kith_ledger_new(void);
void kith_ledger_free(struct kith_ledger *ledger);
/* Adds all of `from` to `into`. False: out of memory, now or in a note before. */
bool kith_ledger_merge(struct kith_ledger *into, const struct kith_ledger *from);

/* Calls fn for each row, sorted by (source, class, reason). entry->source is what ranks[] has for
 * the handle that was noted. KITH_E_NOMEM when a note was lost. */
typedef enum kith_status (*kith_ledger_row_fn)(const struct kith_ledger_entry *entry, void *user,
					       struct kith_err *err);
enum kith_status kith_ledger_rows(struct kith_ledger *ledger, const uint32_t *ranks,
				  kith_ledger_row_fn fn, void *user, struct kith_err *err);

#endif
