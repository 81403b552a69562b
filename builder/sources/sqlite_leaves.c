/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_leaves.c: the freelist is section 1.5 of https://www.sqlite.org/fileformat.html. Every
 * number of the file is checked against the page or the file.
 */
#include "sqlite_leaves.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"

#define PIECE ((size_t)256 << 10)

struct reader {
	const struct kith_leaves *leaves;
	struct kith_wanted wanted;
	struct kith_pages pages;
	uint8_t *free_map; /* owned; a bit for each page, from 0 */
	uint8_t *piece;    /* owned */
	kith_sql_row row;
	void *user;
	int64_t first, last;
};

/* --------------------------------------------------------------- the file */

/* Marks the pages that are not in use. */
static enum kith_status read_freelist(struct reader *r, uint32_t trunk, uint32_t n,
				      struct kith_err *err)
{
	uint64_t left = n;
	enum kith_status st;

	while (trunk != 0 && left > 0) {
		uint32_t count, i;

		if (trunk < 2 || trunk > r->pages.n)
			break;
		st = kith_io_pread(r->pages.fd, r->piece, r->pages.page,
				   (uint64_t)(trunk - 1) * r->pages.page, err);
		if (st < 0)
			return st;
		count = kith_get_be32(r->piece + 4);
		if (count > r->pages.usable / 4 - 2 || count + UINT64_C(1) > left)
			break;
		r->free_map[trunk / 8] |= (uint8_t)(1u << trunk % 8);
		for (i = 0; i < count; i++) {
			uint32_t page = kith_get_be32(r->piece + 8 + 4 * (size_t)i);

			if (page <= r->pages.n)
				r->free_map[page / 8] |= (uint8_t)(1u << page % 8);
		}
		left -= count + UINT64_C(1);
		trunk = kith_get_be32(r->piece);
	}
	if (left > 0 || trunk != 0)
		return kith_fail(err, KITH_E_UNSUPPORTED, "its list of free pages is damaged");
	return KITH_OK;
}

static enum kith_status start(struct reader *r, struct kith_err *err)
{
	uint8_t head[KITH_PAGE_HEADER];
	enum kith_status st = kith_pages_open(&r->pages, head, err);

	if (st < 0)
		return st;
	r->piece = malloc(PIECE);
	r->free_map = calloc((size_t)(r->pages.n / 8) + 1, 1);
	if (r->piece == NULL || r->free_map == NULL)
		return kith_fail_nomem(err);
	return read_freelist(r, kith_get_be32(head + 32), kith_get_be32(head + 36), err);
}

/* ----------------------------------------------------------------- a page */

/* Is it a leaf of the table, and well formed from end to end? */
static bool check_page(const struct reader *r, const uint8_t *page, size_t n_cells)
{
	const struct kith_leaves *leaves = r->leaves;
	uint64_t used = KITH_PAGE_LEAF_HEAD + 2 * (uint64_t)n_cells;
	bool key = false, is;
	struct kith_cell cell, last = {0};
	size_t i;

	for (i = 0; i < n_cells; i++, last = cell) {
		if (!kith_page_cell(&r->pages, page, i, n_cells, &cell) ||
		    (i > 0 && cell.rowid <= last.rowid) ||
		    !kith_page_check(&cell, cell.local, cell.local_n, leaves->layout.n_stored,
				     leaves->key, leaves->key_n, &is))
			return false;
		used += cell.local_n + 2;
		key = key || is;
	}
	return key && used <= r->pages.usable;
}

static enum kith_status take_row(struct reader *r, const struct kith_cell *cell,
				 struct kith_err *err)
{
	struct kith_sql_value values[KITH_SQL_EACH_MAX];
	const uint8_t *data;
	enum kith_status st = kith_page_payload(&r->pages, cell, &data, err);
	size_t n;

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	if (!kith_page_values(&r->wanted, cell, data, values, &n) ||
	    n != r->leaves->layout.n_stored)
		return KITH_OK;
	return r->row(r->user, values, err);
}

static enum kith_status take_page(struct reader *r, uint64_t number, const uint8_t *page,
				  struct kith_err *err)
{
	size_t n_cells = kith_page_be16(page + 3), i;
	struct kith_cell cell;
	enum kith_status st = KITH_OK;

	if (page[0] != KITH_PAGE_LEAF || n_cells == 0 ||
	    KITH_PAGE_LEAF_HEAD + 2 * n_cells > r->pages.usable ||
	    (r->free_map[number / 8] >> number % 8 & 1) != 0 || !check_page(r, page, n_cells))
		return KITH_OK;
	for (i = 0; i < n_cells && st == KITH_OK; i++)
		if (kith_page_cell(&r->pages, page, i, n_cells, &cell) && cell.rowid >= r->first &&
		    cell.rowid <= r->last)
			st = take_row(r, &cell, err);
	return st;
}

/* Pages from there on; those that cannot be read are passed over. *ret_n: how many. */
static enum kith_status take_piece(struct reader *r, uint64_t number, uint64_t *ret_n,
				   struct kith_err *err)
{
	uint64_t n = PIECE / r->pages.page, i;
	bool whole;
	enum kith_status st = KITH_OK;

	if (n > r->pages.n - number + 1)
		n = r->pages.n - number + 1;
	*ret_n = n;
	whole = kith_io_pread(r->pages.fd, r->piece, (size_t)n * r->pages.page,
			      (number - 1) * r->pages.page, NULL) >= 0;
	for (i = 0; i < n && st == KITH_OK; i++) {
		uint8_t *page = r->piece + i * r->pages.page;

		if (whole || kith_io_pread(r->pages.fd, page, r->pages.page,
					   (number + i - 1) * r->pages.page, NULL) >= 0)
			st = take_page(r, number + i, page, err);
	}
	return st;
}

enum kith_status kith_leaves_each(const char *path, const struct kith_leaves *leaves, int64_t first,
				  int64_t last, kith_sql_row row, void *user, struct kith_err *err)
{
	struct reader r = {.leaves = leaves,
			   .pages = {.fd = -1},
			   .row = row,
			   .user = user,
			   .first = first,
			   .last = last};
	uint64_t number = 2, n; /* the first has the schema */
	enum kith_status st;

	kith_wanted_init(&r.wanted, &leaves->layout);
	st = kith_io_open(path, &r.pages.fd, err);
	if (st >= 0)
		st = start(&r, err);
	while (st == KITH_OK && number <= r.pages.n) {
		st = take_piece(&r, number, &n, err);
		number += n;
	}
	free(r.free_map);
	free(r.piece);
	kith_buf_done(&r.pages.payload);
	if (r.pages.fd >= 0)
		(void)close(r.pages.fd);
	return st;
}
