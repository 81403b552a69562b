/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lmdb_writer.h: the only part of the builder that knows LMDB. A set is written in two steps:
 * first everything is appended in key order, in transactions of 64 MiB, so that memory is bounded;
 * then the file is opened again through a writable map for the direct index, whose values are too
 * large for LMDB's buffers, while what was appended does not move any more.
 */
#ifndef KITH_CORE_LMDB_WRITER_H
#define KITH_CORE_LMDB_WRITER_H

#include "kith.h"

enum kith_lmdb_table {
	KITH_LMDB_META,
	KITH_LMDB_FILE,
	KITH_LMDB_SHA1ONLY,
	KITH_LMDB_NAME,
	KITH_LMDB_PLACE,
	KITH_LMDB_PRODUCT,
	KITH_LMDB_DISTRIBUTOR,
	KITH_LMDB_SOURCE,
	KITH_LMDB_LEDGER,
	KITH_LMDB_INDEX,
	KITH_LMDB_TABLES
};

struct kith_lmdb;

/* path: an empty file. */
enum kith_status kith_lmdb_open(const char *path, struct kith_lmdb **ret, struct kith_err *err);
/* Whatever was not finished is lost. */
void kith_lmdb_close(struct kith_lmdb *db);

/* First step: keys of a table must come in order. */
enum kith_status kith_lmdb_append(struct kith_lmdb *db, enum kith_lmdb_table table, const void *key,
				  size_t key_n, const void *value, size_t value_n,
				  struct kith_err *err);

/* Goes to the second step; `more` bytes will be written at most. */
enum kith_status kith_lmdb_second_step(struct kith_lmdb *db, uint64_t more, struct kith_err *err);

/*
 * Second step: walks a table. Sets where the key and the value lie in the file; the value of a
 * large record does not lie behind its key. Before the first call *ret_cursor is NULL; after the
 * last (KITH_END) it is NULL again. What was walked is dropped from memory.
 */
struct kith_lmdb_cursor;
struct kith_lmdb_row {
	const uint8_t *key, *value;
	size_t key_n, value_n;
	uint64_t behind_key; /* offset in the file */
	uint64_t value_at;   /* offset in the file */
};
enum kith_status kith_lmdb_next(struct kith_lmdb *db, enum kith_lmdb_table table,
				struct kith_lmdb_cursor **cursor, struct kith_lmdb_row *ret_row,
				struct kith_err *err);
void kith_lmdb_cursor_close(struct kith_lmdb_cursor *cursor);

/* Second step: a value of n bytes in table index to be filled in, by any thread; zeroed; valid
 * until the next call that writes, or, when it is larger than a page, that is not for a further
 * value. */
enum kith_status kith_lmdb_reserve(struct kith_lmdb *db, const char *key, size_t n,
				   uint8_t **ret_value, struct kith_err *err);
/* Tells that a part of the value is about to be filled: one call instead of many page faults. Only
 * advice. */
void kith_lmdb_filling(struct kith_lmdb *db, const uint8_t *from, const uint8_t *to);
/* Tells that the value is filled up to there, so that memory can be given back. */
void kith_lmdb_filled(struct kith_lmdb *db, const uint8_t *from, const uint8_t *to);

/* Second step: adds to meta; any order. */
enum kith_status kith_lmdb_put_meta(struct kith_lmdb *db, const char *key, const void *value,
				    size_t value_n, struct kith_err *err);

/*
 * Commits, closes, cuts the file to its size, and writes into the value of meta's `anchor`, 8
 * bytes behind its start, the offset where it lies. fd: of the file, writable.
 */
enum kith_status kith_lmdb_finish(struct kith_lmdb *db, int fd, uint64_t *ret_size,
				  struct kith_err *err);

#endif
