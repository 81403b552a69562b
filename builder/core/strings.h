/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strings.h: sorted runs of byte strings in the scratch file, and their merge. This is how names
 * and places get their ranks although not all of them fit in memory: each chunk's strings are
 * written in order; the merge meets every string of all chunks in order, once, and writes for each
 * chunk the rank of its 1st, 2nd, 3rd ... string, one after the other.
 */
#ifndef KITH_CORE_STRINGS_H
#define KITH_CORE_STRINGS_H

#include "core/memory.h"
#include "core/scratch.h"

struct kith_strings_run {
	uint64_t at, end; /* in the scratch file */
	uint64_t n;
};

/*
 * Sorts items and writes them as a run; equal items are not allowed. ret_order[i] becomes the
 * position of item i in sorted order. room: for sorting.
 */
enum kith_status kith_strings_spill(const struct kith_bytes *items, size_t n,
				    struct kith_scratch *scratch, struct kith_room *room,
				    struct kith_strings_run *ret_run, uint32_t *ret_order,
				    struct kith_err *err);

/*
 * Called for each different string, in order; gives its rank. The bytes are valid during the call.
 */
typedef enum kith_status (*kith_strings_emit)(struct kith_bytes string, void *user,
					      uint32_t *ret_rank, struct kith_err *err);

/*
 * Merges runs. ret_maps[i] becomes a mapped array of runs[i].n ranks (NULL when n is 0); unmap it
 * with kith_scratch_unmap(map, 4 * n). memory: bytes for buffers.
 */
enum kith_status kith_strings_merge(const struct kith_strings_run *runs, size_t n_runs,
				    struct kith_scratch *scratch, size_t memory,
				    kith_strings_emit emit, void *user, const uint32_t **ret_maps,
				    struct kith_err *err);

#endif
