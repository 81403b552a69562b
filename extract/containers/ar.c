/* SPDX-License-Identifier: Apache-2.0 */
/* ar.c: static libraries and other ar archives: every member in place. */
#include "ar_members.h"
#include "containers/container.h"

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_ar ar;
	struct kith_ar_member member;
	enum kith_status st = kith_ar_open(&ar, in->blob, err);

	while (st >= 0 && (st = kith_ar_next(&ar, &member, err)) == KITH_OK) {
		struct kith_entry entry = {
		    .kind = member.table ? KITH_ENTRY_OTHER : KITH_ENTRY_FILE,
		    .name = member.name,
		    .name_n = member.name_n,
		    .has_size = true,
		    .size = member.size,
		};
		struct kith_extent extent = {member.offset, member.size};

		st = member.table ? kith_emit_begin(in->emit, &entry, err)
				  : kith_emit_in_place(in->emit, &entry, &extent, 1, err);
	}
	kith_ar_done(&ar);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_ar = {.id = "ar", .walk = walk};
