/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lmdb_writer.c: what must hold so that a set's bytes depend on its content alone:
 *  - transactions end after a number of bytes, never after a time;
 *  - the map's size, which LMDB writes into the file, follows from the content's size;
 *  - LMDB clears the pages that it hands out (no MDB_NOMEMINIT), and the second step writes only
 *    to pages that are new or were written before in the same way.
 */
#define _GNU_SOURCE
#include "core/lmdb_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/record.h"

#define BATCH    ((uint64_t)128 << 20) /* a transaction has half of it, or one large value */
#define MAP_STEP ((uint64_t)16 << 20)
/* Second step: pages of the trees above the values, of meta, and of LMDB's free list. */
#define SECOND_SLACK ((uint64_t)1 << 20)
#define DROP         ((size_t)32 << 20) /* memory is given back in pieces of that size */
#define PAGE_MAX     65536u

static const char *const table_names[KITH_LMDB_TABLES] = {
    [KITH_LMDB_META] = "meta",
    [KITH_LMDB_FILE] = "file",
    [KITH_LMDB_SHA1ONLY] = "sha1only",
    [KITH_LMDB_NAME] = "name",
    [KITH_LMDB_PLACE] = "place",
    [KITH_LMDB_PRODUCT] = "product",
    [KITH_LMDB_DISTRIBUTOR] = "distributor",
    [KITH_LMDB_SOURCE] = "source",
    [KITH_LMDB_LEDGER] = "ledger",
    [KITH_LMDB_INDEX] = "index",
};

struct kith_lmdb {
	char *path;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[KITH_LMDB_TABLES];
	MDB_cursor *cursors[KITH_LMDB_TABLES]; /* for appending; of the transaction */
	uint64_t batch;                        /* bytes in this transaction */
	const uint8_t *base;                   /* second step: where the file begins in memory */
	size_t page;                           /* size of LMDB's pages: this machine's */
	uint64_t size;     /* second step: what the file's content needs at most */
	uint64_t old_size; /* second step: what of it was used when it began */
};

struct kith_lmdb_cursor {
	MDB_cursor *cursor;
	const uint8_t *kept;    /* pages before it were given back */
	const uint8_t *fetched; /* pages before it were fetched */
};

static enum kith_status fail_mdb(struct kith_err *err, int rc, const char *what)
{
	if (rc == ENOMEM)
		return kith_fail_nomem(err);
	if (rc == MDB_MAP_FULL)
		return kith_fail(err, KITH_E_LIMIT, "%s: the set grows beyond its map", what);
	return kith_fail(err, KITH_E_IO, "%s: %s", what, mdb_strerror(rc));
}

static enum kith_status begin(struct kith_lmdb *db, struct kith_err *err)
{
	int rc = mdb_txn_begin(db->env, NULL, 0, &db->txn), i;

	for (i = 0; rc == 0 && i < KITH_LMDB_TABLES; i++)
		rc = mdb_dbi_open(db->txn, table_names[i], MDB_CREATE, &db->dbi[i]);
	if (rc != 0)
		return fail_mdb(err, rc, "cannot begin to write the set");
	db->batch = 0;
	return KITH_OK;
}

static void close_cursors(struct kith_lmdb *db)
{
	int i;

	for (i = 0; i < KITH_LMDB_TABLES; i++) {
		if (db->cursors[i] != NULL)
			mdb_cursor_close(db->cursors[i]);
		db->cursors[i] = NULL;
	}
}

/* The write itself is LMDB's, so a test that makes writing fail has to ask here. */
static int fault(void)
{
	return kith_io_fault == NULL ? 0 : kith_io_fault("write");
}

/*
 * LMDB takes a write that was cut short, which is what a disk does when it gets full, for EIO. How
 * much room is left tells.
 */
static int why_short(struct kith_lmdb *db, int rc)
{
	struct statvfs vfs;
	int fd;

	if (rc == EIO && mdb_env_get_fd(db->env, &fd) == 0 && fstatvfs(fd, &vfs) == 0 &&
	    (uint64_t)vfs.f_bavail * vfs.f_frsize < BATCH)
		return ENOSPC;
	return rc;
}

static enum kith_status commit(struct kith_lmdb *db, struct kith_err *err)
{
	int rc = fault(), fd;

	close_cursors(db);
	if (rc != 0)
		return fail_mdb(err, rc, "cannot write the set");
	rc = mdb_txn_commit(db->txn);
	db->txn = NULL;
	if (rc != 0)
		return fail_mdb(err, why_short(db, rc), "cannot write the set");
	/* The disk may begin now; the sync at the end, which reports errors, then waits for less.
	 */
	if (mdb_env_get_fd(db->env, &fd) == 0)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return KITH_OK;
}

/* The file's size as LMDB counts it. */
static uint64_t used(struct kith_lmdb *db)
{
	MDB_envinfo info;

	(void)mdb_env_info(db->env, &info);
	return ((uint64_t)info.me_last_pgno + 1) * db->page;
}

static uint64_t round_up(uint64_t n)
{
	return (n + MAP_STEP - 1) / MAP_STEP * MAP_STEP;
}

static enum kith_status open_env(struct kith_lmdb *db, unsigned flags, uint64_t map_size,
				 struct kith_err *err)
{
	int rc = mdb_env_create(&db->env);
	MDB_stat stat;

	if (rc == 0)
		rc = mdb_env_set_maxdbs(db->env, KITH_LMDB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(db->env, (size_t)map_size);
	if (rc == 0)
		rc = mdb_env_open(db->env, db->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | flags,
				  0666);
	if (rc == 0)
		rc = mdb_env_stat(db->env, &stat);
	if (rc != 0)
		return fail_mdb(err, rc, "cannot open the set for writing");
	db->page = stat.ms_psize;
	if (db->page > PAGE_MAX)
		return kith_fail(err, KITH_E_UNSUPPORTED, "pages of %zu bytes", db->page);
	return KITH_OK;
}

enum kith_status kith_lmdb_open(const char *path, struct kith_lmdb **ret, struct kith_err *err)
{
	struct kith_lmdb *db = calloc(1, sizeof *db);
	enum kith_status st;

	if (db == NULL)
		return kith_fail_nomem(err);
	db->path = strdup(path);
	if (db->path == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = open_env(db, 0, round_up(2 * BATCH), err);
	if (st < 0)
		goto out;
	st = begin(db, err);
	if (st < 0)
		goto out;
	*ret = db;
	db = NULL;
out:
	kith_lmdb_close(db);
	return st;
}

void kith_lmdb_close(struct kith_lmdb *db)
{
	if (db == NULL)
		return;
	close_cursors(db);
	if (db->txn != NULL)
		mdb_txn_abort(db->txn);
	if (db->env != NULL)
		mdb_env_close(db->env);
	free(db->path);
	free(db);
}

enum kith_status kith_lmdb_append(struct kith_lmdb *db, enum kith_lmdb_table table, const void *key,
				  size_t key_n, const void *value, size_t value_n,
				  struct kith_err *err)
{
	MDB_val k, v;
	enum kith_status st;
	int rc = 0;

	k.mv_data = (void *)(uintptr_t)key;
	k.mv_size = key_n;
	v.mv_data = (void *)(uintptr_t)value;
	v.mv_size = value_n;
	if ((db->batch > 0 || value_n > BATCH / 2) && db->batch + value_n >= BATCH / 2) {
		st = commit(db, err);
		if (st < 0)
			return st;
		rc = mdb_env_set_mapsize(db->env,
					 (size_t)round_up(used(db) + 2 * BATCH + 2 * value_n));
		if (rc != 0)
			return fail_mdb(err, rc, "cannot enlarge the set");
		st = begin(db, err);
		if (st < 0)
			return st;
	}
	if (db->cursors[table] == NULL)
		rc = mdb_cursor_open(db->txn, db->dbi[table], &db->cursors[table]);
	if (rc == 0)
		rc = mdb_cursor_put(db->cursors[table], &k, &v, MDB_APPEND);
	if (rc != 0)
		return fail_mdb(err, rc,
				rc == MDB_KEYEXIST ? "rows out of order" : "cannot write the set");
	db->batch += key_n + value_n + 16;
	return KITH_OK;
}

/*
 * Finds where the file begins in memory. The first 8 bytes of each of LMDB's pages are its number;
 * that is only a hint, which is taken when the file has at that place what the page has in memory.
 */
static enum kith_status find_base(struct kith_lmdb *db, int fd, const uint8_t *in_page,
				  struct kith_err *err)
{
	const uint8_t *page = (const uint8_t *)((uintptr_t)in_page & ~(uintptr_t)(db->page - 1));
	uint8_t copy[PAGE_MAX];
	uint64_t number;
	enum kith_status st;

	memcpy(&number, page, sizeof number);
	if (number >= used(db) / db->page)
		return kith_fail(err, KITH_E_UNSUPPORTED, "this LMDB lays out its pages otherwise");
	st = kith_io_pread(fd, copy, db->page, number * db->page, err);
	if (st < 0)
		return st;
	if (memcmp(copy, page, db->page) != 0)
		return kith_fail(err, KITH_E_UNSUPPORTED, "this LMDB lays out its pages otherwise");
	db->base = page - number * db->page;
	return KITH_OK;
}

/*
 * Second step: before n more bytes are written, gives the file its blocks, holes included. Writing
 * through a map to a block that the disk does not have ends in SIGBUS; this call can fail instead.
 */
static enum kith_status allocate(struct kith_lmdb *db, size_t n, struct kith_err *err)
{
	int fd, rc = fault();

	db->size += n + n / 64;
	if (rc == 0)
		rc = mdb_env_get_fd(db->env, &fd);
	if (rc == 0)
		do
			rc = posix_fallocate(fd, 0, (off_t)(db->size + SECOND_SLACK));
		while (rc == EINTR);
	if (rc != 0)
		return kith_fail_errno(err, rc, "cannot write the set, which needs %llu MiB",
				       (unsigned long long)(db->size >> 20) + 1);
	return KITH_OK;
}

static enum kith_status base_of(struct kith_lmdb *db, const uint8_t *in_page, struct kith_err *err)
{
	int fd;

	if (db->base != NULL)
		return KITH_OK;
	if (mdb_env_get_fd(db->env, &fd) != 0)
		return kith_fail(err, KITH_E_IO, "cannot read the set back");
	return find_base(db, fd, in_page, err);
}

/* Gives memory of the map back; its content stays in the file. */
static const uint8_t *drop(const uint8_t *from, const uint8_t *to)
{
	uintptr_t a = ((uintptr_t)from + PAGE_MAX - 1) & ~(uintptr_t)(PAGE_MAX - 1);
	uintptr_t b = (uintptr_t)to & ~(uintptr_t)(PAGE_MAX - 1);

	if (b <= a)
		return from;
	(void)madvise((void *)a, (size_t)(b - a), MADV_DONTNEED);
	return (const uint8_t *)b;
}

/* Brings the pages that follow into the map, one call instead of a fault for each few of them. */
static const uint8_t *fetch(struct kith_lmdb *db, const uint8_t *from)
{
	const uint8_t *end = db->base + used(db);
	uintptr_t a = (uintptr_t)from & ~(uintptr_t)(PAGE_MAX - 1);
	size_t n = (uintptr_t)end - a < DROP / 4 ? (size_t)((uintptr_t)end - a) : DROP / 4;

#ifdef MADV_POPULATE_READ
	(void)madvise((void *)a, n, MADV_POPULATE_READ); /* since Linux 5.14; only advice */
#endif
	return (const uint8_t *)(a + n);
}

enum kith_status kith_lmdb_next(struct kith_lmdb *db, enum kith_lmdb_table table,
				struct kith_lmdb_cursor **cursor, struct kith_lmdb_row *ret_row,
				struct kith_err *err)
{
	enum kith_status st;
	MDB_val k, v;
	int rc = 0;

	if (*cursor == NULL) {
		*cursor = calloc(1, sizeof **cursor);
		if (*cursor == NULL)
			return kith_fail_nomem(err);
		rc = mdb_cursor_open(db->txn, db->dbi[table], &(*cursor)->cursor);
	}
	if (rc == 0)
		rc = mdb_cursor_get((*cursor)->cursor, &k, &v, MDB_NEXT);
	if (rc == MDB_NOTFOUND) {
		kith_lmdb_cursor_close(*cursor);
		*cursor = NULL;
		return KITH_END;
	}
	if (rc != 0)
		return fail_mdb(err, rc, "cannot read the set back");
	ret_row->key = k.mv_data;
	ret_row->key_n = k.mv_size;
	ret_row->value = v.mv_data;
	ret_row->value_n = v.mv_size;
	st = base_of(db, ret_row->key, err);
	if (st < 0)
		return st;
	ret_row->behind_key = (uint64_t)(ret_row->key + ret_row->key_n - db->base);
	ret_row->value_at = (uint64_t)(ret_row->value - db->base);
	/* What is appended lies in order, so everything well before this key was walked, and what
	 * follows will be. */
	if ((*cursor)->kept == NULL || ret_row->key < (*cursor)->kept)
		(*cursor)->kept = (*cursor)->fetched = ret_row->key;
	else if ((size_t)(ret_row->key - (*cursor)->kept) > DROP)
		(*cursor)->kept = drop((*cursor)->kept, ret_row->key);
	if (ret_row->key >= (*cursor)->fetched)
		(*cursor)->fetched = fetch(db, ret_row->key);
	return KITH_OK;
}

void kith_lmdb_cursor_close(struct kith_lmdb_cursor *cursor)
{
	if (cursor == NULL)
		return;
	if (cursor->cursor != NULL)
		mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static enum kith_status put(struct kith_lmdb *db, enum kith_lmdb_table table, const char *key,
			    const void *value, size_t n, unsigned flags, uint8_t **ret_value,
			    struct kith_err *err)
{
	enum kith_status st = allocate(db, n, err);
	MDB_val k, v;
	int rc;

	if (st < 0)
		return st;
	k.mv_data = (void *)(uintptr_t)key;
	k.mv_size = strlen(key);
	v.mv_data = (void *)(uintptr_t)value;
	v.mv_size = n;
	rc = mdb_put(db->txn, db->dbi[table], &k, &v, flags);
	if (rc != 0)
		return fail_mdb(err, rc, "cannot write the set");
	if (ret_value != NULL)
		*ret_value = v.mv_data;
	return KITH_OK;
}

/* Finds out where the file lies, before anything is written to it. */
static enum kith_status find_any(struct kith_lmdb *db, struct kith_err *err)
{
	struct kith_lmdb_cursor *cursor = NULL;
	struct kith_lmdb_row row;
	enum kith_status st = kith_lmdb_next(db, KITH_LMDB_SOURCE, &cursor, &row, err);

	kith_lmdb_cursor_close(cursor);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_lmdb_second_step(struct kith_lmdb *db, uint64_t more, struct kith_err *err)
{
	enum kith_status st = commit(db, err);

	if (st < 0)
		return st;
	db->size = db->old_size = used(db);
	mdb_env_close(db->env);
	db->env = NULL;
	st = open_env(db, MDB_WRITEMAP, round_up(db->size + more + more / 64 + 2 * SECOND_SLACK),
		      err);
	if (st >= 0)
		st = allocate(db, 0, err);
	if (st >= 0)
		st = begin(db, err);
	return st < 0 ? st : find_any(db, err);
}

enum kith_status kith_lmdb_reserve(struct kith_lmdb *db, const char *key, size_t n,
				   uint8_t **ret_value, struct kith_err *err)
{
	size_t at, some;
	enum kith_status st;

	if (n > UINT32_MAX)
		return kith_fail(err, KITH_E_LIMIT, "index '%s' would have %zu bytes, over 4 GiB",
				 key, n);
	st = put(db, KITH_LMDB_INDEX, key, NULL, n, MDB_RESERVE, ret_value, err);
	/* New pages of a file read as zeros, but LMDB may have taken pages that it used before, or
	 * part of one. */
	if (st >= 0 && n > db->page && db->base != NULL && *ret_value >= db->base + db->old_size)
		return KITH_OK;
	for (at = 0; st >= 0 && at < n; at += some) {
		some = n - at < DROP ? n - at : DROP;
		memset(*ret_value + at, 0, some);
		(void)drop(*ret_value + at, *ret_value + at + some);
	}
	return st;
}

void kith_lmdb_filling(struct kith_lmdb *db, const uint8_t *from, const uint8_t *to)
{
	(void)db;
#ifdef MADV_POPULATE_WRITE
	from = (const uint8_t *)((uintptr_t)from & ~(uintptr_t)(PAGE_MAX - 1));
	(void)madvise((void *)(uintptr_t)from, (size_t)(to - from), MADV_POPULATE_WRITE);
#else
	(void)from;
	(void)to;
#endif
}

void kith_lmdb_filled(struct kith_lmdb *db, const uint8_t *from, const uint8_t *to)
{
	(void)db;
	(void)drop(from, to);
}

enum kith_status kith_lmdb_put_meta(struct kith_lmdb *db, const char *key, const void *value,
				    size_t value_n, struct kith_err *err)
{
	return put(db, KITH_LMDB_META, key, value, value_n, 0, NULL, err);
}

/* Where meta's anchor lies in the file. */
static enum kith_status find_anchor(struct kith_lmdb *db, uint64_t *ret_offset,
				    struct kith_err *err)
{
	MDB_val k, v;
	MDB_txn *txn = NULL;
	MDB_dbi dbi;
	enum kith_status st;
	int rc, fd;

	k.mv_data = (void *)(uintptr_t) "anchor";
	k.mv_size = 6;
	rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(txn, table_names[KITH_LMDB_META], 0, &dbi);
	if (rc == 0)
		rc = mdb_get(txn, dbi, &k, &v);
	if (rc == 0)
		rc = mdb_env_get_fd(db->env, &fd);
	if (rc != 0) {
		st = fail_mdb(err, rc, "cannot read the set back");
		goto out;
	}
	/* The index's offsets were counted from the base found before: both must agree. */
	{
		const uint8_t *before = db->base;

		st = find_base(db, fd, v.mv_data, err);
		if (st < 0)
			goto out;
		if (before != NULL && before != db->base) {
			st = kith_fail(err, KITH_E_UNSUPPORTED, "this LMDB moved its map");
			goto out;
		}
	}
	*ret_offset = (uint64_t)((const uint8_t *)v.mv_data - db->base);
	st = KITH_OK;
out:
	if (txn != NULL)
		mdb_txn_abort(txn);
	return st;
}

enum kith_status kith_lmdb_finish(struct kith_lmdb *db, int fd, uint64_t *ret_size,
				  struct kith_err *err)
{
	uint64_t offset = 0, size;
	uint8_t bytes[8];
	enum kith_status st;

	st = commit(db, err);
	if (st < 0)
		return st;
	st = find_anchor(db, &offset, err);
	if (st < 0)
		return st;
	size = used(db);
	mdb_env_close(db->env);
	db->env = NULL;
	/* With a writable map LMDB makes the file as long as the map. */
	if (ftruncate(fd, (off_t)size) != 0)
		return kith_fail_errno(err, errno, "cannot cut the set to its size");
	if (size > KITH_OFFSET_LIMIT)
		return kith_fail(err, KITH_E_LIMIT, "the set is larger than 512 GiB");
	kith_put_le64(bytes, offset);
	st = kith_io_pwrite(fd, bytes, sizeof bytes, offset + 8, err);
	*ret_size = size;
	return st;
}
