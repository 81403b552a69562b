/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "lib/db.h"

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/record.h"

/*
 * Address space behind the file. In a damaged page LMDB may follow a 16-bit node offset, read a
 * key of 16-bit length there, or run off a list of node offsets: at most three times 64 KiB behind
 * the page. With this room the access stays inside the map: a SIGBUS that a program's handler can
 * tell from a fault of its own, see kith_set_map().
 */
#define SLACK     ((size_t)256 << 10)
#define MAP_ALIGN ((size_t)64 << 10)

/* The start of an LMDB 0.9 file: page header, then the meta record; and where fields are in it. */
#define META_SIZE      152u
#define META_AT_FLAGS  10u
#define META_AT_MAGIC  16u
#define META_AT_FORMAT 20u
#define META_AT_PSIZE  40u
#define META_AT_LAST   136u /* number of the last page */
#define META_AT_TXN    144u
#define META_FLAG      0x08u
#define META_MAGIC     0xbeefc0deu
#define META_FORMAT    1u

static const char *const table_names[KITH_DB_TABLES] = {
    [KITH_DB_META] = "meta",
    [KITH_DB_FILE] = "file",
    [KITH_DB_SHA1_ONLY] = "sha1only",
    [KITH_DB_NAME] = "name",
    [KITH_DB_PLACE] = "place",
    [KITH_DB_PRODUCT] = "product",
    [KITH_DB_DISTRIBUTOR] = "distributor",
    [KITH_DB_SOURCE] = "source",
    [KITH_DB_LEDGER] = "ledger",
    [KITH_DB_INDEX] = "index",
};

const char *kith_db_table_name(enum kith_db_table table)
{
	return table_names[table];
}

/* LMDB's own codes mean that the file is not as LMDB wrote it; positive ones are errno. */
static enum kith_status fail_mdb(struct kith_err *err, int rc, const char *what)
{
	if (rc > 0)
		return kith_fail_errno(err, rc, "%s", what);
	return kith_fail(err, KITH_E_CORRUPT, "%s: %s", what, mdb_strerror(rc));
}

/* ------------------------------------------------------------------- open */

/* Reads one of the two meta pages; *ret_txn and *ret_last are what it says. */
static enum kith_status check_meta(int fd, uint64_t offset, uint32_t *page_size, uint64_t *ret_txn,
				   uint64_t *ret_last, struct kith_err *err)
{
	uint8_t meta[META_SIZE];
	uint32_t psize;
	enum kith_status st;

	st = kith_io_pread(fd, meta, sizeof meta, offset, err);
	if (st < 0)
		return st;
	if ((meta[META_AT_FLAGS] & META_FLAG) == 0 ||
	    kith_get_le32(meta + META_AT_MAGIC) != META_MAGIC)
		return kith_fail(err, KITH_E_CORRUPT,
				 offset == 0 ? "is not a kith set" : "its second page is damaged");
	if (kith_get_le32(meta + META_AT_FORMAT) != META_FORMAT)
		return kith_fail(err, KITH_E_UNSUPPORTED, "is of another version of LMDB");
	psize = kith_get_le32(meta + META_AT_PSIZE);
	if (psize < 512 || psize > 65536 || (psize & (psize - 1)) != 0 ||
	    (offset != 0 && psize != *page_size))
		return kith_fail(err, KITH_E_CORRUPT, "its page size %lu is not possible",
				 (unsigned long)psize);
	*page_size = psize;
	*ret_txn = kith_get_le64(meta + META_AT_TXN);
	*ret_last = kith_get_le64(meta + META_AT_LAST);
	return KITH_OK;
}

/*
 * What LMDB does not check before it maps the file and computes with what it reads there: that it
 * is a file, that the page size makes sense, that all pages are there.
 */
static enum kith_status check_file(const char *path, struct kith_db *db, struct kith_err *err)
{
	uint64_t txn[2] = {0, 0}, last[2] = {0, 0}, pages;
	struct stat about;
	int fd = -1;
	enum kith_status st;

	if (stat(path, &about) != 0)
		return kith_fail_errno(err, errno, "cannot open");
	if (S_ISDIR(about.st_mode))
		return kith_fail(err, KITH_E_CORRUPT, "is a folder, not a kith set");
	if (!S_ISREG(about.st_mode))
		return kith_fail(err, KITH_E_CORRUPT, "is not a regular file");
	if (about.st_size == 0)
		return kith_fail(err, KITH_E_CORRUPT, "is an empty file");
	if (about.st_size < (off_t)META_SIZE)
		return kith_fail(err, KITH_E_CORRUPT, "is not a kith set");
	st = kith_io_open(path, &fd, err);
	if (st < 0)
		goto out;
	st = kith_io_size(fd, &db->file_size, err);
	if (st < 0)
		goto out;
	st = check_meta(fd, 0, &db->page_size, &txn[0], &last[0], err);
	if (st < 0)
		goto out;
	st = check_meta(fd, db->page_size, &db->page_size, &txn[1], &last[1], err);
	if (st < 0)
		goto out;
	pages = txn[1] > txn[0] ? last[1] : last[0];
	if (pages >= db->file_size / db->page_size) {
		st = kith_fail(err, KITH_E_CORRUPT,
			       "is truncated: %llu bytes are not room for its %llu pages",
			       (unsigned long long)db->file_size, (unsigned long long)pages + 1);
		goto out;
	}
	if (db->file_size > KITH_OFFSET_LIMIT) {
		st = kith_fail(err, KITH_E_LIMIT, "is larger than 512 GiB");
		goto out;
	}
	db->map_size = ((size_t)db->file_size + SLACK + MAP_ALIGN - 1) & ~(MAP_ALIGN - 1);
out:
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/*
 * LMDB found by an assertion that the file is damaged, and would abort the program. Turned into
 * what every other damage inside a page is: a fault inside the map.
 */
static void assertion_failed(MDB_env *env, const char *text)
{
	const struct kith_db *db = mdb_env_get_userctx(env);

	(void)text;
	if (db != NULL && db->base != NULL)
		(void)*(const volatile uint8_t *)(db->base + db->map_size - 1);
	(void)raise(SIGBUS);
}

static enum kith_status open_tables(struct kith_db *db, struct kith_err *err)
{
	MDB_txn *txn = NULL;
	enum kith_status st;
	unsigned flags;
	int rc, i;

	rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return fail_mdb(err, rc, "cannot be read");
	for (i = 0; i < KITH_DB_TABLES; i++) {
		rc = mdb_dbi_open(txn, table_names[i], 0, &db->dbi[i]);
		if (rc == MDB_NOTFOUND && i == KITH_DB_META) {
			st = kith_fail(err, KITH_E_CORRUPT, "is an LMDB file, but not a kith set");
			goto out;
		}
		if (rc == MDB_NOTFOUND) {
			st = kith_fail(err, KITH_E_CORRUPT, "has no table '%s'", table_names[i]);
			goto out;
		}
		if (rc == 0)
			rc = mdb_dbi_flags(txn, db->dbi[i], &flags);
		if (rc != 0) {
			st = fail_mdb(err, rc, table_names[i]);
			goto out;
		}
		if (flags != 0) {
			st = kith_fail(err, KITH_E_CORRUPT, "table '%s' has the wrong flags",
				       table_names[i]);
			goto out;
		}
	}
	/* Committing, not aborting, is what keeps the table handles. */
	rc = mdb_txn_commit(txn);
	txn = NULL;
	st = rc == 0 ? KITH_OK : fail_mdb(err, rc, "cannot be read");
out:
	if (txn != NULL)
		mdb_txn_abort(txn);
	return st;
}

/* Reads hex digits at *pos; moves *pos behind them. */
static uintptr_t parse_hex(const uint8_t **pos, const uint8_t *end)
{
	const uint8_t *p = *pos;
	uintptr_t v = 0;

	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (uintptr_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			v = v << 4 | (uintptr_t)(*p - 'a' + 10);
		else
			break;
	}
	*pos = p;
	return v;
}

/*
 * Asks the operating system where the map is that `inside` points into. A set could lie about it
 * (its anchor is only data), and every check of bounds hangs on this address. Leaves base NULL
 * where /proc does not tell. KITH_E_CORRUPT when `inside` is not in the map.
 */
static enum kith_status locate_map(struct kith_db *db, const uint8_t *inside, struct kith_err *err)
{
	uintptr_t address = (uintptr_t)inside;
	struct kith_lines lines;
	const uint8_t *line;
	size_t n;
	int fd;
	enum kith_status st;

	if (kith_io_open("/proc/self/maps", &fd, NULL) < 0)
		return KITH_OK;
	kith_lines_init(&lines, fd, (size_t)64 << 10);
	while ((st = kith_lines_next(&lines, &line, &n, NULL, NULL)) != KITH_END) {
		const uint8_t *p = line, *end = line + n;
		uintptr_t from, to, offset;

		if (st == KITH_E_LIMIT)
			continue;
		if (st < 0)
			break;
		/* "55d0c8a1b000-55d0c8a1d000 r--s 00000000 ..." */
		from = parse_hex(&p, end);
		p += p < end;
		to = parse_hex(&p, end);
		if (address < from || address >= to)
			continue;
		p += end - p < 6 ? end - p : 6;
		offset = parse_hex(&p, end);
		if (offset == 0 && to - from == db->map_size && address - from < db->file_size) {
			db->base = inside - (address - from);
			db->end = db->base + db->file_size;
		}
		break;
	}
	kith_lines_done(&lines);
	(void)close(fd);
	if (db->base == NULL && st >= 0)
		return kith_fail(err, KITH_E_CORRUPT, "table 'meta' points outside of the file");
	return KITH_OK;
}

enum kith_status kith_db_open(const char *path, struct kith_db *ret_db, struct kith_err *err)
{
	struct kith_db db = {0};
	struct kith_bytes value;
	MDB_txn *txn = NULL;
	enum kith_status st;
	int rc;

	st = check_file(path, &db, err);
	if (st < 0)
		goto out;
	rc = mdb_env_create(&db.env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(db.env, KITH_DB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(db.env, db.map_size);
	if (rc == 0)
		rc = mdb_env_set_userctx(db.env, &db);
	if (rc == 0)
		rc = mdb_env_set_assert(db.env, assertion_failed);
	if (rc == 0)
		rc = mdb_env_open(db.env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR | MDB_NOTLS,
				  0);
	if (rc != 0) {
		st = fail_mdb(err, rc, "cannot be opened");
		goto out;
	}
	st = open_tables(&db, err);
	if (st < 0)
		goto out;
	st = kith_db_begin(&db, &txn, err);
	if (st < 0)
		goto out;
	st = kith_db_get_address(&db, txn, KITH_DB_META, "format", &value);
	if (st != KITH_OK) {
		st = kith_fail(err, KITH_E_CORRUPT, "table 'meta' has no row 'format'");
		goto out;
	}
	st = locate_map(&db, value.data, err);
	if (st < 0)
		goto out;
	*ret_db = db;
	(void)mdb_env_set_userctx(db.env, ret_db);
	db.env = NULL;
out:
	kith_db_end(txn);
	if (db.env != NULL)
		mdb_env_close(db.env);
	return st;
}

void kith_db_close(struct kith_db *db)
{
	if (db->env != NULL)
		mdb_env_close(db->env);
	memset(db, 0, sizeof *db);
}

enum kith_status kith_db_begin(const struct kith_db *db, struct MDB_txn **ret_txn,
			       struct kith_err *err)
{
	int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, ret_txn);

	return rc == 0 ? KITH_OK : fail_mdb(err, rc, "cannot be read");
}

void kith_db_end(struct MDB_txn *txn)
{
	if (txn != NULL)
		mdb_txn_abort(txn);
}

/* ------------------------------------------------------------------- read */

/* What the key or the value of a row must be: inside the file. */
static bool is_inside(const struct kith_db *db, const MDB_val *val)
{
	uintptr_t from = (uintptr_t)val->mv_data, base = (uintptr_t)db->base;

	return db->base != NULL && from >= base && from - base <= db->file_size &&
	       val->mv_size <= db->file_size - (from - base);
}

/* MDB_val has no const; LMDB does not write through the key. */
static MDB_val to_val(const void *data, size_t n)
{
	union {
		const void *in; /* cppcheck-suppress unusedStructMember */
		void *out;
	} pointer = {.in = data};
	MDB_val val = {n, pointer.out};

	return val;
}

static enum kith_status get(const struct kith_db *db, struct MDB_txn *txn, enum kith_db_table table,
			    const void *key, size_t key_n, MDB_val *ret)
{
	MDB_val k = to_val(key, key_n);
	int rc = mdb_get(txn, db->dbi[table], &k, ret);

	if (rc == 0)
		return KITH_OK;
	return rc == MDB_NOTFOUND ? KITH_NOT_FOUND : KITH_E_CORRUPT;
}

enum kith_status kith_db_get(const struct kith_db *db, struct MDB_txn *txn,
			     enum kith_db_table table, const void *key, size_t key_n,
			     struct kith_bytes *ret_value)
{
	MDB_val value;
	enum kith_status st = get(db, txn, table, key, key_n, &value);

	if (st != KITH_OK)
		return st;
	if (!is_inside(db, &value))
		return KITH_E_CORRUPT;
	ret_value->data = value.mv_data;
	ret_value->n = value.mv_size;
	return KITH_OK;
}

enum kith_status kith_db_get_address(const struct kith_db *db, struct MDB_txn *txn,
				     enum kith_db_table table, const char *key,
				     struct kith_bytes *ret_value)
{
	MDB_val value;
	enum kith_status st = get(db, txn, table, key, strlen(key), &value);

	if (st != KITH_OK)
		return st;
	ret_value->data = value.mv_data;
	ret_value->n = value.mv_size;
	return KITH_OK;
}

int kith_db_fd(const struct kith_db *db)
{
	mdb_filehandle_t fd;

	return mdb_env_get_fd(db->env, &fd) == 0 ? fd : -1;
}

bool kith_db_read_file(const struct kith_db *db, void *ret, size_t n, uint64_t offset)
{
	return kith_io_pread(kith_db_fd(db), ret, n, offset, NULL) == KITH_OK;
}

enum kith_status kith_db_rows(const struct kith_db *db, struct MDB_txn *txn,
			      enum kith_db_table table, uint64_t *ret_rows)
{
	MDB_stat stat;

	if (mdb_stat(txn, db->dbi[table], &stat) != 0)
		return KITH_E_CORRUPT;
	*ret_rows = stat.ms_entries;
	return KITH_OK;
}

enum kith_status kith_db_cursor_open(const struct kith_db *db, struct MDB_txn *txn,
				     enum kith_db_table table, struct MDB_cursor **ret_cursor,
				     struct kith_err *err)
{
	int rc = mdb_cursor_open(txn, db->dbi[table], ret_cursor);

	return rc == 0 ? KITH_OK : fail_mdb(err, rc, table_names[table]);
}

void kith_db_cursor_close(struct MDB_cursor *cursor)
{
	if (cursor != NULL)
		mdb_cursor_close(cursor);
}

enum kith_status kith_db_move(const struct kith_db *db, struct MDB_cursor *cursor,
			      enum kith_db_move move, struct kith_bytes *key,
			      struct kith_bytes *ret_value)
{
	static const MDB_cursor_op ops[] = {
	    [KITH_DB_FIRST] = MDB_FIRST,
	    [KITH_DB_NEXT] = MDB_NEXT,
	    [KITH_DB_SEEK] = MDB_SET_RANGE,
	    [KITH_DB_EXACT] = MDB_SET_KEY,
	};
	MDB_val k = to_val(key->data, key->n), value;
	int rc = mdb_cursor_get(cursor, &k, &value, ops[move]);

	if (rc == MDB_NOTFOUND)
		return move == KITH_DB_EXACT ? KITH_NOT_FOUND : KITH_END;
	if (rc != 0 || !is_inside(db, &k) || !is_inside(db, &value))
		return KITH_E_CORRUPT;
	key->data = k.mv_data;
	key->n = k.mv_size;
	ret_value->data = value.mv_data;
	ret_value->n = value.mv_size;
	return KITH_OK;
}
