/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.c: opening a set. What must hold when kith_set_open() returns KITH_OK:
 *  - the file is complete, of our format, and has all tables with the number of rows that its
 *    meta table announces;
 *  - base .. end is where the file is in memory;
 *  - where info.direct is 1, offsets in the index are offsets in this file: the anchor is where it
 *    says, and a sample of slots leads to what LMDB finds;
 *  - index[kind].lines has n_lines whole lines, all inside the file.
 */
#define _POSIX_C_SOURCE 200809L
#include "lib/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/record.h"

/*
 * Slots of the SHA-256 index that are compared with what LMDB finds, from the first line to one
 * near the end. Who rewrites a set page by page leaves pages out or puts them in another order, so
 * that what lies behind is shifted: that the anchor stays and none of these moves does not happen.
 * Each costs three or four page faults, and a process that looks up one hash has little else to do.
 */
#define SAMPLES 4u

/* ------------------------------------------------------------------- meta */

enum kith_status kith_set_meta_number(const struct kith_set *set, struct MDB_txn *txn,
				      const char *key, uint64_t *ret)
{
	struct kith_bytes value;
	uint64_t v = 0;
	size_t i;
	enum kith_status st;

	st = kith_db_get(&set->db, txn, KITH_DB_META, key, strlen(key), &value);
	if (st != KITH_OK)
		return st;
	/* 19 digits fit into 64 bits; more are not needed */
	if (value.n == 0 || value.n > 19 || (value.n > 1 && value.data[0] == '0'))
		return KITH_E_CORRUPT;
	for (i = 0; i < value.n; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return KITH_E_CORRUPT;
		v = v * 10 + (uint64_t)(value.data[i] - '0');
	}
	*ret = v;
	return KITH_OK;
}

static enum kith_status read_format(struct kith_set *set, struct MDB_txn *txn, struct kith_err *err)
{
	uint64_t format;

	if (kith_set_meta_number(set, txn, "format", &format) != KITH_OK)
		return kith_fail(err, KITH_E_CORRUPT, "its format number is damaged");
	if (format != KITH_SET_FORMAT)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "has set format %llu, this program reads format %d",
				 (unsigned long long)format, KITH_SET_FORMAT);
	set->info.format = KITH_SET_FORMAT;
	return KITH_OK;
}

static enum kith_status read_counts(struct kith_set *set, struct MDB_txn *txn, struct kith_err *err)
{
	const struct {
		const char *key;
		uint64_t *to;
		enum kith_db_table table;
		uint64_t items; /* in a row; 0: the count is not one of rows */
	} counts[] = {
	    {"count.file", &set->info.files, KITH_DB_FILE, 1},
	    {"count.sha1only", &set->info.sha1_only, KITH_DB_SHA1_ONLY, 1},
	    {"count.name", &set->info.names, KITH_DB_NAME, KITH_BLOCK},
	    {"count.place", &set->info.places, KITH_DB_PLACE, KITH_BLOCK},
	    {"count.product", &set->info.products, KITH_DB_PRODUCT, KITH_BLOCK},
	    {"count.distributor", &set->info.distributors, KITH_DB_DISTRIBUTOR, KITH_BLOCK},
	    {"count.source", &set->info.sources, KITH_DB_SOURCE, KITH_BLOCK},
	    {"count.occurrence", &set->info.occurrences, KITH_DB_META, 0},
	};
	size_t i;

	for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		uint64_t items = counts[i].items, rows, n;

		if (kith_set_meta_number(set, txn, counts[i].key, &n) != KITH_OK)
			return kith_fail(err, KITH_E_CORRUPT, "its '%s' is missing or damaged",
					 counts[i].key);
		*counts[i].to = n;
		if (items == 0)
			continue;
		if (items > 1 && n > KITH_LIMIT_RANKS)
			return kith_fail(err, KITH_E_CORRUPT, "its '%s' is too large",
					 counts[i].key);
		if (kith_db_rows(&set->db, txn, counts[i].table, &rows) < 0 ||
		    rows != n / items + (n % items != 0))
			return kith_fail(err, KITH_E_CORRUPT,
					 "table '%s' has not as many rows as '%s' says",
					 kith_db_table_name(counts[i].table), counts[i].key);
	}
	return KITH_OK;
}

static enum kith_status read_id(struct kith_set *set, struct MDB_txn *txn, struct kith_err *err)
{
	struct kith_bytes id;

	if (kith_db_get(&set->db, txn, KITH_DB_META, "id", 2, &id) != KITH_OK ||
	    id.n != sizeof set->info.id)
		return kith_fail(err, KITH_E_CORRUPT, "its set id is missing or damaged");
	memcpy(set->info.id, id.data, sizeof set->info.id);
	return KITH_OK;
}

uint64_t kith_set_count(const struct kith_set *set, enum kith_db_table table)
{
	switch (table) {
	case KITH_DB_FILE: return set->info.files;
	case KITH_DB_SHA1_ONLY: return set->info.sha1_only;
	case KITH_DB_NAME: return set->info.names;
	case KITH_DB_PLACE: return set->info.places;
	case KITH_DB_PRODUCT: return set->info.products;
	case KITH_DB_DISTRIBUTOR: return set->info.distributors;
	case KITH_DB_SOURCE: return set->info.sources;
	case KITH_DB_META:
	case KITH_DB_LEDGER:
	case KITH_DB_INDEX: break;
	}
	return 0;
}

/* ----------------------------------------------------------- direct index */

/*
 * The anchor: true when the value lies at the offset that it names. Without help from the
 * operating system it is also what says where the map is; then the 32 bytes are compared with
 * those that the file has there.
 */
static bool check_anchor(struct kith_set *set, struct MDB_txn *txn)
{
	struct kith_db *db = &set->db;
	struct kith_bytes anchor;
	uint8_t in_file[KITH_ANCHOR_SIZE];
	uintptr_t address;
	uint64_t offset;

	if (kith_db_get_address(db, txn, KITH_DB_META, "anchor", &anchor) != KITH_OK ||
	    anchor.n != KITH_ANCHOR_SIZE)
		return false;
	address = (uintptr_t)anchor.data;
	if (db->base != NULL && (address < (uintptr_t)db->base ||
				 address - (uintptr_t)db->base > db->file_size - KITH_ANCHOR_SIZE))
		return false;
	if (memcmp(anchor.data, KITH_ANCHOR_MAGIC, 8) != 0)
		return false;
	offset = kith_get_le64(anchor.data + 8);
	if (offset > db->file_size - KITH_ANCHOR_SIZE)
		return false;
	if (!kith_db_read_file(db, in_file, sizeof in_file, offset) ||
	    memcmp(in_file, anchor.data, sizeof in_file) != 0)
		return false;
	if (db->base == NULL && offset <= address && (address - offset) % db->page_size == 0) {
		db->base = anchor.data - offset;
		db->end = db->base + db->file_size;
	}
	return db->base != NULL && anchor.data - db->base == (ptrdiff_t)offset;
}

/* True when the anchor belongs to this id; apart from check_anchor, for the id is read in between.
 */
static bool anchor_has_id(struct kith_set *set, struct MDB_txn *txn)
{
	struct kith_bytes anchor;

	return kith_db_get(&set->db, txn, KITH_DB_META, "anchor", 6, &anchor) == KITH_OK &&
	       anchor.n == KITH_ANCHOR_SIZE && memcmp(anchor.data + 16, set->info.id, 16) == 0;
}

/* False when the row is there and damaged. */
static bool read_index(struct kith_set *set, struct MDB_txn *txn, const char *name,
		       struct kith_index *ret)
{
	struct kith_bytes value;
	uint64_t lines;
	enum kith_status st;

	st = kith_db_get(&set->db, txn, KITH_DB_INDEX, name, strlen(name), &value);
	if (st == KITH_NOT_FOUND)
		return true;
	if (st != KITH_OK || value.n < KITH_INDEX_HEAD ||
	    memcmp(value.data, KITH_INDEX_MAGIC, 8) != 0)
		return false;
	lines = kith_get_le64(value.data + 8);
	if (lines == 0 || (value.n - KITH_INDEX_HEAD) % KITH_LINE != 0 ||
	    lines != (value.n - KITH_INDEX_HEAD) / KITH_LINE)
		return false;
	ret->lines = value.data + KITH_INDEX_HEAD;
	ret->n_lines = lines;
	ret->n_entries = kith_get_le64(value.data + 16);
	return true;
}

static bool read_offsets(struct kith_set *set, struct MDB_txn *txn, enum kith_db_table table,
			 struct kith_offsets *ret)
{
	const char *name = kith_db_table_name(table);
	uint64_t count = kith_set_count(set, table);
	struct kith_bytes value;
	enum kith_status st;

	st = kith_db_get(&set->db, txn, KITH_DB_INDEX, name, strlen(name), &value);
	if (st == KITH_NOT_FOUND)
		return true;
	if (st != KITH_OK || value.n % 8 != 0 ||
	    value.n / 8 != count / KITH_BLOCK + (count % KITH_BLOCK != 0))
		return false;
	ret->data = value.data;
	ret->n = value.n / 8;
	return true;
}

/* True when slots of the SHA-256 index lead to the very bytes that LMDB finds by the key. */
static bool check_sample(struct kith_set *set, struct MDB_txn *txn)
{
	const struct kith_index *index = &set->index[KITH_SHA256];
	uint64_t span = index->n_lines > KITH_LINE_SLOTS ? index->n_lines - KITH_LINE_SLOTS : 0, i;

	for (i = 0; i < SAMPLES; i++) {
		uint64_t line = span * i / (SAMPLES - 1);
		uint64_t slot = 0, offset, tried;
		struct kith_bytes value;
		const uint8_t *record;

		if (i > 0 && line == 0)
			break; /* few lines: the first sample looks at all */
		for (tried = 0; tried < KITH_LINE_SLOTS && line < index->n_lines; tried++, line++) {
			slot = kith_get_le64(index->lines + line * KITH_LINE);
			if (slot != 0 && (slot & KITH_SLOT_LARGE) == 0)
				break;
			slot = 0;
		}
		if (slot == 0)
			continue;
		offset = (slot & KITH_SLOT_OFFSET) * 2;
		if ((slot & KITH_SLOT_SHA1) != 0 || offset < KITH_SHA256_SIZE ||
		    offset >= set->db.file_size)
			return false;
		record = set->db.base + offset;
		if (kith_db_get(&set->db, txn, KITH_DB_FILE, record - KITH_SHA256_SIZE,
				KITH_SHA256_SIZE, &value) != KITH_OK ||
		    value.data != record)
			return false;
	}
	return true;
}

static bool read_direct(struct kith_set *set, struct MDB_txn *txn)
{
	return anchor_has_id(set, txn) &&
	       read_index(set, txn, "sha256", &set->index[KITH_SHA256]) &&
	       read_index(set, txn, "sha1", &set->index[KITH_SHA1]) &&
	       read_index(set, txn, "md5", &set->index[KITH_MD5]) &&
	       read_offsets(set, txn, KITH_DB_NAME, &set->names) &&
	       read_offsets(set, txn, KITH_DB_PLACE, &set->places) && check_sample(set, txn);
}

/* -------------------------------------------------------------------- set */

enum kith_status kith_set_open(const char *path, kith_set **ret_set, struct kith_err *err)
{
	struct kith_set *set = NULL;
	struct MDB_txn *txn = NULL;
	bool anchored;
	enum kith_status st;

	if (path == NULL || ret_set == NULL)
		return kith_fail(err, KITH_E_ARG, "no path of a set given");
	set = calloc(1, sizeof *set);
	if (set == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = kith_db_open(path, &set->db, err);
	if (st < 0)
		goto out;
	st = kith_db_begin(&set->db, &txn, err);
	if (st < 0)
		goto out;
	anchored = check_anchor(set, txn);
	if (set->db.base == NULL) {
		st = kith_fail(err, KITH_E_IO,
			       "cannot tell where it is in memory: /proc/self/maps cannot be "
			       "read, and the set's anchor does not fit");
		goto out;
	}
	st = read_format(set, txn, err);
	if (st < 0)
		goto out;
	st = read_counts(set, txn, err);
	if (st < 0)
		goto out;
	st = read_id(set, txn, err);
	if (st < 0)
		goto out;
	set->info.size_bytes = set->db.file_size;
	set->info.direct = anchored && read_direct(set, txn);
	if (!set->info.direct) {
		memset(set->index, 0, sizeof set->index);
		memset(&set->names, 0, sizeof set->names);
		memset(&set->places, 0, sizeof set->places);
	}
	/* A set that was made from RDS v2 alone knows no SHA-256: then a miss says nothing. */
	set->info.has_index[KITH_SHA256] = set->info.files > 0;
	set->info.has_index[KITH_SHA1] = set->index[KITH_SHA1].n_lines > 0;
	set->info.has_index[KITH_MD5] = set->index[KITH_MD5].n_lines > 0;
	*ret_set = set;
	set = NULL;
out:
	if (st < 0)
		kith_err_context(err, "set '%s'", path);
	kith_db_end(txn);
	kith_set_close(set);
	return st;
}

void kith_set_close(kith_set *set)
{
	if (set == NULL)
		return;
	kith_db_close(&set->db);
	free(set);
}

void kith_set_info(kith_set *set, struct kith_set_info *ret_info)
{
	*ret_info = set->info;
}

void kith_set_map(kith_set *set, const void **ret_base, size_t *ret_size)
{
	*ret_base = set->db.base;
	*ret_size = set->db.map_size;
}

/* ----------------------------------------------------------------- reader */

enum kith_status kith_reader_open(kith_set *set, kith_reader **ret_reader, struct kith_err *err)
{
	struct kith_reader *reader;
	enum kith_status st;

	reader = calloc(1, sizeof *reader);
	if (reader == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	reader->set = set;
	st = kith_db_begin(&set->db, &reader->txn, err);
	if (st < 0)
		goto out;
	if (set->index[KITH_SHA256].n_lines == 0) {
		st = kith_db_cursor_open(&set->db, reader->txn, KITH_DB_FILE, &reader->files, err);
		if (st < 0)
			goto out;
	}
	*ret_reader = reader;
	reader = NULL;
out:
	kith_reader_close(reader);
	return st;
}

void kith_reader_close(kith_reader *reader)
{
	if (reader == NULL)
		return;
	kith_db_cursor_close(reader->files);
	kith_db_end(reader->txn);
	free(reader);
}
