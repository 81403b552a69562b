/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.h: the partitions of a disk image or a hybrid disc: MBR with logical partitions, and
 * GPT. Reads only; what the partitions hold is not its concern.
 */
#ifndef KITH_EXTRACT_PARTITION_H
#define KITH_EXTRACT_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"
#include "kith.h"

struct kith_partition {
	char name[32];          /* "partition 2"; "mbr partition 2" where a GPT counts too */
	uint64_t offset, bytes; /* bytes is cut at the end of the blob; offset lies inside of it */
	bool cut;
};

#define KITH_PARTITION_FAULTS 4

struct kith_partitions {
	struct kith_partition *items; /* owned */
	size_t n;
	/* What was wrong with the tables, as reasons for the ledger. */
	const char *faults[KITH_PARTITION_FAULTS];
	size_t n_faults;
};

/* KITH_OK also when there is no table: n is 0. Fails for KITH_E_IO and KITH_E_NOMEM only. */
enum kith_status kith_partitions_read(const struct kith_blob *blob, struct kith_partitions *ret,
				      struct kith_err *err);
void kith_partitions_done(struct kith_partitions *partitions);

#endif
