/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "sqlite_ahead.h"

/* A statement handle is SQLite's own; only this file knows. */
struct kith_sql {
	sqlite3 *db;
	/* of the kith_sql_each() that runs */
	kith_sql_row row;
	void *user;
	enum kith_status st; /* what row() returned */
	struct kith_err *err;
	uint64_t size, whole; /* bytes of the file, and as its header says; 0: it does not say */
};

struct kith_sql_stmt {
	sqlite3_stmt *stmt;
	int n_columns;
};

/* The longest value that is read: far over KITH_LIMIT_NAME, so that long names are counted. */
#define VALUE_MAX (16 << 20)

static const struct {
	int id, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, VALUE_MAX},
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
    {SQLITE_LIMIT_COLUMN, 200},
    {SQLITE_LIMIT_EXPR_DEPTH, 64},
    {SQLITE_LIMIT_COMPOUND_SELECT, 16},
    {SQLITE_LIMIT_VDBE_OP, 25000},
    {SQLITE_LIMIT_FUNCTION_ARG, KITH_SQL_EACH_MAX},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static enum kith_status fail_sql(sqlite3 *db, int rc, struct kith_err *err)
{
	const char *text = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_NOMEM: return kith_fail_nomem(err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_IOERR:
	case SQLITE_TOOBIG:
	case SQLITE_FORMAT: return kith_fail(err, KITH_E_CORRUPT, "damaged database: %s", text);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH: return kith_fail(err, KITH_E_IO, "%s", text);
	default: return kith_fail(err, KITH_E_UNSUPPORTED, "%s", text);
	}
}

/* Refuses a database whose newest pages are in another file. */
static enum kith_status check_no_log(const char *path, const char *suffix, struct kith_err *err)
{
	struct stat st;
	struct kith_buf name = {0};
	enum kith_status status = KITH_OK;

	if (!kith_buf_add(&name, path, strlen(path)) ||
	    !kith_buf_add(&name, suffix, strlen(suffix) + 1)) {
		status = kith_fail_nomem(err);
		goto out;
	}
	if (stat((const char *)name.data, &st) == 0 && st.st_size > 0)
		status =
		    kith_fail(err, KITH_E_UNSUPPORTED,
			      "it has changes that are not applied yet, in '%s'; open and close "
			      "it with sqlite3 first",
			      (const char *)name.data);
out:
	kith_buf_done(&name);
	return status;
}

/* A path as a URI: every byte that could mean something is escaped. */
static bool make_uri(struct kith_buf *uri, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-";
	static const char options[] = "?immutable=1";
	const char *head = path[0] == '/' ? "file://" : "file:";
	const char *p;
	char escaped[4];

	kith_buf_add(uri, head, strlen(head));
	for (p = path; *p != '\0'; p++) {
		if (strchr(plain, *p) != NULL) {
			kith_buf_add_byte(uri, (uint8_t)*p);
			continue;
		}
		(void)snprintf(escaped, sizeof escaped, "%%%02x", (unsigned)(uint8_t)*p);
		kith_buf_add(uri, escaped, 3);
	}
	return kith_buf_add(uri, options, sizeof options) && !uri->failed;
}

/* A value of a row is "unprotected", which is about the connection's mutex, and there is none
 * (NOMUTEX). */
static void get_value(sqlite3_value *from, struct kith_sql_value *value)
{
	switch (sqlite3_value_type(from)) {
	case SQLITE_TEXT:
		value->data = sqlite3_value_text(from);
		value->n = (size_t)sqlite3_value_bytes(from);
		value->type = value->data != NULL ? KITH_SQL_TEXT : KITH_SQL_NULL;
		break;
	case SQLITE_INTEGER:
		value->number = sqlite3_value_int64(from);
		value->type = KITH_SQL_INTEGER;
		break;
	case SQLITE_BLOB:
		value->data = sqlite3_value_blob(from);
		value->n = (size_t)sqlite3_value_bytes(from);
		value->type = KITH_SQL_BLOB;
		break;
	case SQLITE_FLOAT: value->type = KITH_SQL_REAL; break;
	default: value->type = KITH_SQL_NULL; break;
	}
}

/* The aggregate function behind kith_sql_each(). */
static void each_row(sqlite3_context *context, int n, sqlite3_value **from)
{
	struct kith_sql *sql = sqlite3_user_data(context);
	struct kith_sql_value values[KITH_SQL_EACH_MAX];
	int i;

	/* Whoever else names it in a query gets an error, and so does a row after a failure. */
	if (sql->row == NULL || sql->st != KITH_OK || n > KITH_SQL_EACH_MAX) {
		sqlite3_result_error(context, "not now", -1);
		return;
	}
	for (i = 0; i < n; i++)
		get_value(from[i], &values[i]);
	sql->st = sql->row(sql->user, values, sql->err);
	if (sql->st != KITH_OK)
		sqlite3_result_error(context, "stopped", -1);
}

static void each_end(sqlite3_context *context)
{
	(void)context;
}

/* Settings that must hold before the first byte of the schema is read. */
static int harden(sqlite3 *db, size_t cache_bytes, bool salvage)
{
	/* Defensive mode guards against writes, and this connection cannot write; only without it
	 * does SQLite read a database that is shorter than its header says. */
	const struct {
		int id, value;
	} settings[] = {
	    {SQLITE_DBCONFIG_DEFENSIVE, !salvage},      {SQLITE_DBCONFIG_WRITABLE_SCHEMA, salvage},
	    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
	};
	char pragmas[256];
	size_t i;
	int rc = SQLITE_OK;

	for (i = 0; i < sizeof limits / sizeof limits[0]; i++)
		(void)sqlite3_limit(db, limits[i].id, limits[i].value);
	for (i = 0; i < sizeof settings / sizeof settings[0] && rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(db, settings[i].id, settings[i].value, (int *)NULL);
	if (rc != SQLITE_OK)
		return rc;
	(void)snprintf(pragmas, sizeof pragmas,
		       "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA query_only=ON; "
		       "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%zu;",
		       cache_bytes / 1024 > 1 ? cache_bytes / 1024 : 1);
	return sqlite3_exec(db, pragmas, NULL, NULL, NULL);
}

/*
 * Finds out where a database ends and where its header says: of one that is cut off SQLite only
 * says "malformed". Offsets: https://www.sqlite.org/fileformat.html, section 1.3. The count of
 * pages is right only when the change counter is that of the version that wrote it.
 */
static enum kith_status read_sizes(struct kith_sql *sql, const char *path, struct kith_err *err)
{
	uint8_t head[100];
	uint64_t page;
	int fd = -1;
	enum kith_status st = kith_io_open(path, &fd, err);

	if (st >= 0)
		st = kith_io_size(fd, &sql->size, err);
	if (st >= 0 && sql->size >= sizeof head) {
		st = kith_io_pread(fd, head, sizeof head, 0, err);
		if (st < 0)
			goto out;
		page = (uint64_t)head[16] << 8 | head[17];
		page = page == 1 ? 65536 : page;
		if (kith_get_be32(head + 24) == kith_get_be32(head + 92))
			sql->whole = page * kith_get_be32(head + 28);
	}
out:
	if (fd >= 0)
		(void)close(fd);
	return st;
}

bool kith_sql_is_cut(const struct kith_sql *sql, uint64_t *ret_size, uint64_t *ret_whole)
{
	*ret_size = sql->size;
	*ret_whole = sql->whole;
	return sql->size < sql->whole;
}

enum kith_status kith_sql_open(const char *path, size_t cache_bytes, bool salvage,
			       struct kith_sql **ret_sql, struct kith_err *err)
{
	struct kith_buf uri = {0};
	struct kith_sql *sql = NULL;
	enum kith_status st;
	int rc;

	st = check_no_log(path, "-wal", err);
	if (st >= 0)
		st = check_no_log(path, "-journal", err);
	if (st < 0)
		goto out;
	sql = calloc(1, sizeof *sql);
	if (sql == NULL || !make_uri(&uri, path)) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = read_sizes(sql, path, err);
	if (st >= 0 && !salvage && sql->size < sql->whole)
		st = kith_fail(err, KITH_E_CORRUPT,
			       "damaged database: it ends at offset %llu, its header tells of %llu "
			       "bytes",
			       (unsigned long long)sql->size, (unsigned long long)sql->whole);
	if (st < 0)
		goto out;
	rc = sqlite3_open_v2((const char *)uri.data, &sql->db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
			     kith_sqlite_ahead());
	if (rc == SQLITE_OK)
		rc = harden(sql->db, cache_bytes, salvage);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(sql->db, KITH_SQL_EACH, -1,
						SQLITE_UTF8 | SQLITE_DIRECTONLY, sql, NULL,
						each_row, each_end, NULL);
	if (rc != SQLITE_OK) {
		st = fail_sql(sql->db, rc, err);
		goto out;
	}
	*ret_sql = sql;
	sql = NULL;
out:
	kith_sql_close(sql);
	kith_buf_done(&uri);
	return st;
}

void kith_sql_close(struct kith_sql *sql)
{
	if (sql == NULL)
		return;
	(void)sqlite3_close(sql->db);
	free(sql);
}

enum kith_status kith_sql_prepare(struct kith_sql *sql, const char *text,
				  struct kith_sql_stmt **ret_stmt, struct kith_err *err)
{
	struct kith_sql_stmt *stmt = calloc(1, sizeof *stmt);
	int rc;

	if (stmt == NULL)
		return kith_fail_nomem(err);
	rc = sqlite3_prepare_v2(sql->db, text, -1, &stmt->stmt, NULL);
	if (rc != SQLITE_OK) {
		free(stmt);
		return fail_sql(sql->db, rc, err);
	}
	stmt->n_columns = sqlite3_column_count(stmt->stmt);
	*ret_stmt = stmt;
	return KITH_OK;
}

void kith_sql_finish(struct kith_sql_stmt *stmt)
{
	if (stmt == NULL)
		return;
	(void)sqlite3_finalize(stmt->stmt);
	free(stmt);
}

void kith_sql_reset(struct kith_sql_stmt *stmt)
{
	(void)sqlite3_reset(stmt->stmt);
}

enum kith_status kith_sql_bind_number(struct kith_sql_stmt *stmt, int i, int64_t number,
				      struct kith_err *err)
{
	int rc = sqlite3_bind_int64(stmt->stmt, i, number);

	return rc == SQLITE_OK ? KITH_OK : fail_sql(sqlite3_db_handle(stmt->stmt), rc, err);
}

enum kith_status kith_sql_bind_text(struct kith_sql_stmt *stmt, int i, const char *text,
				    struct kith_err *err)
{
	int rc = sqlite3_bind_text(stmt->stmt, i, text, -1, SQLITE_TRANSIENT);

	return rc == SQLITE_OK ? KITH_OK : fail_sql(sqlite3_db_handle(stmt->stmt), rc, err);
}

enum kith_status kith_sql_step(struct kith_sql_stmt *stmt, struct kith_sql_value *values, size_t n,
			       struct kith_err *err)
{
	int rc = sqlite3_step(stmt->stmt);
	int i;

	if (rc == SQLITE_DONE)
		return KITH_END;
	if (rc != SQLITE_ROW)
		return fail_sql(sqlite3_db_handle(stmt->stmt), rc, err);
	for (i = 0; i < stmt->n_columns && (size_t)i < n; i++)
		get_value(sqlite3_column_value(stmt->stmt, i), &values[i]);
	return KITH_OK;
}

enum kith_status kith_sql_each(struct kith_sql *sql, struct kith_sql_stmt *stmt, kith_sql_row row,
			       void *user, struct kith_err *err)
{
	struct kith_err own = {0};
	enum kith_status st;

	sql->row = row;
	sql->user = user;
	sql->st = KITH_OK;
	sql->err = err;
	st = kith_sql_step(stmt, NULL, 0, &own); /* the aggregate's own row, behind all others */
	sql->row = NULL;
	if (sql->st != KITH_OK)
		return sql->st;
	if (st < 0 && err != NULL)
		*err = own;
	return st == KITH_OK ? KITH_END : st;
}

/* ----------------------------------------------------------------- schema */

/* Runs a query with up to two text parameters; is there a row? */
static enum kith_status query_exists(struct kith_sql *sql, const char *text, const char *a,
				     const char *b, bool *ret, struct kith_err *err)
{
	struct kith_sql_stmt *stmt = NULL;
	enum kith_status st;

	st = kith_sql_prepare(sql, text, &stmt, err);
	if (stmt == NULL)
		return st;
	st = kith_sql_bind_text(stmt, 1, a, err);
	if (st >= 0 && b != NULL)
		st = kith_sql_bind_text(stmt, 2, b, err);
	if (st >= 0)
		st = kith_sql_step(stmt, NULL, 0, err);
	if (st >= 0) {
		*ret = st == KITH_OK;
		st = KITH_OK;
	}
	kith_sql_finish(stmt);
	return st;
}

enum kith_status kith_sql_has_table(struct kith_sql *sql, const char *table, bool *ret,
				    struct kith_err *err)
{
	/* a virtual table has no root page */
	return query_exists(sql,
			    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND "
			    "name = ?1 COLLATE NOCASE",
			    table, NULL, ret, err);
}

enum kith_status kith_sql_columns(struct kith_sql *sql, const char *table, const char *const *names,
				  size_t n, bool *ret_has, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < n && st >= 0; i++)
		st = query_exists(
		    sql, "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
		    table, names[i], &ret_has[i], err);
	return st;
}

enum kith_status kith_sql_has_index(struct kith_sql *sql, const char *table, const char *column,
				    bool *ret, struct kith_err *err)
{
	return query_exists(
	    sql,
	    "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE AND "
	    "pk = 1 AND upper(type) = 'INTEGER' "
	    "UNION ALL "
	    "SELECT 1 FROM pragma_index_list(?1) l, pragma_index_xinfo(l.name) x "
	    "WHERE l.partial = 0 AND x.seqno = 0 AND x.name = ?2 COLLATE NOCASE AND "
	    "x.coll = 'BINARY'",
	    table, column, ret, err);
}
