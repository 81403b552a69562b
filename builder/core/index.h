/* SPDX-License-Identifier: Apache-2.0 */
/* index.h: fills the direct index (docs/FORMAT.md, section 8) of a set that is in its second step.
 */
#ifndef KITH_CORE_INDEX_H
#define KITH_CORE_INDEX_H

#include "core/lmdb_writer.h"
#include "core/scratch.h"

struct kith_index_counts {
	uint64_t entries[KITH_DIGESTS];
	uint64_t shared_md5, shared_sha1; /* entries whose digest another record has too */
};

/* Upper bound of the bytes that the indexes will need. */
uint64_t kith_index_bytes(uint64_t files, uint64_t sha1_only, uint64_t names, uint64_t places);

/* files: records in table file. progress: called with the number of files walked so far;
 * non-zero: cancel. */
enum kith_status kith_index_fill(struct kith_lmdb *db, struct kith_scratch *scratch, size_t memory,
				 uint64_t files, kith_progress_fn progress, void *user,
				 struct kith_index_counts *ret_counts, struct kith_err *err);

#endif
