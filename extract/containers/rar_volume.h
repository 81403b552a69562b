/* SPDX-License-Identifier: Apache-2.0 */
/* rar_volume.h: the parts (volumes) of a split rar archive, and their names. */
#ifndef KITH_EXTRACT_RAR_VOLUME_H
#define KITH_EXTRACT_RAR_VOLUME_H

#include "blob/blob.h"

struct rar_volume {
	bool rar5;
	bool is_volume;  /* one of several parts; else nothing below counts */
	bool is_first;   /* as its head says: of the oldest ones only the name does */
	bool part_names; /* x.part1.rar, x.part2.rar; else x.rar, x.r00, x.r01 */
	bool numbered;
	uint64_t number; /* of RAR 5, from 0 */
	bool has_end;    /* what its last header says: */
	bool has_next;
};

/* What a part says of itself. KITH_NOT_FOUND: it is no rar archive. */
enum kith_status kith_rar_volume(const struct kith_blob *blob, struct rar_volume *ret,
				 struct kith_err *err);

/* The name of the part behind `name` or before it (a path: its last component counts). False:
 * there is none that could be named, or it has no room in ret. shorter: of a number that lost its
 * first digit, as in part10, part9; else that is 0, as in part10, part09. */
bool kith_rar_next_name(const void *name, size_t n, bool part_names, char *ret, size_t ret_size);
bool kith_rar_previous_name(const void *name, size_t n, bool part_names, bool shorter, char *ret,
			    size_t ret_size);

#endif
