/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_tree.h: the rows of a table in the order of their rowids, read from its pages without
 * SQLite: for tables of hundreds of millions of rows. A table is read so when its columns are
 * stored one by one, as SQLite would hand them over; whoever asks has made sure of that.
 */
#ifndef KITH_SOURCES_SQLITE_TREE_H
#define KITH_SOURCES_SQLITE_TREE_H

#include "sqlite_page.h"

/*
 * Calls row() for the rows whose rowid is in first .. last. What row() returns ends it unless it
 * is KITH_OK, and is returned. KITH_OK at the end.
 *
 * KITH_E_CORRUPT: a page is not what the table needs there, with all rows before it handed over;
 * stricter than SQLite: rowids that do not ascend, or a record that is not as long as its values,
 * are damage too. KITH_E_UNSUPPORTED: the next row lacks a column, as those do that are older than
 * the column, or the file's pages or texts are of another kind: SQLite is to go on.
 */
enum kith_status kith_tree_each(const char *path, const struct kith_layout *layout, uint32_t root,
				int64_t first, int64_t last, kith_sql_row row, void *user,
				struct kith_err *err);

#endif
