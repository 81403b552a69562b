/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_page.c: what must hold: every number of the file is checked against the page or the file
 * before it is used, and a value is never longer than SQLite itself would hand over (sqlite.c).
 */
#include "sqlite_page.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"

#define VALUE_MAX ((uint64_t)16 << 20) /* as sqlite.c has it */

enum kith_status kith_pages_open(struct kith_pages *pages, uint8_t head[static KITH_PAGE_HEADER],
				 struct kith_err *err)
{
	uint64_t size;
	enum kith_status st = kith_io_size(pages->fd, &size, err);

	if (st >= 0)
		st = kith_io_pread(pages->fd, head, KITH_PAGE_HEADER, 0, err);
	if (st < 0)
		return st;
	pages->page = kith_page_be16(head + 16) == 1 ? 65536 : kith_page_be16(head + 16);
	if (pages->page < 512 || (pages->page & (pages->page - 1)) != 0 ||
	    pages->page - head[20] < 480 || kith_get_be32(head + 56) != 1)
		return kith_fail(err, KITH_E_UNSUPPORTED, "its pages or texts are not as expected");
	pages->usable = pages->page - head[20];
	pages->n = size / pages->page;
	if (pages->n > UINT32_MAX)
		pages->n = UINT32_MAX;
	return KITH_OK;
}

size_t kith_page_varint(const uint8_t *p, size_t n, uint64_t *ret)
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

bool kith_page_cell(const struct kith_pages *pages, const uint8_t *page, size_t i, size_t n_cells,
		    struct kith_cell *cell)
{
	uint32_t usable = pages->usable;
	size_t at = kith_page_be16(page + KITH_PAGE_LEAF_HEAD + 2 * i), n;
	uint64_t most = usable - 35, least = (uint64_t)(usable - 12) * 32 / 255 - 23, rowid;

	if (at < KITH_PAGE_LEAF_HEAD + 2 * n_cells || at >= usable)
		return false;
	n = kith_page_varint(page + at, usable - at, &cell->n);
	at += n;
	if (n == 0 || cell->n > VALUE_MAX)
		return false;
	n = kith_page_varint(page + at, usable - at, &rowid);
	at += n;
	if (n == 0)
		return false;
	cell->rowid = (int64_t)rowid;
	cell->local = page + at;
	cell->overflow = 0;
	if (cell->n <= most) {
		cell->local_n = (size_t)cell->n;
		return cell->local_n <= usable - at;
	}
	cell->local_n = (size_t)(least + (cell->n - least) % (usable - 4));
	if (cell->local_n > most)
		cell->local_n = (size_t)least;
	if (cell->local_n + 4 > usable - at)
		return false;
	cell->overflow = kith_get_be32(page + at + cell->local_n);
	return cell->overflow >= 2;
}

/* Bytes of a value by its type; more than any value has for a type that there is not. */
static inline uint64_t value_size(uint64_t type)
{
	static const uint8_t small[12] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, UINT8_MAX, UINT8_MAX};
	uint64_t size;

	if (type >= 12)
		return (type - 12) / 2;
	size = small[type];
	return size == UINT8_MAX ? UINT64_MAX : size;
}

/* The types at the head of a record, one after the other. */
struct head {
	const uint8_t *data;
	size_t pos, n; /* n: of the head */
	uint64_t sum;  /* bytes of the head and of the values so far */
};

static inline bool head_begin(struct head *head, const uint8_t *data, size_t n)
{
	uint64_t size = 0;

	head->data = data;
	head->pos = kith_page_varint(data, n, &size);
	head->n = (size_t)size;
	head->sum = size;
	return head->pos != 0 && size <= n && size >= head->pos;
}

/* The next type and the size of its value, which begins at the sum before. */
static inline bool head_next(struct head *head, uint64_t *type, uint64_t *size)
{
	size_t step = 1;

	*type = head->data[head->pos];
	if (*type >= 0x80)
		step = kith_page_varint(head->data + head->pos, head->n - head->pos, type);
	*size = value_size(*type);
	head->pos += step;
	return step != 0 && *size <= VALUE_MAX;
}

bool kith_page_check(const struct kith_cell *cell, const uint8_t *data, size_t n, size_t n_columns,
		     int column, size_t text_n, bool *ret_is)
{
	uint64_t type, size;
	size_t count = 0;
	struct head head;

	*ret_is = false;
	if (!head_begin(&head, data, n))
		return false;
	for (; head.pos < head.n; count++) {
		if (!head_next(&head, &type, &size) || count == KITH_PAGE_COLUMNS)
			return false;
		if (column >= 0 && count == (size_t)column)
			*ret_is = type == 13 + 2 * (uint64_t)text_n;
		head.sum += size;
	}
	return head.sum == cell->n && count == n_columns;
}

enum kith_status kith_page_payload(struct kith_pages *pages, const struct kith_cell *cell,
				   const uint8_t **ret, struct kith_err *err)
{
	uint32_t next = cell->overflow;
	uint64_t left = cell->n - cell->local_n;
	uint8_t link[4];
	enum kith_status st;

	*ret = cell->local;
	if (next == 0)
		return KITH_OK;
	pages->payload.n = 0;
	if (!kith_buf_add(&pages->payload, cell->local, cell->local_n))
		return kith_fail_nomem(err);
	while (left > 0) {
		size_t n = left < pages->usable - 4 ? (size_t)left : pages->usable - 4;
		uint64_t at = (uint64_t)(next - 1) * pages->page;
		uint8_t *room = kith_buf_room(&pages->payload, n);

		if (next < 2 || next > pages->n)
			return KITH_NOT_FOUND;
		if (room == NULL)
			return kith_fail_nomem(err);
		st = kith_io_pread(pages->fd, link, sizeof link, at, NULL);
		if (st >= 0)
			st = kith_io_pread(pages->fd, room, n, at + 4, NULL);
		if (st < 0)
			return KITH_NOT_FOUND;
		pages->payload.n += n;
		left -= n;
		next = kith_get_be32(link);
	}
	*ret = pages->payload.data;
	return next == 0 ? KITH_OK : KITH_NOT_FOUND;
}

static inline void get_number(uint64_t type, uint64_t size, const uint8_t *data,
			      struct kith_sql_value *value)
{
	uint64_t v = 0, i;

	if (type == 0)
		return;
	if (type == 7) {
		value->type = KITH_SQL_REAL;
		return;
	}
	if (size > 0 && (data[0] & 0x80) != 0)
		v = UINT64_MAX;
	for (i = 0; i < size; i++)
		v = v << 8 | data[i];
	value->type = KITH_SQL_INTEGER;
	value->number = type == 9 ? 1 : (int64_t)v;
}

void kith_wanted_init(struct kith_wanted *wanted, const struct kith_layout *layout)
{
	size_t i;

	wanted->layout = layout;
	for (i = 0; i < KITH_PAGE_COLUMNS; i++)
		wanted->value_of[i] = -1;
	for (i = 0; i < layout->n_columns; i++)
		if (layout->columns[i] >= 0)
			wanted->value_of[layout->columns[i]] = (int8_t)i;
}

bool kith_page_values(const struct kith_wanted *wanted, const struct kith_cell *cell,
		      const uint8_t *data, struct kith_sql_value *values, size_t *ret_n)
{
	const struct kith_layout *layout = wanted->layout;
	size_t count = 0, i;
	struct head head;

	for (i = 0; i < layout->n_columns; i++) {
		values[i] = (struct kith_sql_value){.type = KITH_SQL_NULL};
		if (layout->columns[i] == KITH_LAYOUT_ROWID) {
			values[i].type = KITH_SQL_INTEGER;
			values[i].number = cell->rowid;
		}
	}
	if (!head_begin(&head, data, (size_t)cell->n))
		return false;
	for (; head.pos < head.n; count++) {
		struct kith_sql_value *value;
		uint64_t type, size;

		if (count == layout->n_stored || !head_next(&head, &type, &size) ||
		    size > cell->n - head.sum)
			return false;
		if (wanted->value_of[count] >= 0) {
			value = &values[wanted->value_of[count]];
			if (type >= 12) {
				value->type = type % 2 == 0 ? KITH_SQL_BLOB : KITH_SQL_TEXT;
				value->data = data + head.sum;
				value->n = (size_t)size;
			} else {
				get_number(type, size, data + head.sum, value);
			}
		}
		head.sum += size;
	}
	*ret_n = count;
	return head.sum == cell->n;
}
