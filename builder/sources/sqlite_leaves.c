/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_leaves.c: https://www.sqlite.org/fileformat.html, sections 1.3 (header), 1.5 (freelist),
 * 1.6 (pages), 2.1 (records). Every number of the file is checked against the page or the file.
 */
#include "sqlite_leaves.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"

#define HEADER_SIZE 100u
#define LEAF        0x0d /* a leaf of a table */
#define LEAF_HEAD   8u
#define PIECE       ((size_t)256 << 10)
#define VALUE_MAX   ((uint64_t)16 << 20) /* as sqlite.c has it */
#define COLUMNS_MAX 256u

struct reader {
	const struct kith_leaves *leaves;
	int fd;
	uint32_t page, usable; /* bytes */
	uint64_t pages;        /* whole pages of the file */
	uint8_t *free_map;     /* owned; a bit for each page, from 0 */
	uint8_t *piece;        /* owned */
	struct kith_buf payload;
	kith_sql_row row;
	void *user;
	int64_t first, last;
};

/* A row of a leaf page. */
struct cell {
	int64_t rowid;
	uint64_t n;           /* bytes of its payload */
	const uint8_t *local; /* the first of them */
	size_t local_n;
	uint32_t overflow; /* page with the next ones; 0: there are none */
};

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* A varint of SQLite's: up to 9 bytes, big end first. Number of bytes, 0: cut off. */
static size_t varint(const uint8_t *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && i < 9; i++) {
		if (i == 8) {
			*ret = v << 8 | p[i];
			return 9;
		}
		v = v << 7 | (p[i] & 0x7f);
		if ((p[i] & 0x80) == 0) {
			*ret = v;
			return i + 1;
		}
	}
	return 0;
}

/* --------------------------------------------------------------- the file */

/* Marks the pages that are not in use. */
static enum kith_status read_freelist(struct reader *r, uint32_t trunk, uint32_t n,
				      struct kith_err *err)
{
	uint64_t left = n;
	enum kith_status st;

	while (trunk != 0 && left > 0) {
		uint32_t count, i;

		if (trunk < 2 || trunk > r->pages)
			break;
		st = kith_io_pread(r->fd, r->piece, r->page, (uint64_t)(trunk - 1) * r->page, err);
		if (st < 0)
			return st;
		count = kith_get_be32(r->piece + 4);
		if (count > r->usable / 4 - 2 || count + UINT64_C(1) > left)
			break;
		r->free_map[trunk / 8] |= (uint8_t)(1u << trunk % 8);
		for (i = 0; i < count; i++) {
			uint32_t page = kith_get_be32(r->piece + 8 + 4 * (size_t)i);

			if (page <= r->pages)
				r->free_map[page / 8] |= (uint8_t)(1u << page % 8);
		}
		left -= count + UINT64_C(1);
		trunk = kith_get_be32(r->piece);
	}
	if (left > 0 || trunk != 0)
		return kith_fail(err, KITH_E_UNSUPPORTED, "its list of free pages is damaged");
	return KITH_OK;
}

static enum kith_status read_header(struct reader *r, struct kith_err *err)
{
	uint8_t head[HEADER_SIZE];
	uint64_t size;
	enum kith_status st = kith_io_size(r->fd, &size, err);

	if (st >= 0)
		st = kith_io_pread(r->fd, head, sizeof head, 0, err);
	if (st < 0)
		return st;
	r->page = be16(head + 16) == 1 ? 65536 : be16(head + 16);
	if (r->page < 512 || (r->page & (r->page - 1)) != 0 || r->page - head[20] < 480 ||
	    kith_get_be32(head + 56) != 1)
		return kith_fail(err, KITH_E_UNSUPPORTED, "its pages or texts are not as expected");
	r->usable = r->page - head[20];
	r->pages = size / r->page;
	if (r->pages > UINT32_MAX)
		r->pages = UINT32_MAX;
	r->piece = malloc(PIECE);
	r->free_map = calloc((size_t)(r->pages / 8) + 1, 1);
	if (r->piece == NULL || r->free_map == NULL)
		return kith_fail_nomem(err);
	return read_freelist(r, kith_get_be32(head + 32), kith_get_be32(head + 36), err);
}

/* ----------------------------------------------------------------- a page */

/* The i-th row of a leaf page; false: it is not well formed. */
static bool read_cell(const struct reader *r, const uint8_t *page, size_t i, size_t n_cells,
		      struct cell *cell)
{
	size_t at = be16(page + LEAF_HEAD + 2 * i), n;
	uint64_t most = r->usable - 35, least = (uint64_t)(r->usable - 12) * 32 / 255 - 23, rowid;

	if (at < LEAF_HEAD + 2 * n_cells || at >= r->usable)
		return false;
	n = varint(page + at, r->usable - at, &cell->n);
	at += n;
	if (n == 0 || cell->n > VALUE_MAX)
		return false;
	n = varint(page + at, r->usable - at, &rowid);
	at += n;
	if (n == 0)
		return false;
	cell->rowid = (int64_t)rowid;
	cell->local = page + at;
	cell->overflow = 0;
	if (cell->n <= most) {
		cell->local_n = (size_t)cell->n;
		return cell->local_n <= r->usable - at;
	}
	cell->local_n = (size_t)(least + (cell->n - least) % (r->usable - 4));
	if (cell->local_n > most)
		cell->local_n = (size_t)least;
	if (cell->local_n + 4 > r->usable - at)
		return false;
	cell->overflow = kith_get_be32(page + at + cell->local_n);
	return cell->overflow >= 2;
}

/* Bytes of a value by its type; false for a type that there is not. */
static bool value_size(uint64_t type, uint64_t *ret)
{
	static const uint8_t small[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

	if (type == 10 || type == 11)
		return false;
	*ret = type < sizeof small ? small[type] : (type - 12) / 2;
	return true;
}

/* The types of a record's values; it has to be as long as they say. */
static bool read_types(const struct cell *cell, const uint8_t *data, size_t n, uint64_t *types,
		       size_t *ret_n, uint64_t *ret_head)
{
	uint64_t head, sum, size;
	size_t pos = varint(data, n, &head), step;

	if (pos == 0 || head > n || head < pos)
		return false;
	*ret_head = sum = head;
	*ret_n = 0;
	while (pos < head) {
		if (*ret_n == COLUMNS_MAX)
			return false;
		step = varint(data + pos, (size_t)head - pos, &types[*ret_n]);
		if (step == 0 || !value_size(types[*ret_n], &size) || size > VALUE_MAX)
			return false;
		sum += size;
		pos += step;
		(*ret_n)++;
	}
	return sum == cell->n;
}

/* Is it a leaf of the table, and well formed from end to end? */
static bool check_page(const struct reader *r, const uint8_t *page, size_t n_cells)
{
	uint64_t types[COLUMNS_MAX], head, used = LEAF_HEAD + 2 * (uint64_t)n_cells;
	bool key = false;
	struct cell cell, last = {0};
	size_t i, n;

	for (i = 0; i < n_cells; i++, last = cell) {
		if (!read_cell(r, page, i, n_cells, &cell) || (i > 0 && cell.rowid <= last.rowid) ||
		    !read_types(&cell, cell.local, cell.local_n, types, &n, &head) ||
		    n != r->leaves->n_stored)
			return false;
		used += cell.local_n + 2;
		key = key || types[r->leaves->key] == 13 + 2 * (uint64_t)r->leaves->key_n;
	}
	return key && used <= r->usable;
}

/* ------------------------------------------------------------------ a row */

/* Has the whole payload in one piece. KITH_NOT_FOUND: a page of it is lost. */
static enum kith_status read_payload(struct reader *r, const struct cell *cell, const uint8_t **ret,
				     struct kith_err *err)
{
	uint32_t next = cell->overflow;
	uint64_t left = cell->n - cell->local_n;
	uint8_t link[4];
	enum kith_status st;

	*ret = cell->local;
	if (next == 0)
		return KITH_OK;
	r->payload.n = 0;
	if (!kith_buf_add(&r->payload, cell->local, cell->local_n))
		return kith_fail_nomem(err);
	while (left > 0) {
		size_t n = left < r->usable - 4 ? (size_t)left : r->usable - 4;
		uint64_t at = (uint64_t)(next - 1) * r->page;
		uint8_t *room = kith_buf_room(&r->payload, n);

		if (next < 2 || next > r->pages)
			return KITH_NOT_FOUND;
		if (room == NULL)
			return kith_fail_nomem(err);
		st = kith_io_pread(r->fd, link, sizeof link, at, NULL);
		if (st >= 0)
			st = kith_io_pread(r->fd, room, n, at + 4, NULL);
		if (st < 0)
			return KITH_NOT_FOUND;
		r->payload.n += n;
		left -= n;
		next = kith_get_be32(link);
	}
	*ret = r->payload.data;
	return next == 0 ? KITH_OK : KITH_NOT_FOUND;
}

static void get_value(uint64_t type, const uint8_t *data, struct kith_sql_value *value)
{
	uint64_t size = 0, v = 0, i;

	(void)value_size(type, &size);
	*value = (struct kith_sql_value){.type = KITH_SQL_NULL};
	if (type >= 12) {
		value->type = type % 2 == 0 ? KITH_SQL_BLOB : KITH_SQL_TEXT;
		value->data = data;
		value->n = (size_t)size;
	} else if (type == 7) {
		value->type = KITH_SQL_REAL;
	} else if (type != 0) {
		if (size > 0 && (data[0] & 0x80) != 0)
			v = UINT64_MAX;
		for (i = 0; i < size; i++)
			v = v << 8 | data[i];
		value->type = KITH_SQL_INTEGER;
		value->number = type == 9 ? 1 : (int64_t)v;
	}
}

static enum kith_status take_row(struct reader *r, const struct cell *cell, struct kith_err *err)
{
	struct kith_sql_value values[KITH_SQL_EACH_MAX];
	uint64_t types[COLUMNS_MAX], at, size = 0;
	const uint8_t *data, *starts[COLUMNS_MAX];
	enum kith_status st = read_payload(r, cell, &data, err);
	size_t i, n;

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	if (!read_types(cell, data, (size_t)cell->n, types, &n, &at) || n != r->leaves->n_stored)
		return KITH_OK;
	for (i = 0; i < n; i++) {
		starts[i] = data + at;
		(void)value_size(types[i], &size);
		at += size;
	}
	for (i = 0; i < r->leaves->n_columns; i++) {
		int column = r->leaves->columns[i];

		values[i] = (struct kith_sql_value){.type = KITH_SQL_NULL};
		if (column == KITH_LEAVES_ROWID) {
			values[i].type = KITH_SQL_INTEGER;
			values[i].number = cell->rowid;
		} else if (column != KITH_LEAVES_NULL) {
			get_value(types[column], starts[column], &values[i]);
		}
	}
	return r->row(r->user, values, err);
}

static enum kith_status take_page(struct reader *r, uint64_t number, const uint8_t *page,
				  struct kith_err *err)
{
	size_t n_cells = be16(page + 3), i;
	struct cell cell;
	enum kith_status st = KITH_OK;

	if (page[0] != LEAF || n_cells == 0 || LEAF_HEAD + 2 * n_cells > r->usable ||
	    (r->free_map[number / 8] >> number % 8 & 1) != 0 || !check_page(r, page, n_cells))
		return KITH_OK;
	for (i = 0; i < n_cells && st == KITH_OK; i++)
		if (read_cell(r, page, i, n_cells, &cell) && cell.rowid >= r->first &&
		    cell.rowid <= r->last)
			st = take_row(r, &cell, err);
	return st;
}

/* Pages from there on; those that cannot be read are passed over. *ret_n: how many. */
static enum kith_status take_piece(struct reader *r, uint64_t number, uint64_t *ret_n,
				   struct kith_err *err)
{
	uint64_t n = PIECE / r->page, i;
	bool whole;
	enum kith_status st = KITH_OK;

	if (n > r->pages - number + 1)
		n = r->pages - number + 1;
	*ret_n = n;
	whole =
	    kith_io_pread(r->fd, r->piece, (size_t)n * r->page, (number - 1) * r->page, NULL) >= 0;
	for (i = 0; i < n && st == KITH_OK; i++) {
		uint8_t *page = r->piece + i * r->page;

		if (whole ||
		    kith_io_pread(r->fd, page, r->page, (number + i - 1) * r->page, NULL) >= 0)
			st = take_page(r, number + i, page, err);
	}
	return st;
}

enum kith_status kith_leaves_each(const char *path, const struct kith_leaves *leaves, int64_t first,
				  int64_t last, kith_sql_row row, void *user, struct kith_err *err)
{
	struct reader r = {
	    .leaves = leaves, .fd = -1, .row = row, .user = user, .first = first, .last = last};
	uint64_t number = 2, n; /* the first has the schema */
	enum kith_status st;

	st = kith_io_open(path, &r.fd, err);
	if (st >= 0)
		st = read_header(&r, err);
	while (st == KITH_OK && number <= r.pages) {
		st = take_piece(&r, number, &n, err);
		number += n;
	}
	free(r.free_map);
	free(r.piece);
	kith_buf_done(&r.payload);
	if (r.fd >= 0)
		(void)close(r.fd);
	return st;
}
