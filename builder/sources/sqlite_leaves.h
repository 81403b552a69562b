/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_leaves.h: the rows of a table from its leaf pages alone, as they lie in the file. For a
 * database whose tree is damaged: SQLite finds rows through pages that may be lost, although the
 * rows are there. In a database that is cut off, the root of a table often names only pages that
 * are gone.
 *
 * A page counts as the table's when all its rows have the table's number of columns and one of
 * them has a text of the right length for a key. A page that is not entirely well formed is passed
 * over. Pages that the database has given up are, too: what they hold was deleted.
 */
#ifndef KITH_SOURCES_SQLITE_LEAVES_H
#define KITH_SOURCES_SQLITE_LEAVES_H

#include "sqlite_page.h"

struct kith_leaves {
	struct kith_layout layout;
	int key;      /* column of the key */
	size_t key_n; /* length of its text */
};

/*
 * Calls row() for the rows whose rowid is in first .. last, in the order of the file. What row()
 * returns ends it unless it is KITH_OK. KITH_E_UNSUPPORTED: the file does not tell which of its
 * pages are in use, or its texts are not UTF-8; no row was handed over.
 */
enum kith_status kith_leaves_each(const char *path, const struct kith_leaves *leaves, int64_t first,
				  int64_t last, kith_sql_row row, void *user, struct kith_err *err);

#endif
