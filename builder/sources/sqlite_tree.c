/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_tree.c: what must hold:
 * - a row is handed over only when its page, the pages above it and its record are well formed,
 *   and rowids ascend from row to row and keep to the bounds of the pages above: then no page is
 *   read twice, and none is passed over;
 * - every loop ends: each page below the root has a row or a child, and keys ascend.
 *
 * The file is read, not mapped: one that is cut while it is read is an error and no signal.
 */
#define _POSIX_C_SOURCE 200809L
#include "sqlite_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"

#define DEPTH_MAX 20 /* as SQLite has it */
#define PIECE     ((size_t)256 << 10)

/* A page above the leaves, of which some children are read. */
struct level {
	uint8_t *page; /* owned copy */
	size_t n_cells;
	size_t next;   /* child; n_cells: the last one */
	int64_t bound; /* no rowid below is higher */
};

struct tree {
	struct kith_wanted wanted;
	struct kith_pages pages;
	kith_sql_row row;
	void *user;
	int64_t first, last;
	int64_t floor; /* the next rowid is higher; INT64_MIN: any is */
	struct level levels[DEPTH_MAX];
	size_t depth;
	/* Of the row at hand; here, because locals are cleared for each call. */
	struct kith_sql_value values[KITH_SQL_EACH_MAX];
	/* Pages that were read in one go, and one that was read alone. */
	uint8_t *piece; /* owned */
	uint64_t piece_from, piece_n;
	uint8_t *apart;    /* owned */
	uint64_t expected; /* behind the page that was read alone */
};

static enum kith_status fail_page(uint32_t number, struct kith_err *err)
{
	return kith_fail(err, KITH_E_CORRUPT,
			 "damaged database: page %u is not what its table needs", (unsigned)number);
}

/* A page, valid until the next call. Leaves follow each other mostly, with pages of indexes in
 * between: where reads go forward in small steps, many pages are read at once. */
static enum kith_status get_page(struct tree *t, uint32_t number, const uint8_t **ret,
				 struct kith_err *err)
{
	const uint64_t most = PIECE / t->pages.page;
	uint64_t behind = t->piece_from + t->piece_n;
	enum kith_status st;

	if (number < 2 || number > t->pages.n)
		return fail_page(number, err);
	if (number >= t->piece_from && number < behind) {
		*ret = t->piece + (number - t->piece_from) * t->pages.page;
		return KITH_OK;
	}
	if ((t->piece_n > 0 && number >= behind && number < behind + most) ||
	    (number >= t->expected && number < t->expected + most / 4)) {
		uint64_t n = t->pages.n - number + 1;

		n = n < most ? n : most;
		t->piece_n = 0;
		st = kith_io_pread(t->pages.fd, t->piece, (size_t)n * t->pages.page,
				   (uint64_t)(number - 1) * t->pages.page, err);
		if (st < 0)
			return st;
		t->piece_from = number;
		t->piece_n = n;
		*ret = t->piece;
		return KITH_OK;
	}
	t->expected = (uint64_t)number + 1;
	*ret = t->apart;
	return kith_io_pread(t->pages.fd, t->apart, t->pages.page,
			     (uint64_t)(number - 1) * t->pages.page, err);
}

/* ------------------------------------------------------- above the leaves */

/* The i-th child of a page and the highest rowid that it may have; false: not well formed. */
static bool get_child(const struct tree *t, const struct level *level, size_t i, uint32_t *ret,
		      int64_t *ret_bound)
{
	size_t at;
	uint64_t key;

	if (i == level->n_cells) {
		*ret = kith_get_be32(level->page + 8);
		*ret_bound = level->bound;
		return true;
	}
	at = kith_page_be16(level->page + KITH_PAGE_INTERIOR_HEAD + 2 * i);
	if (at < KITH_PAGE_INTERIOR_HEAD + 2 * level->n_cells || at + 5 > t->pages.usable ||
	    kith_page_varint(level->page + at + 4, t->pages.usable - at - 4, &key) == 0)
		return false;
	*ret = kith_get_be32(level->page + at);
	*ret_bound = (int64_t)key;
	return true;
}

/* Puts a page above the leaves on the stack, at its first child that can have rows wanted. */
static enum kith_status push(struct tree *t, uint32_t number, const uint8_t *page, int64_t bound,
			     struct kith_err *err)
{
	struct level *level = &t->levels[t->depth];
	size_t low = 0, high;

	if (t->depth == DEPTH_MAX)
		return fail_page(number, err);
	level->n_cells = kith_page_be16(page + 3);
	level->bound = bound;
	if (level->n_cells == 0 || KITH_PAGE_INTERIOR_HEAD + 2 * level->n_cells > t->pages.usable)
		return fail_page(number, err);
	if (level->page == NULL)
		level->page = malloc(t->pages.page);
	if (level->page == NULL)
		return kith_fail_nomem(err);
	memcpy(level->page, page, t->pages.page);
	for (high = level->n_cells; low < high;) {
		size_t middle = low + (high - low) / 2;
		uint32_t child;
		int64_t key;

		if (!get_child(t, level, middle, &child, &key))
			return fail_page(number, err);
		if (key < t->first)
			low = middle + 1;
		else
			high = middle;
	}
	level->next = low;
	t->depth++;
	return KITH_OK;
}

/* The page to read next. KITH_END: there is none. */
static enum kith_status next_page(struct tree *t, uint32_t *ret, int64_t *ret_bound,
				  struct kith_err *err)
{
	struct level *level;

	while (t->depth > 0 && t->levels[t->depth - 1].next > t->levels[t->depth - 1].n_cells)
		t->depth--;
	if (t->depth == 0)
		return KITH_END;
	level = &t->levels[t->depth - 1];
	if (level->next > 0 && get_child(t, level, level->next - 1, ret, ret_bound) &&
	    *ret_bound > t->floor)
		t->floor = *ret_bound;
	if (!get_child(t, level, level->next, ret, ret_bound) || *ret_bound > level->bound ||
	    (*ret_bound <= t->floor && t->floor > INT64_MIN))
		return kith_fail(err, KITH_E_CORRUPT,
				 "damaged database: a page above the rows of its table");
	level->next++;
	return KITH_OK;
}

/* ----------------------------------------------------------------- leaves */

static enum kith_status take_row(struct tree *t, uint32_t number, const struct kith_cell *cell,
				 struct kith_err *err)
{
	const uint8_t *data;
	enum kith_status st = kith_page_payload(&t->pages, cell, &data, err);
	size_t n;

	if (st < 0)
		return st;
	if (st != KITH_OK || !kith_page_values(&t->wanted, cell, data, t->values, &n))
		return fail_page(number, err);
	if (n < t->wanted.layout->n_stored)
		return kith_fail(err, KITH_E_UNSUPPORTED, "a row lacks a column");
	return t->row(t->user, t->values, err);
}

/* KITH_END: a row behind the last one that is wanted. */
static enum kith_status take_leaf(struct tree *t, uint32_t number, const uint8_t *page,
				  int64_t bound, struct kith_err *err)
{
	size_t n_cells = kith_page_be16(page + 3), i;
	struct kith_cell cell;
	enum kith_status st = KITH_OK;

	if (page[0] != KITH_PAGE_LEAF || (n_cells == 0 && t->depth > 0) ||
	    KITH_PAGE_LEAF_HEAD + 2 * n_cells > t->pages.usable)
		return fail_page(number, err);
	for (i = 0; i < n_cells && st == KITH_OK; i++) {
		if (!kith_page_cell(&t->pages, page, i, n_cells, &cell) ||
		    (cell.rowid <= t->floor && t->floor > INT64_MIN) || cell.rowid > bound)
			return fail_page(number, err);
		t->floor = cell.rowid;
		if (cell.rowid > t->last)
			return KITH_END;
		if (cell.rowid >= t->first)
			st = take_row(t, number, &cell, err);
	}
	return st;
}

/* ------------------------------------------------------------------- walk */

static enum kith_status walk(struct tree *t, uint32_t root, struct kith_err *err)
{
	uint32_t number = root;
	int64_t bound = INT64_MAX;
	const uint8_t *page = NULL;
	enum kith_status st;

	do {
		st = get_page(t, number, &page, err);
		assert(st < 0 || page != NULL);
		if (st >= 0 && page[0] == KITH_PAGE_INTERIOR)
			st = push(t, number, page, bound, err);
		else if (st >= 0)
			st = take_leaf(t, number, page, bound, err);
		if (st == KITH_OK)
			st = next_page(t, &number, &bound, err);
	} while (st == KITH_OK);
	return st == KITH_END ? KITH_OK : st;
}

enum kith_status kith_tree_each(const char *path, const struct kith_layout *layout, uint32_t root,
				int64_t first, int64_t last, kith_sql_row row, void *user,
				struct kith_err *err)
{
	struct tree t = {
	    .pages = {.fd = -1},
	    .row = row,
	    .user = user,
	    .first = first,
	    .last = last,
	    .floor = INT64_MIN,
	};
	uint8_t head[KITH_PAGE_HEADER];
	enum kith_status st;
	size_t i;

	kith_wanted_init(&t.wanted, layout);
	st = kith_io_open(path, &t.pages.fd, err);
	if (st >= 0)
		st = kith_pages_open(&t.pages, head, err);
	if (st < 0)
		goto out;
	t.piece = malloc(PIECE);
	t.apart = malloc(t.pages.page);
	st = t.piece == NULL || t.apart == NULL ? kith_fail_nomem(err) : walk(&t, root, err);
out:
	for (i = 0; i < DEPTH_MAX; i++)
		free(t.levels[i].page);
	free(t.piece);
	free(t.apart);
	kith_buf_done(&t.pages.payload);
	if (t.pages.fd >= 0)
		(void)close(t.pages.fd);
	return st;
}
