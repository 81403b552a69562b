/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_page.h: pages, rows and values of a database file, read without SQLite, which hands rows
 * over one by one at a price that hundreds of millions of them feel, and finds none where a page
 * above them is lost. Shared by sqlite_tree.c and sqlite_leaves.c; nobody else needs it.
 *
 * Source of all format facts: https://www.sqlite.org/fileformat.html, sections 1.3 (header), 1.6
 * (pages), 2.1 (records).
 */
#ifndef KITH_SOURCES_SQLITE_PAGE_H
#define KITH_SOURCES_SQLITE_PAGE_H

#include "base/buf.h"
#include "sqlite.h"

/* Which values of a row are handed over. */
struct kith_layout {
	int columns[KITH_SQL_EACH_MAX]; /* their numbers, or one of the two below */
	size_t n_columns;
	size_t n_stored; /* columns of the table */
};
#define KITH_LAYOUT_ROWID (-1)
#define KITH_LAYOUT_NULL  (-2)

#define KITH_PAGE_HEADER        100u /* bytes that begin the file, and its first page */
#define KITH_PAGE_LEAF          0x0d /* of a table */
#define KITH_PAGE_LEAF_HEAD     8u
#define KITH_PAGE_INTERIOR      0x05
#define KITH_PAGE_INTERIOR_HEAD 12u
#define KITH_PAGE_COLUMNS       256u /* most of a record */

/* A database file. The caller sets fd and frees payload. One thread. */
struct kith_pages {
	int fd;
	uint32_t page, usable;   /* bytes */
	uint64_t n;              /* whole pages of the file; the first is number 1 */
	struct kith_buf payload; /* of the last row that lies in several pages */
};

/* A row of a leaf page. */
struct kith_cell {
	int64_t rowid;
	uint64_t n;           /* bytes of its payload */
	const uint8_t *local; /* the first of them */
	size_t local_n;
	uint32_t overflow; /* page with the next ones; 0: there are none */
};

/* A layout as rows are read by it: for each column of a record the number of its value, or -1. */
struct kith_wanted {
	const struct kith_layout *layout;
	int8_t value_of[KITH_PAGE_COLUMNS];
};

/*
 * Reads the header, of which head gets a copy. KITH_E_UNSUPPORTED: its pages are of a size that
 * there is not, or its texts are not UTF-8.
 */
enum kith_status kith_pages_open(struct kith_pages *pages, uint8_t head[static KITH_PAGE_HEADER],
				 struct kith_err *err);

/* A varint: up to 9 bytes, big end first. Number of bytes, 0: cut off. */
size_t kith_page_varint(const uint8_t *p, size_t n, uint64_t *ret);

/* The i-th row of a leaf page that says it has n_cells; false: it is not well formed. */
bool kith_page_cell(const struct kith_pages *pages, const uint8_t *page, size_t i, size_t n_cells,
		    struct kith_cell *cell);
/* Is its record as long as its values say, has it n_columns of them, and is number `column` a text
 * of text_n bytes (*ret_is)? From the first n bytes of its payload. */
bool kith_page_check(const struct kith_cell *cell, const uint8_t *data, size_t n, size_t n_columns,
		     int column, size_t text_n, bool *ret_is);
/* Its whole payload in one piece, valid until the next call. KITH_NOT_FOUND: a page is lost. */
enum kith_status kith_page_payload(struct kith_pages *pages, const struct kith_cell *cell,
				   const uint8_t **ret, struct kith_err *err);
void kith_wanted_init(struct kith_wanted *wanted, const struct kith_layout *layout);
/*
 * The values of a row, from its whole payload, into which they point. *ret_n: how many columns it
 * has; with fewer than the layout the missing values are NULL. False: its record is not as long as
 * its values say, or has more columns.
 */
bool kith_page_values(const struct kith_wanted *wanted, const struct kith_cell *cell,
		      const uint8_t *data, struct kith_sql_value *values, size_t *ret_n);

static inline uint32_t kith_page_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

#endif
