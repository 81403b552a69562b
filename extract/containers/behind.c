/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/behind.h"

#include <string.h>

#define PIECE ((size_t)64 << 10)

enum kith_status kith_emit_behind(const struct kith_container_in *in, uint64_t at, const char *name,
				  const char *reason, struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_INNER, .name = (const uint8_t *)name, .name_n = strlen(name)};
	struct kith_extent extent;
	uint8_t piece[PIECE];
	size_t n, i;
	enum kith_status st;

	for (;;) {
		st = kith_emit_alive(in->emit, err);
		if (st < 0)
			return st;
		st = kith_blob_read_some(in->blob, at, piece, sizeof piece, &n, err);
		if (st < 0 || n == 0)
			return st;
		for (i = 0; i < n && piece[i] == 0; i++)
			;
		at += i;
		if (i < n)
			break;
	}
	st = kith_emit_note(in->emit, KITH_LEDGER_MARKED, reason, name, strlen(name), err);
	if (st < 0)
		return st;
	extent = (struct kith_extent){at, in->blob->size - at};
	return kith_emit_in_place(in->emit, &entry, &extent, 1, err);
}
