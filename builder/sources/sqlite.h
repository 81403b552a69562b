/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.h: reading a database that somebody else made. The only user of SQLite.
 *
 * A database is opened read-only and as immutable: nothing is written beside it, no lock is taken.
 * Its schema is not trusted: views, triggers, extensions and functions with side effects are off.
 * A connection and its statements belong to one thread at a time.
 */
#ifndef KITH_SOURCES_SQLITE_H
#define KITH_SOURCES_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct kith_sql;
struct kith_sql_stmt;

enum kith_sql_type {
	KITH_SQL_NULL,
	KITH_SQL_INTEGER,
	KITH_SQL_REAL,
	KITH_SQL_TEXT, /* UTF-8 as far as the database keeps to it; may hold any byte */
	KITH_SQL_BLOB
};

struct kith_sql_value {
	const uint8_t *data; /* TEXT and BLOB; valid until the next step */
	size_t n;
	int64_t number; /* INTEGER */
	enum kith_sql_type type;
};

/* The first bytes of every database. */
#define KITH_SQL_MAGIC      "SQLite format 3"
#define KITH_SQL_MAGIC_SIZE 16u

/*
 * cache_bytes: page cache of this connection. salvage: read what is left of a truncated database
 * instead of refusing it.
 *
 * KITH_E_UNSUPPORTED when it has a write-ahead log or a journal that still is to be applied.
 */
enum kith_status kith_sql_open(const char *path, size_t cache_bytes, bool salvage,
			       struct kith_sql **ret_sql, struct kith_err *err);
void kith_sql_close(struct kith_sql *sql); /* NULL is accepted */
/* Does the file end before its header says? Then *ret_size: where, *ret_whole: how long it was. */
bool kith_sql_is_cut(const struct kith_sql *sql, uint64_t *ret_size, uint64_t *ret_whole);

/* Is there a real table (no view, no virtual table) of that name? */
enum kith_status kith_sql_has_table(struct kith_sql *sql, const char *table, bool *ret,
				    struct kith_err *err);

/* Which of the n columns does the table have? */
enum kith_status kith_sql_columns(struct kith_sql *sql, const char *table, const char *const *names,
				  size_t n, bool *ret_has, struct kith_err *err);

/* Does an index over the whole table start with that column? */
enum kith_status kith_sql_has_index(struct kith_sql *sql, const char *table, const char *column,
				    bool *ret, struct kith_err *err);

enum kith_status kith_sql_prepare(struct kith_sql *sql, const char *text,
				  struct kith_sql_stmt **ret_stmt, struct kith_err *err);
void kith_sql_finish(struct kith_sql_stmt *stmt); /* NULL is accepted */
void kith_sql_reset(struct kith_sql_stmt *stmt);

/* Parameters are numbered from 1. */
enum kith_status kith_sql_bind_number(struct kith_sql_stmt *stmt, int i, int64_t number,
				      struct kith_err *err);
enum kith_status kith_sql_bind_text(struct kith_sql_stmt *stmt, int i, const char *text,
				    struct kith_err *err);

/*
 * The next row: its first n columns. KITH_OK, KITH_END, KITH_E_CORRUPT for a database that is
 * damaged there (or a value over the limit), KITH_E_NOMEM, KITH_E_IO.
 */
enum kith_status kith_sql_step(struct kith_sql_stmt *stmt, struct kith_sql_value *values, size_t n,
			       struct kith_err *err);

/*
 * All rows of a query at once, for the queries that read hundreds of millions of them: the values
 * are handed over where SQLite has them, which a step for each row does not allow. The statement
 * is `SELECT KITH_SQL_EACH(columns) FROM ...`, of at most KITH_SQL_EACH_MAX columns. row() gets
 * each row's values and may use other statements of the connection; what it returns ends the query
 * unless it is KITH_OK, and is returned. KITH_END at the end; else as kith_sql_step().
 */
#define KITH_SQL_EACH     "kith_each"
#define KITH_SQL_EACH_MAX 16
typedef enum kith_status (*kith_sql_row)(void *user, const struct kith_sql_value *values,
					 struct kith_err *err);
enum kith_status kith_sql_each(struct kith_sql *sql, struct kith_sql_stmt *stmt, kith_sql_row row,
			       void *user, struct kith_err *err);

#endif
