/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the readers of a database's pages. The first two bytes of the input choose a column for
 * the key and its length, or the root of the tree, the rest is the database. Beside not crashing: a
 * row's rowid is in the range that was asked for, in the tree higher than the one before, and its
 * values can be read to their ends.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../holds.h"
#include "sources/sqlite_leaves.h"
#include "sources/sqlite_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static volatile uint8_t sink;

struct judge {
	unsigned rows;
	bool in_order;
	int64_t last;
};

static enum kith_status row(void *user, const struct kith_sql_value *values, struct kith_err *err)
{
	struct judge *judge = user;
	size_t i, k;

	(void)err;
	HOLDS(values[0].type == KITH_SQL_INTEGER);
	HOLDS(values[0].number >= -5 && values[0].number <= 1000000);
	HOLDS(!judge->in_order || judge->rows == 0 || values[0].number > judge->last);
	judge->last = values[0].number;
	for (i = 1; i < 7; i++)
		for (k = 0; k < values[i].n; k++)
			sink = values[i].data[k];
	HOLDS(values[7].type == KITH_SQL_NULL);
	return ++judge->rows == 100000 ? KITH_E_CANCELLED : KITH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_leaves leaves = {
	    .layout = {.columns = {KITH_LAYOUT_ROWID, 0, 1, 2, 3, 4, 5, KITH_LAYOUT_NULL},
		       .n_columns = 8,
		       .n_stored = 6},
	};
	static int fd = -1;
	struct judge judge = {0};
	char path[64];
	enum kith_status st;

	if (n < 2)
		return 0;
	leaves.key = data[0] % 6;
	leaves.key_n = data[1];
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(fd >= 0 && ftruncate(fd, 0) == 0);
	HOLDS(pwrite(fd, data + 2, n - 2, 0) == (ssize_t)(n - 2));
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	st = kith_leaves_each(path, &leaves, -5, 1000000, row, &judge, NULL);
	HOLDS(st == KITH_OK || judge.rows == 0 || judge.rows == 100000);
	judge = (struct judge){.in_order = true};
	st = kith_tree_each(path, &leaves.layout, 2 + data[1] % 4, -5, 1000000, row, &judge, NULL);
	HOLDS(st == KITH_OK || st == KITH_E_CORRUPT || st == KITH_E_UNSUPPORTED ||
	      (st == KITH_E_CANCELLED && judge.rows == 100000));
	return 0;
}
