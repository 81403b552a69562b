/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c: see parts.h. */
#include "containers/parts.h"

#include <stdio.h>

enum kith_status kith_note_later_part(const struct kith_container_in *in, const char *what,
				      const struct kith_blob *other, struct kith_err *err)
{
	bool read = kith_emit_is_read(in->emit, other);
	char reason[96];

	(void)snprintf(reason, sizeof reason, "a part of a split %s, %s", what,
		       read ? "read with its first part"
			    : "to be read with its first part, which is no input");
	return kith_emit_note(in->emit, read ? KITH_LEDGER_COUNT : KITH_LEDGER_SKIPPED, reason,
			      in->name, in->name_n, err);
}
