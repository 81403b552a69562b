/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h: a set file as LMDB sees it: tables, keys and values. db.c is the only file of the library
 * that includes lmdb.h.
 *
 * What must hold: every value and key that these functions give out lies inside the file, so that
 * a size or a page number that is damaged is found here. A page fault is still possible where LMDB
 * itself follows damage inside a page; it then happens inside the map (see SLACK in db.c).
 */
#ifndef KITH_LIB_DB_H
#define KITH_LIB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

enum kith_db_table {
	KITH_DB_META = 0,
	KITH_DB_FILE,
	KITH_DB_SHA1_ONLY,
	KITH_DB_NAME,
	KITH_DB_PLACE,
	KITH_DB_PRODUCT,
	KITH_DB_DISTRIBUTOR,
	KITH_DB_SOURCE,
	KITH_DB_LEDGER,
	KITH_DB_INDEX
};
#define KITH_DB_TABLES 10

/* The name of a table, as docs/FORMAT.md has it. */
const char *kith_db_table_name(enum kith_db_table table);

/* An open environment. All zero is a closed one. */
struct kith_db {
	struct MDB_env *env;
	unsigned dbi[KITH_DB_TABLES];
	uint64_t file_size; /* bytes */
	size_t map_size;    /* bytes of address space; more than file_size */
	uint32_t page_size;
	const uint8_t *base, *end; /* the file's first byte in memory and the one behind its last */
};

/*
 * Opens the environment and its tables. base is NULL afterwards where the operating system does
 * not tell where the map is: the caller then sets base and end from the anchor before it reads
 * any value.
 */
enum kith_status kith_db_open(const char *path, struct kith_db *ret_db, struct kith_err *err);
void kith_db_close(struct kith_db *db);

enum kith_status kith_db_begin(const struct kith_db *db, struct MDB_txn **ret_txn,
			       struct kith_err *err);
void kith_db_end(struct MDB_txn *txn); /* NULL is accepted */

/* KITH_OK, KITH_NOT_FOUND or KITH_E_CORRUPT. No allocation, no system call. */
enum kith_status kith_db_get(const struct kith_db *db, struct MDB_txn *txn,
			     enum kith_db_table table, const void *key, size_t key_n,
			     struct kith_bytes *ret_value);

/* Like kith_db_get() but without the check against base; only the address may be used. */
enum kith_status kith_db_get_address(const struct kith_db *db, struct MDB_txn *txn,
				     enum kith_db_table table, const char *key,
				     struct kith_bytes *ret_value);

/* The file that is mapped; not to be closed. -1 where there is none. */
int kith_db_fd(const struct kith_db *db);

/* Reads bytes of the file, not through the map. False when that fails. */
bool kith_db_read_file(const struct kith_db *db, void *ret, size_t n, uint64_t offset);

/* Rows of a table. */
enum kith_status kith_db_rows(const struct kith_db *db, struct MDB_txn *txn,
			      enum kith_db_table table, uint64_t *ret_rows);

enum kith_status kith_db_cursor_open(const struct kith_db *db, struct MDB_txn *txn,
				     enum kith_db_table table, struct MDB_cursor **ret_cursor,
				     struct kith_err *err);
void kith_db_cursor_close(struct MDB_cursor *cursor); /* NULL is accepted */

enum kith_db_move {
	KITH_DB_FIRST, /* the first row */
	KITH_DB_NEXT,  /* the row after the present one */
	KITH_DB_SEEK,  /* the first row whose key is not below *key */
	KITH_DB_EXACT  /* the row with *key */
};
/*
 * Moves and sets *key and *ret_value; the key is an input for SEEK and EXACT (at least one byte).
 * KITH_OK, KITH_END (EXACT: KITH_NOT_FOUND) or KITH_E_CORRUPT.
 */
enum kith_status kith_db_move(const struct kith_db *db, struct MDB_cursor *cursor,
			      enum kith_db_move move, struct kith_bytes *key,
			      struct kith_bytes *ret_value);

#endif
