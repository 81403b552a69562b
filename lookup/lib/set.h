/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h: what is behind the opaque handles of kith.h. A set does not change after it was opened,
 * so threads share it without a lock; all that a thread changes is in its reader.
 */
#ifndef KITH_LIB_SET_H
#define KITH_LIB_SET_H

#include "kith.h"
#include "lib/db.h"

/* One hash kind's part of the direct index. n_lines is 0 where the set has none. */
struct kith_index {
	const uint8_t *lines;
	uint64_t n_lines;
	uint64_t n_entries; /* as its head says */
};

/* Offsets of a table's blocks, 8 bytes each; n is 0 where the set has none. */
struct kith_offsets {
	const uint8_t *data;
	uint64_t n;
};

struct kith_set {
	struct kith_db db;
	struct kith_set_info info;
	struct kith_index index[KITH_DIGESTS]; /* all without lines unless info.direct */
	struct kith_offsets names, places;     /* n is 0 unless info.direct */
	bool populated;                        /* of kith_set_expect() */
};

struct kith_reader {
	struct kith_set *set; /* not owned */
	struct MDB_txn *txn;
	struct MDB_cursor *files; /* for lookups without the direct index; else NULL */
};

/* How many items a table has; 0 for meta, ledger and index. */
uint64_t kith_set_count(const struct kith_set *set, enum kith_db_table table);

/* The value of a row of meta as a number. KITH_OK, KITH_NOT_FOUND or KITH_E_CORRUPT. */
enum kith_status kith_set_meta_number(const struct kith_set *set, struct MDB_txn *txn,
				      const char *key, uint64_t *ret);

/*
 * A hint: so many lookups, all in all, were or will be made. When they are enough to touch most of
 * the set and it is in memory, all its pages are mapped at once. From one thread at a time; others
 * may read the set meanwhile.
 */
void kith_set_expect(kith_set *set, uint64_t n_lookups);

/* Item `rank` of a table whose key is a rank. KITH_E_ARG when the table has no such item. */
enum kith_status kith_item(struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
			   struct kith_bytes *ret_item);

/*
 * Hints that names or places will be asked for, so that memory is fetched ahead. Step 0, then step
 * 1 after some other work; then kith_item finds the item's length without waiting. Does nothing
 * where the direct index is not used.
 */
void kith_item_prefetch(const struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
			int step);
/* Then: the item, and its bytes are fetched ahead too. Without bytes where there is none. */
void kith_item_fetch(struct kith_reader *reader, enum kith_db_table table, uint32_t rank,
		     struct kith_bytes *ret_item);

#endif
