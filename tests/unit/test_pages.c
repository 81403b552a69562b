/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of pages, of leaves alone and of the tree: what they find in a database is what
 * SQLite finds there, and what they find in a part of one is never anything else.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "source_fixture.h"
#include "sources/sqlite_leaves.h"
#include "sources/sqlite_tree.h"

#define ROWS 4000
#define MAX  ((size_t)8 << 20)

/* FILE of a minimal set: names from 0 to 9000 bytes, so that some go over several pages. */
static const char make[] =
    "PRAGMA secure_delete=OFF; PRAGMA page_size=1024;"
    "CREATE TABLE OTHER(a, b, c, d, e, f);"
    "CREATE TABLE FILE(sha256, sha1, md5, file_name, file_size, package_id);"
    "CREATE INDEX i ON FILE(sha256, sha1, md5, file_name, file_size, package_id);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) "
    "INSERT INTO FILE SELECT printf('%064X', i), CASE i % 7 WHEN 0 THEN NULL ELSE "
    "printf('%040X', i) END, CASE i % 5 WHEN 0 THEN x'0102' ELSE printf('%032X', i) END,"
    "substr(hex(zeroblob(4500)) || 'end', -(i * 37 % (CASE i % 50 WHEN 0 THEN 9000 ELSE 50 END))), "
    "CASE i % 11 WHEN 0 THEN -i * 70000000000 WHEN 1 THEN 1.5 WHEN 2 THEN 0 WHEN 3 THEN 1 "
    "ELSE i * i * i END, -i FROM n;"
    "INSERT INTO OTHER SELECT * FROM FILE WHERE rowid < 100;"
    "UPDATE OTHER SET a = 1; VACUUM;";

static const struct kith_leaves leaves = {
    .layout = {.columns = {KITH_LAYOUT_ROWID, 0, 1, 2, 4, 3, 5, KITH_LAYOUT_NULL},
	       .n_columns = 8,
	       .n_stored = 6},
    .key = 0,
    .key_n = 64,
};

struct judge {
	sqlite3_stmt *select; /* by rowid */
	int64_t last;
	bool in_order; /* rowids have to ascend */
	uint8_t seen[ROWS + 1];
	unsigned n;
	int64_t stop_at;
};

static void compare(const struct kith_sql_value *value, sqlite3_stmt *select, int column)
{
	static const int types[] = {
	    [KITH_SQL_NULL] = SQLITE_NULL,  [KITH_SQL_INTEGER] = SQLITE_INTEGER,
	    [KITH_SQL_REAL] = SQLITE_FLOAT, [KITH_SQL_TEXT] = SQLITE_TEXT,
	    [KITH_SQL_BLOB] = SQLITE_BLOB,
	};

	assert_int_equal(types[value->type], sqlite3_column_type(select, column));
	if (value->type == KITH_SQL_INTEGER)
		assert_true(value->number == sqlite3_column_int64(select, column));
	if (value->type != KITH_SQL_TEXT && value->type != KITH_SQL_BLOB)
		return;
	assert_int_equal(value->n, sqlite3_column_bytes(select, column));
	if (value->n > 0)
		assert_memory_equal(value->data, sqlite3_column_blob(select, column), value->n);
}

static enum kith_status check_row(void *user, const struct kith_sql_value *values,
				  struct kith_err *err)
{
	struct judge *judge = user;
	int i;

	(void)err;
	assert_int_equal(values[0].type, KITH_SQL_INTEGER);
	assert_in_range(values[0].number, 1, ROWS);
	assert_int_equal(judge->seen[values[0].number]++, 0);
	assert_true(!judge->in_order || values[0].number > judge->last);
	judge->last = values[0].number;
	judge->n++;
	assert_int_equal(sqlite3_bind_int64(judge->select, 1, values[0].number), SQLITE_OK);
	assert_int_equal(sqlite3_step(judge->select), SQLITE_ROW);
	for (i = 0; i < 6; i++)
		compare(&values[1 + i], judge->select, i);
	assert_int_equal(values[7].type, KITH_SQL_NULL);
	assert_int_equal(sqlite3_reset(judge->select), SQLITE_OK);
	return judge->stop_at == values[0].number ? KITH_E_CANCELLED : KITH_OK;
}

static sqlite3 *open_db(const struct source_fixture *f, const char *more)
{
	sqlite3 *db = NULL;
	char *text = NULL;

	(void)remove(f->input);
	assert_int_equal(sqlite3_open(f->input, &db), SQLITE_OK);
	if (sqlite3_exec(db, make, NULL, NULL, &text) != SQLITE_OK ||
	    sqlite3_exec(db, more, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s", text);
	return db;
}

static void start(struct judge *judge, sqlite3 *db)
{
	memset(judge, 0, sizeof *judge);
	assert_int_equal(sqlite3_prepare_v2(
			     db,
			     "SELECT sha256, sha1, md5, file_size, file_name, package_id FROM FILE "
			     "WHERE rowid = ?1",
			     -1, &judge->select, NULL),
			 SQLITE_OK);
}

static enum kith_status each(const struct source_fixture *f, const char *name, int64_t first,
			     int64_t last, struct judge *judge)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
	return kith_leaves_each(path, &leaves, first, last, check_row, judge, NULL);
}

static void a_whole_database_gives_all_its_rows(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "");
	struct judge judge;

	start(&judge, db);
	assert_int_equal(each(f, "input", INT64_MIN, INT64_MAX, &judge), KITH_OK);
	assert_int_equal(judge.n, ROWS);
	(void)sqlite3_finalize(judge.select);
	start(&judge, db);
	assert_int_equal(each(f, "input", 1000, 1999, &judge), KITH_OK);
	assert_int_equal(judge.n, 1000);
	(void)sqlite3_finalize(judge.select);
	start(&judge, db);
	judge.stop_at = 17;
	assert_int_equal(each(f, "input", 1, 4000, &judge), KITH_E_CANCELLED);
	(void)sqlite3_finalize(judge.select);
	(void)sqlite3_close(db);
}

/* What was deleted lies on pages that look like the others. */
static void deleted_rows_stay_deleted(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "DELETE FROM FILE WHERE rowid BETWEEN 500 AND 2499");
	struct judge judge;

	start(&judge, db);
	assert_int_equal(each(f, "input", INT64_MIN, INT64_MAX, &judge), KITH_OK);
	assert_int_equal(judge.n, 2000);
	(void)sqlite3_finalize(judge.select);
	(void)sqlite3_close(db);
}

/* Any part of the file, and any page of it written over. */
static void damage_never_makes_a_row(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "");
	static uint8_t data[MAX], damaged[MAX];
	struct judge judge;
	unsigned most = 0;
	FILE *file = fopen(f->input, "rb");
	size_t n, cut, i;

	assert_non_null(file);
	n = fread(data, 1, sizeof data, file);
	assert_int_equal(fclose(file), 0);
	assert_true(n > 1024 && n < MAX);
	for (cut = 1024; cut < n; cut += n / 13) {
		source_write(f, "cut", data, cut);
		start(&judge, db);
		assert_int_equal(each(f, "cut", INT64_MIN, INT64_MAX, &judge), KITH_OK);
		assert_true(judge.n >= most);
		most = judge.n;
		(void)sqlite3_finalize(judge.select);
	}
	assert_in_range(most, ROWS / 2, ROWS);
	for (i = 1; i < n / 1024; i += n / 1024 / 17) {
		memcpy(damaged, data, n);
		memset(damaged + i * 1024, (int)(i % 3 * 0x0d), 1024);
		source_write(f, "page", damaged, n);
		start(&judge, db);
		assert_int_equal(each(f, "page", INT64_MIN, INT64_MAX, &judge), KITH_OK);
		/* a page has at most some ten rows, or belongs to one long name */
		assert_in_range(judge.n, ROWS - 20, ROWS);
		(void)sqlite3_finalize(judge.select);
	}
	(void)sqlite3_close(db);
}

/* Without its list of free pages nobody can tell what was deleted. */
static void a_lost_list_of_free_pages_is_an_error(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "DELETE FROM FILE WHERE rowid > 100");
	static uint8_t data[MAX];
	struct judge judge;
	FILE *file = fopen(f->input, "rb");
	size_t n;

	assert_non_null(file);
	n = fread(data, 1, sizeof data, file);
	assert_int_equal(fclose(file), 0);
	assert_true(n > 1024);
	data[36 + 3]++; /* one page more than the list has */
	source_write(f, "list", data, n);
	start(&judge, db);
	assert_int_equal(each(f, "list", INT64_MIN, INT64_MAX, &judge), KITH_E_UNSUPPORTED);
	assert_int_equal(judge.n, 0);
	(void)sqlite3_finalize(judge.select);
	(void)sqlite3_close(db);
}

/* ------------------------------------------------------------------- tree */

static uint32_t root_of(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	uint32_t root;

	assert_int_equal(
	    sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_master WHERE name = 'FILE'", -1,
			       &stmt, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	root = (uint32_t)sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return root;
}

/* Reads first .. last of a file whose rows are judged by db; *ret_n: how many came. */
static enum kith_status walk(const struct source_fixture *f, const char *name, sqlite3 *db,
			     int64_t first, int64_t last, unsigned *ret_n)
{
	struct judge judge;
	char path[256];
	enum kith_status st;

	(void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
	start(&judge, db);
	judge.in_order = true;
	st =
	    kith_tree_each(path, &leaves.layout, root_of(db), first, last, check_row, &judge, NULL);
	*ret_n = judge.n;
	(void)sqlite3_finalize(judge.select);
	return st;
}

static void the_tree_gives_all_rows_in_order(void **state)
{
	static const struct {
		int64_t first, last;
		unsigned n;
	} ranges[] = {
	    {INT64_MIN, INT64_MAX, 2000},
	    {1, 4000, 2000},
	    {-5, 0, 0},
	    {4001, 5000, 0},
	    {499, 499, 1},
	    {500, 2499, 0},
	    {400, 2600, 201},
	    {2500, 2500, 1},
	    {3999, INT64_MAX, 2},
	    {INT64_MIN, 10, 10},
	};
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "DELETE FROM FILE WHERE rowid BETWEEN 500 AND 2499");
	unsigned n;
	size_t i;

	for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		assert_int_equal(walk(f, "input", db, ranges[i].first, ranges[i].last, &n),
				 KITH_OK);
		assert_int_equal(n, ranges[i].n);
	}
	(void)sqlite3_close(db);
	db = open_db(f, "DELETE FROM FILE");
	assert_int_equal(walk(f, "input", db, INT64_MIN, INT64_MAX, &n), KITH_OK);
	assert_int_equal(n, 0);
	(void)sqlite3_close(db);
}

/* A page of a tree; the others have parts of long names, of which nothing tells that they are. */
static bool is_node(const uint8_t *page)
{
	return page[0] == 2 || page[0] == 5 || page[0] == 10 || page[0] == 13;
}

/* Any page written over or put where another one was: all rows, or those before it and an error. */
static void the_tree_never_loses_a_row_silently(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "");
	static uint8_t data[MAX], damaged[MAX];
	FILE *file = fopen(f->input, "rb");
	unsigned found = 0, n;
	size_t size, pages, i;

	assert_non_null(file);
	size = fread(data, 1, sizeof data, file);
	assert_int_equal(fclose(file), 0);
	pages = size / 1024;
	for (i = 1; i < pages; i += 13) {
		size_t other = 1 + (i * 7919) % (pages - 1);
		enum kith_status st;

		if (!is_node(data + i * 1024) || !is_node(data + other * 1024))
			continue;
		memcpy(damaged, data, size);
		if (i % 2 == 0) {
			memset(damaged + i * 1024, (int)(i % 3 * 0x0d), 1024);
		} else {
			memcpy(damaged + i * 1024, data + other * 1024, 1024);
			memcpy(damaged + other * 1024, data + i * 1024, 1024);
		}
		source_write(f, "page", damaged, size);
		st = walk(f, "page", db, INT64_MIN, INT64_MAX, &n);
		assert_true(st == KITH_OK ? n == ROWS : st == KITH_E_CORRUPT && n < ROWS);
		found += st == KITH_E_CORRUPT;
	}
	assert_in_range(found, 20, pages);
	source_write(f, "page", data, size / 4);
	assert_int_equal(walk(f, "page", db, INT64_MIN, INT64_MAX, &n), KITH_E_CORRUPT);
	(void)sqlite3_close(db);
}

/* Rows that are older than a column get its default from SQLite. */
static void rows_without_a_column_are_left_to_sqlite(void **state)
{
	struct source_fixture *f = *state;
	sqlite3 *db = open_db(f, "ALTER TABLE FILE ADD COLUMN g DEFAULT 7;");
	struct kith_layout layout = leaves.layout;
	struct judge judge;

	layout.n_stored = 7;
	start(&judge, db);
	assert_int_equal(
	    kith_tree_each(f->input, &layout, root_of(db), 1, 4000, check_row, &judge, NULL),
	    KITH_E_UNSUPPORTED);
	assert_int_equal(judge.n, 0);
	(void)sqlite3_finalize(judge.select);
	(void)sqlite3_close(db);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, source_setup, source_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_whole_database_gives_all_its_rows),
	    TEST(deleted_rows_stay_deleted),
	    TEST(damage_never_makes_a_row),
	    TEST(a_lost_list_of_free_pages_is_an_error),
	    TEST(the_tree_gives_all_rows_in_order),
	    TEST(the_tree_never_loses_a_row_silently),
	    TEST(rows_without_a_column_are_left_to_sqlite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
