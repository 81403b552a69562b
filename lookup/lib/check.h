/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: what the two halves of kith_reader_check() share. */
#ifndef KITH_LIB_CHECK_H
#define KITH_LIB_CHECK_H

#include "lib/set.h"

struct kith_check {
	kith_reader *reader;
	bool indexed;              /* the set has a direct index that is used, so all parts of it */
	kith_progress_fn progress; /* may be NULL */
	void *user;
	uint64_t done, total, told; /* items; told: done at the last call of progress */
	struct kith_err *err;
};

/* `more` items are done. KITH_OK or KITH_E_CANCELLED. */
enum kith_status kith_check_tick(struct kith_check *check, uint64_t more);

/*
 * A walk over a table that checks, beside what the caller checks of each row, that keys ascend and
 * that a search for a key finds the row the walk found: it asks so at both ends of each page of
 * rows, for inside a page the order of keys is enough. Start with zero and table set.
 */
struct kith_check_walk {
	enum kith_db_table table;
	struct MDB_cursor *cursor; /* opened by the first call, closed with kith_check_walk_done */
	struct kith_bytes key, value;
	uint64_t row; /* number of the present row, from 0 */
	bool started;
};

/* The next row. KITH_OK, KITH_END or KITH_E_CORRUPT (KITH_E_NOMEM for the cursor). */
enum kith_status kith_check_walk_next(struct kith_check *check, struct kith_check_walk *walk);
void kith_check_walk_done(struct kith_check_walk *walk);

/* meta, the tables whose key is a rank, the ledger. */
enum kith_status kith_check_tables(struct kith_check *check);

#endif
