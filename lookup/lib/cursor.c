/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.c: walks over the tables of files and over those that describe a set. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/record.h"
#include "lib/set.h"

struct kith_cursor {
	const struct kith_db *db; /* the set's */
	struct MDB_cursor *rows;
	enum kith_db_move move; /* what kith_cursor_next() does */
	size_t key_n;
	size_t from_n;
	uint8_t from[KITH_SHA256_SIZE];
};

enum kith_status kith_cursor_open(kith_reader *reader, enum kith_table table, const void *from,
				  size_t n, kith_cursor **ret_cursor, struct kith_err *err)
{
	size_t key_n = table == KITH_TABLE_FILE ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;
	struct kith_cursor *cursor = NULL;
	enum kith_status st;

	if ((table != KITH_TABLE_FILE && table != KITH_TABLE_SHA1_ONLY) || n > key_n ||
	    (from == NULL && n > 0)) {
		st = kith_fail(err, KITH_E_ARG, "no such table, or a start longer than its keys");
		goto out;
	}
	cursor = calloc(1, sizeof *cursor);
	if (cursor == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	cursor->db = &reader->set->db;
	cursor->key_n = key_n;
	cursor->from_n = n;
	cursor->move = n > 0 ? KITH_DB_SEEK : KITH_DB_FIRST;
	if (n > 0)
		memcpy(cursor->from, from, n);
	st = kith_db_cursor_open(cursor->db, reader->txn,
				 table == KITH_TABLE_FILE ? KITH_DB_FILE : KITH_DB_SHA1_ONLY,
				 &cursor->rows, err);
	if (st < 0)
		goto out;
	*ret_cursor = cursor;
	cursor = NULL;
out:
	kith_cursor_close(cursor);
	return st;
}

enum kith_status kith_cursor_next(kith_cursor *cursor, struct kith_file *ret_file)
{
	struct kith_bytes key = {cursor->from, cursor->from_n}, value;
	enum kith_status st;

	st = kith_db_move(cursor->db, cursor->rows, cursor->move, &key, &value);
	if (st != KITH_OK)
		return st;
	cursor->move = KITH_DB_NEXT;
	if (key.n != cursor->key_n)
		return KITH_E_CORRUPT;
	return kith_record_decode(value.data, value.data + value.n, key.data,
				  cursor->key_n == KITH_SHA1_SIZE, ret_file);
}

void kith_cursor_close(kith_cursor *cursor)
{
	if (cursor == NULL)
		return;
	kith_db_cursor_close(cursor->rows);
	free(cursor);
}

/* Calls fn for each row of a table, until it returns something else than KITH_OK. */
typedef enum kith_status (*row_fn)(struct kith_bytes key, struct kith_bytes value, void *user);

static enum kith_status each_row(kith_reader *reader, enum kith_db_table table, row_fn fn,
				 void *user)
{
	const struct kith_db *db = &reader->set->db;
	struct kith_bytes key = {NULL, 0}, value;
	enum kith_db_move move = KITH_DB_FIRST;
	struct MDB_cursor *rows = NULL;
	enum kith_status st;

	st = kith_db_cursor_open(db, reader->txn, table, &rows, NULL);
	if (st < 0)
		goto out;
	while ((st = kith_db_move(db, rows, move, &key, &value)) == KITH_OK) {
		st = fn(key, value, user);
		if (st != KITH_OK)
			goto out;
		move = KITH_DB_NEXT;
	}
	if (st == KITH_END)
		st = KITH_OK;
out:
	kith_db_cursor_close(rows);
	return st;
}

struct meta_call {
	kith_meta_fn fn;
	void *user;
};

static enum kith_status meta_row(struct kith_bytes key, struct kith_bytes value, void *user)
{
	const struct meta_call *call = user;

	return call->fn((const char *)key.data, key.n, value.data, value.n, call->user) == 0
		   ? KITH_OK
		   : KITH_E_CANCELLED;
}

enum kith_status kith_meta_each(kith_reader *reader, kith_meta_fn fn, void *user)
{
	struct meta_call call = {fn, user};

	return each_row(reader, KITH_DB_META, meta_row, &call);
}

struct ledger_call {
	kith_ledger_fn fn;
	void *user;
};

static enum kith_status ledger_row(struct kith_bytes key, struct kith_bytes value, void *user)
{
	const struct ledger_call *call = user;
	struct kith_ledger_entry entry;
	enum kith_status st;

	st = kith_ledger_decode(key.data, key.n, value.data, value.n, &entry);
	if (st < 0)
		return st;
	return call->fn(&entry, call->user) == 0 ? KITH_OK : KITH_E_CANCELLED;
}

enum kith_status kith_ledger_each(kith_reader *reader, kith_ledger_fn fn, void *user)
{
	struct ledger_call call = {fn, user};

	return each_row(reader, KITH_DB_LEDGER, ledger_row, &call);
}
